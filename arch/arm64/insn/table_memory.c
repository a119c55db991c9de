/* SPDX-License-Identifier: MIT */
/*
 * table_memory.c - loads and stores
 *
 * Where a register that is written back is also loaded or stored, and where two
 * are loaded into one, the CPU chooses what happens (K1.2.19); it is copied, and
 * the CPU chooses again.
 */
#include "tables.h"

#define NONE A64_UNALLOCATED

/* clang-format off */
static const struct a64_rule rules[] = {
	/* Exclusives, ordered, compare and swap */
	{ 0x3fe00000, 0x08400000, A64_LOAD_EX,	"ldxr" },
	{ 0xbfe00000, 0x88600000, A64_LOAD_EX,	"ldxp" },
	{ 0x3fe00000, 0x08000000, A64_STORE_EX,	"stxr" },
	{ 0xbfe00000, 0x88200000, A64_STORE_EX,	"stxp" },
	{ 0xbfa17c01, 0x08207c00, A64_SLOT,	"casp" },
	{ 0x3fa00000, 0x08800000, A64_SLOT,	"ldar, stlr" },
	{ 0x3fa07c00, 0x08a07c00, A64_SLOT,	"cas" },
	{ 0xffa00c00, 0xd9800000, NONE,		"ldapur" },
	{ 0xffe00c00, 0x99c00000, NONE,		"ldapur" },
	{ 0x3f200c00, 0x19000000, A64_SLOT,	"ldapur, stlur" },

	/* Memory copy and set: a sequence of three */
	{ 0xfbe00c00, 0x19000400, A64_SLOT,	"cpyp" },
	{ 0xfbe00c00, 0x19400400, A64_MOPS,	"cpym" },
	{ 0xfbe00c00, 0x19800400, A64_MOPS,	"cpye" },
	{ 0xfbe0cc00, 0x19c00400, A64_SLOT,	"setp" },
	{ 0xfbe0cc00, 0x19c04400, A64_MOPS,	"setm" },
	{ 0xfbe0cc00, 0x19c08400, A64_MOPS,	"sete" },

	/* Memory tags */
	{ 0xfffffc00, 0xd9200000, A64_SLOT,	"stzgm" },
	{ 0xffe00c00, 0xd9600000, A64_SLOT,	"ldg" },
	{ 0xfffffc00, 0xd9a00000, A64_SLOT,	"stgm" },
	{ 0xfffffc00, 0xd9e00000, A64_SLOT,	"ldgm" },
	{ 0xff200400, 0xd9200400, A64_SLOT,	"stg wback" },
	{ 0xff200c00, 0xd9200800, A64_SLOT,	"stg" },

	/* From a literal */
	{ 0xbf000000, 0x18000000, A64_SIM_LITERAL, "ldr literal" },
	{ 0xff000000, 0x98000000, A64_SIM_LITERAL, "ldrsw literal" },
	{ 0xff000000, 0xd8000000, A64_PREFETCH,	"prfm literal" },
	{ 0xff000000, 0x1c000000, A64_VECTOR_LITERAL, "ldr s literal" },
	{ 0xff000000, 0x5c000000, A64_VECTOR_LITERAL, "ldr d literal" },
	{ 0xff000000, 0x9c000000, A64_VECTOR_LITERAL, "ldr q literal" },

	/* Pairs */
	{ 0x7e000000, 0x28000000, A64_SLOT,	"ldp, stp" },
	{ 0xff800000, 0x68000000, NONE,		"ldpsw" },
	{ 0xfe000000, 0x68000000, A64_SLOT,	"ldpsw, stgp" },
	{ 0xfe000000, 0xec000000, NONE,		"ldp vector" },
	{ 0x3e000000, 0x2c000000, A64_SLOT,	"ldp vector" },

	/* One register: what the size and opc do not allow, then the rest */
	{ 0xbfe00000, 0xb8c00000, NONE,		"ldr" },
	{ 0xbfe00c00, 0xb8e00800, NONE,		"ldr index" },
	{ 0xbfc00000, 0xb9c00000, NONE,		"ldr offset" },
	{ 0xffe00400, 0xf8800400, NONE,		"prfm" },
	{ 0xffe00c00, 0xf8800800, NONE,		"prfm" },
	{ 0x3f200c00, 0x38000000, A64_SLOT,	"ldur, stur" },
	{ 0x3f200c00, 0x38000400, A64_SLOT,	"ldr post" },
	{ 0x3f200c00, 0x38000800, A64_SLOT,	"ldtr, sttr" },
	{ 0x3f200c00, 0x38000c00, A64_SLOT,	"ldr pre" },
	{ 0x3f204c00, 0x38204800, A64_SLOT,	"ldr index" },
	{ 0x3f000000, 0x39000000, A64_SLOT,	"ldr offset" },

	/* Atomics, and what shares their place */
	{ 0x3f208c00, 0x38200000, A64_SLOT,	"ldadd" },
	{ 0x3f20fc00, 0x38208000, A64_SLOT,	"swp" },
	{ 0x3ffffc00, 0x38bfc000, A64_SLOT,	"ldapr" },
	{ 0xfffffc01, 0xf83f9001, NONE,		"st64b" },
	{ 0xfffffc18, 0xf83f9018, NONE,		"st64b" },
	{ 0xffe0fc01, 0xf820a001, NONE,		"st64bv0" },
	{ 0xffe0fc18, 0xf820a018, NONE,		"st64bv0" },
	{ 0xffe0fc01, 0xf820b001, NONE,		"st64bv" },
	{ 0xffe0fc18, 0xf820b018, NONE,		"st64bv" },
	{ 0xfffffc01, 0xf83fd001, NONE,		"ld64b" },
	{ 0xfffffc18, 0xf83fd018, NONE,		"ld64b" },
	{ 0xfffffc00, 0xf83f9000, A64_SLOT,	"st64b" },
	{ 0xfffffc00, 0xf83fd000, A64_SLOT,	"ld64b" },
	{ 0xffe0fc00, 0xf820a000, A64_SLOT,	"st64bv0" },
	{ 0xffe0fc00, 0xf820b000, A64_SLOT,	"st64bv" },
	{ 0xff200400, 0xf8200400, A64_SLOT,	"ldraa, ldrab" },

	/* One vector register */
	{ 0xbfa00000, 0xbc800000, NONE,		"ldr vector" },
	{ 0x7fa00000, 0x7c800000, NONE,		"ldr vector" },
	{ 0xbfa00c00, 0xbca00800, NONE,		"ldr vec index" },
	{ 0x7fa00c00, 0x7ca00800, NONE,		"ldr vec index" },
	{ 0xbf800000, 0xbd800000, NONE,		"ldr vec offset" },
	{ 0x7f800000, 0x7d800000, NONE,		"ldr vec offset" },
	{ 0x3f200c00, 0x3c000000, A64_SLOT,	"ldur vector" },
	{ 0x3f200c00, 0x3c000400, A64_SLOT,	"ldr vec post" },
	{ 0x3f200c00, 0x3c000c00, A64_SLOT,	"ldr vec pre" },
	{ 0x3f204c00, 0x3c204800, A64_SLOT,	"ldr vec index" },
	{ 0x3f000000, 0x3d000000, A64_SLOT,	"ldr vec offset" },

	/* Vector structures: no ld2, ld3, ld4 of one doubleword each */
	{ 0xffbf3c00, 0x0c000c00, NONE,		"ld4" },
	{ 0xffa03c00, 0x0c800c00, NONE,		"ld4 post" },
	{ 0xbfbfb000, 0x0c000000, A64_SLOT,	"ld4, ld3" },
	{ 0xbfbf7000, 0x0c002000, A64_SLOT,	"ld1, 4 and 2" },
	{ 0xbfbfe000, 0x0c006000, A64_SLOT,	"ld1, 3 and 1" },
	{ 0xbfbff000, 0x0c008000, A64_SLOT,	"ld2" },
	{ 0xbfa0b000, 0x0c800000, A64_SLOT,	"ld4, ld3 post" },
	{ 0xbfa07000, 0x0c802000, A64_SLOT,	"ld1 post, 4" },
	{ 0xbfa0e000, 0x0c806000, A64_SLOT,	"ld1 post, 3" },
	{ 0xbfa0f000, 0x0c808000, A64_SLOT,	"ld2 post" },
	{ 0xbf9fc000, 0x0d000000, A64_SLOT,	"ld1 b" },
	{ 0xbf9fc400, 0x0d004000, A64_SLOT,	"ld1 h" },
	{ 0xbf9fcc00, 0x0d008000, A64_SLOT,	"ld1 s" },
	{ 0xbf9fdc00, 0x0d008400, A64_SLOT,	"ld1 d" },
	{ 0xbfdfd000, 0x0d40c000, A64_SLOT,	"ld1r" },
	{ 0xbf80c000, 0x0d800000, A64_SLOT,	"ld1 b post" },
	{ 0xbf80c400, 0x0d804000, A64_SLOT,	"ld1 h post" },
	{ 0xbf80cc00, 0x0d808000, A64_SLOT,	"ld1 s post" },
	{ 0xbf80dc00, 0x0d808400, A64_SLOT,	"ld1 d post" },
	{ 0xbfc0d000, 0x0dc0c000, A64_SLOT,	"ld1r post" },
};
/* clang-format on */

struct a64_table a64_memory_table(void)
{
	return A64_TABLE(rules);
}

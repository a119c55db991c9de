/* SPDX-License-Identifier: MIT */
/*
 * table_data.c - data processing: immediates, registers
 *
 * sf is bit 31: 32 bits wide if it is 0.
 */
#include "tables.h"

#define NONE A64_UNALLOCATED

/* clang-format off */
static const struct a64_rule rules[] = {
	{ 0x9f000000, 0x10000000, A64_SIM_ADR,	"adr" },
	{ 0x9f000000, 0x90000000, A64_SIM_ADR,	"adrp" },
	{ 0x1f800000, 0x11000000, A64_SLOT,	"add #" },
	{ 0x7ff00000, 0x11c00000, A64_SLOT,	"smax #, umin #" },
	{ 0xffc00000, 0x91800000, A64_SLOT,	"addg" },
	{ 0xffc00000, 0xd1800000, A64_SLOT,	"subg" },

	/* and, orr, eor: no mask of ones alone, no wider one than the register */
	{ 0x9fc00000, 0x12400000, NONE,		"and #" },
	{ 0x1fc0fc00, 0x1240fc00, NONE,		"and #" },
	{ 0x1fc0fc00, 0x12007c00, NONE,		"and #" },
	{ 0x1fc0fc00, 0x1200bc00, NONE,		"and #" },
	{ 0x1fc0fc00, 0x1200dc00, NONE,		"and #" },
	{ 0x1fc0fc00, 0x1200ec00, NONE,		"and #" },
	{ 0x1fc0fc00, 0x1200f400, NONE,		"and #" },
	{ 0x1fc0f800, 0x1200f800, NONE,		"and #" },
	{ 0x1f800000, 0x12000000, A64_SLOT,	"and #" },

	/* movn, movz, movk */
	{ 0x7f800000, 0x32800000, NONE,		"mov #" },
	{ 0x9fc00000, 0x12c00000, NONE,		"mov #" },
	{ 0x1f800000, 0x12800000, A64_SLOT,	"mov #" },

	/* sbfm, bfm, ubfm: N is sf */
	{ 0x7f800000, 0x73000000, NONE,		"bfm" },
	{ 0xffe08000, 0x13800000, A64_SLOT,	"extr" },
	{ 0xffe00000, 0x93c00000, A64_SLOT,	"extr" },
	{ 0x1f800000, 0x13800000, NONE,		"extr" },
	{ 0x9fc00000, 0x13400000, NONE,		"bfm" },
	{ 0x9fc00000, 0x93000000, NONE,		"bfm" },
	{ 0x9fa00000, 0x13200000, NONE,		"bfm" },
	{ 0x9f808000, 0x13008000, NONE,		"bfm" },
	{ 0x1f800000, 0x13000000, A64_SLOT,	"bfm" },

	/* Shifted and extended registers */
	{ 0x9f008000, 0x0a008000, NONE,		"and" },
	{ 0x1f000000, 0x0a000000, A64_SLOT,	"and" },
	{ 0x1fe00000, 0x0bc00000, NONE,		"add" },
	{ 0x9f208000, 0x0b008000, NONE,		"add" },
	{ 0x1f200000, 0x0b000000, A64_SLOT,	"add" },
	{ 0x1fe01400, 0x0b201400, NONE,		"add, extend" },
	{ 0x1fe01800, 0x0b201800, NONE,		"add, extend" },
	{ 0x1fe00000, 0x0b200000, A64_SLOT,	"add, extend" },
	{ 0x1fe0fc00, 0x1a000000, A64_SLOT,	"adc, sbc" },

	/* Flags and conditions */
	{ 0xffe07c10, 0xba000400, A64_SLOT,	"rmif" },
	{ 0xffffbc1f, 0x3a00080d, A64_SLOT,	"setf8, setf16" },
	{ 0x3fe00410, 0x3a400000, A64_SLOT,	"ccmn, ccmp" },
	{ 0x3fe00800, 0x1a800000, A64_SLOT,	"csel" },

	/* Two sources */
	{ 0x7fe0f800, 0x1ac00800, A64_SLOT,	"udiv, sdiv" },
	{ 0x7fe0f000, 0x1ac02000, A64_SLOT,	"lsl, lsr" },
	{ 0xffe0e800, 0x1ac04000, A64_SLOT,	"crc32b" },
	{ 0xffe0ec00, 0x1ac04800, A64_SLOT,	"crc32w" },
	{ 0xffe0ec00, 0x9ac04c00, A64_SLOT,	"crc32x" },
	{ 0x7fe0f000, 0x1ac06000, A64_SLOT,	"smax, umin" },
	{ 0xffe0fc00, 0x9ac00000, A64_SLOT,	"subp" },
	{ 0xffe0fc00, 0xbac00000, A64_SLOT,	"subps" },
	{ 0xffe0fc00, 0x9ac01000, A64_SLOT,	"irg" },
	{ 0xffe0fc00, 0x9ac01400, A64_SLOT,	"gmi" },
	{ 0xffe0fc00, 0x9ac03000, A64_SLOT,	"pacga" },

	/* One source */
	{ 0x7ffff800, 0x5ac00000, A64_SLOT,	"rbit, rev16" },
	{ 0x7ffffc00, 0x5ac00800, A64_SLOT,	"rev32" },
	{ 0xfffffc00, 0xdac00c00, A64_SLOT,	"rev" },
	{ 0x7ffff800, 0x5ac01000, A64_SLOT,	"clz, cls" },
	{ 0x7ffff800, 0x5ac01800, A64_SLOT,	"ctz, cnt" },
	{ 0x7ffffc00, 0x5ac02000, A64_SLOT,	"abs" },
	{ 0xffffe000, 0xdac10000, A64_SLOT,	"pacia, autia" },
	{ 0xffffe3e0, 0xdac123e0, A64_SLOT,	"paciza, autiza" },
	{ 0xfffffbe0, 0xdac143e0, A64_SLOT,	"xpaci, xpacd" },

	/* Three sources */
	{ 0x7fe00000, 0x1b000000, A64_SLOT,	"madd, msub" },
	{ 0xff600000, 0x9b200000, A64_SLOT,	"smaddl" },
	{ 0xff608000, 0x9b400000, A64_SLOT,	"smulh, umulh" },
};
/* clang-format on */

struct a64_table a64_data_table(void)
{
	return A64_TABLE(rules);
}

/* SPDX-License-Identifier: MIT */
/*
 * decode.c - the table of arm64 instructions
 *
 * Bits 28 to 25 of a word choose one of a few groups (Arm ARM C4.1).  Each
 * group ends with a rule for the whole of it: "slot" where nothing in the
 * group depends on its place, "refuse" where an instruction that is not known
 * here might be a branch.
 *
 * What Linux refuses to probe is refused, with one exception: Linux takes
 * ldar, stlr and cas for exclusives.  They are not, and run in a slot.
 */

#include "insn.h"

/* clang-format off */
const struct a64_rule a64_rules[] = {
	/* Branches, exception generation, system: 101x */
	{ 0xfc000000, 0x14000000, A64_SIM_B,		"b" },
	{ 0xfc000000, 0x94000000, A64_SIM_B,		"bl" },
	{ 0xff000000, 0x54000000, A64_SIM_B_COND,	"b.cond" },
	{ 0x7f000000, 0x34000000, A64_SIM_CBZ,		"cbz" },
	{ 0x7f000000, 0x35000000, A64_SIM_CBZ,		"cbnz" },
	{ 0x7f000000, 0x36000000, A64_SIM_TBZ,		"tbz" },
	{ 0x7f000000, 0x37000000, A64_SIM_TBZ,		"tbnz" },
	{ 0xfffffc1f, 0xd61f0000, A64_SIM_BR,		"br" },
	{ 0xfffffc1f, 0xd63f0000, A64_SIM_BR,		"blr" },
	{ 0xfffffc1f, 0xd65f0000, A64_SIM_BR,		"ret" },
	{ 0xff9f0000, 0xd69f0000, A64_REFUSE,		"eret, drps" },
	{ 0xfe000000, 0xd6000000, A64_REFUSE,		"braa, retaa" },
	{ 0xff000000, 0xd4000000, A64_REFUSE,		"svc, hvc, smc, brk, hlt" },
	{ 0xffffffff, 0xd503201f, A64_SLOT,		"nop" },
	{ 0xffffffff, 0xd50320ff, A64_SLOT,		"xpaclri" },
	{ 0xffffffbf, 0xd503211f, A64_SLOT,		"pacia1716, pacib1716" },
	{ 0xffffff9f, 0xd503231f, A64_SLOT,		"paciaz, paciasp" },
	{ 0xffffff3f, 0xd503241f, A64_SLOT,		"bti" },
	{ 0xfffff01f, 0xd503201f, A64_REFUSE,		"yield, wfe, autiasp" },
	{ 0xfffff01f, 0xd503301f, A64_SLOT,		"dsb, dmb, isb, clrex" },
	{ 0xffffffc0, 0xd5031000, A64_REFUSE,		"wfet, wfit" },
	{ 0xfff8f01f, 0xd500401f, A64_REFUSE,		"msr daifset, cfinv" },
	{ 0xfff80000, 0xd5080000, A64_SLOT,		"sys: dc, ic, at, tlbi" },
	{ 0xfff80000, 0xd5280000, A64_SLOT,		"sysl" },
	{ 0xffffffe0, 0xd53b4220, A64_REFUSE,		"mrs daif" },
	{ 0xfff00000, 0xd5300000, A64_SLOT,		"mrs" },
	{ 0xfff00000, 0xd5100000, A64_REFUSE,		"msr" },
	{ 0x1c000000, 0x14000000, A64_REFUSE,		"other branch, system" },

	/* Loads and stores: x1x0 */
	{ 0x3fa00000, 0x08000000, A64_REFUSE,		"ldxr, stxr" },
	{ 0xbfa07c00, 0x08207c00, A64_SLOT,		"casp" },
	{ 0x3fa00000, 0x08200000, A64_REFUSE,		"ldxp, stxp" },
	{ 0x3f800000, 0x08800000, A64_SLOT,		"ldar, stlr, cas" },
	{ 0xff000000, 0x18000000, A64_SIM_LITERAL,	"ldr w, literal" },
	{ 0xff000000, 0x58000000, A64_SIM_LITERAL,	"ldr x, literal" },
	{ 0xff000000, 0x98000000, A64_SIM_LITERAL,	"ldrsw, literal" },
	{ 0xff000000, 0x1c000000, A64_VECTOR_LITERAL,	"ldr s, literal" },
	{ 0xff000000, 0x5c000000, A64_VECTOR_LITERAL,	"ldr d, literal" },
	{ 0xff000000, 0x9c000000, A64_VECTOR_LITERAL,	"ldr q, literal" },
	{ 0x3b000000, 0x18000000, A64_REFUSE,		"prfm, literal" },
	{ 0x3b200c00, 0x19000400, A64_REFUSE,		"cpy, set" },
	{ 0x0a000000, 0x08000000, A64_SLOT,		"other load, store" },

	/* Data processing, immediate: 100x */
	{ 0x9f000000, 0x10000000, A64_SIM_ADR,		"adr" },
	{ 0x9f000000, 0x90000000, A64_SIM_ADR,		"adrp" },
	{ 0xff80001f, 0xf380001f, A64_REFUSE,		"autiasppc" },
	{ 0x1c000000, 0x10000000, A64_SLOT,		"other immediate" },

	/* Data processing, register: x101; vectors: x111; SVE: 0010 */
	{ 0xffff8000, 0xdac18000, A64_REFUSE,		"paciasppc" },
	{ 0x0e000000, 0x0a000000, A64_SLOT,		"register" },
	{ 0x0e000000, 0x0e000000, A64_SLOT,		"vector" },
	{ 0x1e000000, 0x04000000, A64_SLOT,		"sve" },

	/* 0000: SME, and udf, which Linux accepts */
	{ 0x9e000000, 0x80000000, A64_SLOT,		"sme" },
	{ 0xffff0000, 0x00000000, A64_SLOT,		"udf" },
	{ 0x00000000, 0x00000000, A64_REFUSE,		"unallocated" },
};
/* clang-format on */

const size_t a64_nr_rules = sizeof(a64_rules) / sizeof(a64_rules[0]);

const struct a64_rule *a64_match(uint32_t insn)
{
	const struct a64_rule *rule = a64_rules;

	while ((insn & rule->mask) != rule->value)
		rule++;
	return rule;
}

static bool is_load_exclusive(uint32_t insn)
{
	return (insn & 0x3fc00000) == 0x08400000 &&
	       a64_match(insn)->plan == A64_REFUSE;
}

static bool is_store_exclusive(uint32_t insn)
{
	return (insn & 0x3fc00000) == 0x08000000 &&
	       a64_match(insn)->plan == A64_REFUSE;
}

bool a64_in_exclusive(const uint32_t *before, size_t n)
{
	size_t first = n > A64_EXCLUSIVE_REACH ? n - A64_EXCLUSIVE_REACH : 0;

	for (size_t i = n; i-- > first;) {
		if (is_store_exclusive(before[i]))
			return false;
		if (is_load_exclusive(before[i]))
			return true;
	}
	return false;
}

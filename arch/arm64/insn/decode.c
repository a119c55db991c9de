/* SPDX-License-Identifier: MIT */
/*
 * decode.c - which row of the tables a word belongs to
 */
#include "tables.h"

static const struct a64_rule udf = { 0xffff0000, 0, A64_SLOT, "udf" };
static const struct a64_rule none = { 0, 0, A64_UNALLOCATED, "unallocated" };

/* The table of the words in which bits 28 to 25 are @group. */
static struct a64_table table_of(unsigned int group)
{
	switch (group) {
	case 0x0:
		return a64_sme_table();
	case 0x2:
		return a64_sve_table();
	case 0x8:
	case 0x9:
	case 0x5:
	case 0xd:
		return a64_data_table();
	case 0xa:
	case 0xb:
		return a64_branch_table();
	case 0x4:
	case 0x6:
	case 0xc:
	case 0xe:
		return a64_memory_table();
	case 0x7:
	case 0xf:
		return a64_vector_table();
	}
	return (struct a64_table){ NULL, 0 };
}

const struct a64_rule *a64_match(uint32_t insn)
{
	struct a64_table t = table_of(insn >> 25 & 15);

	for (unsigned int i = 0; i < t.nr; i++)
		if ((insn & t.rules[i].mask) == t.rules[i].value)
			return &t.rules[i];
	return (insn & udf.mask) == udf.value ? &udf : &none;
}

const struct a64_rule *a64_rule(unsigned int n)
{
	/* One of each group that has a table of its own. */
	static const uint8_t groups[] = { 0xa, 0x8, 0x4, 0x7, 0x2, 0x0 };

	for (unsigned int i = 0; i < sizeof(groups); i++) {
		struct a64_table t = table_of(groups[i]);

		if (n < t.nr)
			return &t.rules[n];
		n -= t.nr;
	}
	if (n < 2)
		return n ? &none : &udf;
	return NULL;
}

/* The field of @bits at @low, a signed number of words, in bytes. */
static uint64_t words(uint32_t insn, unsigned int low, unsigned int bits)
{
	uint64_t value = insn >> low & ((1u << bits) - 1);
	uint64_t sign = 1ull << (bits - 1);

	return ((value ^ sign) - sign) * 4;
}

bool a64_place(uint32_t insn, uint64_t pc, uint64_t *place)
{
	uint64_t offset;

	switch (a64_match(insn)->plan) {
	case A64_SIM_B:
		*place = pc + words(insn, 0, 26);
		return true;
	case A64_SIM_TBZ:
		*place = pc + words(insn, 5, 14);
		return true;
	case A64_SIM_B_COND:
	case A64_SIM_CBZ:
	case A64_SIM_LITERAL:
	case A64_VECTOR_LITERAL:
	case A64_PREFETCH:
		*place = pc + words(insn, 5, 19);
		return true;
	case A64_SIM_ADR:
		offset = words(insn, 5, 19) + (insn >> 29 & 3);
		*place = insn >> 31 ? (pc & ~4095ull) + offset * 4096
				    : pc + offset;
		return true;
	default:
		return false;
	}
}

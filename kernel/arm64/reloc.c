/* SPDX-License-Identifier: MIT */
/*
 * reloc.c - the relocations of a module
 *
 * Numbers are those of "ELF for the Arm 64-bit Architecture" (AAELF64).  Those that
 * want a table of addresses (GOT) or stubs are not here: modules are within reach.
 */

#include <kern/arch.h>
#include <kern/errno.h>
#include <kern/string.h>

enum kind {
	DATA,	/* @n bytes of the address */
	DATA_P, /* of the distance */
	MOVE, /* 16 bits of the address, from bit @n on; the rest need not be 0 */
	MOVE_C, /* the rest must be 0 */
	WORDS,	/* a distance of words in @n bits, */
	WORDS0, /* which begin at bit 0 and not 5 */
	ADR,	/* a distance, as adr has it */
	PAGE,	/* one of pages */
	PAGE_N, /* of which the low bits will do */
	LOW,	/* the low 12 bits of the address, of 1 << @n bytes each */
};

static const struct rule {
	uint16_t type;
	uint8_t kind, n;
} rules[] = {
	{ 257, DATA, 8 },    /* ABS64 */
	{ 258, DATA, 4 },    /* ABS32 */
	{ 259, DATA, 2 },    /* ABS16 */
	{ 260, DATA_P, 8 },  /* PREL64 */
	{ 261, DATA_P, 4 },  /* PREL32 */
	{ 262, DATA_P, 2 },  /* PREL16 */
	{ 263, MOVE_C, 0 },  /* MOVW_UABS_G0 */
	{ 264, MOVE, 0 },    /* MOVW_UABS_G0_NC */
	{ 265, MOVE_C, 16 }, /* MOVW_UABS_G1 */
	{ 266, MOVE, 16 },   /* MOVW_UABS_G1_NC */
	{ 267, MOVE_C, 32 }, /* MOVW_UABS_G2 */
	{ 268, MOVE, 32 },   /* MOVW_UABS_G2_NC */
	{ 269, MOVE, 48 },   /* MOVW_UABS_G3 */
	{ 273, WORDS, 19 },  /* LD_PREL_LO19 */
	{ 274, ADR, 0 },     /* ADR_PREL_LO21 */
	{ 275, PAGE, 0 },    /* ADR_PREL_PG_HI21 */
	{ 276, PAGE_N, 0 },  /* ADR_PREL_PG_HI21_NC */
	{ 277, LOW, 0 },     /* ADD_ABS_LO12_NC */
	{ 278, LOW, 0 },     /* LDST8_ABS_LO12_NC */
	{ 279, WORDS, 14 },  /* TSTBR14 */
	{ 280, WORDS, 19 },  /* CONDBR19 */
	{ 282, WORDS0, 26 }, /* JUMP26 */
	{ 283, WORDS0, 26 }, /* CALL26 */
	{ 284, LOW, 1 },     /* LDST16_ABS_LO12_NC */
	{ 285, LOW, 2 },     /* LDST32_ABS_LO12_NC */
	{ 286, LOW, 3 },     /* LDST64_ABS_LO12_NC */
	{ 299, LOW, 4 },     /* LDST128_ABS_LO12_NC */
};

/* Put the low @bits of @value into the instruction at @to, from bit @at up. */
static int put_field(void *to, uint64_t value, unsigned int bits,
		     unsigned int at)
{
	uint32_t mask = ((1u << bits) - 1) << at, insn;

	memcpy(&insn, to, sizeof(insn));
	insn = (insn & ~mask) | ((uint32_t)(value << at) & mask);
	memcpy(to, &insn, sizeof(insn));
	return 0;
}

static bool fits(int64_t value, unsigned int bits)
{
	return value >= -(1ll << (bits - 1)) && value < 1ll << (bits - 1);
}

/* The offset in a page of something that 1 << @scale bytes are loaded of. */
static int put_low(void *to, uint64_t value, unsigned int scale)
{
	if (value & ((1u << scale) - 1))
		return -ERANGE;
	return put_field(to, (value & 0xfff) >> scale, 12, 10);
}

/* A distance in the two parts that adr and adrp have. */
static int put_adr(void *to, int64_t distance, bool check)
{
	if (check && !fits(distance, 21))
		return -ERANGE;
	put_field(to, (uint64_t)distance, 2, 29);
	return put_field(to, (uint64_t)distance >> 2, 19, 5);
}

static int put_words(void *to, int64_t distance, unsigned int bits,
		     unsigned int at)
{
	if (distance % 4 || !fits(distance, bits + 2))
		return -ERANGE;
	return put_field(to, (uint64_t)distance >> 2, bits, at);
}

static int put_move(void *to, uint64_t value, unsigned int from, bool check)
{
	if (check && value >> from >> 16)
		return -ERANGE;
	return put_field(to, value >> from, 16, 5);
}

/* Signed or unsigned, as AAELF64 has it. */
static int put_data(void *to, uint64_t value, unsigned int n)
{
	if (n < 8 && !fits((int64_t)value, 8 * n) && value >> 8 * n)
		return -ERANGE;
	memcpy(to, &value, n);
	return 0;
}

static int put(const struct rule *r, void *to, uintptr_t place, uint64_t value)
{
	int64_t pages = (int64_t)((value & -4096ul) - (place & -4096ul)) >> 12;

	switch (r->kind) {
	case DATA:
		return put_data(to, value, r->n);
	case DATA_P:
		return put_data(to, value - place, r->n);
	case MOVE:
	case MOVE_C:
		return put_move(to, value, r->n, r->kind == MOVE_C);
	case WORDS:
		return put_words(to, (int64_t)(value - place), r->n, 5);
	case WORDS0:
		return put_words(to, (int64_t)(value - place), r->n, 0);
	case ADR:
		return put_adr(to, (int64_t)(value - place), true);
	case PAGE:
	case PAGE_N:
		return put_adr(to, pages, r->kind == PAGE);
	default:
		return put_low(to, value, r->n);
	}
}

int arch_relocate(uint32_t type, void *to, size_t room, uintptr_t place,
		  uint64_t value)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *r = &rules[i];
		size_t n = r->kind <= DATA_P ? r->n : 4;

		if (r->type == type)
			return room < n ? -ERANGE : put(r, to, place, value);
	}
	return -ENOEXEC;
}

/* SPDX-License-Identifier: MIT */
/*
 * reloc.c - the relocations of arm64 that a compiled module has
 *
 * Names and numbers are those of "ELF for the Arm 64-bit Architecture" (AAELF64).
 */
#include "module/module.h"

enum {
	R_NONE = 0,
	R_NULL = 256,
	R_ABS64,
	R_ABS32,
	R_ABS16,
	R_PREL64,
	R_PREL32,
	R_PREL16,
	R_MOVW_UABS_G0,
	R_MOVW_UABS_G0_NC,
	R_MOVW_UABS_G1,
	R_MOVW_UABS_G1_NC,
	R_MOVW_UABS_G2,
	R_MOVW_UABS_G2_NC,
	R_MOVW_UABS_G3,
	R_LD_PREL_LO19 = 273,
	R_ADR_PREL_LO21,
	R_ADR_PREL_PG_HI21,
	R_ADR_PREL_PG_HI21_NC,
	R_ADD_ABS_LO12_NC,
	R_LDST8_ABS_LO12_NC,
	R_TSTBR14,
	R_CONDBR19,
	R_JUMP26 = 282,
	R_CALL26,
	R_LDST16_ABS_LO12_NC,
	R_LDST32_ABS_LO12_NC,
	R_LDST64_ABS_LO12_NC,
	R_LDST128_ABS_LO12_NC = 299,
	R_ADR_GOT_PAGE = 311,
	R_LD64_GOT_LO12_NC,
};

_Static_assert(R_MOVW_UABS_G3 == 269 && R_CONDBR19 == 280 &&
		       R_LDST64_ABS_LO12_NC == 286,
	       "AAELF64");

bool tl_module_by_word(uint32_t type)
{
	return type == R_ADR_GOT_PAGE || type == R_LD64_GOT_LO12_NC;
}

bool tl_module_by_stub(uint32_t type)
{
	return type == R_JUMP26 || type == R_CALL26;
}

/* A field of an instruction: @width bits at bit @at. */
static void put_field(uint8_t *insn, unsigned int at, unsigned int width,
		      uint64_t value)
{
	uint32_t mask = (uint32_t)((1ull << width) - 1) << at, word;

	memcpy(&word, insn, sizeof(word));
	word = (word & ~mask) | ((uint32_t)(value << at) & mask);
	memcpy(insn, &word, sizeof(word));
}

/* The distance that adr and adrp have in two parts. */
static void put_adr(uint8_t *insn, uint64_t value)
{
	put_field(insn, 29, 2, value);
	put_field(insn, 5, 19, value >> 2);
}

static bool fits(int64_t value, unsigned int bits)
{
	return value >= -(1ll << (bits - 1)) && value < 1ll << (bits - 1);
}

/*
 *     0        4               8        12
 *     +--------+---------------+--------+---+
 *     | adrp   | ldr x16, word | br x16 | - |
 *     +--------+---------------+--------+---+
 */
void tl_module_write_stub(uint8_t *stub, uintptr_t word)
{
	static const uint32_t code[] = { 0x90000010, 0xf9400210, 0xd61f0200,
					 0xd4200000 };

	memcpy(stub, code, sizeof(code));
	put_adr(stub, (word >> 12) - ((uintptr_t)stub >> 12));
	put_field(stub + 4, 10, 12, (word & 0xfff) >> 3);
}

static int put(void *at, size_t room, uint64_t value, size_t len)
{
	if (len > room)
		return -TL_EINVAL;
	memcpy(at, &value, len);
	return 0;
}

/* Data: @type is one of those before R_MOVW_UABS_G0. */
static int relocate_data(uint32_t type, void *at, size_t room, uint64_t value)
{
	unsigned int len = 8 >> (type - R_ABS64) % 3;

	/* Signed or unsigned, as AAELF64 has it. */
	if (len < 8 && !fits((int64_t)value, 8 * len) && value >> (8 * len))
		return -TL_ERANGE;
	return put(at, room, value, len);
}

/* A branch, or a load of a literal: @width bits at bit @at, in words. */
static int relocate_branch(uint8_t *insn, unsigned int at, unsigned int width,
			   uint64_t distance)
{
	if (distance & 3)
		return -TL_EINVAL;
	if (!fits((int64_t)distance, width + 2))
		return -TL_ERANGE;
	put_field(insn, at, width, distance >> 2);
	return 0;
}

static int relocate_adr(uint8_t *insn, uint64_t distance, bool check)
{
	if (check && !fits((int64_t)distance, 21))
		return -TL_ERANGE;
	put_adr(insn, distance);
	return 0;
}

/* The low 12 bits of an address, in units of @shift. */
static int relocate_low(uint8_t *insn, uint64_t value, unsigned int shift)
{
	if (value & ((1u << shift) - 1))
		return -TL_EINVAL;
	put_field(insn, 10, 12, (value & 0xfff) >> shift);
	return 0;
}

/* Sixteen bits of an address; those above may have to be 0. */
static int relocate_move(uint8_t *insn, uint32_t type, uint64_t value)
{
	unsigned int n = type - R_MOVW_UABS_G0;
	unsigned int shift = n / 2 * 16;

	if (!(n & 1) && shift < 48 && value >> (shift + 16))
		return -TL_ERANGE;
	put_field(insn, 5, 16, value >> shift);
	return 0;
}

static uint64_t pages(uint64_t value, uintptr_t place)
{
	return (uint64_t)((int64_t)((value & -4096ull) - (place & -4096ull)) >>
			  12);
}

static int relocate_insn(uint32_t type, uint8_t *insn, uintptr_t place,
			 uint64_t value)
{
	switch (type) {
	case R_MOVW_UABS_G0 ... R_MOVW_UABS_G3:
		return relocate_move(insn, type, value);
	case R_LD_PREL_LO19:
	case R_CONDBR19:
		return relocate_branch(insn, 5, 19, value - place);
	case R_TSTBR14:
		return relocate_branch(insn, 5, 14, value - place);
	case R_JUMP26:
	case R_CALL26:
		return relocate_branch(insn, 0, 26, value - place);
	case R_ADR_PREL_LO21:
		return relocate_adr(insn, value - place, true);
	case R_ADR_PREL_PG_HI21:
	case R_ADR_GOT_PAGE:
		return relocate_adr(insn, pages(value, place), true);
	case R_ADR_PREL_PG_HI21_NC:
		return relocate_adr(insn, pages(value, place), false);
	case R_ADD_ABS_LO12_NC:
	case R_LDST8_ABS_LO12_NC:
		return relocate_low(insn, value, 0);
	case R_LDST16_ABS_LO12_NC ... R_LDST64_ABS_LO12_NC:
		return relocate_low(insn, value,
				    type - R_LDST16_ABS_LO12_NC + 1);
	case R_LDST128_ABS_LO12_NC:
		return relocate_low(insn, value, 4);
	case R_LD64_GOT_LO12_NC:
		return relocate_low(insn, value, 3);
	}
	return -TL_EINVAL;
}

int tl_module_relocate(uint32_t type, void *at, size_t room, uintptr_t place,
		       uint64_t value)
{
	if (type == R_NONE || type == R_NULL)
		return 0;
	if (type >= R_PREL64 && type <= R_PREL16)
		value -= place;
	if (type >= R_ABS64 && type <= R_PREL16)
		return relocate_data(type, at, room, value);
	if (room < 4)
		return -TL_EINVAL;
	return relocate_insn(type, at, place, value);
}

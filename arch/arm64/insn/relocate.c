/* SPDX-License-Identifier: MIT */
/* relocate.c - code for another address: branches and vector literals */

#include "insn.h"

#define INSN_B		0x14000000u
#define STR_X16_PUSH	0xf81f0ff0u /* str x16, [sp, #-16]! */
#define LDR_X16_POP	0xf84107f0u /* ldr x16, [sp], #16 */
#define LDR_X16_LITERAL 0x58000010u
#define X16		16u

static bool fits(int64_t offset, unsigned int bits)
{
	int64_t limit = (int64_t)1 << (bits - 1);

	return offset % 4 == 0 && offset / 4 >= -limit && offset / 4 < limit;
}

static uint32_t imm19(int64_t offset)
{
	return ((uint32_t)(offset / 4) & 0x7ffff) << 5;
}

bool a64_branch(uint64_t from, uint64_t to, uint32_t *out)
{
	int64_t offset = (int64_t)(to - from);

	if (!fits(offset, 26))
		return false;
	*out = INSN_B | ((uint32_t)(offset / 4) & 0x3ffffff);
	return true;
}

/* ldr s, d or q register @rt from the address in @rn, sized as @literal. */
static uint32_t load_from(uint32_t literal, uint32_t rn)
{
	static const uint32_t opcode[] = { 0xbd400000, 0xfd400000, 0x3dc00000 };

	return opcode[literal >> 30] | rn << 5 | (literal & 31);
}

/*
 *     +0   str x16, [sp, #-16]!
 *     +4   ldr x16, +20
 *     +8   ldr s, d or q, [x16]
 *     +12  ldr x16, [sp], #16
 *     +16  b +12
 *     +20  the address, 8 bytes
 *     +28  ...
 */
size_t a64_relocate_vector_literal(uint32_t insn, uint64_t pc, uint64_t to,
				   uint32_t out[A64_VECTOR_LITERAL_WORDS])
{
	uint64_t address = a64_literal_address(insn, pc);
	int64_t offset = (int64_t)(address - to);

	if (fits(offset, 19)) {
		out[0] = (insn & 0xff00001f) | imm19(offset);
		return 1;
	}
	out[0] = STR_X16_PUSH;
	out[1] = LDR_X16_LITERAL | imm19(16);
	out[2] = load_from(insn, X16);
	out[3] = LDR_X16_POP;
	out[4] = INSN_B | 3;
	out[5] = (uint32_t)address;
	out[6] = (uint32_t)(address >> 32);
	return A64_VECTOR_LITERAL_WORDS;
}

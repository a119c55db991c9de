/* SPDX-License-Identifier: MIT */
/*
 * relocate.c - instructions that use their place, for another place
 *
 * What was computed from the program counter is a constant by now, and is put
 * behind the code as a literal.
 */

#include "insn.h"

#define INSN_B	      0x14000000u
#define INSN_BR	      0xd61f0000u
#define INSN_NOP      0xd503201fu
#define STR_X16_PUSH  0xf81f0ff0u /* str x16, [sp, #-16]! */
#define LDR_X16_POP   0xf84107f0u /* ldr x16, [sp], #16 */
#define LDR_LITERAL   0x58000000u /* ldr x0, . */
#define BLR_BIT	      (1u << 21)
#define X16	      16u
#define LINK_REGISTER 30u
#define ZERO_REGISTER 31u

static bool fits(int64_t offset, unsigned int bits)
{
	int64_t limit = (int64_t)1 << (bits - 1);

	return offset % 4 == 0 && offset / 4 >= -limit && offset / 4 < limit;
}

static uint32_t imm19(int64_t offset)
{
	return ((uint32_t)(offset / 4) & 0x7ffff) << 5;
}

static uint32_t load_literal(uint32_t reg, int64_t offset)
{
	return LDR_LITERAL | imm19(offset) | reg;
}

static void put64(uint32_t *out, uint64_t value)
{
	out[0] = (uint32_t)value;
	out[1] = (uint32_t)(value >> 32);
}

bool a64_branch(uint64_t from, uint64_t to, uint32_t *out)
{
	int64_t offset = (int64_t)(to - from);

	if (!fits(offset, 26))
		return false;
	*out = INSN_B | ((uint32_t)(offset / 4) & 0x3ffffff);
	return true;
}

/* The place that @insn, which is of a kind that has one, names. */
static uint64_t place_of(uint32_t insn, uint64_t pc)
{
	uint64_t place = pc;

	(void)a64_place(insn, pc, &place);
	return place;
}

/*
 *     b:   +0   b target               bl:  +0   ldr x30, +8
 *                                           +4   b target
 *                                           +8   pc + 4, 8 bytes
 */
static size_t relocate_b(uint32_t insn, uint64_t pc, uint64_t to, uint32_t *out)
{
	uint64_t target = place_of(insn, pc);
	bool link = insn >> 31;

	if (!a64_branch(to + (link ? 4 : 0), target, &out[link ? 1 : 0]))
		return 0;
	if (!link)
		return 1;
	out[0] = load_literal(LINK_REGISTER, 8);
	put64(out + 2, pc + 4);
	return 4;
}

/*
 *     +0   the instruction, to +8
 *     +4   b +12
 *     +8   b target
 *     +12  ...
 */
static size_t relocate_conditional(uint32_t insn, uint64_t pc, uint64_t to,
				   unsigned int bits, uint32_t *out)
{
	uint64_t target = place_of(insn, pc);
	uint32_t mask = ((1u << bits) - 1) << 5;

	if (!a64_branch(to + 8, target, &out[2]))
		return 0;
	out[0] = (insn & ~mask) | 2 << 5;
	out[1] = INSN_B | 2;
	return 3;
}

/*
 *     br, ret: as they are             blr: +0   ldr x30, +8
 *                                           +4   br
 *                                           +8   pc + 4, 8 bytes
 */
static size_t relocate_br(uint32_t insn, uint64_t pc, uint32_t *out)
{
	uint32_t rn = insn >> 5 & 31;

	if ((insn & ~(31u << 5)) != (INSN_BR | BLR_BIT)) {
		out[0] = insn;
		return 1;
	}
	if (rn == LINK_REGISTER)
		return 0;
	out[0] = load_literal(LINK_REGISTER, 8);
	out[1] = INSN_BR | rn << 5;
	put64(out + 2, pc + 4);
	return 4;
}

/* blraa: the same with braa, which reads two registers; blraaz, with braaz, one. */
static size_t relocate_blr_auth(uint32_t insn, uint64_t pc, uint32_t *out)
{
	bool z = !(insn >> 24 & 1);

	if ((insn >> 5 & 31) == LINK_REGISTER ||
	    (!z && (insn & 31) == LINK_REGISTER))
		return 0;
	out[0] = load_literal(LINK_REGISTER, 8);
	out[1] = insn & ~BLR_BIT;
	put64(out + 2, pc + 4);
	return 4;
}

/*
 * The CPU may refuse to go on with a copy that another CPU has begun (it takes
 * a Memory Copy and Memory Set exception), and the kernel then goes back to the
 * first instruction of the three, counted from where it was.  So what belongs
 * before it stands before it, and is stepped over.
 *
 *     cpym: +0   b +8                  cpye: +0   b +12
 *           +4   cpyp                        +4   cpyp
 *           +8   cpym                        +8   cpym
 *                                            +12  cpye
 *
 * Bits 23 and 22 tell which it is; those of set are 3, and bits 15 and 14 tell.
 */
static size_t relocate_mops(uint32_t insn, uint32_t *out)
{
	unsigned int low = (insn >> 22 & 3) == 3 ? 14 : 22;
	uint32_t stage = insn >> low & 3;

	out[0] = INSN_B | (stage + 1);
	for (uint32_t i = 0; i <= stage; i++)
		out[1 + i] = (insn & ~(3u << low)) | i << low;
	return 2 + stage;
}

unsigned int a64_relocated_self(uint32_t insn)
{
	unsigned int low = (insn >> 22 & 3) == 3 ? 14 : 22;

	return a64_match(insn)->plan == A64_MOPS ? 1 + (insn >> low & 3) : 0;
}

/*
 *     +0   ldr xd, +8
 *     +4   b +12
 *     +8   the address, 8 bytes
 *     +16  ...
 */
static size_t relocate_adr(uint32_t insn, uint64_t pc, uint32_t *out)
{
	uint32_t rd = insn & 31;

	out[0] = INSN_NOP;
	if (rd == ZERO_REGISTER)
		return 1;
	out[0] = load_literal(rd, 8);
	out[1] = INSN_B | 3;
	put64(out + 2, place_of(insn, pc));
	return 4;
}

/* Load into register @rt from the address in @rn, as literal load @insn does. */
static uint32_t load_from(uint32_t insn, uint32_t rn)
{
	static const uint32_t general[] = { 0xb9400000, 0xf9400000,
					    0xb9800000 };
	static const uint32_t vector[] = { 0xbd400000, 0xfd400000, 0x3dc00000 };
	const uint32_t *opcode = insn >> 26 & 1 ? vector : general;

	return opcode[insn >> 30] | rn << 5 | (insn & 31);
}

/* A literal that is within reach from @to: the same instruction.  Else 0. */
static size_t reach_literal(uint32_t insn, uint64_t pc, uint64_t to,
			    uint32_t *out)
{
	int64_t offset = (int64_t)(place_of(insn, pc) - to);

	if (!fits(offset, 19))
		return 0;
	out[0] = (insn & 0xff00001f) | imm19(offset);
	return 1;
}

/* The effect of a prefetch cannot be seen. */
static size_t relocate_prefetch(uint32_t insn, uint64_t pc, uint64_t to,
				uint32_t *out)
{
	if (!reach_literal(insn, pc, to, out))
		out[0] = INSN_NOP;
	return 1;
}

/*
 *     +0   ldr xt, +12
 *     +4   ldr wt, xt or ldrsw, [xt]
 *     +8   b +12
 *     +12  the address, 8 bytes
 *     +20  ...
 */
static size_t relocate_literal(uint32_t insn, uint64_t pc, uint64_t to,
			       uint32_t *out)
{
	uint32_t rt = insn & 31;

	if (reach_literal(insn, pc, to, out))
		return 1;
	out[0] = INSN_NOP;
	if (rt == ZERO_REGISTER)
		return 1;
	out[0] = load_literal(rt, 12);
	out[1] = load_from(insn, rt);
	out[2] = INSN_B | 3;
	put64(out + 3, place_of(insn, pc));
	return 5;
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
static size_t relocate_vector(uint32_t insn, uint64_t pc, uint64_t to,
			      uint32_t *out)
{
	uint64_t address = place_of(insn, pc);

	if (reach_literal(insn, pc, to, out))
		return 1;
	out[0] = STR_X16_PUSH;
	out[1] = load_literal(X16, 16);
	out[2] = load_from(insn, X16);
	out[3] = LDR_X16_POP;
	out[4] = INSN_B | 3;
	put64(out + 5, address);
	return 7;
}

size_t a64_relocate(uint32_t insn, uint64_t pc, uint64_t to,
		    uint32_t out[A64_RELOCATED_WORDS])
{
	enum a64_plan plan = a64_match(insn)->plan;

	switch (plan) {
	case A64_SLOT:
	case A64_CALL:
	case A64_LOAD_EX:
	case A64_STORE_EX:
	case A64_BR_AUTH:
		out[0] = insn;
		return 1;
	case A64_BLR_AUTH:
		return relocate_blr_auth(insn, pc, out);
	case A64_MOPS:
		return relocate_mops(insn, out);
	case A64_PREFETCH:
		return relocate_prefetch(insn, pc, to, out);
	case A64_SIM_B:
		return relocate_b(insn, pc, to, out);
	case A64_SIM_B_COND:
	case A64_SIM_CBZ:
		return relocate_conditional(insn, pc, to, 19, out);
	case A64_SIM_TBZ:
		return relocate_conditional(insn, pc, to, 14, out);
	case A64_SIM_BR:
		return relocate_br(insn, pc, out);
	case A64_SIM_ADR:
		return relocate_adr(insn, pc, out);
	case A64_SIM_LITERAL:
		return relocate_literal(insn, pc, to, out);
	case A64_VECTOR_LITERAL:
		return relocate_vector(insn, pc, to, out);
	case A64_UNALLOCATED:
	case A64_TRAP:
	case A64_ERET:
	case A64_STATE:
	case A64_NR_PLANS:
		break;
	}
	return 0;
}

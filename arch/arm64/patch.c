/* SPDX-License-Identifier: MIT */
/*
 * patch.c - the words that are written over an instruction
 *
 * A word is written by one store, so nobody sees half of it; whether he may go
 * on with the old one is what tl_arch_exchangeable() tells.
 */

#include "code.h"

void tl_arch_edit_breakpoint(const struct tl_plan *plan, uintptr_t addr,
			     struct tl_edit *edit)
{
	(void)plan;
	edit->addr = addr;
	edit->len = 4;
	tl_put_word(edit->bytes, A64_BRK(TL_BRK_NUMBER));
}

int tl_arch_edit_jump(const struct tl_plan *plan, uintptr_t addr,
		      uintptr_t target, struct tl_edit *edit)
{
	uint32_t word;

	(void)plan;
	if (!a64_branch(addr, target, &word))
		return -TL_ERANGE;
	edit->addr = addr;
	edit->len = 4;
	tl_put_word(edit->bytes, word);
	return 0;
}

int tl_arch_edit_island(uintptr_t at, uintptr_t target, struct tl_edit *edit)
{
	(void)at;
	(void)target;
	(void)edit;
	return -TL_ERANGE;
}

uintptr_t tl_arch_jump_target(uintptr_t at, const uint8_t *code)
{
	(void)at;
	(void)code;
	return 0;
}

/*
 * b may replace, and be replaced by, b, bl, brk, nop, isb, svc (Arm ARM, "Concurrent
 * modification and execution of instructions").
 */
bool tl_arch_exchangeable(const struct tl_plan *plan)
{
	uint32_t insn = tl_plan_insn(plan);

	return plan->kind == A64_SIM_B || insn == 0xd503201f ||
	       (insn & 0xfffff0ff) == 0xd50330df;
}

bool tl_arch_is_breakpoint(const uint8_t *code)
{
	uint32_t insn = (uint32_t)code[0] | (uint32_t)code[1] << 8 |
			(uint32_t)code[2] << 16 | (uint32_t)code[3] << 24;

	return a64_is_brk(insn);
}

/* SPDX-License-Identifier: MIT */
/*
 * trap.c - the registers of a trap, by the names that the engine knows
 */

#include "code.h"
#include <assert.h>
#include <trapline/regs.h>

static_assert(sizeof(struct pt_regs) == R_SIZE, "the frame of call.S");
static_assert(offsetof(struct pt_regs, regs[30]) == R_X30, "R_X30");
static_assert(offsetof(struct pt_regs, sp) == R_SP, "R_SP");
static_assert(offsetof(struct pt_regs, pc) == R_PC, "R_PC");
static_assert(offsetof(struct pt_regs, pstate) == R_PSTATE, "R_PSTATE");
static_assert(offsetof(struct pt_regs, orig_x0) == R_ORIG_X0, "R_ORIG_X0");

void tl_arch_retry(struct pt_regs *regs, uintptr_t addr)
{
	tl_arch_set_ip(regs, addr);
}

bool tl_arch_has_jprobes(void)
{
	return true;
}

/* The return address is in a register. */
uintptr_t tl_arch_stack_args(const struct pt_regs *regs)
{
	return regs->sp;
}

unsigned long *tl_arch_reference(struct pt_regs *regs, unsigned int i)
{
	return (unsigned long *)&regs->regs[i];
}

/* The copies of one instruction are one each, or nowhere in the middle. */
bool tl_arch_show(const struct tl_plan *plan, uintptr_t addr,
		  const struct tl_code *code, uintptr_t at, bool detour,
		  struct pt_regs *regs, uintptr_t *resume)
{
	uintptr_t ip = tl_arch_ip(regs);

	(void)plan;
	(void)detour;
	for (uint32_t i = 0; i < code->n; i++) {
		if (at + code->to[i] != ip)
			continue;
		*resume = ip;
		tl_arch_set_ip(regs, addr + code->from[i]);
		return true;
	}
	return false;
}

bool tl_arch_steps(const struct tl_plan *plan)
{
	return plan->kind == A64_SLOT;
}

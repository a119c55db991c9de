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

uintptr_t tl_arch_breakpoint_addr(const struct pt_regs *regs)
{
	return regs->pc;
}

void tl_arch_set_handler_ip(struct pt_regs *regs, uintptr_t addr)
{
	regs->pc = addr;
}

void tl_arch_set_ip(struct pt_regs *regs, uintptr_t ip)
{
	regs->pc = ip;
}

void tl_arch_retry(struct pt_regs *regs, uintptr_t addr)
{
	tl_arch_set_ip(regs, addr);
}

uintptr_t tl_arch_ip(const struct pt_regs *regs)
{
	return regs->pc;
}

uintptr_t tl_arch_sp(const struct pt_regs *regs)
{
	return regs->sp;
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

void tl_arch_set_sp(struct pt_regs *regs, uintptr_t sp)
{
	regs->sp = sp;
}

unsigned long *tl_arch_return_slot(struct pt_regs *regs)
{
	return (unsigned long *)&regs->regs[30];
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

/* SPDX-License-Identifier: MIT */
/* simulate.c - instructions that use their place, done to saved registers */

#include "code.h"
#include <trapline/regs.h>

bool tl_arch_simulates(const struct tl_plan *plan, bool post)
{
	(void)post;
	return a64_simulates(plan->kind);
}

static bool read_literal(void *dst, uint64_t src, size_t len)
{
	return !tlh_read(dst, src, len);
}

bool tl_arch_simulate(const struct tl_plan *plan, uintptr_t addr,
		      struct pt_regs *regs)
{
	struct a64_cpu cpu;

	for (unsigned int i = 0; i < 31; i++)
		cpu.x[i] = regs->regs[i];
	cpu.sp = regs->sp;
	cpu.pc = addr;
	cpu.pstate = regs->pstate;
	if (!a64_simulate(tl_plan_insn(plan), &cpu, read_literal))
		return false;
	for (unsigned int i = 0; i < 31; i++)
		regs->regs[i] = cpu.x[i];
	regs->pc = cpu.pc;
	regs->pstate = cpu.pstate;
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * trap.c - the registers of a trap, by the names that the engine knows
 */
#include <arch.h>
#include <trapline/regs.h>

uintptr_t tl_arch_breakpoint_addr(const struct pt_regs *regs)
{
	return regs->ip - 1;
}

void tl_arch_set_handler_ip(struct pt_regs *regs, uintptr_t addr)
{
	regs->ip = addr + 1;
}

void tl_arch_set_ip(struct pt_regs *regs, uintptr_t ip)
{
	regs->ip = ip;
}

uintptr_t tl_arch_ip(const struct pt_regs *regs)
{
	return regs->ip;
}

uintptr_t tl_arch_sp(const struct pt_regs *regs)
{
	return regs->sp;
}

bool tl_arch_has_jprobes(void)
{
	return true;
}

/* Behind the return address. */
uintptr_t tl_arch_stack_args(const struct pt_regs *regs)
{
	return regs->sp + sizeof(long);
}

void tl_arch_set_sp(struct pt_regs *regs, uintptr_t sp)
{
	regs->sp = sp;
}

unsigned long *tl_arch_return_slot(struct pt_regs *regs)
{
	return (unsigned long *)regs->sp;
}

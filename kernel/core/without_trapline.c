/* SPDX-License-Identifier: MIT */
/*
 * without_trapline.c - the kernel alone: no exception is a probe's
 *
 * Linked in place of the engine and its home, whose functions these are.
 */

#include <kern/module.h>
#include <kern/probes.h>
#include <trapline/trap.h>

bool probes_running(char *name, size_t size)
{
	(void)name;
	(void)size;
	return false;
}

const struct module_home *const module_home = NULL;

bool tl_trap_breakpoint(struct pt_regs *regs)
{
	(void)regs;
	return false;
}

bool tl_trap_step(struct pt_regs *regs)
{
	(void)regs;
	return false;
}

bool tl_trap_fault(struct pt_regs *regs)
{
	(void)regs;
	return false;
}

bool tl_trap_steps(void)
{
	return false;
}

void tl_trap_user(struct pt_regs *regs)
{
	(void)regs;
}

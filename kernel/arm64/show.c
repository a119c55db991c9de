/* SPDX-License-Identifier: MIT */
/* show.c - registers and stack frames, for people */

#include "cpu.h"
#include <kern/memory.h>
#include <kern/printk.h>
#include <kern/trap.h>

void arch_show_regs(const struct pt_regs *r)
{
	printk("  pc %016lx pstate %08lx sp %016lx x30 %016lx\n", r->pc,
	       r->pstate, r->sp, r->regs[30]);
	for (unsigned int i = 0; i < 30; i += 3)
		printk(" x%02u %016lx x%02u %016lx x%02u %016lx\n", i,
		       r->regs[i], i + 1, r->regs[i + 1], i + 2,
		       r->regs[i + 2]);
}

uintptr_t arch_next_frame(uintptr_t *fp)
{
	uintptr_t frame[2];

	if (!*fp)
		*fp = (uintptr_t)__builtin_frame_address(0);
	if (probe_read(frame, (const void *)*fp, sizeof(frame)))
		return 0;
	if (frame[0] <= *fp)
		return 0;
	*fp = frame[0];
	return frame[1];
}

uintptr_t arch_regs_fp(const struct pt_regs *regs)
{
	return regs->regs[29];
}

NOPROBE uintptr_t arch_regs_ip(const struct pt_regs *regs)
{
	return regs->pc;
}

NOPROBE void arch_regs_set_ip(struct pt_regs *regs, uintptr_t ip)
{
	regs->pc = ip;
}

NOPROBE bool arch_regs_kernel(const struct pt_regs *regs)
{
	return regs->pstate & PSTATE_MODE;
}

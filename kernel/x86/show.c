/* SPDX-License-Identifier: MIT */
/* show.c - registers and stack frames, for people */

#include "cpu.h"
#include <kern/memory.h>
#include <kern/printk.h>
#include <kern/trap.h>

void arch_show_regs(const struct pt_regs *r)
{
	printk("  ip %016lx flags %08lx cs %02lx ss %02lx sp %016lx\n", r->ip,
	       r->flags, r->cs, r->ss, r->sp);
	printk("  ax %016lx bx %016lx cx %016lx dx %016lx\n", r->ax, r->bx,
	       r->cx, r->dx);
	printk("  si %016lx di %016lx bp %016lx r8 %016lx\n", r->si, r->di,
	       r->bp, r->r8);
	printk("  r9 %016lx 10 %016lx 11 %016lx 12 %016lx\n", r->r9, r->r10,
	       r->r11, r->r12);
	printk(" r13 %016lx 14 %016lx 15 %016lx orig %lx\n", r->r13, r->r14,
	       r->r15, r->orig_ax);
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
	return regs->bp;
}

NOPROBE uintptr_t arch_regs_ip(const struct pt_regs *regs)
{
	return regs->ip;
}

NOPROBE void arch_regs_set_ip(struct pt_regs *regs, uintptr_t ip)
{
	regs->ip = ip;
}

NOPROBE bool arch_regs_kernel(const struct pt_regs *regs)
{
	return !(regs->cs & 3);
}

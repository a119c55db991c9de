/* SPDX-License-Identifier: MIT */
/* trap.c - hooks for exceptions, and instructions that may fault */

#include <kern/arch.h>
#include <kern/trap.h>
#include <stdatomic.h>
#include <stddef.h>

static _Atomic(trap_hook) hooks[TRAP_KINDS];

trap_hook trap_set_hook(enum trap_kind kind, trap_hook hook)
{
	return atomic_exchange(&hooks[kind], hook);
}

NOPROBE bool trap_call_hook(enum trap_kind kind, struct pt_regs *regs,
			    uintptr_t info)
{
	trap_hook hook = atomic_load(&hooks[kind]);

	return hook && hook(kind, regs, info);
}

struct fixup {
	uintptr_t insn;
	uintptr_t target;
};

extern const struct fixup fixups_start[], fixups_end[];

NOPROBE bool fixup_fault(struct pt_regs *regs)
{
	uintptr_t ip = arch_regs_ip(regs);

	for (const struct fixup *f = fixups_start; f < fixups_end; f++) {
		if (f->insn == ip) {
			arch_regs_set_ip(regs, f->target);
			return true;
		}
	}
	return false;
}

static bool is_inside(uintptr_t addr, uintptr_t start, uintptr_t end)
{
	return addr > start && addr < end;
}

bool fixup_within(uintptr_t start, uintptr_t end)
{
	for (const struct fixup *f = fixups_start; f < fixups_end; f++)
		if (is_inside(f->insn, start, end) ||
		    is_inside(f->target, start, end))
			return true;
	return false;
}

/* SPDX-License-Identifier: MIT */
/* trap.c - hooks for exceptions */

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

/* SPDX-License-Identifier: MIT */
/*
 * rf.c - a probe and an execute breakpoint on one instruction
 *
 * By the debug registers themselves, with no engine between: on this processor a flag
 * (RF) decides whether the instruction is reported again.  Others have none, and
 * debug.c tries there what it is tried with here.
 */

#include "guest.h"
#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/trap.h>
#include <tl_test.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

#define FLAG_RF 0x10000ul

long shape_lea(long a, long b);

static unsigned int pres;

static int count_pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	pres++;
	return 0;
}

static void set_dr(uintptr_t dr0, uintptr_t dr7)
{
	__asm__ volatile("movq %0, %%db0\n\tmovq %1, %%db7"
			 :
			 : "r"(dr0), "r"(dr7));
}

static unsigned int debug_hits;

static bool on_debug(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	if (!(info & 1))
		return false;
	debug_hits++;
	regs->flags |= FLAG_RF;
	return true;
}

/* Both are at the first byte; as on Linux each is told once. */
TL_TEST(an_execute_breakpoint_on_a_probed_address_fires_once)
{
	trap_set_hook(TRAP_DEBUG, on_debug);
	for (unsigned int i = 0; i < 4; i++) {
		struct kprobe p = { .symbol_name = "shape_lea",
				    .pre_handler = count_pre };
		unsigned long flags;

		host_kernel_optimize(i & 1);
		host_kernel_stop_others(i & 2);
		pres = debug_hits = 0;
		REQUIRE(register_kprobe(&p) == 0);
		flags = arch_irq_save(); /* stay on this CPU */
		set_dr((uintptr_t)shape_lea, 2);
		CHECK_EQ(shape_lea(1, 2), 10);
		set_dr(0, 0);
		arch_irq_restore(flags);
		CHECK_EQ(debug_hits, 1);
		CHECK_EQ(pres, 1);
		unregister_kprobe(&p);
	}
	trap_set_hook(TRAP_DEBUG, NULL);
}

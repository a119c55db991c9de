/* SPDX-License-Identifier: MIT */
/*
 * swapgs.c - debug exceptions while the kernel has the user's GS
 *
 * Only here does a CPU find itself by a register that the way in and out has to
 * exchange; there is one instruction on either side of that.
 */

#include "program.h"
#include <kern/arch.h>
#include <kern/smp.h>
#include <kern/symbols.h>
#include <kern/thread.h>
#include <kern/trap.h>
#include <tl_test.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

static _Atomic unsigned long hits;

static int count(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

#define FLAG_RF (1ul << 16)

static uintptr_t first_insn, last_insn;
static _Atomic unsigned long in_first, in_last;

static bool at_the_edge(enum trap_kind kind, struct pt_regs *regs,
			uintptr_t info)
{
	(void)kind;
	(void)info;
	if (arch_current()->task == NULL)
		return false; /* GS is not who it should be */
	if (regs->ip == first_insn)
		in_first++;
	else if (regs->ip == last_insn)
		in_last++;
	else
		return false;
	regs->flags |= FLAG_RF;
	return true;
}

static void watch_edges(void *arg)
{
	uintptr_t on = arg ? 0x400 | 1 | 4 : 0x400;

	__asm__ volatile("movq %0, %%db7\n\tmovq %1, %%db0\n\t"
			 "movq %2, %%db1\n\tmovq %3, %%db7"
			 :
			 : "r"(0x400ul), "r"(first_insn), "r"(last_insn),
			   "r"(on));
}

/*
 * A debug exception at the first instruction after the gate, before GS is swapped,
 * and at the last, after it: the saved CS says kernel, and GS is the user's.
 */
TL_TEST(a_debug_exception_between_gate_and_swap_finds_its_cpu)
{
	const struct symbol *leave = symbol_by_name("enter_user");
	trap_hook old = trap_set_hook(TRAP_DEBUG, at_the_edge);
	struct kprobe p = { .symbol_name = "sys_getpid", .pre_handler = count };

	first_insn = symbol_by_name("vector_syscall")->addr;
	last_insn = leave->addr + leave->size - 2;
	in_first = in_last = hits = 0;
	REQUIRE(register_kprobe(&p) == 0);
	preempt_disable();
	cpu_call_others(watch_edges, "");
	watch_edges("");
	preempt_enable();
	CHECK_EQ(run_program("calls", "500"), 0);
	preempt_disable();
	cpu_call_others(watch_edges, NULL);
	watch_edges(NULL);
	preempt_enable();
	unregister_kprobe(&p);
	trap_set_hook(TRAP_DEBUG, old);
	CHECK_EQ(hits, 500);
	CHECK_EQ(in_first, 501); /* and the exit, which does not come back */
	CHECK(in_last >= 501);	 /* also from interrupts, and at the start */
}

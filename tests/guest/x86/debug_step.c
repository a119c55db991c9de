/* SPDX-License-Identifier: MIT */
/* debug_step.c - single steps together with hardware breakpoints */

#include <kern/trap.h>
#include <regs.h>
#include <tl_test.h>
#include <trapline/hw_breakpoint.h>

static unsigned int hits;

static void count_hit(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)bp;
	(void)regs;
	hits++;
}

/* A single step that is somebody else's goes on to him. */
static unsigned int steps;

static bool count_step(enum trap_kind kind, struct pt_regs *regs,
		       uintptr_t info)
{
	(void)kind;
	(void)regs;
	steps += info >> 14 & 1;
	return true;
}

TL_TEST(a_step_and_an_execute_breakpoint_each_come_to_their_own)
{
	struct hw_breakpoint bp = { .symbol_name = "shape_lea",
				    .len = sizeof(long),
				    .type = HW_BREAKPOINT_X,
				    .triggered = count_hit };
	long result;

	hits = 0;
	CHECK_EQ(register_kernel_hw_breakpoint(&bp), 0);
	trap_set_hook(TRAP_DEBUG, count_step);
	steps = 0;
	__asm__ volatile("pushfq\n\t"
			 "orq $0x100, (%%rsp)\n\t"
			 "movl $1, %%edi\n\t"
			 "movl $2, %%esi\n\t"
			 "popfq\n\t"
			 "call shape_lea\n\t" /* 1, and 3 in it */
			 "pushfq\n\t"	      /* 5 */
			 "andq $~0x100, (%%rsp)\n\t"
			 "popfq" /* 7 */
			 : "=a"(result)
			 :
			 : "rdi", "rsi", "cc", "memory");
	trap_set_hook(TRAP_DEBUG, NULL);
	CHECK_EQ(result, 10);
	CHECK_EQ(hits, 1);
	CHECK_EQ(steps, 7);
	unregister_hw_breakpoint(&bp);
}

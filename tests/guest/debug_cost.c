/* SPDX-License-Identifier: MIT */
/*
 * debug_cost.c - guest instructions for a switch, with breakpoints and without
 *
 * As in cost.c: under -icount shift=0 the time stamp counter counts instructions.
 */

#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/thread.h>
#include <stdatomic.h>
#include <tl_test.h>
#include <trapline/host.h>
#include <trapline/hw_breakpoint.h>
#include <trapline/trap.h>

#define TURNS 200

static uint64_t now(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static void nothing(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)bp;
	(void)regs;
}

/* A thousand turns of a loop take a thousand times as many as one. */
static bool counts_instructions(void)
{
	unsigned long flags = arch_irq_save();
	uint64_t t[3];

	for (unsigned int i = 0; i < 3; i++) {
		t[i] = now();
		for (volatile unsigned int k = 0; k < 1000 * (i + 1); k++)
			;
		t[i] = now() - t[i];
	}
	arch_irq_restore(flags);
	return t[1] - t[0] == t[2] - t[1] && (t[1] - t[0]) % 1000 == 0 &&
	       t[1] - t[0] < 16000; /* one tick each, and not 64 */
}

/* ---- what the engine takes --------------------------------------------------- */

static struct tl_bp_thread fake[4];
static const struct tl_bp_thread *running;

static const struct tl_bp_thread *fake_current(void)
{
	return running;
}

/* Instructions of a switch to @to, its own call and clock not counted. */
static uint64_t switch_cost(const struct tl_bp_thread *to)
{
	unsigned long flags = arch_irq_save();
	uint64_t start, empty;

	running = to;
	start = now();
	empty = now() - start;
	start = now();
	tl_bp_switched(to);
	start = now() - start;
	arch_irq_restore(flags);
	return start - empty;
}

static struct hw_breakpoint fakes[3];

static void add_fake(unsigned int i, unsigned int t)
{
	fakes[i] = (struct hw_breakpoint){ .addr = (void *)(0x10000ul + 64 * i),
					   .len = HW_BREAKPOINT_LEN_8,
					   .type = HW_BREAKPOINT_W,
					   .triggered = nothing };
	CHECK_EQ(register_user_hw_breakpoint(&fakes[i], &fake[t]), 0);
}

TL_TEST(a_switch_to_a_thread_without_breakpoints_is_a_flag_test)
{
	const struct tl_bp_thread *(*real)(void) = host_kernel_debug.current;
	uint64_t none, one, three;

	if (!counts_instructions())
		SKIP("the time stamp counter does not count instructions");
	host_kernel_debug.current = fake_current;
	none = switch_cost(&fake[0]);
	add_fake(0, 1);
	add_fake(1, 2);
	add_fake(2, 2);
	switch_cost(&fake[2]);
	one = switch_cost(&fake[1]);
	three = switch_cost(&fake[2]);
	CHECK_EQ(switch_cost(&fake[0]), none);
	CHECK_EQ(switch_cost(&fake[3]), none);
	tl_test_note("none", none);
	tl_test_note("one", one);
	tl_test_note("two", three);
	CHECK(none <= 4);
	CHECK(one <= 650);
	CHECK(three <= 750);
	tl_bp_flush(&fake[1]);
	tl_bp_flush(&fake[2]);
	host_kernel_debug.current = real;
}

/* ---- what the kernel takes --------------------------------------------------------- */

static atomic_bool over;

static void yield_only(void *arg)
{
	(void)arg;
	while (!over)
		thread_yield();
}

/* The least that a round of two switches takes: no interrupt came. */
static uint64_t round_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < TURNS; i++) {
		uint64_t start = now();

		thread_yield();
		start = now() - start;
		if (start < least)
			least = start;
	}
	return least;
}

TL_TEST(breakpoints_of_others_cost_a_switch_not_one_instruction)
{
	struct hw_breakpoint kernels = { .addr = &over,
					 .len = HW_BREAKPOINT_LEN_1,
					 .type = HW_BREAKPOINT_W,
					 .triggered = nothing };
	struct thread *t;
	uint64_t before;

	if (!counts_instructions())
		SKIP("the time stamp counter does not count instructions");
	over = false;
	t = thread_start("yields", yield_only, NULL, 1u << arch_cpu_id());
	thread_move(1u << arch_cpu_id());
	round_cost();
	before = round_cost();
	CHECK_EQ(round_cost(), before);
	CHECK_EQ(register_kernel_hw_breakpoint(&kernels), 0);
	add_fake(0, 1);
	CHECK_EQ(round_cost(), before);
	tl_test_note("two switches", before);
	tl_bp_flush(&fake[1]);
	unregister_hw_breakpoint(&kernels);
	over = true;
	thread_join(t);
	thread_move(ALL_CPUS);
}

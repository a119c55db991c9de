/* SPDX-License-Identifier: MIT */
/*
 * debug_cost.c - guest instructions for a switch, with breakpoints and without
 *
 * As in cost.c: under -icount shift=0 the CPU's counter counts instructions.
 */

#include <guest_isa.h>
#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/thread.h>
#include <stdatomic.h>
#include <tl_test.h>
#include <trapline/host.h>
#include <trapline/hw_breakpoint.h>
#include <trapline/trap.h>

#define TURNS  200
#define ROUNDS 16

static void nothing(struct hw_breakpoint *bp, struct pt_regs *regs)
{
	(void)bp;
	(void)regs;
}

__attribute__((noipa)) static uint64_t turns(unsigned int n)
{
	uint64_t start = INSTRUCTIONS();

	for (volatile unsigned int k = 0; k < n; k++)
		;
	return INSTRUCTIONS() - start;
}

/* A thousand turns of a loop take a thousand times so many, but for a watchdog's tick. */
static bool counts_instructions(void)
{
	unsigned long flags = arch_irq_save();
	uint64_t slack = 4 * INSTRUCTIONS_GRAIN; /* four looks */
	unsigned int right = 0;

	for (unsigned int i = 0; i < 10; i++) {
		uint64_t n = turns(2000);

		n -= turns(1000);
		right += (n + slack) % 1000 <= 2 * slack && n < 16000;
	}
	arch_irq_restore(flags);
	return right >= 7;
}

/* ---- what the engine takes --------------------------------------------------- */

static struct tl_bp_thread fake[4];
static const struct tl_bp_thread *running;

static const struct tl_bp_thread *fake_current(void)
{
	return running;
}

__attribute__((noipa)) static void no_switch(const struct tl_bp_thread *to)
{
	(void)to;
}

__attribute__((noipa)) static uint64_t
calls(void (*fn)(const struct tl_bp_thread *to),
      const struct tl_bp_thread *from, const struct tl_bp_thread *to)
{
	uint64_t start = INSTRUCTIONS();

	for (unsigned int i = 0; i < TURNS; i++) {
		running = from;
		fn(from);
		running = to;
		fn(to);
	}
	return INSTRUCTIONS() - start;
}

/* Instructions of a switch from @from to @to and back, but for the calls. */
static uint64_t switch_cost(const struct tl_bp_thread *from,
			    const struct tl_bp_thread *to)
{
	unsigned long flags = arch_irq_save();
	uint64_t n = calls(tl_bp_switched, from, to) + TURNS / 2;

	n -= calls(no_switch, from, to);
	arch_irq_restore(flags);
	return n / TURNS;
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
	uint64_t none, one, two;

	if (!counts_instructions())
		SKIP("the counter does not count instructions");
	host_kernel_debug.current = fake_current;
	none = switch_cost(&fake[0], &fake[3]);
	add_fake(0, 1);
	add_fake(1, 2);
	add_fake(2, 2);
	two = switch_cost(&fake[1], &fake[2]);
	one = switch_cost(&fake[1], &fake[0]);
	CHECK_EQ(switch_cost(&fake[0], &fake[3]), none);
	tl_test_note("none and none", none);
	tl_test_note("one and none", one);
	tl_test_note("one and two", two);
	CHECK(none <= 8);
	CHECK(one <= SWITCH_ONE);
	CHECK(two <= SWITCH_TWO);
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

/* The least that rounds of two switches take: no interrupt came. */
static uint64_t rounds_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < TURNS; i++) {
		uint64_t start = INSTRUCTIONS();

		for (unsigned int k = 0; k < ROUNDS; k++)
			thread_yield();
		start = INSTRUCTIONS() - start;
		if (start < least)
			least = start;
	}
	return least;
}

/* A counter of a grain is now above and now below. */
static bool is_same(uint64_t a, uint64_t b)
{
	return a - b + INSTRUCTIONS_GRAIN <= 2 * INSTRUCTIONS_GRAIN;
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
		SKIP("the counter does not count instructions");
	over = false;
	t = thread_start("yields", yield_only, NULL, 1u << arch_cpu_id());
	thread_move(1u << arch_cpu_id());
	rounds_cost();
	before = rounds_cost();
	CHECK(is_same(rounds_cost(), before));
	CHECK_EQ(register_kernel_hw_breakpoint(&kernels), 0);
	add_fake(0, 1);
	CHECK(is_same(rounds_cost(), before));
	tl_test_note("two switches", before / ROUNDS);
	tl_bp_flush(&fake[1]);
	unregister_hw_breakpoint(&kernels);
	over = true;
	thread_join(t);
	thread_move(ALL_CPUS);
}

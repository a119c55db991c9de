/* SPDX-License-Identifier: MIT */
/*
 * jprobe.c - jprobes where a process has no such place: in interrupts, and at
 * the very end of a kernel stack, behind which nothing is mapped
 */
#include <host_kernel.h>
#include <kern/arch.h>
#include <kern/stack.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <tl_test.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>

static const char *const modes[] = { "breakpoint", "jump" };

static void enter(unsigned int mode)
{
	ROW(modes[mode]);
	host_kernel_optimize(mode);
}

static unsigned int hits;

static void see_tick(void)
{
	__atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED);
	jprobe_return();
}

TL_TEST(a_jprobe_in_an_interrupt_handler_sees_every_interrupt)
{
	for (unsigned int mode = 0; mode < 2; mode++) {
		struct jprobe jp = { .kp.symbol_name = "sched_wake_sleepers",
				     .entry = (void *)see_tick };
		uint64_t before;

		enter(mode);
		hits = 0;
		REQUIRE(register_jprobe(&jp) == 0);
		idle_ms(4);
		before = ticks() - hits;
		idle_ms(80);
		CHECK_EQ(ticks() - hits, before);
		CHECK(hits >= 20);
		CHECK_EQ(jp.kp.nmissed, 0);
		unregister_jprobe(&jp);
	}
}

/* ---- the end of a stack ------------------------------------------------------------ */

#define MANY	 (long a, long b, long c, long d, long e, long f, long g, long h)
#define MANY_SUM (a + b * 3 + c * 5 + d * 7 + e * 11 + f * 13 + g * 17 + h * 19)

__attribute__((noipa)) static long many MANY
{
	return MANY_SUM;
}

static long seen;
static uintptr_t distance; /* of the argument area from the end of the stack */

static int note_distance(struct kprobe *p, struct pt_regs *regs)
{
	uintptr_t low, high;

	(void)p;
	distance = stack_bounds(regs->sp, &low, &high) ? high - regs->sp : 0;
	return 0;
}

static long see_many MANY
{
	seen = MANY_SUM;
	g = h = -1;
	__asm__ volatile("" : "+m"(g), "+m"(h));
	jprobe_return();
	return 0;
}

static void call_many(void *arg)
{
	*(long *)arg = many(1, 2, 3, 4, 5, 6, 7, 8);
}

TL_TEST(near_the_end_of_a_thread_s_stack_what_is_there_is_copied)
{
	for (unsigned int mode = 0; mode < 2; mode++) {
		struct jprobe jp = { .kp.addr = (void *)many,
				     .entry = (void *)see_many };
		struct kprobe p = { .addr = (void *)many,
				    .pre_handler = note_distance };
		long bare = many(1, 2, 3, 4, 5, 6, 7, 8), result = 0;
		struct thread *t;

		enter(mode);
		seen = 0;
		distance = 0;
		REQUIRE(register_jprobe(&jp) == 0);
		REQUIRE(register_kprobe(&p) == 0);
		t = thread_start("many", call_many, &result, ~0u);
		REQUIRE(t);
		thread_join(t);
		CHECK_EQ(result, bare);
		CHECK_EQ(seen, bare);
		CHECK_EQ(jp.kp.nmissed, 0);
		CHECK(distance >= 24 && distance < TL_JPROBE_STACK);
		tl_test_note("bytes to the end", distance);
		unregister_kprobe(&p);
		unregister_jprobe(&jp);
	}
}

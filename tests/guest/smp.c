/* SPDX-License-Identifier: MIT */
/*
 * smp.c - threads and CPUs: who runs where, who waits for whom, who is stopped
 *
 * Runs with any number of CPUs; what needs several says so by SKIP.
 */

#include <kern/arch.h>
#include <kern/memory.h>
#include <kern/smp.h>
#include <kern/stack.h>
#include <kern/string.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <stdatomic.h>
#include <tl_test.h>

#define CROWD 8

static _Atomic unsigned long counts[CROWD];
static atomic_bool go_on;

static void count_up(void *arg)
{
	while (!go_on) {
		counts[(uintptr_t)arg]++;
		arch_cpu_relax();
	}
}

static void start_crowd(struct thread **t, size_t n, void (*fn)(void *arg),
			uint32_t cpus)
{
	go_on = false;
	for (size_t i = 0; i < n; i++) {
		counts[i] = 0;
		t[i] = thread_start("crowd", fn, (void *)i, cpus);
	}
}

static void end_crowd(struct thread **t, size_t n)
{
	go_on = true;
	for (size_t i = 0; i < n; i++)
		thread_join(t[i]);
}

static bool all_counted(size_t n, unsigned long least)
{
	for (size_t i = 0; i < n; i++)
		if (counts[i] < least)
			return false;
	return true;
}

TL_TEST(threads_that_never_give_way_share_one_cpu)
{
	struct thread *t[CROWD];

	start_crowd(t, CROWD, count_up, 1);
	for (unsigned int i = 0; i < 1000 && !all_counted(CROWD, 1); i++)
		thread_sleep_ms(5);
	CHECK(all_counted(CROWD, 1));
	end_crowd(t, CROWD);
}

TL_TEST(threads_move_from_cpu_to_cpu)
{
	struct thread *t[CROWD];
	unsigned long moved = 0;

	if (smp_cpus() < 2)
		SKIP("one CPU");
	start_crowd(t, CROWD, count_up, ALL_CPUS);
	for (unsigned int i = 0; i < 1000 && !moved; i++) {
		thread_sleep_ms(5);
		for (size_t k = 0; k < CROWD; k++)
			moved += t[k]->migrations;
	}
	CHECK(moved > 0);
	end_crowd(t, CROWD);
}

TL_TEST(a_thread_goes_where_it_is_told_to)
{
	for (unsigned int round = 0; round < 20; round++) {
		unsigned int cpu = round % smp_cpus();

		thread_move(1u << cpu);
		CHECK_EQ(arch_cpu_id(), cpu);
	}
	thread_move(ALL_CPUS);
}

static struct mutex mutex;
static volatile unsigned long guarded;

static void add_under_mutex(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 300; i++) {
		unsigned long old;

		mutex_lock(&mutex);
		old = guarded;
		if (i % 16 == 0)
			thread_yield();
		guarded = old + 1;
		mutex_unlock(&mutex);
	}
}

TL_TEST(a_mutex_has_one_owner)
{
	struct thread *t[CROWD];

	guarded = 0;
	start_crowd(t, CROWD, add_under_mutex, ALL_CPUS);
	end_crowd(t, CROWD);
	CHECK_EQ(guarded, CROWD * 300);
}

static _Atomic uint32_t called;

static void note_cpu(void *arg)
{
	(void)arg;
	called |= 1u << arch_cpu_id();
}

TL_TEST(a_call_runs_once_on_every_other_cpu)
{
	for (unsigned int i = 0; i < 100; i++) {
		uint32_t self;

		called = 0;
		preempt_disable();
		self = 1u << arch_cpu_id();
		cpu_call_others(note_cpu, NULL);
		CHECK_EQ(called, ((1u << smp_cpus()) - 1) & ~self);
		preempt_enable();
	}
}

static void call_others(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 50; i++)
		cpu_call_others(note_cpu, NULL);
}

TL_TEST(callers_and_stoppers_do_not_wait_for_each_other)
{
	struct thread *t[CROWD];

	start_crowd(t, CROWD, call_others, ALL_CPUS);
	for (unsigned int i = 0; i < 50; i++) {
		stop_others();
		start_others();
	}
	end_crowd(t, CROWD);
}

static int look_at_counts(void *arg)
{
	unsigned long before[CROWD];
	bool *moved = arg;

	for (unsigned int i = 0; i < CROWD; i++)
		before[i] = counts[i];
	for (unsigned int i = 0; i < 100000; i++)
		arch_cpu_relax();
	for (unsigned int i = 0; i < CROWD; i++)
		*moved |= counts[i] != before[i];
	return arch_irqs_on() ? -1 : 7;
}

TL_TEST(nobody_else_runs_while_the_others_are_stopped)
{
	struct thread *t[CROWD];
	bool moved = false;

	start_crowd(t, CROWD, count_up, ALL_CPUS);
	for (unsigned int i = 0; i < 20; i++) {
		CHECK_EQ(stop_machine(look_at_counts, &moved), 7);
		CHECK(arch_irqs_on());
		thread_sleep_ms(1);
	}
	CHECK(!moved);
	end_crowd(t, CROWD);
}

static void check_frames(void *arg)
{
	const struct thread *t = arg;

	/* Its own stack; that of the interrupt that it was stopped in. */
	for (const struct trap_frame *f = t->frames; f; f = f->prev)
		CHECK((uintptr_t)f->regs > t->stack_low &&
		      (uintptr_t)f->regs < t->stack_high);
}

static int find_counters(void *arg)
{
	unsigned int *found = arg;

	for (size_t i = 0; i < KERN_MAX_THREADS; i++) {
		struct thread *t = &threads[i];

		if (t->fn != count_up || t->state != THREAD_READY)
			continue;
		check_frames(t);
		*found += t->frames && arch_regs_ip(t->frames->regs) >> 63;
	}
	return 0;
}

TL_TEST(where_everybody_stands_is_known_while_they_are_stopped)
{
	struct thread *t[CROWD];
	unsigned int found = 0;

	start_crowd(t, CROWD, count_up, ALL_CPUS);
	for (unsigned int i = 0; i < 1000 && !all_counted(CROWD, 1); i++)
		thread_sleep_ms(1);
	stop_machine(find_counters, &found);
	CHECK_EQ(found, CROWD);
	end_crowd(t, CROWD);
}

static void nothing(void *arg)
{
	(void)arg;
}

TL_TEST(slots_and_stacks_of_threads_come_back)
{
	size_t before = 0;

	for (unsigned int i = 0; i < 3 * KERN_MAX_THREADS; i++) {
		struct thread *t =
			thread_start("short", nothing, NULL, ALL_CPUS);

		REQUIRE(t);
		thread_join(t);
		if (!i)
			before = page_nr_free();
	}
	CHECK_EQ(page_nr_free(), before);
}

TL_TEST(the_stack_of_a_thread_is_known_and_guarded)
{
	struct thread *t[CROWD];
	uint64_t word;

	start_crowd(t, CROWD, count_up, ALL_CPUS);
	for (unsigned int i = 0; i < CROWD; i++) {
		uintptr_t low, high;

		REQUIRE(stack_bounds(t[i]->stack_high - 64, &low, &high));
		CHECK_EQ(low, t[i]->stack_low);
		CHECK_EQ(high, t[i]->stack_high);
		CHECK(!stack_bounds(high + 1, &low, &high));
		CHECK(probe_read(&word, (void *)(low - 8), 8) < 0);
		CHECK_EQ(probe_read(&word, (void *)low, 8), 0);
	}
	end_crowd(t, CROWD);
}

static unsigned int nmis;

static bool count_nmi(enum trap_kind kind, struct pt_regs *regs, uintptr_t info)
{
	(void)kind;
	(void)regs;
	(void)info;
	nmis++;
	return true;
}

TL_TEST(an_nmi_comes_through_with_interrupts_off)
{
	unsigned long flags;

	nmis = 0;
	trap_set_hook(TRAP_NMI, count_nmi);
	flags = arch_irq_save();
	arch_send_nmi(arch_cpu_id());
	for (unsigned int i = 0; i < 1000000 && !nmis; i++)
		arch_cpu_relax();
	arch_irq_restore(flags);
	trap_set_hook(TRAP_NMI, NULL);
	CHECK_EQ(nmis, 1);
}

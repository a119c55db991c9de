/* SPDX-License-Identifier: MIT */
/* ends.c - what the kernel has to notice by itself; main.c finds these by name */

#include "guest.h"
#include <kern/arch.h>
#include <kern/smp.h>
#include <kern/thread.h>
#include <kern/trap.h>

__attribute__((noinline)) static void locked_up_here(void)
{
	static volatile unsigned long turns;

	for (;;)
		turns++;
}

static void lock_up(void *arg)
{
	(void)arg;
	arch_irq_save();
	locked_up_here();
}

void end_lockup(void)
{
	watchdog_set_ms(1000);
	thread_start("lockup", lock_up, NULL, 2);
}

/* All of them, so that no CPU is left to look after another. */
void end_lockups(void)
{
	watchdog_set_ms(1000);
	for (unsigned int i = 1; i < smp_cpus(); i++)
		thread_start("lockup", lock_up, NULL, 1u << i);
	thread_sleep_ms(100);
	lock_up(NULL);
}

void end_hog(void)
{
	watchdog_set_ms(1000);
	preempt_disable();
	locked_up_here();
}

static bool sleep_in_interrupt(enum trap_kind kind, struct pt_regs *regs,
			       uintptr_t info)
{
	static struct mutex m;

	(void)kind;
	(void)regs;
	(void)info;
	mutex_lock(&m);
	return true;
}

void end_sleep(void)
{
	trap_set_hook(TRAP_TEST, sleep_in_interrupt);
	arch_send_test();
}

void end_stops(void)
{
	stop_others();
	stop_others();
}

static void run_down(volatile unsigned long *depth)
{
	volatile char frame[512];

	frame[0] = 1;
	if (++*depth < 1000000)
		run_down(depth);
	frame[1] = frame[0];
}

static void overflow(void *arg)
{
	unsigned long depth = 0;

	(void)arg;
	run_down(&depth);
}

/* The stack of a thread has a guard below it; that of the boot has none. */
void end_overflow(void)
{
	thread_start("overflow", overflow, NULL, ALL_CPUS);
	thread_sleep_ms(1000);
}

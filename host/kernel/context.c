/* SPDX-License-Identifier: MIT */
/*
 * context.c - one control block for each CPU, and the registration lock
 *
 * A probe's handlers run on the CPU that hit it and are never pre-empted, so
 * what the engine keeps about the code that runs "here" belongs to the CPU.
 */

#include <kern/arch.h>
#include <stdatomic.h>
#include <trapline/host.h>

static struct tl_context contexts[KERN_MAX_CPUS];

TL_NOPROBE struct tl_context *tlh_context(void)
{
	return &contexts[arch_cpu_id()];
}

int tlh_each_context(int (*fn)(struct tl_context *cx, void *arg), void *arg)
{
	int ret = 0;

	for (unsigned int i = 0; i < KERN_MAX_CPUS && !ret; i++)
		ret = fn(&contexts[i], arg);
	return ret;
}

static atomic_flag registration = ATOMIC_FLAG_INIT;

void tlh_lock(void)
{
	while (atomic_flag_test_and_set_explicit(&registration,
						 memory_order_acquire))
		arch_cpu_relax();
}

void tlh_unlock(void)
{
	atomic_flag_clear_explicit(&registration, memory_order_release);
}

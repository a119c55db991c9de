/* SPDX-License-Identifier: MIT */
/*
 * jiffies.h - time in ticks of a millisecond
 */
#ifndef KMOD_LINUX_JIFFIES_H
#define KMOD_LINUX_JIFFIES_H

#include <linux/types.h>

#define HZ 1000

/* Milliseconds of CLOCK_MONOTONIC. */
unsigned long get_jiffies(void);
#define jiffies get_jiffies()

static inline unsigned long msecs_to_jiffies(unsigned int ms)
{
	return ms;
}

static inline unsigned int jiffies_to_msecs(unsigned long j)
{
	return (unsigned int)j;
}

#define time_after(a, b)  ((long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)

#endif

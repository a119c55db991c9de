/* SPDX-License-Identifier: MIT */
/*
 * delay.h - waiting: not in handlers
 */
#ifndef KMOD_LINUX_DELAY_H
#define KMOD_LINUX_DELAY_H

#include <linux/types.h>

void msleep(unsigned int ms);
void usleep_range(unsigned long min, unsigned long max);
void udelay(unsigned long us);
void ndelay(unsigned long ns);

static inline void ssleep(unsigned int s)
{
	msleep(s * 1000);
}

static inline void mdelay(unsigned long ms)
{
	udelay(ms * 1000);
}

#endif

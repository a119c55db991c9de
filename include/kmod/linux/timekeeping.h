/* SPDX-License-Identifier: MIT */
/*
 * timekeeping.h - clocks
 */
#ifndef KMOD_LINUX_TIMEKEEPING_H
#define KMOD_LINUX_TIMEKEEPING_H

#include <linux/ktime.h>

#endif

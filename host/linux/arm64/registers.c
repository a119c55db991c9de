/* SPDX-License-Identifier: MIT */
/*
 * registers.c - the debug registers of a thread, without events
 *
 * They are had by events alone here.
 */
#include "own/own.h"

#pragma GCC visibility push(hidden)

int tl_registers_set(uint32_t tid, const struct tl_debug_want *want,
		     unsigned int n, bool asks_mask)
{
	(void)tid;
	(void)want;
	(void)n;
	(void)asks_mask;
	return -TL_EPERM;
}

int tl_registers_hit(uint32_t tid)
{
	(void)tid;
	return -TL_EPERM;
}

/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the registration lock: a futex that costs nothing when it is free
 *
 * 0: free; 1: held; 2: held, and somebody may be waiting.  The first to take it
 * sets up the home, so that a program need not know about it.
 */
#include "own/own.h"

#include <trapline/trapline.h>

#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

static uint32_t state;
static uint32_t holder; /* the process whose thread took it last */

void tlh_lock(void)
{
	uint32_t seen = 0;

	tl_signals_start();
	if (!__atomic_compare_exchange_n(&state, &seen, 1, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		while (__atomic_exchange_n(&state, 2, __ATOMIC_ACQUIRE))
			tl_sys4(__NR_futex, (long)&state, FUTEX_WAIT_PRIVATE, 2,
				0);
	__atomic_store_n(&holder, tl_sys0(__NR_getpid), __ATOMIC_RELAXED);
	tl_home_init();
	tl_text_forget();
}

/* A fork child has its parent's lock as it was, and nobody to let go of it. */
bool tl_lock_is_dead(void)
{
	return __atomic_load_n(&state, __ATOMIC_ACQUIRE) &&
	       __atomic_load_n(&holder, __ATOMIC_RELAXED) !=
		       (uint32_t)tl_sys0(__NR_getpid);
}

void tlh_unlock(void)
{
	if (__atomic_exchange_n(&state, 0, __ATOMIC_RELEASE) == 2)
		tl_sys3(__NR_futex, (long)&state, FUTEX_WAKE_PRIVATE, 1);
}

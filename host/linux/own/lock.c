/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the registration lock: a futex that costs nothing when it is free
 *
 * Who comes first is served first: a thread that registers and unregisters all
 * the time would keep all others out, since it takes the lock again before they
 * are awake.  The first to take it sets up the home, so that a program need not
 * know about it.
 *
 *   L1  Who has drawn number n has the lock when n is served, and nobody else
 *       has.
 *   L2  A waiter sleeps only as long as another number is served.  (It draws,
 *       then looks who is served; who lets go serves the next one, then looks if
 *       a number was drawn.  Both write, then read, so both are seq_cst.)
 */
#include "own/own.h"

#include <trapline/trapline.h>

#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

static uint32_t drawn;
static uint32_t served;
static uint32_t holder; /* the process whose thread took it last */

void tlh_lock(void)
{
	uint32_t mine, now;

	tl_signals_start();
	mine = __atomic_fetch_add(&drawn, 1, __ATOMIC_SEQ_CST); /* L2 */
	while ((now = __atomic_load_n(&served, __ATOMIC_SEQ_CST)) != mine)
		tl_sys4(__NR_futex, (long)&served, FUTEX_WAIT_PRIVATE, now, 0);
	__atomic_store_n(&holder, tl_sys0(__NR_getpid), __ATOMIC_RELAXED);
	tl_home_init();
	tl_text_forget();
}

void tlh_unlock(void)
{
	uint32_t next = __atomic_load_n(&served, __ATOMIC_RELAXED) + 1;

	__atomic_store_n(&served, next, __ATOMIC_SEQ_CST); /* L1, L2 */
	if (__atomic_load_n(&drawn, __ATOMIC_SEQ_CST) != next)
		tl_sys3(__NR_futex, (long)&served, FUTEX_WAKE_PRIVATE,
			INT32_MAX);
	tl_births_start();
}

/* A fork child has its parent's lock as it was, and nobody to let go of it. */
bool tl_lock_is_dead(void)
{
	return __atomic_load_n(&drawn, __ATOMIC_ACQUIRE) !=
		       __atomic_load_n(&served, __ATOMIC_ACQUIRE) &&
	       __atomic_load_n(&holder, __ATOMIC_RELAXED) !=
		       (uint32_t)tl_sys0(__NR_getpid);
}

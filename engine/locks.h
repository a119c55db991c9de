/* SPDX-License-Identifier: MIT */
/*
 * locks.h - the engine's one lock, and what may be asked about it
 *
 * The registration lock is the host's (it may sleep).  It guards everything in
 * struct tl_engine but what traps read, and is never taken there.  There is no
 * second lock, so there is no order to get wrong: rank 1 of 1.
 */
#ifndef TL_LOCKS_H
#define TL_LOCKS_H

#include "engine.h"

static inline void tl_lock(void)
{
	tlh_lock();
	tl_engine.held = true;
	tl_engine.holds++;
}

static inline void tl_unlock(void)
{
	tl_engine.held = false;
	tlh_unlock();
}

/* Trap, rather than go on, if the caller has not taken the lock. */
static inline void tl_assert_held(void)
{
#ifdef TL_DEBUG
	if (!tl_engine.held)
		__builtin_trap();
#endif
}

#endif

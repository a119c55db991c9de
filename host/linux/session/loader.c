/* SPDX-License-Identifier: MIT */
/*
 * loader.c - a thread has mapped a library, or has unmapped one
 *
 * The dynamic linker calls a function of its own for debuggers whenever its list
 * of libraries has changed: behind the mapping of one, before its constructors
 * run.  A probe there lets the thread wait until probes in that library are armed.
 *
 *   thread                               guardian
 *   asked + 1, wake                      (somebody waits for asked to change)
 *   wait while served < asked            arms; served = asked; wake
 *
 * Nobody waits for longer than TL_LOADER_NS, and after one who has waited in vain
 * nobody does until `served` moves.
 */
#include "session/session.h"

#include <common/sys.h>

#define FUTEX_WAKE	  1
#define FUTEX_WAIT_BITSET 9
#define CLOCK_MONOTONIC	  1

struct timespec64 {
	int64_t sec;
	int64_t nsec;
};

void tl_loader_called(struct tl_loader *l)
{
	struct timespec64 until = { 0, 0 };
	uint32_t mine, seen;
	long err;

	if (!__atomic_load_n(&l->open, __ATOMIC_RELAXED))
		return;
	mine = __atomic_add_fetch(&l->asked, 1, __ATOMIC_SEQ_CST);
	tl_sys3(__NR_futex, (long)&l->asked, FUTEX_WAKE, 1);
	seen = __atomic_load_n(&l->served, __ATOMIC_ACQUIRE);
	if (__atomic_load_n(&l->in_vain, __ATOMIC_RELAXED) == seen + 1 ||
	    tl_sys2(__NR_clock_gettime, CLOCK_MONOTONIC, (long)&until))
		return;
	until.sec += TL_LOADER_S;
	while ((int32_t)(mine - seen) > 0 &&
	       __atomic_load_n(&l->open, __ATOMIC_RELAXED)) {
		err = tl_sys6(__NR_futex, (long)&l->served, FUTEX_WAIT_BITSET,
			      seen, (long)&until, 0, -1);
		if (err && err != -TL_EAGAIN && err != -TL_EINTR) {
			__atomic_store_n(&l->in_vain, seen + 1,
					 __ATOMIC_RELAXED);
			return;
		}
		seen = __atomic_load_n(&l->served, __ATOMIC_ACQUIRE);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * bill.h - what probes cost the program that has them
 *
 * In the target the handlers of one hit in 64 take the time, by the time stamp
 * counter, system calls included; more than 32,768 ticks of it are left out: then
 * the thread has waited, for a CPU or with --block for the reader.  What leads to a
 * handler and back cannot be timed from within: it is taken to be what bench/hits.c
 * has measured (bench/README.md).  Not in it is what the program's own code loses
 * in caches.
 */
#ifndef TL_BILL_H
#define TL_BILL_H

#include "session.h"

/*
 * How many hits there were of a probe that shows @hits: those, or more, if there
 * is a condition that has filtered some.
 */
uint64_t bill_hits(uint64_t hits, const struct session_cost *c);

/* Nanoseconds of one of them. */
double bill_ns(uint32_t action, const struct session_cost *c,
	       double ns_per_tick);

/* Ticks of the time stamp counter in a nanosecond, between two moments. */
struct bill_clock {
	uint64_t ticks;
	uint64_t ns;
};
struct bill_clock bill_now(void);
double bill_ns_per_tick(const struct bill_clock *a, const struct bill_clock *b);

#endif

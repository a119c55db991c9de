/* SPDX-License-Identifier: MIT */
/*
 * latency.h - from a session's buckets to figures in nanoseconds
 */
#ifndef TL_LATENCY_H
#define TL_LATENCY_H

#include <stddef.h>
#include <stdint.h>

#include "session.h"

/* How many ticks of the target's clock are how many nanoseconds? */
struct clock_rate {
	double ns_per_tick;
};

/* A rate of 0 ticks a second is taken for one tick a nanosecond. */
struct clock_rate clock_rate(uint64_t ticks_per_second);

struct latency {
	uint64_t calls;
	uint64_t missed;
	double min, p50, p90, p99, max, total; /* nanoseconds */
};

/*
 * Percentiles are interpolated inside their bucket and never leave what min
 * and max allow.  Without calls every figure is 0.
 */
struct latency latency_of(const struct session_times *t, struct clock_rate r);

/* The end of bucket @i: what it holds is below. */
uint64_t bucket_end(unsigned int i);

/*
 * The same for people: rows of 1, 2, 5, 10, 20, 50 … ns, as few as hold every
 * call.
 */
#define LATENCY_ROWS 48
struct latency_row {
	double from, to; /* nanoseconds */
	uint64_t count;
};

/* Fill in @rows and return how many. */
size_t latency_rows(const struct session_times *t, struct clock_rate r,
		    struct latency_row rows[LATENCY_ROWS]);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * bill.c - what probes cost the program that has them
 */
#include "bill.h"

#include <time.h>

#include "isa.h"

/*
 * Of bench/README.md: a counting probe; a probe with a handler that does nothing;
 * a followed call with two of them.
 */
#define COUNT_NS 1
#define HIT_NS	 12
#define CALL_NS	 42

uint64_t bill_hits(uint64_t hits, const struct session_cost *c)
{
	uint64_t seen = c->samples * SESSION_COST_OF;

	return seen > hits ? seen : hits;
}

double bill_ns(uint32_t action, const struct session_cost *c,
	       double ns_per_tick)
{
	double handlers = 0;

	if (c->samples)
		handlers = (double)c->ticks / (double)c->samples * ns_per_tick;
	else if (action == SESSION_COUNT)
		return COUNT_NS;
	return handlers + (session_follows(action) ? CALL_NS : HIT_NS);
}

struct bill_clock bill_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct bill_clock){ isa_ticks(),
				    (uint64_t)t.tv_sec * 1000000000 +
					    (uint64_t)t.tv_nsec };
}

double bill_ns_per_tick(const struct bill_clock *a, const struct bill_clock *b)
{
	uint64_t ticks = b->ticks - a->ticks;

	return ticks ? (double)(b->ns - a->ns) / (double)ticks : 0;
}

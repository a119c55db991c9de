/* SPDX-License-Identifier: MIT */
/*
 * callers.h - the stacks of a run's events, counted
 */
#ifndef TL_CALLERS_H
#define TL_CALLERS_H

#include "run.h"
#include "stacks.h"
#include "unwind.h"

struct callers {
	struct run *run;
	struct unwinder *unwinder;
	struct stacks stacks; /* a probe's are of one group */
	uint64_t events;
	uint64_t spoilt; /* events that make no sense */
};

/* For struct run's begin and poll. */
int callers_begin(struct callers *c, struct run *r);
uint64_t callers_poll(struct callers *c, struct run *r);

/* After the end: stacks that are not in @c. */
uint64_t callers_lost(const struct callers *c, const struct run *r);

void callers_free(struct callers *c);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * callers.h - the stacks of a target's events, counted
 */
#ifndef TL_CALLERS_H
#define TL_CALLERS_H

#include "run.h"
#include "stacks.h"
#include "unwind.h"

/* What is counted of one target: its `own`. */
struct callers {
	struct target *target;
	struct unwinder *unwinder;
	char *process;	      /* what names it among others, or NULL */
	struct stacks stacks; /* a probe's are of one group */
	uint64_t events;
	uint64_t spoilt; /* events that make no sense */
};

static inline struct callers *callers_of(const struct target *t)
{
	return t->own;
}

/* For struct run's begin, poll and forget. */
int callers_begin(struct target *t);
uint64_t callers_poll(struct run *r);
void callers_free(struct target *t);

/* Of all targets: stacks that were counted; those that are lost, at the end. */
uint64_t callers_events(const struct run *r);
uint64_t callers_lost(const struct run *r);

#endif

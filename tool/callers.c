/* SPDX-License-Identifier: MIT */
/*
 * callers.c - the stacks of a target's events, counted
 */
#include "callers.h"

#include <stdlib.h>

#include "text.h"

static bool place_is_call(const struct target *t, uint32_t probe)
{
	return t->asked[t->places.place[probe].owner].call;
}

static void on_event(void *arg, const struct session_event *e)
{
	struct callers *c = arg;
	const struct target *t = c->target;
	const char *all[UNWIND_FRAMES + 1], **names = all + 1;
	uint64_t most = t->run->events ? t->run->options->events : 0;
	size_t n;

	if (most && callers_events(t->run) >= most)
		return;
	n = e->probe < t->places.n ? unwind(c->unwinder, e->words, e->n, names)
				   : 0;
	if (!n) {
		c->spoilt++;
		return;
	}
	c->events++;
	/* What has returned is on no stack any more. */
	if (place_is_call(t, e->probe)) {
		*--names = unwinder_name(c->unwinder,
					 t->places.place[e->probe].name);
		n++;
	}
	stacks_add(&c->stacks, e->probe, names, n);
}

int callers_begin(struct target *t)
{
	struct callers *c = must_alloc(1, sizeof(*c));

	t->own = c;
	c->target = t;
	/* A fork child has its parent's code. */
	c->unwinder = t->origin ? callers_of(t->origin)->unwinder
				: unwinder_open(&t->process);
	return c->unwinder ? run_on_events(t, on_event, c) : -1;
}

uint64_t callers_events(const struct run *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n_targets; i++)
		if (r->targets[i]->own)
			sum += callers_of(r->targets[i])->events;
	return sum;
}

uint64_t callers_poll(struct run *r)
{
	run_poll_events(r);
	return callers_events(r);
}

uint64_t callers_lost(const struct run *r)
{
	uint64_t sum = r->stats.lost;

	for (size_t i = 0; i < r->n_targets; i++)
		sum += callers_of(r->targets[i])->spoilt +
		       callers_of(r->targets[i])->stacks.lost;
	return sum;
}

void callers_free(struct target *t)
{
	struct callers *c = callers_of(t);

	stacks_free(&c->stacks);
	if (!t->origin)
		unwinder_close(c->unwinder);
	free(c->process);
	free(c);
}

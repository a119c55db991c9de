/* SPDX-License-Identifier: MIT */
/*
 * callers.c - the stacks of a run's events, counted
 */
#include "callers.h"

#include "text.h"

static bool place_is_call(const struct run *r, uint32_t probe)
{
	return r->asked[r->places.place[probe].owner].call;
}

static void on_event(void *arg, const struct session_event *e)
{
	struct callers *c = arg;
	const char *all[UNWIND_FRAMES + 1], **names = all + 1;
	uint64_t most = c->run->events ? c->run->options->events : 0;
	size_t n;

	if (most && c->events >= most)
		return;
	n = e->probe < c->run->places.n
		    ? unwind(c->unwinder, e->words, e->n, names)
		    : 0;
	if (!n) {
		c->spoilt++;
		return;
	}
	c->events++;
	/* What has returned is on no stack any more. */
	if (place_is_call(c->run, e->probe)) {
		*--names = unwinder_name(c->unwinder,
					 c->run->places.place[e->probe].name);
		n++;
	}
	stacks_add(&c->stacks, e->probe, names, n);
}

int callers_begin(struct callers *c, struct run *r)
{
	c->run = r;
	c->unwinder = unwinder_open(&r->process);
	if (!c->unwinder)
		return -1;
	if (session_on_events(r->session, on_event, c) == 0)
		return 0;
	say_error("%s", session_error());
	return -1;
}

uint64_t callers_poll(struct callers *c, struct run *r)
{
	session_poll_events(r->session);
	return c->events;
}

uint64_t callers_lost(const struct callers *c, const struct run *r)
{
	return r->stats.lost + c->spoilt + c->stacks.lost;
}

void callers_free(struct callers *c)
{
	stacks_free(&c->stacks);
	unwinder_close(c->unwinder);
}

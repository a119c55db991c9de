/* SPDX-License-Identifier: MIT */
/*
 * merge.c - the events of several targets in the order of their times
 *
 * Each session hands on its events in order, up to the time of its last look.
 * What is newer than the oldest of these looks waits here.  The order is that
 * of the time stamp counter, which is the same for all; the times that are
 * shown are each session's, and never go back.
 */
#include "merge.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* While so many are handed on, the rings of the targets are emptied again. */
#define AT_ONCE 64

/* What waits, in bytes; above it the rings are left to themselves. */
#define MOST_WAITING (128u << 20)

/* Where the events of one target go. */
struct port {
	struct port *next;
	struct merge *merge;
	struct target *target;
	session_event_fn fn;
	void *arg;
};

struct waiting {
	struct session_event e; /* but for its words */
	const struct port *port;
	size_t words;
};

struct store {
	struct waiting *event;
	size_t n, room;
	uint64_t *words;
	size_t used, size;
};

struct merge {
	struct port *ports;
	struct store in;
	uint64_t begin_ns; /* of the first target's events */
	uint64_t last_ns;
};

struct merge *merge_new(void)
{
	return must_alloc(1, sizeof(struct merge));
}

void merge_free(struct merge *m)
{
	struct port *p;

	if (!m)
		return;
	while ((p = m->ports)) {
		m->ports = p->next;
		free(p);
	}
	free(m->in.event);
	free(m->in.words);
	free(m);
}

static void keep(struct store *s, const struct waiting *w,
		 const uint64_t *words)
{
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 256;
		s->event = must_grow(s->event, s->room, sizeof(*s->event));
	}
	while (s->size - s->used < w->e.n) {
		s->size = s->size ? s->size * 2 : 4096;
		s->words = must_grow(s->words, s->size, sizeof(*s->words));
	}
	if (w->e.n)
		memcpy(s->words + s->used, words, w->e.n * sizeof(*words));
	s->event[s->n] = *w;
	s->event[s->n++].words = s->used;
	s->used += w->e.n;
}

static void on_event(void *arg, const struct session_event *e)
{
	const struct port *p = arg;
	struct waiting w = { .e = *e, .port = p };

	w.e.ns += p->target->begin_ns - p->merge->begin_ns;
	keep(&p->merge->in, &w, e->words);
}

int merge_on_events(struct merge *m, struct target *t, session_event_fn fn,
		    void *arg)
{
	struct port *p = must_alloc(1, sizeof(*p));

	*p = (struct port){ m->ports, m, t, fn, arg };
	m->ports = p;
	if (!m->begin_ns)
		m->begin_ns = t->begin_ns;
	return session_on_events(t->session, on_event, p);
}

static int by_clock(const void *va, const void *vb)
{
	const struct waiting *a = va, *b = vb;

	if (a->e.clock != b->e.clock)
		return a->e.clock < b->e.clock ? -1 : 1;
	return a->words < b->words ? -1 : a->words > b->words;
}

/* Take what there is.  Up to which time all of it is known. */
static uint64_t take(struct merge *m, struct run *r)
{
	uint64_t upto = UINT64_MAX;

	for (size_t i = 0; i < r->n_targets; i++) {
		struct session *s = r->targets[i]->session;
		uint64_t its;

		if (!s)
			continue;
		if (m->in.used * sizeof(*m->in.words) < MOST_WAITING)
			session_poll_events(s);
		its = session_events_upto(s);
		if (its < upto)
			upto = its;
	}
	return upto;
}

static void hand_on(struct merge *m, const struct store *s,
		    const struct waiting *w)
{
	struct session_event e = w->e;

	if (e.ns < m->last_ns)
		e.ns = m->last_ns;
	m->last_ns = e.ns;
	e.words = s->words + w->words;
	w->port->fn(w->port->arg, &e);
}

size_t merge_poll(struct merge *m, struct run *r)
{
	uint64_t upto = take(m, r);
	struct store s = m->in;
	size_t n = 0;

	m->in = (struct store){ 0 };
	if (s.n)
		qsort(s.event, s.n, sizeof(*s.event), by_clock);
	for (size_t i = 0; i < s.n; i++) {
		if (s.event[i].e.clock >= upto && upto != UINT64_MAX) {
			keep(&m->in, &s.event[i], s.words + s.event[i].words);
			continue;
		}
		hand_on(m, &s, &s.event[i]);
		/* A target does not wait for whoever reads what we write. */
		if (++n % AT_ONCE == 0)
			take(m, r);
	}
	free(s.event);
	free(s.words);
	return n;
}

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
#include <time.h>

#include "text.h"

/* While so many are handed on, the rings of the targets are emptied again. */
#define AT_ONCE 64

/* For so long at a time: then whoever has called looks at what else there is. */
#define AT_ONCE_NS 100000000

/* What waits, in bytes; above it the rings are left to themselves. */
#define MOST_WAITING (16u << 20)

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
	/* What is being handed on, in order: `next` is the next one, up to `upto`. */
	struct store now;
	size_t next;
	uint64_t upto;
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
	free(m->now.event);
	free(m->now.words);
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

static size_t bytes_of(const struct store *s)
{
	return s->used * sizeof(*s->words) + s->n * sizeof(*s->event);
}

/* Take what there is.  Up to which time all of it is known; UINT64_MAX: nobody is left. */
static uint64_t take(struct merge *m, struct run *r)
{
	uint64_t upto = UINT64_MAX;

	for (size_t i = 0; i < r->n_targets; i++) {
		struct session *s = r->targets[i]->session;
		uint64_t its;

		if (!s)
			continue;
		if (bytes_of(&m->in) < MOST_WAITING)
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

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void begin_batch(struct merge *m, struct run *r)
{
	m->upto = take(m, r);
	m->now = m->in;
	m->next = 0;
	m->in = (struct store){ 0 };
	if (m->now.n)
		qsort(m->now.event, m->now.n, sizeof(*m->now.event), by_clock);
}

/* What is newer than all that is known waits. */
static void end_batch(struct merge *m)
{
	for (; m->next < m->now.n; m->next++)
		keep(&m->in, &m->now.event[m->next],
		     m->now.words + m->now.event[m->next].words);
	free(m->now.event);
	free(m->now.words);
	m->now = (struct store){ 0 };
	m->next = 0;
}

/* Hand on the rest of the batch, until @end. */
static void hand_on_batch(struct merge *m, struct run *r, uint64_t end,
			  size_t *n)
{
	for (; m->next < m->now.n; m->next++) {
		const struct waiting *w = &m->now.event[m->next];

		if (w->e.clock >= m->upto && m->upto != UINT64_MAX)
			break;
		if (*n % AT_ONCE == 0 && *n && now_ns() >= end)
			return;
		hand_on(m, &m->now, w);
		/* A target does not wait for whoever reads what we write. */
		if (++*n % AT_ONCE == 0)
			take(m, r);
	}
	end_batch(m);
}

size_t merge_poll(struct merge *m, struct run *r)
{
	uint64_t end = now_ns() + AT_ONCE_NS;
	size_t n = 0;

	/* When nobody is left all of it is handed on. */
	if (take(m, r) == UINT64_MAX)
		end = UINT64_MAX;
	do {
		if (!m->now.n)
			begin_batch(m, r);
		hand_on_batch(m, r, end, &n);
	} while (end == UINT64_MAX && (m->now.n || m->in.n));
	return n;
}

/* SPDX-License-Identifier: MIT */
/*
 * merge.c - the events of several targets in the order of their times
 *
 * Each session hands on its events in order, up to the time of its last look.
 * They wait here in a queue of its own, until the looks of all others are as new.
 * The order is that of the time stamp counter, which is the same for all; the
 * times that are shown are each session's, and never go back.
 */
#include "merge.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"

/* After so many that were handed on we look at the clock; */
#define AT_ONCE 64

/* then whoever called wants to look at other things, too. */
#define AT_ONCE_NS 100000000

/* What waits of one target; above it its session keeps what it has. */
#define MOST_WAITING 65536

struct waiting {
	struct session_event e; /* but for its words */
	size_t words;
};

/* Events of one target, in order: `next` is the first that waits. */
struct queue {
	struct waiting *event;
	size_t next, n, room;
	uint64_t *words;
	size_t used, size;
};

/* Where the events of one target go. */
struct port {
	struct port *next;
	struct merge *merge;
	struct target *target;
	session_event_fn fn;
	void *arg;
	struct queue queue;
};

struct merge {
	struct port *ports;
	size_t n_ports;
	/* Those with events, a heap: the one with the oldest is the first. */
	struct port **heap;
	size_t in_heap;
	uint64_t begin_ns; /* of the first target's events */
	uint64_t last_ns;
};

struct merge *merge_new(void)
{
	return must_alloc(1, sizeof(struct merge));
}

static void free_port(struct port *p)
{
	free(p->queue.event);
	free(p->queue.words);
	free(p);
}

void merge_free(struct merge *m)
{
	struct port *p;

	if (!m)
		return;
	while ((p = m->ports)) {
		m->ports = p->next;
		free_port(p);
	}
	free(m->heap);
	free(m);
}

void merge_forget(struct merge *m, const struct target *t)
{
	for (struct port **at = &m->ports, *p; (p = *at);) {
		if (p->target != t) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		m->n_ports--;
		free_port(p);
	}
}

/* Those that were handed on make room. */
static void close_up(struct queue *q)
{
	size_t words = q->event[q->next].words;

	memmove(q->event, q->event + q->next,
		(q->n - q->next) * sizeof(*q->event));
	memmove(q->words, q->words + words,
		(q->used - words) * sizeof(*q->words));
	q->n -= q->next;
	q->used -= words;
	q->next = 0;
	for (size_t i = 0; i < q->n; i++)
		q->event[i].words -= words;
}

static void keep(struct queue *q, const struct waiting *w,
		 const uint64_t *words)
{
	if (q->n == q->room && q->next > q->n / 2)
		close_up(q);
	if (q->n == q->room) {
		q->room = q->room ? q->room * 2 : 256;
		q->event = must_grow(q->event, q->room, sizeof(*q->event));
	}
	while (q->size - q->used < w->e.n) {
		q->size = q->size ? q->size * 2 : 4096;
		q->words = must_grow(q->words, q->size, sizeof(*q->words));
	}
	if (w->e.n)
		memcpy(q->words + q->used, words, w->e.n * sizeof(*words));
	q->event[q->n] = *w;
	q->event[q->n++].words = q->used;
	q->used += w->e.n;
}

static void on_event(void *arg, const struct session_event *e)
{
	struct port *p = arg;
	struct waiting w = { .e = *e };

	w.e.ns += p->target->begin_ns - p->merge->begin_ns;
	keep(&p->queue, &w, e->words);
}

int merge_on_events(struct merge *m, struct target *t, session_event_fn fn,
		    void *arg)
{
	struct port *p = must_alloc(1, sizeof(*p));

	*p = (struct port){
		.next = m->ports, .merge = m, .target = t, .fn = fn, .arg = arg
	};
	m->ports = p;
	m->n_ports++;
	m->heap = must_grow(m->heap, m->n_ports, sizeof(*m->heap));
	if (!m->begin_ns)
		m->begin_ns = t->begin_ns;
	return session_on_events(t->session, on_event, p);
}

/* ---- whose is the oldest ---------------------------------------------------- */

static uint64_t oldest(const struct port *p)
{
	return p->queue.event[p->queue.next].e.clock;
}

/* Port @i of the heap may have become younger than those below it. */
static void sink(struct merge *m, size_t i)
{
	struct port **h = m->heap, *p = h[i];
	size_t k;

	for (; (k = 2 * i + 1) < m->in_heap; i = k) {
		if (k + 1 < m->in_heap && oldest(h[k + 1]) < oldest(h[k]))
			k++;
		if (oldest(p) <= oldest(h[k]))
			break;
		h[i] = h[k];
	}
	h[i] = p;
}

static void make_heap(struct merge *m)
{
	m->in_heap = 0;
	for (struct port *p = m->ports; p; p = p->next)
		if (p->queue.n)
			m->heap[m->in_heap++] = p;
	for (size_t i = m->in_heap / 2; i > 0; i--)
		sink(m, i - 1);
}

/* ---- handing on ------------------------------------------------------------- */

/* Take what there is.  Up to which time all of it is known; UINT64_MAX: nobody is left. */
static uint64_t take(struct merge *m)
{
	uint64_t upto = UINT64_MAX;

	for (struct port *p = m->ports; p; p = p->next) {
		struct session *s = p->target->session;
		uint64_t its;

		if (!s)
			continue;
		/* Who is behind all others has nothing that waits for them. */
		if (p->queue.n - p->queue.next < MOST_WAITING)
			session_poll_events(s);
		its = session_events_upto(s);
		if (its < upto)
			upto = its;
	}
	return upto;
}

/* Nothing of @p waits any more. */
static void drained(struct merge *m, struct port *p)
{
	struct queue *q = &p->queue;

	m->heap[0] = m->heap[--m->in_heap];
	if (m->in_heap)
		sink(m, 0);
	q->next = q->n = q->used = 0;
	if (p->target->session)
		return;
	free(q->event);
	free(q->words);
	*q = (struct queue){ 0 };
}

/* The oldest of all. */
static void hand_on(struct merge *m)
{
	struct port *p = m->heap[0];
	struct queue *q = &p->queue;
	const struct waiting *w = &q->event[q->next++];
	struct session_event e = w->e;

	if (e.ns < m->last_ns)
		e.ns = m->last_ns;
	m->last_ns = e.ns;
	e.words = q->words + w->words;
	p->fn(p->arg, &e);
	if (q->next < q->n)
		sink(m, 0);
	else
		drained(m, p);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

size_t merge_poll(struct merge *m)
{
	uint64_t begin = now_ns(), upto = take(m);
	size_t n = 0;

	make_heap(m);
	while (m->in_heap &&
	       (upto == UINT64_MAX || oldest(m->heap[0]) < upto)) {
		hand_on(m);
		/* When nobody is left all of it is handed on. */
		if (++n % AT_ONCE == 0 && upto != UINT64_MAX &&
		    now_ns() - begin > AT_ONCE_NS)
			break;
	}
	return n;
}

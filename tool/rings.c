/* SPDX-License-Identifier: MIT */
/*
 * rings.c - the reader of a session's rings (see agent/events.h)
 *
 * The target can write anything into its rings at any time.  What counts is our
 * own: `at`, the tail; a record is copied by its size, which was checked, and
 * then the copy is looked at.  A ring that makes no sense is cleared, and what
 * was in it is lost.
 */
#define _GNU_SOURCE
#include "rings.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include <events.h>

#include "text.h"

/* Events that are waiting: more stay in the rings, which may lose some then. */
#define MOST_WAITING (16u << 20) /* bytes / 8 */

/* The rings are looked at after so many that were handed on. */
#define AT_ONCE 64

/* Then whoever called wants to look at other things, too. */
#define AT_ONCE_NS 100000000

/* A record, with a piece of the stack. */
#define MOST_WORDS ((TL_MAX_RECORD + TL_MAX_STACK) / 8 + TL_STACK_HEAD)

#define COUNT_MASK ((1u << (64 - TL_HEAD_BITS)) - 1)

struct ring {
	uint64_t at;	/* bytes, as head */
	uint32_t taken; /* records, modulo COUNT_MASK + 1 */
};

struct moment {
	uint64_t ticks;
	uint64_t ns;
};

/* An event that waits for its turn; its words are in the store. */
struct waiting {
	uint64_t clock;
	uint32_t probe;
	uint32_t thread;
	uint32_t faults;
	uint32_t n;
	size_t words;
};

struct store {
	struct waiting *event;
	size_t n, room;
	uint64_t *words;
	size_t used, size;
};

struct rings {
	struct tl_events *e;
	session_event_fn fn;
	void *arg;
	struct ring ring[TL_RINGS];
	struct store now, later; /* what is taken is kept in `into` */
	struct store *into;
	/* A look: events up to `end` are handed on, `next` is the next one. */
	bool looked;
	size_t next, end;
	struct moment begin, before, until;
	uint64_t spoilt;
};

static struct moment moment_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct moment){ __rdtsc(), (uint64_t)t.tv_sec * 1000000000 +
						   (uint64_t)t.tv_nsec };
}

struct rings *rings_open(struct tl_events *e, session_event_fn fn, void *arg)
{
	struct rings *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->e = e;
	r->fn = fn;
	r->arg = arg;
	r->begin = r->before = moment_now();
	return r;
}

void rings_close(struct rings *r)
{
	struct store *s[] = { &r->now, &r->later };

	for (int i = 0; i < 2; i++) {
		free(s[i]->event);
		free(s[i]->words);
	}
	free(r);
}

uint64_t rings_lost(const struct rings *r)
{
	uint64_t lost = r->spoilt;

	for (int i = 0; i < TL_RINGS; i++)
		lost += __atomic_load_n(&r->e->ring[i].lost, __ATOMIC_RELAXED);
	return lost;
}

/* ---- keeping ------------------------------------------------------------- */

static void keep(struct store *s, const struct waiting *w,
		 const uint64_t *words)
{
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 1024;
		s->event = must_grow(s->event, s->room, sizeof(*s->event));
	}
	if (s->size - s->used < w->n) {
		s->size = s->size ? s->size * 2 : 16384;
		s->words = must_grow(s->words, s->size, sizeof(*s->words));
	}
	memcpy(s->words + s->used, words, w->n * sizeof(*words));
	s->event[s->n] = *w;
	s->event[s->n++].words = s->used;
	s->used += w->n;
}

static int by_clock(const void *va, const void *vb)
{
	const struct waiting *a = va, *b = vb;

	if (a->clock != b->clock)
		return a->clock < b->clock ? -1 : 1;
	return a->words < b->words ? -1 : a->words > b->words;
}

static void sort(struct store *s)
{
	for (size_t i = 1; i < s->n; i++)
		if (s->event[i].clock < s->event[i - 1].clock) {
			qsort(s->event, s->n, sizeof(*s->event), by_clock);
			return;
		}
}

/* ---- taking -------------------------------------------------------------- */

static void move_tail(struct tl_ring *t, struct ring *r, uint64_t *from,
		      uint32_t bytes)
{
	memset(from, 0, bytes); /* R1 */
	r->at = (r->at + bytes) & TL_HEAD_MASK;
	/* Release: the clearing; pairs with the writers' look at tail. */
	__atomic_store_n(&t->tail, r->at, __ATOMIC_RELEASE);
}

/* Begin anew where the writers are. */
static void give_up(struct rings *rs, struct tl_ring *t, struct ring *r)
{
	uint64_t head = __atomic_load_n(&t->head, __ATOMIC_RELAXED);
	uint32_t count = (uint32_t)(head >> TL_HEAD_BITS);

	rs->spoilt += (count - r->taken) & COUNT_MASK;
	r->taken = count;
	r->at = head & TL_HEAD_MASK & ~7ull;
	memset(t->data, 0, sizeof(t->data));
	__atomic_store_n(&t->tail, r->at, __ATOMIC_RELEASE);
}

/* Take the next record of @t: false, there is none. */
static bool take(struct rings *rs, struct tl_ring *t, struct ring *r)
{
	uint32_t off = (uint32_t)r->at & (TL_RING_BYTES - 8);
	uint64_t copy[MOST_WORDS], *from = t->data + off / 8;
	/* Acquire: the rest of the record (R2). */
	uint64_t first = __atomic_load_n(from, __ATOMIC_ACQUIRE);
	uint32_t size = (uint16_t)first, type = (uint16_t)(first >> 16);
	struct tl_record head;

	if (!first)
		return false;
	if (type == TL_PAD && size == TL_RING_BYTES - off) {
		move_tail(t, r, from, size);
		return true;
	}
	if ((type != TL_EVENT && type != TL_EVENT_STACK) ||
	    size < TL_EVENT_HEAD || size > 8 * MOST_WORDS || size % 8 ||
	    size > TL_RING_BYTES - off) {
		give_up(rs, t, r);
		return false;
	}
	memcpy(copy, from, size);
	copy[0] = first;
	memcpy(&head, copy, sizeof(head));
	keep(rs->into,
	     &(struct waiting){ head.clock, head.probe, head.thread,
				head.faults, (size - TL_EVENT_HEAD) / 8, 0 },
	     copy + TL_EVENT_HEAD / 8);
	move_tail(t, r, from, size);
	r->taken = (r->taken + 1) & COUNT_MASK;
	return true;
}

/* All of a ring, but not for ever. */
static void take_all(struct rings *rs, int i, bool last)
{
	struct tl_ring *t = &rs->e->ring[i];
	struct ring *r = &rs->ring[i];
	uint64_t begin = r->at;

	while (((r->at - begin) & TL_HEAD_MASK) < TL_RING_BYTES &&
	       (last || rs->into->used + 4 * rs->into->n < MOST_WAITING))
		if (!take(rs, t, r))
			break;
	/* A gap, and nobody fills it any more. */
	if (last && (__atomic_load_n(&t->head, __ATOMIC_RELAXED) &
		     TL_HEAD_MASK) != r->at)
		give_up(rs, t, r);
}

/* ---- handing on ---------------------------------------------------------- */

/* The time of @clock, between two moments that are known. */
static uint64_t ns_of(const struct rings *r, const struct moment *now,
		      uint64_t clock)
{
	uint64_t ticks = now->ticks - r->before.ticks;
	uint64_t ns = now->ns - r->before.ns;

	if (clock < r->before.ticks || !ticks)
		return r->before.ns - r->begin.ns;
	if (clock > now->ticks)
		clock = now->ticks;
	return r->before.ns - r->begin.ns +
	       (uint64_t)((double)(clock - r->before.ticks) *
			  ((double)ns / (double)ticks));
}

/* Take what there is; what is older than now is to be handed on. */
static void look(struct rings *r, bool last)
{
	struct store *s = &r->now;

	r->until = moment_now();
	r->into = s;
	for (int k = 0; k < TL_RINGS; k++)
		take_all(r, k, last);
	r->into = &r->later;
	if (last)
		r->until = moment_now();
	sort(s);
	for (r->end = s->n; r->end && !last; r->end--)
		if (s->event[r->end - 1].clock < r->until.ticks)
			break;
	r->next = 0;
	r->looked = true;
}

static void hand_on_one(struct rings *r)
{
	const struct store *s = &r->now;
	const struct waiting *w = &s->event[r->next++];
	struct session_event e = {
		.ns = ns_of(r, &r->until, w->clock),
		.clock = w->clock,
		.probe = w->probe,
		.thread = w->thread,
		.faults = w->faults,
		.n = w->n,
		.words = s->words + w->words,
	};

	r->fn(r->arg, &e);
}

/* All of a look, or for as long as is good; how many. */
static size_t hand_on(struct rings *r, bool last)
{
	uint64_t begin = moment_now().ns;
	struct store *s = &r->now;
	size_t first = r->next;
	struct store empty;

	while (r->next < r->end) {
		hand_on_one(r);
		if (r->next % AT_ONCE || last)
			continue;
		/* The target does not wait for whoever reads what we write. */
		for (int k = 0; k < TL_RINGS; k++)
			take_all(r, k, false);
		if (moment_now().ns - begin > AT_ONCE_NS)
			return r->next - first;
	}
	/* The rest is for the next time. */
	for (size_t k = r->end; k < s->n; k++)
		keep(&r->later, &s->event[k], s->words + s->event[k].words);
	s->n = s->used = 0;
	empty = r->now;
	r->now = r->later;
	r->later = empty;
	r->before = r->until;
	r->looked = false;
	return r->end - first;
}

size_t rings_poll(struct rings *r, bool last)
{
	size_t n = 0;

	if (!r->looked)
		look(r, false);
	if (last) {
		/* What was begun, then what is left. */
		n = hand_on(r, true);
		look(r, true);
	}
	return n + hand_on(r, last);
}

uint64_t rings_upto(const struct rings *r)
{
	if (!r->looked)
		return r->before.ticks;
	return r->next < r->end ? r->now.event[r->next].clock : r->until.ticks;
}

/* SPDX-License-Identifier: MIT */
/*
 * rings.c - the reader of a session's rings (see agent/events.h)
 *
 * The target can write anything into its rings at any time.  What counts is our
 * own: `at`, the tail; a record is copied by its size, which was checked, and
 * then the copy is looked at.  A ring that makes no sense is cleared, and what
 * was in it is lost.
 *
 * A thread of its own empties the rings, which takes little time, so that they
 * do not fill while an event is being written out, or nobody reads what we
 * write.  What it has taken waits in memory for rings_poll(), which hands it on.
 *
 *   D1  All of the rings, `ring`, `taken` and `looked_at` are whoever's holds
 *       `lock`.
 *   D2  What is older than the moment before a look at all rings, and is not
 *       being written just then, has been taken by that look.
 */
#define _GNU_SOURCE
#include "rings.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <events.h>

#include "isa.h"
#include "text.h"

/*
 * Events that are waiting, in words, of all sessions together.  More stay in the
 * rings, which may lose some then.  That is what a command writes out in some
 * seconds when it is to end.
 */
#define MOST_WAITING (16u << 20)

/* After so many that were handed on we look at the clock; */
#define AT_ONCE 64

/* then, or after so many, whoever called wants to look at other things, too. */
#define AT_ONCE_NS   100000000
#define AT_ONCE_MOST 65536

/* How often the rings are emptied, while there is something in them or not. */
#define BUSY_NS 2000000
#define IDLE_NS 10000000

/* Where it may not have a real-time priority. */
#define NICE_OF_READER (-10)

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
	uint32_t bytes; /* of a ring that are in use */
	pthread_t reader;
	bool reading;	/* there is one */
	bool leave;	/* he is to end */
	bool block;	/* threads wait for room, so nothing is to be lost */
	size_t waiting; /* words of `now`, for the reader to know */
	pthread_mutex_t lock;
	struct ring ring[TL_RINGS]; /* D1 */
	struct store taken;
	struct moment looked_at;
	struct store now, later;
	/* A look: events up to `end_of_look` are handed on, `next` is the next one. */
	bool looked;
	size_t next, end_of_look;
	struct moment begin, before, until;
	uint64_t opened; /* ticks */
	uint64_t spoilt;
};

static unsigned int n_open; /* readers; they share MOST_WAITING */

static struct moment moment_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct moment){ isa_ticks(), (uint64_t)t.tv_sec * 1000000000 +
						     (uint64_t)t.tv_nsec };
}

static size_t free_memory(void)
{
	long pages = sysconf(_SC_AVPHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);

	return pages > 0 ? (size_t)pages * (size_t)bytes : 0;
}

/* All rings together take a sixteenth of what is free at most, if they can. */
static uint32_t bytes_of_ring(size_t room)
{
	uint32_t bytes = TL_RING_BYTES;

	while (bytes > TL_RING_LEAST && bytes > room / 16 / TL_RINGS)
		bytes /= 2;
	return bytes;
}

/* Is it known already, in a fork child? */
static bool is_ring_size(uint32_t bytes)
{
	return bytes >= TL_RING_LEAST && bytes <= TL_RING_BYTES &&
	       !(bytes & (bytes - 1));
}

struct rings *rings_open(struct tl_events *e, session_event_fn fn, void *arg)
{
	struct rings *r = calloc(1, sizeof(*r));
	uint32_t bytes = __atomic_load_n(&e->ring_bytes, __ATOMIC_RELAXED);
	size_t room = free_memory();

	if (!r)
		return NULL;
	r->e = e;
	r->fn = fn;
	r->arg = arg;
	r->begin = r->before = r->looked_at = moment_now();
	r->opened = r->begin.ticks;
	r->bytes = is_ring_size(bytes) ? bytes : bytes_of_ring(room);
	e->ring_bytes = r->bytes;
	pthread_mutex_init(&r->lock, NULL);
	__atomic_add_fetch(&n_open, 1, __ATOMIC_RELAXED);
	return r;
}

void rings_close(struct rings *r)
{
	struct store *s[] = { &r->taken, &r->now, &r->later };

	rings_end_reader(r);
	__atomic_sub_fetch(&n_open, 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < sizeof(s) / sizeof(*s); i++) {
		free(s[i]->event);
		free(s[i]->words);
	}
	pthread_mutex_destroy(&r->lock);
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

/* Where the run ends that begins at @i. */
static size_t run_end(const struct waiting *e, size_t i, size_t n)
{
	for (i++; i < n; i++)
		if (e[i].clock < e[i - 1].clock)
			break;
	return i;
}

/* Runs [@a, @b) and [@b, @end) of @from as one of @to. */
static void merge(struct waiting *to, const struct waiting *from, size_t a,
		  size_t b, size_t end)
{
	size_t mid = b, at = a;

	while (a < mid && b < end)
		to[at++] = from[b].clock < from[a].clock ? from[b++]
							 : from[a++];
	memcpy(to + at, from + a, (mid - a) * sizeof(*to));
	at += mid - a;
	memcpy(to + at, from + b, (end - b) * sizeof(*to));
}

/*
 * By their times; of two with one time the one that was taken first.  What comes
 * from one ring is mostly in order, so there are few runs to be merged.
 */
static void sort(struct store *s)
{
	struct waiting *to;
	size_t b, end;

	while (run_end(s->event, 0, s->n) < s->n) {
		to = must_alloc(s->room, sizeof(*to));
		for (size_t a = 0; a < s->n; a = end) {
			b = run_end(s->event, a, s->n);
			end = b < s->n ? run_end(s->event, b, s->n) : b;
			merge(to, s->event, a, b, end);
		}
		free(s->event);
		s->event = to;
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
	memset(t->data, 0, rs->bytes);
	__atomic_store_n(&t->tail, r->at, __ATOMIC_RELEASE);
}

/* Take the next record of @t: false, there is none. */
static bool take(struct rings *rs, struct tl_ring *t, struct ring *r)
{
	uint32_t off = (uint32_t)r->at & (rs->bytes - 8);
	uint64_t copy[MOST_WORDS], *from = t->data + off / 8;
	/* Acquire: the rest of the record (R2). */
	uint64_t first = __atomic_load_n(from, __ATOMIC_ACQUIRE);
	uint32_t size = (uint16_t)first, type = (uint16_t)(first >> 16);
	struct tl_record head;

	if (!first)
		return false;
	if (type == TL_PAD && size == rs->bytes - off) {
		move_tail(t, r, from, size);
		return true;
	}
	if ((type != TL_EVENT && type != TL_EVENT_STACK) ||
	    size < TL_EVENT_HEAD || size > 8 * MOST_WORDS || size % 8 ||
	    size > rs->bytes - off) {
		give_up(rs, t, r);
		return false;
	}
	memcpy(copy, from, size);
	copy[0] = first;
	memcpy(&head, copy, sizeof(head));
	keep(&rs->taken,
	     &(struct waiting){ head.clock, head.probe, head.thread,
				head.faults, (size - TL_EVENT_HEAD) / 8, 0 },
	     copy + TL_EVENT_HEAD / 8);
	move_tail(t, r, from, size);
	r->taken = (r->taken + 1) & COUNT_MASK;
	return true;
}

/* Those who wait for room in @t (R5 of events.h). */
static void wake_all(struct tl_ring *t)
{
	__atomic_add_fetch(&t->turn, 1, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&t->waiters, 0, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &t->turn, FUTEX_WAKE, INT_MAX, NULL, NULL,
			0);
}

/*
 * All of a ring, but not for ever, and not more than may wait: of what is left when
 * nobody writes any more the rest is lost, but for threads that waited for us.  How
 * many bytes.
 */
static uint64_t take_all(struct rings *rs, int i, bool last)
{
	struct tl_ring *t = &rs->e->ring[i];
	struct ring *r = &rs->ring[i];
	uint64_t begin = r->at, got;
	const struct store *s = &rs->taken;
	size_t before = __atomic_load_n(&rs->waiting, __ATOMIC_RELAXED);
	size_t most = MOST_WAITING / __atomic_load_n(&n_open, __ATOMIC_RELAXED);

	while (((r->at - begin) & TL_HEAD_MASK) < rs->bytes &&
	       ((last && rs->block) || before + s->used + 5 * s->n < most))
		if (!take(rs, t, r))
			break;
	/* A gap that nobody fills any more, or too much. */
	if (last && (__atomic_load_n(&t->head, __ATOMIC_RELAXED) &
		     TL_HEAD_MASK) != r->at)
		give_up(rs, t, r);
	got = (r->at - begin) & TL_HEAD_MASK;
	if (got)
		wake_all(t);
	return got;
}

/* Each ring once; the most that was in one of them. */
static uint64_t take_each(struct rings *r, bool last)
{
	uint64_t most = 0, got;

	for (int i = 0; i < TL_RINGS; i++) {
		got = take_all(r, i, last);
		if (got > most)
			most = got;
	}
	return most;
}

/* As take_each(). */
static uint64_t look_at_rings(struct rings *r, bool last)
{
	struct moment begin;
	uint64_t most;

	pthread_mutex_lock(&r->lock);
	if (__atomic_load_n(&r->e->block, __ATOMIC_RELAXED))
		r->block = true;
	begin = moment_now();
	most = take_each(r, last);
	r->looked_at = begin;
	pthread_mutex_unlock(&r->lock);
	return most;
}

/* ---- the reader ---------------------------------------------------------- */

/* Before those who fill the rings, if we may: it takes little time. */
static void come_first(void)
{
	struct sched_param p = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p))
		setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid),
			    NICE_OF_READER);
}

static void *reader(void *arg)
{
	struct rings *r = arg;
	struct timespec pause = { 0, IDLE_NS };
	uint64_t got;

	come_first();
	while (!__atomic_load_n(&r->leave, __ATOMIC_RELAXED)) {
		got = look_at_rings(r, false);
		/* What came meanwhile may be as much. */
		if (got > r->bytes / 4)
			continue;
		pause.tv_nsec = got ? BUSY_NS : IDLE_NS;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int rings_begin_reader(struct rings *r)
{
	sigset_t all, old;
	int err;

	/* Signals are for whoever waits for them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&r->reader, NULL, reader, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	r->reading = !err;
	return -err;
}

void rings_end_reader(struct rings *r)
{
	if (!r->reading)
		return;
	__atomic_store_n(&r->leave, true, __ATOMIC_RELAXED);
	pthread_join(r->reader, NULL);
	r->reading = false;
}

void rings_date_back(struct rings *r, const struct rings *like)
{
	r->begin = r->before = like->begin;
	/* Until the reader has looked, nothing is known of what was before. */
	pthread_mutex_lock(&r->lock);
	if (r->looked_at.ticks == r->opened)
		r->looked_at = like->begin;
	pthread_mutex_unlock(&r->lock);
}

/* ---- waiting for us ------------------------------------------------------- */

void rings_let_go(struct tl_events *e)
{
	__atomic_store_n(&e->block, 0, __ATOMIC_SEQ_CST);
	for (int i = 0; i < TL_RINGS; i++) {
		__atomic_store_n(&e->ring[i].waiters, 1, __ATOMIC_SEQ_CST);
		wake_all(&e->ring[i]);
	}
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

/* Take what there is; what is older than now is to be handed on (D2). */
static void look(struct rings *r, bool last)
{
	struct store *s = &r->now, empty = *s;

	if (!r->reading)
		look_at_rings(r, last);
	/* Whoever holds the lock may have to wait for a CPU: not for long. */
	pthread_mutex_lock(&r->lock);
	r->until = last ? moment_now() : r->looked_at;
	*s = r->taken;
	r->taken = empty;
	pthread_mutex_unlock(&r->lock);
	for (size_t k = 0; k < r->later.n; k++)
		keep(s, &r->later.event[k],
		     r->later.words + r->later.event[k].words);
	r->later.n = r->later.used = 0;
	__atomic_store_n(&r->waiting, s->used + 5 * s->n, __ATOMIC_RELAXED);
	sort(s);
	for (r->end_of_look = s->n; r->end_of_look && !last; r->end_of_look--)
		if (s->event[r->end_of_look - 1].clock < r->until.ticks)
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

	while (r->next < r->end_of_look) {
		hand_on_one(r);
		if (r->next % AT_ONCE || last)
			continue;
		if (r->next - first >= AT_ONCE_MOST ||
		    moment_now().ns - begin > AT_ONCE_NS)
			return r->next - first;
	}
	/* The rest is for the next time. */
	for (size_t k = r->end_of_look; k < s->n; k++)
		keep(&r->later, &s->event[k], s->words + s->event[k].words);
	s->n = s->used = 0;
	__atomic_store_n(&r->waiting, 0, __ATOMIC_RELAXED);
	r->before = r->until;
	r->looked = false;
	return r->end_of_look - first;
}

size_t rings_poll(struct rings *r, bool last)
{
	size_t n = 0;

	if (!r->looked)
		look(r, false);
	if (last) {
		/* What was begun, then what is left. */
		rings_end_reader(r);
		n = hand_on(r, true);
		look(r, true);
	}
	return n + hand_on(r, last);
}

uint64_t rings_upto(const struct rings *r)
{
	/* Nobody else's are kept back for what was before it was opened. */
	if (!r->looked)
		return r->before.ticks > r->opened ? r->before.ticks
						   : r->opened;
	return r->next < r->end_of_look ? r->now.event[r->next].clock
					: r->until.ticks;
}

/* SPDX-License-Identifier: MIT */
/*
 * sessions.c - the sessions that a guardian keeps, one for each tool
 *
 * All share the worker, the agent and the journal; a probe is marked with whose it
 * is.  Two sessions may have probes at one address: the engine has a list there.
 * The end of one removes its probes by the engine, which writes the text of those
 * that nobody else has and waits until no handler of them runs.  The end of the last
 * goes by undo.c, which needs no engine.
 *
 *   J1  An entry of the figures is used again only after the agent has said that
 *       its probe is unregistered; its counters begin at 0 again.
 *   J2  The memory of events is unmapped only after the agent has said that no
 *       handler can be in it.  In a program that stands still (SIGSTOP) in the
 *       middle of one that may be a long time: the session is leaving until then.
 *   J3  What was removed stays in the journal: it is the text as it was.
 */
#define _GNU_SOURCE
#include "sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "guardian.h"
#include "isa.h"
#include "leads.h"
#include "semaphores.h"

#define HURRY -15

uint64_t guardian_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/*
 * Where processes are weighed by session (autogroup) the nice value counts within
 * one only, and both have a session of their own.
 */
static void set_nice(pid_t pid, int nice)
{
	char path[64];
	int fd;

	setpriority(PRIO_PROCESS, (id_t)pid, nice);
	snprintf(path, sizeof(path), "/proc/%d/autogroup", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	dprintf(fd, "%d", nice);
	close(fd);
}

void guardian_hurry(const struct guardian *g, bool hurry)
{
	static int usual;

	if (hurry)
		usual = getpriority(PRIO_PROCESS, 0);
	set_nice(getpid(), hurry ? HURRY : usual);
	if (g->hold.w.pid && !g->hold.w.lost)
		set_nice(g->hold.w.pid, hurry ? HURRY : usual);
}

static uint32_t index_of(const struct guardian *g, const struct client *c)
{
	return (uint32_t)(c - g->client);
}

static struct tl_session *entry_of(struct guardian *g, const struct client *c)
{
	return &g->hold.figures->session[index_of(g, c)];
}

int session_count(const struct guardian *g)
{
	int n = 0;

	for (int i = 0; i < TL_MAX_SESSIONS; i++)
		n += g->client[i].used && !g->client[i].leaving;
	return n;
}

void session_fill(struct guardian *g, struct wire *m, int result)
{
	struct hold *h = &g->hold;
	uint64_t ns = guardian_now() - g->first_ns;

	m->result = result;
	m->state = g->state;
	m->stats.attach_ns = h->attach_ns;
	m->stats.longest_stop_ns = h->longest_stop_ns;
	m->stats.threads = h->threads;
	m->stats.ticks_per_second = isa_tick_rate();
	if (ns && !m->stats.ticks_per_second)
		m->stats.ticks_per_second =
			(uint64_t)((double)(isa_ticks() - g->first_ticks) /
				   (double)ns * 1e9);
	snprintf(m->error, sizeof(m->error), "%s", session_error());
	refuse(0, "%s", "");
}

/* ---- entries of the figures ------------------------------------------------ */

/* Entries of a session's probes, and of what else the target writes there. */
static void clear_counter(struct tl_figures *f, uint32_t at)
{
	for (size_t i = 0; i < TL_SHARDS; i++)
		*(uint64_t *)(f->counters[0] + tl_counter_at(at) +
			      (i << TL_SHARD_SHIFT)) = 0;
}

/*
 * A free entry, or TL_MAX_PROBES.  Those that were freed last come last: a hit
 * that is still on its way may be counted there.
 */
static uint32_t free_entry(const struct guardian *g)
{
	for (uint32_t i = 0; i < TL_MAX_PROBES; i++) {
		uint32_t at = (g->next + i) % TL_MAX_PROBES;

		if (!g->owner[at])
			return at;
	}
	return TL_MAX_PROBES;
}

static uint32_t free_times(const struct guardian *g)
{
	uint32_t i = 0;

	while (i < TL_MAX_TIMES && g->timed[i])
		i++;
	return i;
}

static void give_entry(struct guardian *g, uint32_t at)
{
	struct tl_probe *e = &g->hold.figures->probe[at];

	if (e->action == SESSION_TIME && e->times < TL_MAX_TIMES)
		g->timed[e->times] = 0;
	g->owner[at] = 0;
	g->semaphore[at] = 0;
	e->session = 0;
}

/* Make an entry of the figures from @p: p->entry; 0, or a negative errno. */
static int enter(struct guardian *g, const struct client *c,
		 const struct maps *maps, struct session_probe *p)
{
	struct tl_figures *f = g->hold.figures;
	uint32_t at = free_entry(g), times = 0;
	struct tl_probe *e = &f->probe[at];
	enum tl_why why = TL_WHY_NONE;
	uint32_t flags;

	if (p->action == SESSION_TIME)
		times = free_times(g);
	if (at == TL_MAX_PROBES || times == TL_MAX_TIMES)
		return -ENOSPC;
	memset(e, 0, sizeof(*e));
	e->err = judge_probe(g->hold.pid, maps, &g->nature, p, &why, &flags);
	e->flags = flags;
	e->why = why;
	e->start = p->start;
	e->end = p->end;
	e->action = p->action;
	e->program = p->program;
	e->inroads = leads_at(p->addr);
	e->flags |= TL_PROBE_INROADS;
	e->session = index_of(g, c) + 1;
	e->number = p->id;
	memcpy(e->name, p->name, sizeof(e->name) - 1);
	if (p->action == SESSION_TIME) {
		e->times = times;
		g->timed[times] = (uint8_t)e->session;
		memset(&f->times[times], 0, sizeof(f->times[0]));
	}
	clear_counter(f, at);
	__atomic_store_n(&e->addr, p->addr, __ATOMIC_RELEASE);
	g->owner[at] = (uint8_t)e->session;
	g->semaphore[at] = p->semaphore;
	g->next = at + 1;
	if (at >= g->n_probes)
		g->n_probes = at + 1;
	p->entry = at;
	return 0;
}

static void harvest(struct guardian *g, struct session_probe *p)
{
	const struct tl_probe *e = &g->hold.figures->probe[p->entry];

	p->err = e->err;
	p->why = e->why < TL_NR_WHY ? (enum tl_why)e->why : TL_WHY_NONE;
	p->kind = e->kind <= SESSION_ISLAND ? (enum session_kind)e->kind
					    : SESSION_NOT_ARMED;
	if (p->err)
		p->kind = SESSION_NOT_ARMED;
}

/* ---- arming ---------------------------------------------------------------- */

/*
 * A window that a thread will return into, or threads that did not stop in
 * time: some milliseconds later it may be otherwise.
 */
static bool worth_another_try(const struct session_probe *p)
{
	return p->err && (p->why == TL_WHY_BUSY || p->err == -EAGAIN ||
			  p->err == -ETIMEDOUT);
}

#define TRIES 8

/* What a refusal of libtrapline's that has no reason means. */
static void say_blocked(const struct session_probe *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (p[i].err == -EBUSY &&
		    (p[i].why == TL_WHY_NONE || p[i].why == TL_WHY_DISABLED)) {
			refuse(0,
			       "%s: libtrapline changes no text while a thread blocks SIGTRAP",
			       p[i].name);
			return;
		}
}

/* How many of @p, from the first on, have entries that follow one another. */
static uint32_t run_of(const struct session_probe *p, uint32_t n)
{
	uint32_t run = 1;

	while (run < n && p[run].entry == p[run - 1].entry + 1)
		run++;
	return run;
}

/* Arm @p, whose entries are made. */
static long arm(struct guardian *g, const struct client *c,
		struct session_probe *p, uint32_t n)
{
	struct hold *h = &g->hold;
	uint32_t owner = index_of(g, c), run;
	bool again = true;
	long result = 0;

	for (uint32_t i = 0; i < n && !result; i += run) {
		run = run_of(p + i, n - i);
		result = hold_add(h, owner, p[i].entry, run);
	}
	for (uint32_t i = 0; i < n; i++)
		harvest(g, &p[i]);
	for (int turn = 1; !result && again && turn < TRIES; turn++) {
		again = false;
		for (uint32_t i = 0; i < n && !result; i++) {
			struct tl_probe *e = &h->figures->probe[p[i].entry];

			if (!worth_another_try(&p[i]))
				continue;
			usleep(again ? 0 : 2000u << turn);
			again = true;
			e->err = 0;
			result = hold_add(h, owner, p[i].entry, 1);
			harvest(g, &p[i]);
		}
	}
	if (!result && h->library)
		say_blocked(p, n);
	return result;
}

/* Those that are armed at markers make the program come to them. */
static void raise_semaphores(struct guardian *g, const struct maps *maps,
			     struct session_probe *p, uint32_t n)
{
	struct hold *h = &g->hold;

	for (uint32_t i = 0; i < n; i++) {
		if (!p[i].semaphore || p[i].kind == SESSION_NOT_ARMED)
			continue;
		p[i].err = semaphore_raise(&h->w, maps, &h->figures->semaphores,
					   p[i].semaphore);
		/* Nobody will come there. */
		if (p[i].err)
			p[i].kind = SESSION_NOT_ARMED;
	}
}

static int ended(const struct guardian *g)
{
	return refuse(-ESRCH, "process %d has ended", g->hold.pid);
}

/* Arm @n probes of @c; the number of those that are. */
static int add(struct guardian *g, struct client *c, struct session_probe *p,
	       uint32_t n)
{
	int armed = 0, err = 0;
	struct maps maps;
	long result;
	uint32_t i;

	if (g->state != SESSION_ALIVE)
		return ended(g);
	if (maps_read(&maps, g->hold.pid))
		return ended(g);
	if (!g->hold.library)
		leads_learn(g->hold.pid, &maps, p, n);
	for (i = 0; i < n && !err; i++) {
		p[i].id = c->n + i;
		err = enter(g, c, &maps, &p[i]);
	}
	if (err) {
		for (; i > 1; i--)
			give_entry(g, p[i - 2].entry);
		maps_free(&maps);
		return refuse(
			err,
			"more than %u probes, or more than %u timed, in process %d",
			TL_MAX_PROBES, TL_MAX_TIMES, g->hold.pid);
	}
	/* What is not the tool's has no number. */
	if (!n || p->action != SESSION_LOADER)
		c->n += n;
	result = arm(g, c, p, n);
	if (!result)
		raise_semaphores(g, &maps, p, n);
	maps_free(&maps);
	if (result)
		return result == -ESRCH ? ended(g) : (int)result;
	for (i = 0; i < n; i++)
		armed += p[i].kind != SESSION_NOT_ARMED;
	if (armed && p->action == SESSION_LOADER) {
		c->late = true;
		err = loader_watch(g);
	}
	if (err)
		return refuse(err, "nobody can wait for libraries: %s",
			      strerror(-err));
	session_kill_point(29);
	return armed;
}

/*
 * The probes are in a memory file: however many there are, nobody waits for a
 * tool that does not read.
 */
static bool serve_add(struct guardian *g, struct client *c, struct wire *m)
{
	struct session_probe *p = NULL;
	int fd = -1;
	size_t bytes = m->n * sizeof(*p);
	bool good = wire_receive_passed(c->fd, &fd) && fd >= 0 &&
		    m->n <= TL_MAX_PROBES;

	if (good)
		p = calloc(m->n + 1, sizeof(*p));
	good = p && pread(fd, p, bytes, 0) == (ssize_t)bytes;
	if (good) {
		guardian_hurry(g, true);
		session_fill(g, m, add(g, c, p, m->n));
		guardian_hurry(g, false);
		good = pwrite(fd, p, bytes, 0) == (ssize_t)bytes &&
		       wire_send(c->fd, m, sizeof(*m));
	}
	free(p);
	if (fd >= 0)
		close(fd);
	return good;
}

bool session_serve(struct guardian *g, struct client *c, struct wire *m)
{
	switch (m->what) {
	case WIRE_ADD:
		return serve_add(g, c, m);
	case WIRE_SERVED:
		loader_served(g, c, m->n);
		return true;
	case WIRE_STATS:
		session_fill(g, m, 0);
		return wire_send(c->fd, m, sizeof(*m));
	}
	return false;
}

/* ---- beginning ------------------------------------------------------------- */

static struct client *free_client(struct guardian *g)
{
	for (int i = 0; i < TL_MAX_SESSIONS; i++)
		if (!g->client[i].used)
			return &g->client[i];
	return NULL;
}

/* Who is at the other end, as he may be shown. */
static void describe(struct tl_session *s, int fd,
		     const struct session_options *opt)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	s->tool = (uint32_t)who.pid;
	s->user = who.uid;
	for (size_t i = 0; i + 1 < sizeof(s->what) && opt->what[i]; i++)
		s->what[i] = opt->what[i] >= ' ' && opt->what[i] < 127
				     ? (uint8_t)opt->what[i]
				     : '?';
}

/* A filter that lets the agent work may still forbid what events need. */
static int judge_more(struct guardian *g, const struct session_options *opt)
{
	bool events = judge_events, block = judge_block;
	int err;

	if ((!opt->events && !opt->late) ||
	    (judge_events && (judge_block || !(opt->block || opt->late))))
		return 0;
	err = judge_events_in(g->hold.pid, opt->force);
	if (err)
		return err;
	judge_events = true;
	judge_block |= opt->block || opt->late;
	/* It was born with the target's filters. */
	err = judge_seccomp(g->hold.w.pid, opt->force);
	if (err) {
		judge_events = events;
		judge_block = block;
	}
	return err;
}

/* For a follower: what a fork child has, and where. */
static struct follow_where where(const struct guardian *g, uint32_t owner)
{
	const struct hold *h = &g->hold;
	struct follow_where w = { 0 };

	if (h->library)
		return w;
	w.gate = h->base + h->image_bytes;
	w.figures = h->figures_at;
	w.events = h->events[owner].start;
	w.adopt = h->entry + (uint64_t)(int64_t)h->at.adopt;
	w.adopt_file = h->entry + (uint64_t)(int64_t)h->at.adopt_file;
	w.adopt_map = h->entry + (uint64_t)(int64_t)h->at.adopt_map;
	w.adopt_kept = h->entry + (uint64_t)(int64_t)h->at.adopt_kept;
	return w;
}

/* The tool may read the figures, and empty its rings, and nothing else. */
static int hand_out(struct guardian *g, int fd, int events, uint32_t owner)
{
	struct wire m = { .what = WIRE_ATTACHED, .where = where(g, owner) };
	char path[64];
	int readable;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", g->hold.figures_fd);
	readable = open(path, O_RDONLY | O_CLOEXEC);
	session_fill(g, &m, 0);
	if (!wire_send_fd(fd, &m, readable) ||
	    (events >= 0 && !wire_send_fd(fd, &m, events))) {
		close(readable);
		return -EPIPE;
	}
	close(readable);
	return 0;
}

int session_begin(struct guardian *g, int fd, const struct wire_start *start)
{
	struct client *c = free_client(g);
	int err, events = -1;

	if (!c)
		return refuse(
			-EBUSY,
			"process %d has %d sessions, and can have no more",
			g->hold.pid, TL_MAX_SESSIONS);
	if (g->state != SESSION_ALIVE || g->hold.w.lost)
		return refuse(-EAGAIN,
			      "the session on process %d is about to end",
			      g->hold.pid);
	err = judge_more(g, &start->options);
	if (!err && start->options.events)
		err = events = hold_events(&g->hold, index_of(g, c));
	if (err < 0)
		return err;
	*c = (struct client){ .used = true,
			      .fd = fd,
			      .follow = start->options.follow };
	*entry_of(g, c) = (struct tl_session){
		.state = TL_SESSION_ALIVE,
		.events = g->hold.events[index_of(g, c)].start,
	};
	describe(entry_of(g, c), fd, &start->options);
	err = hand_out(g, fd, events, index_of(g, c));
	if (err) {
		hold_drop_events(&g->hold, index_of(g, c));
		*entry_of(g, c) = (struct tl_session){ 0 };
		c->used = false;
	}
	return err;
}

/* ---- leaving --------------------------------------------------------------- */

/* Lower what only probes of @owner have raised. */
static void lower_semaphores(struct guardian *g, uint32_t owner)
{
	const struct tl_semaphores *s = &g->hold.figures->semaphores;
	struct maps maps;

	if (maps_read(&maps, g->hold.pid))
		return;
	for (uint32_t i = 0; i < g->n_probes; i++) {
		uint64_t addr = g->semaphore[i];
		bool others = false;

		if (!addr || g->owner[i] != owner + 1)
			continue;
		for (uint32_t k = 0; k < g->n_probes && !others; k++)
			others = g->semaphore[k] == addr &&
				 g->owner[k] != owner + 1;
		if (!others)
			semaphore_lower(&g->hold.w, &maps, s, addr);
	}
	maps_free(&maps);
}

static void forget(struct guardian *g, struct client *c)
{
	hold_drop_events(&g->hold, index_of(g, c));
	*entry_of(g, c) = (struct tl_session){ 0 };
	*c = (struct client){ .fd = -1 };
}

#define FIRST_WAIT 500000000ull
#define LAST_WAIT  30000000000ull

int session_leave(struct guardian *g, struct client *c)
{
	uint32_t owner = index_of(g, c);
	long err;

	c->late = c->owes = false;
	loader_left(g);
	if (g->state != SESSION_ALIVE) {
		*c = (struct client){ .fd = -1 };
		return 0;
	}
	if (g->hold.w.lost) {
		c->leaving = true;
		c->next = ~0ull;
		return refuse(
			-ECHILD,
			"our process in process %d was killed: what is left goes with the last session there",
			g->hold.pid);
	}
	hold_let_go(&g->hold, owner);
	session_kill_point(57);
	guardian_hurry(g, true);
	err = hold_remove(&g->hold, owner);
	guardian_hurry(g, false);
	session_kill_point(58);
	if (err && err != -EBUSY && err != -EAGAIN) {
		c->leaving = true;
		c->next = ~0ull;
		return (int)err;
	}
	lower_semaphores(g, owner);
	for (uint32_t i = 0; i < g->n_probes; i++) /* J1 */
		if (g->owner[i] == owner + 1)
			give_entry(g, i);
	entry_of(g, c)->state = TL_SESSION_LEAVING;
	c->leaving = true;
	c->fd = -1;
	c->wait = FIRST_WAIT;
	c->next = guardian_now() + c->wait;
	if (!err)
		forget(g, c);
	session_kill_point(59);
	return 0;
}

/* J2 */
void session_sweep(struct guardian *g)
{
	for (uint32_t i = 0; i < TL_MAX_SESSIONS; i++) {
		struct client *c = &g->client[i];

		if (!c->leaving || g->state != SESSION_ALIVE ||
		    g->hold.w.lost || guardian_now() < c->next)
			continue;
		if (!hold_remove(&g->hold, i)) {
			forget(g, c);
			continue;
		}
		if (c->wait < LAST_WAIT)
			c->wait *= 2;
		c->next = guardian_now() + c->wait;
	}
}

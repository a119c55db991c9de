/* SPDX-License-Identifier: MIT */
/*
 * session.c - the tool's end of a session
 *
 * The guardian is forked twice, so that it is nobody's child, and has a
 * session of its own.  What it does is in guardian/; here is what the tool
 * needs to ask it, and to read the figures, which it maps read-only.
 */
#define _GNU_SOURCE
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <protocol.h>

#include "rings.h"
#include "text.h"

#include "guardian/find.h"
#include "guardian/guardian.h"
#include "guardian/hold.h"
#include "guardian/wire.h"

struct session {
	int fd;
	enum session_state state;
	const struct tl_figures *figures;
	struct tl_events *events; /* NULL: not asked for */
	struct rings *rings;
	uint32_t n; /* probes so far */
	struct session_stats stats;
};

_Static_assert(SESSION_BUCKETS == TL_TIME_BUCKETS &&
		       SESSION_SUB_BITS == TL_TIME_SUB_BITS,
	       "the figures' times are the session's");

uint64_t session_bucket_low(unsigned int i)
{
	unsigned int sub = 1u << SESSION_SUB_BITS;

	if (i < 2 * sub)
		return i;
	return (uint64_t)(sub + i % sub) << (i / sub - 1);
}

/* ---- attaching ----------------------------------------------------------- */

/* Fork twice; the grandchild is the guardian.  Its process id is not known. */
static int start_guardian(int fds[2], const struct wire_start *start)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return refuse(-errno, "cannot start another process: %s",
			      strerror(errno));
	if (child == 0) {
		close(fds[0]);
		setsid();
		if (fork() == 0)
			guardian_main(fds[1], start);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static int await_attached(struct session *s, const struct session_options *opt)
{
	struct wire m;
	void *p;
	int fd;

	if (!wire_receive_fd(s->fd, &m, &fd))
		return refuse(-EPIPE, "the guardian died while it attached");
	s->stats = m.stats;
	if (m.result < 0)
		return refuse(m.result, "%s", m.error);
	if (fd < 0)
		return refuse(-EIO, "the guardian sent no figures");
	p = mmap(NULL, sizeof(*s->figures), PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED && opt->events) {
		s->events = mmap(NULL, sizeof(*s->events),
				 PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				 sizeof(*s->figures));
		if (s->events == MAP_FAILED) {
			s->events = NULL;
			munmap(p, sizeof(*s->figures));
			p = MAP_FAILED;
		} else if (opt->block) {
			s->events->block = 1;
		}
	}
	close(fd);
	if (p == MAP_FAILED)
		return refuse(-errno, "cannot map the figures: %s",
			      strerror(errno));
	s->figures = p;
	return 0;
}

int session_attach(struct session **out, pid_t pid,
		   const struct session_options *opt)
{
	struct wire_start start = { .pid = pid };
	struct session *s;
	int fds[2], err;

	*out = NULL;
	if (opt)
		start.options = *opt;
	s = calloc(1, sizeof(*s));
	if (!s)
		return refuse(-ENOMEM, "no memory");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)) {
		err = refuse(-errno, "no socket: %s", strerror(errno));
		goto free_session;
	}
	session_kill_point(1);
	err = start_guardian(fds, &start);
	close(fds[1]);
	s->fd = fds[0];
	session_kill_point(2);
	if (!err)
		err = await_attached(s, &start.options);
	if (err == -EPIPE) {
		session_kill_point(9);
		session_clean(pid);
		refuse(err, "the guardian died while it attached");
	}
	if (err)
		goto close_socket;
	session_kill_point(3);
	*out = s;
	return 0;

close_socket:
	close(s->fd);
free_session:
	free(s);
	return err;
}

/* ---- asking -------------------------------------------------------------- */

/* Read up to the answer to @what; what comes unasked changes the state. */
static int receive(struct session *s, uint32_t what, struct wire *m)
{
	do {
		if (!wire_receive(s->fd, m, sizeof(*m))) {
			if (s->state == SESSION_ALIVE)
				s->state = SESSION_LOST;
			return refuse(-EPIPE, "the guardian is gone");
		}
		if (m->what == WIRE_STATE)
			s->state = m->state;
	} while (m->what != what);
	s->stats = m->stats;
	if (m->error[0])
		refuse(0, "%s", m->error);
	return m->result;
}

int session_add(struct session *s, struct session_probe *probes, size_t n)
{
	struct wire m = { .what = WIRE_ADD, .n = (uint32_t)n };
	int armed;

	if (n > TL_MAX_PROBES - s->n)
		return refuse(-ENOSPC, "more than %u probes in a session",
			      TL_MAX_PROBES);
	session_kill_point(4);
	if (!wire_send(s->fd, &m, sizeof(m)) ||
	    !wire_send(s->fd, probes, n * sizeof(*probes))) {
		s->state = SESSION_LOST;
		return refuse(-EPIPE, "the guardian is gone");
	}
	session_kill_point(5);
	armed = receive(s, WIRE_ADD, &m);
	/* The probes come back after a refusal, too. */
	if (m.what != WIRE_ADD ||
	    !wire_receive(s->fd, probes, n * sizeof(*probes)))
		return armed < 0 ? armed : -EPIPE;
	if (armed >= 0)
		s->n += (uint32_t)n;
	session_kill_point(6);
	return armed;
}

uint64_t session_hits(struct session *s, uint32_t id)
{
	if (id >= TL_MAX_PROBES)
		return 0;
	if (s->figures->probe[id].action == SESSION_TIME)
		return s->figures
			->times[s->figures->probe[id].times % TL_MAX_TIMES]
			.calls;
	return tl_counter_read((const uint64_t *)s->figures->counters + id);
}

/* ---- events -------------------------------------------------------------- */

int session_set_program(struct session *s, uint32_t index,
			const struct tl_program *p)
{
	if (!s->events || index >= TL_MAX_PROGRAMS)
		return refuse(-EINVAL, "no room for what probes do");
	s->events->program[index] = *p;
	return 0;
}

int session_on_events(struct session *s, session_event_fn fn, void *arg)
{
	s->rings = s->events ? rings_open(s->events, fn, arg) : NULL;
	if (!s->rings)
		return refuse(-ENOMEM, "no memory for events");
	rings_begin_reader(s->rings);
	return 0;
}

size_t session_poll_events(struct session *s)
{
	return s->rings ? rings_poll(s->rings, false) : 0;
}

uint64_t session_events_upto(struct session *s)
{
	return s->rings ? rings_upto(s->rings) : UINT64_MAX;
}

/* Nobody writes any more. */
static void end_events(struct session *s)
{
	if (s->rings) {
		rings_poll(s->rings, true);
		s->stats.lost = rings_lost(s->rings);
		rings_close(s->rings);
	}
	if (s->events)
		munmap(s->events, sizeof(*s->events));
}

/* As the target has it, into the form of session.h. */
static void copy_times(const struct tl_times *t, struct session_times *out)
{
	out->calls = t->calls;
	out->missed = t->missed;
	out->total = t->total;
	out->min = t->min ? t->min - 1 : 0;
	out->max = t->max;
	memcpy(out->bucket, t->bucket, sizeof(out->bucket));
}

/* Key @at of @t, as the target has it: false, it makes no sense. */
static bool copy_key(const struct tl_keys *t, uint32_t at,
		     struct session_key *out)
{
	struct tl_key k = *(const volatile struct tl_key *)&t->key[at];

	if (k.n > TL_KEY_WORDS || k.probe >= TL_MAX_PROBES)
		return false;
	*out = (struct session_key){ .probe = k.probe,
				     .fault = k.fault,
				     .count = k.count };
	memcpy(out->word, k.word, k.n * sizeof(*k.word));
	if (at < TL_KEY_TIMES && t->times[at].calls)
		copy_times(&t->times[at], &out->times);
	return true;
}

void session_keys(struct session *s, struct session_keys *out)
{
	const struct tl_keys *t = s->events ? &s->events->keys : NULL;
	size_t room = 0;

	*out = (struct session_keys){ 0 };
	if (!t)
		return;
	out->lost = t->lost;
	out->unknown = t->unknown;
	for (uint32_t i = 0; i < TL_KEY_SLOTS; i++) {
		/* Acquire: the key (K1). */
		uint32_t at = __atomic_load_n(&t->slot[i], __ATOMIC_ACQUIRE);

		if (!at || at > TL_MAX_KEYS)
			continue;
		if (out->n == room) {
			room = room ? room * 2 : 64;
			out->key = must_grow(out->key, room, sizeof(*out->key));
		}
		out->n += copy_key(t, at - 1, &out->key[out->n]);
	}
}

void session_keys_free(struct session_keys *k)
{
	free(k->key);
	*k = (struct session_keys){ 0 };
}

/* ---- figures ------------------------------------------------------------- */

uint64_t session_missed(struct session *s, uint32_t id)
{
	return id < TL_MAX_PROBES ? s->figures->probe[id].missed : 0;
}

bool session_times(struct session *s, uint32_t id, struct session_times *out)
{
	const struct tl_probe *p;

	if (id >= TL_MAX_PROBES)
		return false;
	p = &s->figures->probe[id];
	if (p->action != SESSION_TIME)
		return false;
	copy_times(&s->figures->times[p->times % TL_MAX_TIMES], out);
	out->missed = p->missed;
	return true;
}

enum session_state session_state(struct session *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	struct wire m;

	while (s->state != SESSION_LOST && poll(&p, 1, 0) > 0) {
		if (!wire_receive(s->fd, &m, sizeof(m))) {
			if (s->state == SESSION_ALIVE)
				s->state = SESSION_LOST;
			break;
		}
		if (m.what == WIRE_STATE)
			s->state = m.state;
	}
	return s->state;
}

int session_fd(struct session *s)
{
	return s->fd;
}

void session_get_stats(struct session *s, struct session_stats *out)
{
	struct wire m = { .what = WIRE_STATS };

	if (s->state != SESSION_LOST && wire_send(s->fd, &m, sizeof(m)))
		receive(s, WIRE_STATS, &m);
	if (s->rings)
		s->stats.lost = rings_lost(s->rings);
	*out = s->stats;
}

int session_detach_stats(struct session *s, struct session_stats *stats)
{
	struct wire m = { .what = WIRE_DETACH };
	pid_t pid = (pid_t)s->figures->header.target;
	int err = 0;

	session_kill_point(7);
	if (s->events)
		rings_let_go(s->events);
	session_state(s);
	if (s->state == SESSION_LOST || !wire_send(s->fd, &m, sizeof(m)) ||
	    (err = receive(s, WIRE_DETACH, &m)) == -EPIPE) {
		/* Killed; what it left is ours to clean. */
		session_kill_point(9);
		err = session_clean(pid);
	}
	session_kill_point(8);
	end_events(s);
	*stats = s->stats;
	munmap((void *)(uintptr_t)s->figures, sizeof(*s->figures));
	close(s->fd);
	free(s);
	return err < 0 && err != -ESRCH ? err : 0;
}

int session_detach(struct session *s)
{
	struct session_stats ignored;

	return session_detach_stats(s, &ignored);
}

/* ---- sessions of others -------------------------------------------------- */

static uint64_t read_counter(int mem, uint64_t at)
{
	uint64_t sum = 0, v;

	for (uint64_t i = 0; i < TL_SHARDS; i++)
		if (!mem_read(mem, &v, at + (i << TL_SHARD_SHIFT), sizeof(v)))
			sum += v;
	return sum;
}

static void view_probe(struct session_view *v, const struct tl_figures *f,
		       size_t i, int mem, uint64_t at)
{
	const struct tl_probe *e = &f->probe[i];
	struct session_probe *p = &v->probes[i];
	uint64_t calls = 0;

	p->addr = e->addr;
	p->start = e->start;
	p->end = e->end;
	p->action = e->action;
	memcpy(p->name, e->name, sizeof(p->name) - 1);
	p->err = e->err;
	p->why = e->why < TL_NR_WHY ? (enum tl_why)e->why : TL_WHY_NONE;
	p->kind = e->kind <= SESSION_BREAKPOINT ? (enum session_kind)e->kind
						: SESSION_NOT_ARMED;
	p->by_exits = e->flags & TL_PROBE_BY_EXITS;
	p->id = (uint32_t)i;
	v->missed[i] = e->missed;
	if (e->action == SESSION_TIME)
		mem_read(mem, &calls,
			 at + offsetof(struct tl_figures, times) +
				 (e->times % TL_MAX_TIMES) *
					 sizeof(struct tl_times),
			 sizeof(calls));
	v->hits[i] =
		e->action == SESSION_TIME
			? calls
			: read_counter(mem, at + i * sizeof(uint64_t) +
						    offsetof(struct tl_figures,
							     counters));
}

int session_look(pid_t pid, struct session_view *out)
{
	struct tl_figures *f;
	struct found us;

	*out = (struct session_view){ 0 };
	if (kill(pid, 0) && errno == ESRCH)
		return refuse(-ESRCH, "no process %d", pid);
	find_us(&us, pid);
	f = us.figures;
	if (!f)
		return us.any;
	out->guardian = us.guardian;
	while (out->n < TL_MAX_PROBES && f->probe[out->n].addr)
		out->n++;
	out->probes = calloc(out->n + 1, sizeof(*out->probes));
	out->hits = calloc(out->n + 1, sizeof(*out->hits));
	out->missed = calloc(out->n + 1, sizeof(*out->missed));
	if (!out->probes || !out->hits || !out->missed) {
		session_view_free(out);
		out->n = 0;
	}
	for (size_t i = 0; i < out->n; i++)
		view_probe(out, f, i, us.mem, us.at);
	found_free(&us);
	return 1;
}

void session_view_free(struct session_view *v)
{
	free(v->probes);
	free(v->hits);
	free(v->missed);
	v->probes = NULL;
	v->hits = v->missed = NULL;
}

#define GUARDIAN_MS 5000
#define TURN_MS	    30000

/* Tell a living guardian to detach, and wait until it has: true if it has. */
static bool ask_guardian(const struct found *us, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, us->guardian, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool gone;

	if (fd < 0)
		return false;
	/* The descriptor is of the one that was verified only if it still is. */
	if (found_alive(us, pid))
		syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0);
	/* It may be as patient, and more so with a library. */
	gone = poll(&p, 1, 8 * GUARDIAN_MS) == 1;
	close(fd);
	return gone;
}

/*
 * One at a time: a tool whose guardian was told to end by `trapline detach` cleans,
 * too.  A descriptor to be closed, or -1: after some time we go on all the same.
 */
static int await_turn(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < TURN_MS / 10; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
			break;
		usleep(10000);
	}
	return fd;
}

static int clean(pid_t pid)
{
	struct worker w = { .mem = -1, .lost = true };
	bool removed = false;
	struct found us;
	int err = 0;

	if (kill(pid, 0))
		return errno == ESRCH
			       ? refuse(-ESRCH, "no process %d", pid)
			       : refuse(-EPERM, "no permission for process %d",
					pid);
	find_us(&us, pid);
	if (us.guardian) {
		removed = ask_guardian(&us, pid);
		if (!removed)
			err = refuse(-EBUSY,
				     "its guardian (pid %d) does not end",
				     us.guardian);
	}
	found_free(&us);
	if (err)
		return err;
	err = worker_clean_cave(pid);
	if (err < 0)
		return refuse(
			err,
			"a thread of it is where a killed trapline left it");
	/* A new worker gives back the page that the stub was in. */
	if (err > 0) {
		removed |= err == 1;
		removed |= !worker_make(&w, pid);
	}
	err = undo(pid, &w, GUARDIAN_MS);
	return err < 0 ? err : err || removed;
}

int session_clean(pid_t pid)
{
	int turn = await_turn(pid);
	int err = clean(pid);

	if (turn >= 0)
		close(turn);
	return err;
}

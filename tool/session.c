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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <protocol.h>

#include "rings.h"
#include "text.h"

#include "guardian/find.h"
#include "guardian/guardian.h"
#include "guardian/hold.h"
#include "guardian/judge.h"
#include "guardian/leads.h"
#include "guardian/lock.h"
#include "guardian/wire.h"

struct session {
	int fd;
	pid_t pid;
	enum session_state state;
	pid_t joined; /* the guardian, if it is not our own; at attach */
	const struct tl_figures *figures;
	struct tl_events *events; /* NULL: not asked for */
	struct rings *rings;
	bool leaves;	 /* its guardian was asked to detach */
	uint32_t loaded; /* somebody waits, see session_loaded() */
	uint32_t n;	 /* probes so far */
	uint32_t *entry; /* of each of them, in the figures */
	/* For a follower. */
	int figures_fd; /* -1: not wanted */
	struct follow_where where;
	struct session_stats stats;
};

_Static_assert(SESSION_COST_OF == TL_COST_OF, "so are the costs");
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

#define TURN_MS	  30000
#define KEEPER_MS 3000

/*
 * One at a time: tools attach, and those whose guardian was told to end by
 * `trapline detach` clean.  For end_turn(): after some time we go on all the same.
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

static void end_turn(int turn)
{
	if (turn >= 0)
		close(turn);
}

/* Until the guardian @pid, which is about to end, has done so. */
static void await_end(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return;
	poll(&p, 1, TURN_MS);
	close(fd);
}

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

/* Map @len bytes of file @fd: *@out. */
static int map_file(void **out, int fd, size_t len, int prot)
{
	*out = mmap(NULL, len, prot, MAP_SHARED, fd, 0);
	if (*out != MAP_FAILED)
		return 0;
	*out = NULL;
	return refuse(-errno, "cannot map the figures: %s", strerror(errno));
}

/* Map the file that the guardian sends next; *@keep is it, if that is not NULL. */
static int receive_mapping(struct session *s, void **out, size_t len, int prot,
			   int *keep)
{
	struct wire m;
	int fd, err;

	*out = NULL;
	if (!wire_receive_fd(s->fd, &m, &fd))
		return refuse(-EPIPE, "the guardian died while it attached");
	s->stats = m.stats;
	if (m.result < 0)
		return refuse(m.result, "%s", m.error);
	if (fd < 0)
		return refuse(-EIO, "the guardian sent no figures");
	err = map_file(out, fd, len, prot);
	if (keep) {
		*keep = fd;
		s->where = m.where;
	} else {
		close(fd);
	}
	return err;
}

static int await_attached(struct session *s, const struct session_options *opt)
{
	void *p;
	int err = receive_mapping(s, &p, sizeof(*s->figures), PROT_READ,
				  opt->follow ? &s->figures_fd : NULL);

	s->figures = p;
	if (!err && opt->events) {
		err = receive_mapping(s, &p, sizeof(*s->events),
				      PROT_READ | PROT_WRITE, NULL);
		s->events = p;
	}
	if (!err && opt->block && s->events)
		s->events->block = 1;
	return err;
}

static void unmap(struct session *s)
{
	if (s->events)
		munmap(s->events, sizeof(*s->events));
	if (s->figures)
		munmap((void *)(uintptr_t)s->figures, sizeof(*s->figures));
	s->events = NULL;
	s->figures = NULL;
}

/*
 * Knock at the door of the guardian @us has found, with the end @fd.  The kernel
 * lets only those take the door's descriptor who might trace the guardian.
 */
static int join(const struct found *us, pid_t pid, int fd,
		const struct wire_start *start)
{
	int pidfd = (int)syscall(SYS_pidfd_open, us->guardian, 0);
	int door, err = 0;

	if (pidfd < 0)
		return -EPIPE;
	door = (int)syscall(SYS_pidfd_getfd, pidfd, DOOR_FD, 0);
	if (door < 0 && errno == EPERM)
		err = refuse(
			-EPERM,
			"process %d is traced by a trapline of another user, or with more rights (guardian: pid %d): run as that user, or as root",
			pid, us->guardian);
	else if (door < 0 || !found_alive(us, pid) ||
		 !wire_send_start(door, start, fd))
		err = -EPIPE;
	if (door >= 0)
		close(door);
	close(pidfd);
	return err;
}

/* To the guardian that is there, or to one that we make. */
static int reach_guardian(struct session *s, const struct wire_start *start)
{
	struct found us;
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return refuse(-errno, "no socket: %s", strerror(errno));
	s->fd = fds[0];
	find_us(&us, start->pid);
	if (us.guardian)
		err = join(&us, start->pid, fds[1], start);
	else
		err = start_guardian(fds, start);
	s->joined = us.guardian;
	found_free(&us);
	close(fds[1]);
	session_kill_point(2);
	if (!err)
		err = await_attached(s, &start->options);
	return err;
}

static int clean_up(pid_t pid, bool all);

#define JOIN_TRIES 20

int session_attach(struct session **out, pid_t pid,
		   const struct session_options *opt)
{
	struct wire_start start = { .pid = pid };
	struct session *s;
	int err, turn;

	*out = NULL;
	if (sysconf(_SC_PAGESIZE) != 4096)
		return refuse(
			-EOPNOTSUPP,
			"this kernel's pages are of %ld bytes, not of 4096",
			sysconf(_SC_PAGESIZE));
	if (opt)
		start.options = *opt;
	s = calloc(1, sizeof(*s));
	if (!s)
		return refuse(-ENOMEM, "no memory");
	s->pid = pid;
	s->figures_fd = -1;
	session_kill_point(1);
	/* Others who begin, or end, with the same process come before or after. */
	turn = await_turn(pid);
	for (int i = 0; i < JOIN_TRIES; i++) {
		err = reach_guardian(s, &start);
		/* One that is about to end lets nobody in. */
		if (!s->joined || (err != -EPIPE && err != -EAGAIN))
			break;
		unmap(s);
		close(s->fd);
		s->fd = -1;
		await_end(s->joined);
	}
	end_turn(turn);
	if (err == -EPIPE) {
		session_kill_point(9);
		clean_up(pid, false);
		refuse(err, "the guardian died while it attached");
	}
	if (err)
		goto close_socket;
	session_kill_point(3);
	*out = s;
	return 0;

close_socket:
	unmap(s);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	return err;
}

void session_foretell(pid_t pid, const struct session_probe *probes, size_t n)
{
	leads_foretell(pid, probes, n);
}

/* ---- asking -------------------------------------------------------------- */

/* What comes unasked. */
static void take_news(struct session *s, const struct wire *m)
{
	if (m->what == WIRE_STATE)
		s->state = m->state;
	if (m->what == WIRE_LOADED)
		s->loaded = m->n;
}

static int guardian_gone(const struct session *s)
{
	return refuse(
		-EPIPE,
		"the guardian of process %d is gone; 'trapline detach -p %d' makes sure that nothing is left",
		s->pid, s->pid);
}

/* Read up to the answer to @what; what comes unasked changes the state. */
static int receive(struct session *s, uint32_t what, struct wire *m)
{
	do {
		if (!wire_receive(s->fd, m, sizeof(*m))) {
			if (s->state == SESSION_ALIVE)
				s->state = SESSION_LOST;
			return guardian_gone(s);
		}
		take_news(s, m);
	} while (m->what != what);
	s->stats = m->stats;
	if (m->error[0])
		refuse(0, "%s", m->error);
	return m->result;
}

/* A file with @n probes, for the guardian to change. */
static int probes_file(const struct session_probe *probes, size_t n)
{
	int fd = memfd_create("probes", MFD_CLOEXEC);
	size_t bytes = n * sizeof(*probes);

	if (fd < 0)
		return refuse(-errno, "no memory file: %s", strerror(errno));
	if (pwrite(fd, probes, bytes, 0) == (ssize_t)bytes)
		return fd;
	close(fd);
	return refuse(-ENOMEM, "no memory for %zu probes", n);
}

/* Where in the figures the new ones are. */
static int note_entries(struct session *s, const struct session_probe *probes,
			size_t n)
{
	uint32_t *more = realloc(s->entry, (s->n + n) * sizeof(*more));

	if (!more)
		return refuse(-ENOMEM, "no memory");
	s->entry = more;
	for (size_t i = 0; i < n; i++)
		s->entry[s->n + i] = probes[i].entry;
	s->n += (uint32_t)n;
	return 0;
}

/* @probes there and back: how many are armed. */
static int send_probes(struct session *s, struct session_probe *probes,
		       size_t n)
{
	struct wire m = { .what = WIRE_ADD, .n = (uint32_t)n };
	int armed, fd = probes_file(probes, n);

	if (fd < 0)
		return fd;
	session_kill_point(4);
	if (!wire_send_fd(s->fd, &m, fd)) {
		s->state = SESSION_LOST;
		close(fd);
		return guardian_gone(s);
	}
	session_kill_point(5);
	armed = receive(s, WIRE_ADD, &m);
	/* The probes come back after a refusal, too. */
	if (m.what == WIRE_ADD &&
	    pread(fd, probes, n * sizeof(*probes), 0) < 0 && armed >= 0)
		armed = -EIO;
	close(fd);
	return armed;
}

int session_add(struct session *s, struct session_probe *probes, size_t n)
{
	int armed, err;

	if (n > TL_MAX_PROBES - s->n)
		return refuse(-ENOSPC, "more than %u probes in a session",
			      TL_MAX_PROBES);
	armed = send_probes(s, probes, n);
	err = armed < 0 ? 0 : note_entries(s, probes, n);
	session_kill_point(6);
	return err ? err : armed;
}

int session_watch_loader(struct session *s, uint64_t addr, uint64_t end)
{
	struct session_probe p = { .addr = addr,
				   .start = addr,
				   .end = end,
				   .action = SESSION_LOADER,
				   .name = "_dl_debug_state" };
	int armed = send_probes(s, &p, 1);

	if (armed > 0)
		return 0;
	return armed ? armed
		     : refuse(-EBUSY, "its dynamic linker cannot be probed");
}

uint32_t session_loaded(const struct session *s)
{
	return s->loaded;
}

void session_caught_up(struct session *s, uint32_t n)
{
	struct wire m = { .what = WIRE_SERVED, .n = n };

	/* What it does next may be a fork. */
	if (s->figures_fd >= 0)
		follower_await(s->pid);
	if (s->loaded == n)
		s->loaded = 0;
	if (s->state != SESSION_LOST)
		wire_send(s->fd, &m, sizeof(m));
}

/* The figures' entry of probe @id; NULL: there is none. */
static const struct tl_probe *probe_of(const struct session *s, uint32_t id)
{
	if (id >= s->n || s->entry[id] >= TL_MAX_PROBES)
		return NULL;
	return &s->figures->probe[s->entry[id]];
}

uint64_t session_hits(struct session *s, uint32_t id)
{
	const struct tl_probe *p = probe_of(s, id);

	if (!p)
		return 0;
	if (p->action == SESSION_TIME)
		return s->figures->times[p->times % TL_MAX_TIMES].calls;
	return tl_counter_read((const uint64_t *)(s->figures->counters[0] +
						  tl_counter_at(s->entry[id])));
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

void session_date_back(struct session *s, const struct session *like)
{
	if (s->rings && like->rings)
		rings_date_back(s->rings, like->rings);
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
	const struct tl_probe *p = probe_of(s, id);

	return p ? p->missed : 0;
}

struct session_cost session_cost(struct session *s, uint32_t id)
{
	const struct tl_probe *p = probe_of(s, id);

	return p ? (struct session_cost){ p->cost, p->costed }
		 : (struct session_cost){ 0 };
}

bool session_times(struct session *s, uint32_t id, struct session_times *out)
{
	const struct tl_probe *p = probe_of(s, id);

	if (!p || p->action != SESSION_TIME)
		return false;
	copy_times(&s->figures->times[p->times % TL_MAX_TIMES], out);
	out->missed = p->missed;
	return true;
}

enum session_state session_state(struct session *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	struct wire m;

	/* The answer to the last question is not for us. */
	while (!s->leaves && s->state != SESSION_LOST && poll(&p, 1, 0) > 0) {
		if (!wire_receive(s->fd, &m, sizeof(m))) {
			if (s->state == SESSION_ALIVE)
				s->state = SESSION_LOST;
			break;
		}
		take_news(s, &m);
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

	if (s->fd >= 0 && !s->leaves && s->state != SESSION_LOST &&
	    wire_send(s->fd, &m, sizeof(m)))
		receive(s, WIRE_STATS, &m);
	if (s->rings)
		s->stats.lost = rings_lost(s->rings);
	*out = s->stats;
}

/* Fork children with figures of their own, whom the guardian would have cleaned. */
static void clean_adopted(const struct session *s, pid_t pid)
{
	struct stat st;

	if (s->figures_fd >= 0 && !fstat(s->figures_fd, &st))
		undo_others(&(struct copies){ st.st_ino,
					      (uint32_t)(st.st_dev & 0xff),
					      s->figures->header.session },
			    pid);
}

void session_begin_detach(struct session *s)
{
	struct wire m = { .what = WIRE_DETACH };

	if (s->leaves)
		return;
	if (s->events)
		rings_let_go(s->events);
	session_state(s);
	s->leaves = true;
	if (s->fd >= 0 && s->state != SESSION_LOST &&
	    !wire_send(s->fd, &m, sizeof(m)))
		s->state = SESSION_LOST;
}

bool session_is_detached(struct session *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	return s->leaves && (s->fd < 0 || poll(&p, 1, 0) > 0);
}

int session_detach_stats(struct session *s, struct session_stats *stats)
{
	struct wire m = { .what = WIRE_DETACH };
	int err = 0;

	session_kill_point(7);
	session_begin_detach(s);
	if (s->fd < 0) {
		/* It is its parent's guardian who cleans. */
	} else if (s->state == SESSION_LOST ||
		   (err = receive(s, WIRE_DETACH, &m)) == -EPIPE) {
		/* Killed; what it left is ours to clean. */
		session_kill_point(9);
		err = clean_up(s->pid, false);
		clean_adopted(s, s->pid);
	}
	session_kill_point(8);
	end_events(s);
	*stats = s->stats;
	unmap(s);
	if (s->fd >= 0)
		close(s->fd);
	if (s->figures_fd >= 0)
		close(s->figures_fd);
	free(s->entry);
	free(s);
	return err < 0 && err != -ESRCH ? err : 0;
}

int session_detach(struct session *s)
{
	struct session_stats ignored;

	return session_detach_stats(s, &ignored);
}

/* ---- fork children -------------------------------------------------------- */

int session_where(const struct session *s, struct follow_where *where)
{
	*where = s->where;
	if (s->events) {
		where->ring_bytes = s->events->ring_bytes;
		where->block = s->events->block;
	}
	return s->figures_fd;
}

int session_adopt(struct session **out, const struct session *like,
		  const int files[2])
{
	struct session *s = calloc(1, sizeof(*s));
	size_t bytes = like->n * sizeof(*s->entry);
	void *p = NULL, *e = NULL;
	int err = 0;

	if (s)
		s->entry = malloc(bytes + 1);
	if (!s || !s->entry)
		err = refuse(-ENOMEM, "no memory");
	if (!err)
		err = map_file(&p, files[0], sizeof(*s->figures), PROT_READ);
	if (!err && files[1] >= 0)
		err = map_file(&e, files[1], sizeof(*s->events),
			       PROT_READ | PROT_WRITE);
	for (int i = 0; i < 2; i++)
		if (files[i] >= 0)
			close(files[i]);
	if (s) {
		s->figures = p;
		s->events = e;
	}
	if (err)
		goto free_session;
	memcpy(s->entry, like->entry, bytes);
	s->fd = s->figures_fd = -1;
	s->pid = (pid_t)s->figures->header.target;
	s->n = like->n;
	s->stats.ticks_per_second = like->stats.ticks_per_second;
	*out = s;
	return 0;

free_session:
	if (s) {
		unmap(s);
		free(s->entry);
		free(s);
	}
	return err;
}

void session_ended(struct session *s)
{
	if (s->fd < 0)
		s->state = SESSION_EXITED;
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

/* Entry @i of the figures, which are at @at in memory @mem. */
static void view_probe(struct session_view *v, const struct tl_figures *f,
		       size_t i, int mem, uint64_t at)
{
	const struct tl_probe *e = &f->probe[i];
	struct session_probe *p = &v->probes[v->n];
	uint64_t calls = 0;

	p->addr = e->addr;
	p->start = e->start;
	p->end = e->end;
	p->action = e->action;
	memcpy(p->name, e->name, sizeof(p->name) - 1);
	p->err = e->err;
	p->why = e->why < TL_NR_WHY ? (enum tl_why)e->why : TL_WHY_NONE;
	p->kind = e->kind <= SESSION_ISLAND ? (enum session_kind)e->kind
					    : SESSION_NOT_ARMED;
	p->by_exits = e->flags & TL_PROBE_BY_EXITS;
	p->id = e->number;
	p->entry = (uint32_t)i;
	v->missed[v->n] = e->missed;
	v->cost[v->n] = (struct session_cost){ e->cost, e->costed };
	if (e->action == SESSION_TIME)
		mem_read(mem, &calls,
			 at + offsetof(struct tl_figures, times) +
				 (e->times % TL_MAX_TIMES) *
					 sizeof(struct tl_times),
			 sizeof(calls));
	v->hits[v->n] =
		e->action == SESSION_TIME
			? calls
			: read_counter(mem, at + tl_counter_at((uint32_t)i) +
						    offsetof(struct tl_figures,
							     counters));
}

/* The sessions in @f, whose index is *@index of theirs there. */
static void view_owners(struct session_view *v, const struct tl_figures *f,
			uint32_t index[TL_MAX_SESSIONS])
{
	for (uint32_t i = 0; i < TL_MAX_SESSIONS; i++) {
		const struct tl_session *e = &f->session[i];
		struct session_owner *o = &v->owner[v->n_owners];

		index[i] = TL_MAX_SESSIONS;
		if (e->state != TL_SESSION_ALIVE)
			continue;
		index[i] = (uint32_t)v->n_owners++;
		o->tool = (pid_t)e->tool;
		o->user = e->user;
		for (size_t k = 0; k + 1 < sizeof(o->what); k++)
			o->what[k] = e->what[k] >= ' ' && e->what[k] < 127
					     ? (char)e->what[k]
					     : '\0';
	}
}

static void view_probes(struct session_view *v, const struct found *us)
{
	const struct tl_figures *f = us->figures;
	uint32_t index[TL_MAX_SESSIONS], owner;

	view_owners(v, f, index);
	for (size_t i = 0; i < TL_MAX_PROBES && f->probe[i].addr; i++) {
		owner = f->probe[i].session - 1;
		if (f->probe[i].action == SESSION_LOADER)
			continue;
		if (owner >= TL_MAX_SESSIONS || index[owner] == TL_MAX_SESSIONS)
			continue;
		view_probe(v, f, i, us->mem, us->at);
		v->owned[v->n++] = index[owner];
		v->owner[index[owner]].probes++;
	}
}

int session_look(pid_t pid, struct session_view *out)
{
	struct found us;

	*out = (struct session_view){ 0 };
	if (kill(pid, 0) && errno == ESRCH)
		return refuse(-ESRCH, "no process %d", pid);
	find_us(&us, pid);
	if (!us.figures)
		return us.any;
	out->guardian = us.guardian ? us.guardian : us.other;
	/* A fork child with figures of its own is its parent's guardian's. */
	if (!out->guardian && is_followed(pid))
		out->guardian = (pid_t)us.figures->header.guardian;
	out->owned = calloc(TL_MAX_PROBES, sizeof(*out->owned));
	out->probes = calloc(TL_MAX_PROBES, sizeof(*out->probes));
	out->hits = calloc(TL_MAX_PROBES, sizeof(*out->hits));
	out->missed = calloc(TL_MAX_PROBES, sizeof(*out->missed));
	out->cost = calloc(TL_MAX_PROBES, sizeof(*out->cost));
	if (out->owned && out->probes && out->hits && out->missed && out->cost)
		view_probes(out, &us);
	else
		session_view_free(out);
	found_free(&us);
	return 1;
}

void session_view_free(struct session_view *v)
{
	free(v->owned);
	free(v->probes);
	free(v->hits);
	free(v->missed);
	free(v->cost);
	v->cost = NULL;
	v->owned = NULL;
	v->probes = NULL;
	v->hits = v->missed = NULL;
}

#define GUARDIAN_MS 5000

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

/* What is there; a living guardian is asked to end, or left alone: not @all. */
static int clean(pid_t pid, bool all)
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
	if (us.guardian && !all) {
		found_free(&us);
		return 0;
	}
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

static bool has_keeper(pid_t pid)
{
	return judge_debugger(pid) != 0;
}

static int clean_up(pid_t pid, bool all)
{
	int turn = await_turn(pid);
	/* A keeper that is there is no harm, one that begins would be. */
	int lock = process_lock(pid, false, KEEPER_MS, has_keeper);
	int err = clean(pid, all);

	end_turn(lock);
	end_turn(turn);
	return err;
}

int session_clean(pid_t pid)
{
	return clean_up(pid, true);
}

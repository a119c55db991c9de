/* SPDX-License-Identifier: MIT */
/*
 * guardian.c - the process that outlives the tool
 *
 * It owns the target: it attaches, arms, watches, and in the end removes all
 * that is ours, when it is asked to, when the tool is dead, when somebody
 * sends it SIGUSR1 (`trapline detach`) or SIGTERM (the system goes down), or
 * when the target has ended or runs another program and only fork children are
 * left to be cleaned. It does nothing else, and most of the time it sleeps.
 */
#define _GNU_SOURCE
#include "guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <rings.h>
#include <session.h>

#include "children.h"
#include "hold.h"
#include "judge.h"
#include "leads.h"
#include "semaphores.h"
#include "wire.h"

/* How often we look if the target still runs the same program. */
#define LOOK_MS 50
/* For threads inside a detour to get a CPU; nobody newly enters meanwhile. */
#define PATIENCE_MS 5000

struct guardian {
	int tool; /* -1: it is dead */
	int pidfd;
	struct hold hold;
	struct nature nature;
	uint32_t n_probes;
	uint32_t n_times;
	enum session_state state;
	uint64_t inode;
	uint32_t dev_minor;
	uint64_t first_ns, first_ticks;
	struct children children;
};

static volatile sig_atomic_t asked_to_end;

static void on_end(int sig)
{
	(void)sig;
	asked_to_end = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- beginning ----------------------------------------------------------- */

/* Nothing of the tool's but the socket and the environment. */
static void settle(int fd)
{
	struct sigaction end = { .sa_handler = on_end };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t none;
	int null;

	kill_point_guardian();
	prctl(PR_SET_NAME, "trapline-guard");
	if (chdir("/"))
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3 && null >= 0; i++)
		if (i != fd)
			dup2(null, i);
	if (fd > 3)
		syscall(SYS_close_range, 3, fd - 1, 0);
	syscall(SYS_close_range, fd + 1, ~0u, 0);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGQUIT, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGALRM, &ignore, NULL);
	sigaction(SIGTSTP, &ignore, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGUSR1, &end, NULL);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int attach(struct guardian *g, const struct wire_start *start)
{
	struct hold *h = &g->hold;
	uint64_t session = 0, begin;
	struct stat st;
	int err;

	h->pid = start->pid;
	h->w = (struct worker){ .mem = -1, .lost = true };
	err = judge_process(h->pid, &start->options, &g->nature);
	if (err)
		return err;
	if (start->options.events)
		err = judge_events_in(h->pid, start->options.force);
	if (err)
		return err;
	h->go = g->nature.go;
	h->library = g->nature.library;
	if (h->library)
		err = library_find(&h->talk.lib, h->pid);
	if (!err && h->library)
		err = library_judge(&h->talk.lib, h->pid);
	if (err)
		return err;
	worker_force = start->options.force;
	g->hold.events = start->options.events;
	judge_events = start->options.events;
	judge_block = start->options.block;
	judge_library_calls = h->library;
	g->pidfd = (int)syscall(SYS_pidfd_open, h->pid, 0);
	if (g->pidfd < 0)
		return refuse(-errno, "no process %d", h->pid);
	if (getrandom(&session, sizeof(session), GRND_NONBLOCK) !=
	    sizeof(session))
		session = now_ns();
	begin = now_ns();
	err = worker_make(&h->w, h->pid);
	h->longest_stop_ns = worker_longest_loan();
	if (!err)
		err = hold_load(h, session);
	if (err)
		return err;
	h->attach_ns = now_ns() - begin;
	if (fstat(h->figures_fd, &st))
		return -errno;
	g->inode = st.st_ino;
	g->dev_minor = (uint32_t)(st.st_dev & 0xff);
	children_clean(&g->children, h->pid, g->inode, g->dev_minor);
	return 0;
}

static void fill(struct guardian *g, struct wire *m, int result)
{
	struct hold *h = &g->hold;
	uint64_t ns = now_ns() - g->first_ns;

	m->result = result;
	m->state = g->state;
	m->stats.attach_ns = h->attach_ns;
	m->stats.longest_stop_ns = h->longest_stop_ns;
	m->stats.threads = h->threads;
	if (ns)
		m->stats.ticks_per_second =
			(uint64_t)((double)(__rdtsc() - g->first_ticks) /
				   (double)ns * 1e9);
	snprintf(m->error, sizeof(m->error), "%s", session_error());
	refuse(0, "%s", "");
}

/* ---- ending -------------------------------------------------------------- */

/* Nobody is to wait for a tool that may be dead. */
static void let_go(const struct hold *h)
{
	struct tl_events *e;

	if (!h->events || !h->figures)
		return;
	e = mmap(NULL, sizeof(*e), PROT_READ | PROT_WRITE, MAP_SHARED,
		 h->figures_fd, sizeof(struct tl_figures));
	if (e == MAP_FAILED)
		return;
	rings_let_go(e);
	munmap(e, sizeof(*e));
}

/*
 * Remove everything, wherever it is.  The tool hears the result if it listens.
 * Does not return.
 */
static void end(struct guardian *g, bool reply)
{
	struct hold *h = &g->hold;
	struct wire m = { .what = reply ? WIRE_DETACH : WIRE_STATE };
	int err = 0, others;

	hold_net_close(h);
	let_go(h);
	session_kill_point(28);
	if (g->state == SESSION_ALIVE)
		err = undo(h->pid, &h->w, PATIENCE_MS);
	else
		worker_end(&h->w);
	if (h->longest_stop_ns < undo_longest_stop())
		h->longest_stop_ns = undo_longest_stop();
	/* It may have ended while we were at it. */
	if (err == -ESRCH)
		err = 0;
	session_kill_point(39);
	others = g->inode ? undo_others(g->inode, g->dev_minor, h->pid) : 0;
	if (err >= 0)
		err = others;
	if (g->tool >= 0) {
		if (g->state == SESSION_ALIVE)
			g->state = SESSION_LOST;
		fill(g, &m, err < 0 ? err : 0);
		wire_send(g->tool, &m, sizeof(m));
	}
	_exit(err < 0);
}

/* ---- requests ------------------------------------------------------------ */

/* Make an entry of the figures from @p; its index, or a negative errno. */
static int enter(struct guardian *g, const struct maps *maps,
		 struct session_probe *p)
{
	struct tl_figures *f = g->hold.figures;
	struct tl_probe *e = &f->probe[g->n_probes];
	enum tl_why why = TL_WHY_NONE;
	bool exits_only;
	int err;

	if (g->n_probes == TL_MAX_PROBES ||
	    (p->action == SESSION_TIME && g->n_times == TL_MAX_TIMES))
		return -ENOSPC;
	err = judge_probe(g->hold.pid, maps, &g->nature, p, &why, &exits_only);
	e->err = err;
	e->flags = exits_only ? TL_PROBE_EXITS_ONLY : 0;
	e->why = why;
	e->start = p->start;
	e->end = p->end;
	e->action = p->action;
	e->times = p->action == SESSION_TIME ? g->n_times++ : 0;
	e->program = p->program;
	e->inroads = leads_at(p->addr);
	e->flags |= TL_PROBE_INROADS;
	memcpy(e->name, p->name, sizeof(e->name) - 1);
	__atomic_store_n(&e->addr, p->addr, __ATOMIC_RELEASE);
	p->id = g->n_probes;
	return (int)g->n_probes++;
}

static void harvest(struct guardian *g, struct session_probe *p)
{
	const struct tl_probe *e = &g->hold.figures->probe[p->id];

	p->err = e->err;
	p->why = e->why < TL_NR_WHY ? (enum tl_why)e->why : TL_WHY_NONE;
	p->kind = e->kind <= SESSION_BREAKPOINT ? (enum session_kind)e->kind
						: SESSION_NOT_ARMED;
	if (p->err)
		p->kind = SESSION_NOT_ARMED;
}

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

/* Arm the probes [@first, @first + @n) of the figures, which are @p. */
static long arm(struct guardian *g, struct session_probe *p, uint32_t first,
		uint32_t n)
{
	struct hold *h = &g->hold;
	bool again = true;
	long result;

	result = hold_add(h, first, n);
	for (uint32_t i = 0; i < n; i++)
		harvest(g, &p[i]);
	for (int turn = 1; !result && again && turn < TRIES; turn++) {
		again = false;
		for (uint32_t i = 0; i < n && !result; i++) {
			struct tl_probe *e = &h->figures->probe[first + i];

			if (!worth_another_try(&p[i]))
				continue;
			usleep(again ? 0 : 2000u << turn);
			again = true;
			e->err = 0;
			result = hold_add(h, first + i, 1);
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

/* Arm @n probes; the number of those that are. */
static int add(struct guardian *g, struct session_probe *p, uint32_t n)
{
	uint32_t first = g->n_probes, i;
	struct maps maps;
	int armed = 0, err;
	long result;

	if (g->state != SESSION_ALIVE)
		return refuse(-ESRCH, "process %d has ended", g->hold.pid);
	err = maps_read(&maps, g->hold.pid);
	if (err)
		return refuse(-ESRCH, "process %d has ended", g->hold.pid);
	if (!g->hold.library)
		leads_learn(g->hold.pid, &maps, p, n);
	for (i = 0; i < n; i++) {
		err = enter(g, &maps, &p[i]);
		if (err < 0)
			break;
	}
	n = i;
	if (err < 0)
		maps_free(&maps);
	if (err < 0)
		return refuse(err, "more than %u probes, or more than %u timed",
			      TL_MAX_PROBES, TL_MAX_TIMES);
	result = arm(g, p, first, n);
	if (!result)
		raise_semaphores(g, &maps, p, n);
	maps_free(&maps);
	if (result)
		return result == -ESRCH ? refuse(-ESRCH, "process %d has ended",
						 g->hold.pid)
					: (int)result;
	for (i = 0; i < n; i++)
		armed += p[i].kind != SESSION_NOT_ARMED;
	session_kill_point(29);
	return armed;
}

static void serve_add(struct guardian *g, struct wire *m)
{
	struct session_probe *p;
	size_t bytes;

	if (m->n > 4 * TL_MAX_PROBES)
		end(g, false);
	bytes = m->n * sizeof(*p);
	p = calloc(m->n + 1, sizeof(*p));
	if (!p || !wire_receive(g->tool, p, bytes)) {
		close(g->tool);
		g->tool = -1;
		end(g, false);
	}
	fill(g, m, add(g, p, m->n));
	if (!wire_send(g->tool, m, sizeof(*m)) || !wire_send(g->tool, p, bytes))
		asked_to_end = 1;
	free(p);
}

static void serve(struct guardian *g)
{
	struct wire m;

	if (!wire_receive(g->tool, &m, sizeof(m))) {
		close(g->tool);
		g->tool = -1;
		end(g, false);
	}
	switch (m.what) {
	case WIRE_ADD:
		serve_add(g, &m);
		return;
	case WIRE_STATS:
		fill(g, &m, 0);
		if (!wire_send(g->tool, &m, sizeof(m)))
			asked_to_end = 1;
		return;
	case WIRE_DETACH:
		end(g, true);
	}
}

/* ---- watching ------------------------------------------------------------ */

/* Is it still the program whose memory has our figures? */
static bool same_program(struct guardian *g)
{
	uint64_t session = 0;
	struct iovec local = { &session, sizeof(session) };
	struct iovec remote = {
		(void *)(g->hold.figures_at +
			 offsetof(struct tl_header, session)),
		sizeof(session),
	};

	if (process_vm_readv(g->hold.pid, &local, 1, &remote, 1, 0) < 0)
		return errno != EFAULT;
	return session == g->hold.figures->header.session;
}

static void tell(struct guardian *g, enum session_state state)
{
	struct wire m = { .what = WIRE_STATE };

	if (g->state != SESSION_ALIVE)
		return;
	g->state = state;
	/* The old memory goes when nobody has it any more. */
	worker_end(&g->hold.w);
	fill(g, &m, 0);
	if (g->tool >= 0)
		wire_send(g->tool, &m, sizeof(m));
}

static void watch(struct guardian *g)
{
	struct pollfd fds[2] = {
		{ .fd = g->tool, .events = POLLIN },
		{ .fd = g->pidfd, .events = POLLIN },
	};
	int status;

	while (!asked_to_end) {
		if (g->state != SESSION_ALIVE)
			fds[1].fd = -1;
		poll(fds, 2, LOOK_MS);
		worker_strays();
		if (g->state == SESSION_ALIVE && fds[1].revents)
			tell(g, SESSION_EXITED);
		if (g->state == SESSION_ALIVE && !same_program(g))
			tell(g, SESSION_EXECED);
		/* Killed by somebody: a new one is made when we need it. */
		if (g->hold.w.pid && !g->hold.w.lost &&
		    waitpid(g->hold.w.pid, &status, __WALL | WNOHANG) ==
			    g->hold.w.pid &&
		    !WIFSTOPPED(status))
			g->hold.w.lost = true;
		/* What a dead tool has asked for is not done any more. */
		if (fds[0].revents & (POLLHUP | POLLERR)) {
			close(g->tool);
			g->tool = -1;
			end(g, false);
		}
		if (fds[0].revents & POLLIN)
			serve(g);
		else if (g->state == SESSION_ALIVE)
			children_clean(&g->children, g->hold.pid, g->inode,
				       g->dev_minor);
	}
	end(g, false);
}

void guardian_main(int fd, const struct wire_start *start)
{
	struct wire m = { .what = WIRE_ATTACHED };
	struct guardian *g = calloc(1, sizeof(*g));
	char path[64];
	int err, readable = -1;

	if (!g)
		_exit(1);
	settle(fd);
	g->tool = fd;
	g->state = SESSION_ALIVE;
	g->first_ns = now_ns();
	g->first_ticks = __rdtsc();
	err = attach(g, start);
	fill(g, &m, err);
	if (!err) {
		/* The tool may read them, and empty rings, and nothing else. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d",
			 g->hold.figures_fd);
		readable = open(path, (g->hold.events ? O_RDWR : O_RDONLY) |
					      O_CLOEXEC);
	}
	if (err) {
		/* Whatever was begun; the reason is already written down. */
		if (g->hold.w.pid || g->hold.base)
			undo(g->hold.pid, &g->hold.w, PATIENCE_MS);
		wire_send_fd(fd, &m, -1);
		_exit(1);
	}
	if (!wire_send_fd(fd, &m, readable)) {
		close(g->tool);
		g->tool = -1;
		end(g, false);
	}
	close(readable);
	watch(g);
	_exit(0);
}

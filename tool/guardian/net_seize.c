/* SPDX-License-Identifier: MIT */
/*
 * net_seize.c - find all that can run a process's memory, and trace it
 *
 * PTRACE_SEIZE stops nobody.  Nobody is missed (S1): who is seized makes no
 * task without our seeing it (PTRACE_O_TRACE*); who was in the middle of a
 * clone when seized has finished it when stopped, hence the second look at the
 * lists after the stops (net_seize_missed).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net_tasks.h"

#define SEIZE_OPTIONS                                                     \
	(PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD)

/* ---- the list of tasks ---------------------------------------------------- */

/*
 * The index finds a task by its number: a power of two of places, at most half
 * of them taken, each holding a position in the list plus 1.
 */
static size_t place_in(const struct net_hold *h, pid_t tid)
{
	size_t at = (uint32_t)tid * 2654435769u;

	for (;; at++) {
		uint32_t i = h->index[at &= h->n_index - 1];

		if (!i || h->tasks[i - 1].tid == tid)
			return at;
	}
}

/* The task of this number that was added last. */
struct net_task *net_find_task(struct net_hold *h, pid_t tid)
{
	uint32_t i = h->n_index ? h->index[place_in(h, tid)] : 0;

	return i && h->tasks[i - 1].state != NET_FREE ? &h->tasks[i - 1] : NULL;
}

static int make_room(struct net_hold *h)
{
	size_t room = h->room ? 2 * h->room : 128;
	uint32_t *index = calloc(2 * room, sizeof(*index));
	struct net_task *t = realloc(h->tasks, room * sizeof(*t));

	if (t)
		h->tasks = t;
	if (!t || !index) {
		free(index);
		return -ENOMEM;
	}
	free(h->index);
	h->index = index;
	h->n_index = 2 * room;
	h->room = room;
	for (size_t i = 0; i < h->n_tasks; i++)
		index[place_in(h, h->tasks[i].tid)] = (uint32_t)i + 1;
	return 0;
}

static bool known_process(const struct net_hold *h, pid_t pid)
{
	if (pid == h->pid)
		return true;
	for (size_t i = 0; i < h->n_tasks; i++)
		if (h->tasks[i].pid == pid && h->tasks[i].state != NET_FREE)
			return true;
	return false;
}

int net_add_task(struct net_hold *h, pid_t tid, pid_t pid, enum net_state state)
{
	struct net_task *t;
	int err;

	if (h->n_tasks == h->room) {
		err = make_room(h);
		if (err)
			return err;
	}
	t = &h->tasks[h->n_tasks++];
	memset(t, 0, sizeof(*t));
	t->tid = tid;
	t->pid = pid;
	t->state = state;
	t->runs_fd = -1;
	t->watch = -1;
	t->witness = -1;
	h->index[place_in(h, tid)] = (uint32_t)h->n_tasks;
	return 0;
}

pid_t net_reader(const struct net_hold *h)
{
	for (size_t i = 0; i < h->n_tasks; i++) {
		const struct net_task *t = &h->tasks[i];

		if (t->state != NET_FREE && !t->foreign)
			return t->tid;
	}
	return 0;
}

/* ---- seizing -------------------------------------------------------------- */

/* PTRACE_SEIZE has said EPERM.  Whose is the task?  1: nothing to be done. */
static int not_seized(struct net_hold *h, pid_t tid, pid_t pid)
{
	struct net_status st;

	if (net_status(tid, &st) || st.state == 'Z' || st.state == 'X')
		return 1;
	if (st.tracer == getpid()) {
		int err = net_add_task(h, tid, pid, NET_ASKED);

		if (!err)
			h->tasks[h->n_tasks - 1].since = net_clock();
		return err;
	}
	return st.tracer ? -EBUSY : -EPERM;
}

/* Who seizes now, for net_bury(); the list does not change meanwhile. */
static const struct net_hold *volatile seizing;

void net_bury(void)
{
	const struct net_hold *h = seizing;
	siginfo_t info;

	for (size_t i = 0; h && i < h->n_tasks; i++) {
		pid_t tid = h->tasks[i].tid;

		info.si_pid = 0;
		if (h->tasks[i].state != NET_FREE &&
		    !waitid(P_PID, (id_t)tid, &info,
			    WEXITED | WNOWAIT | WNOHANG | __WALL) &&
		    info.si_pid && info.si_code != CLD_TRAPPED &&
		    info.si_code != CLD_STOPPED)
			waitpid(tid, NULL, __WALL | WNOHANG);
	}
}

static long seize_task(const struct net_hold *h, pid_t tid)
{
	long r;

	seizing = h;
	r = ptrace(PTRACE_SEIZE, tid, 0, SEIZE_OPTIONS);
	seizing = NULL;
	return r;
}

/*
 * Seize one task.  0: it is new, 1: nothing to be done, or an error.  When a
 * thread execs, its leader's number passes from a dead task to a live one, so
 * what was forbidden is tried again.
 */
static int seize(struct net_hold *h, pid_t tid, pid_t pid)
{
	int r = -EPERM;

	if (net_find_task(h, tid))
		return 1;
	for (int i = 0; i < 3 && r == -EPERM; i++) {
		if (seize_task(h, tid) == 0)
			return net_add_task(h, tid, pid, NET_SEIZED);
		if (errno == ESRCH)
			return 1;
		r = errno == EPERM ? not_seized(h, tid, pid) : -errno;
	}
	return r;
}

/* Seize the threads of a process that are there now; the number of new ones. */
static int seize_pass(struct net_hold *h, pid_t pid)
{
	int i, n, r, news = 0;
	pid_t *tids;

	n = net_list_tasks(pid, &tids);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++) {
		r = seize(h, tids[i], pid);
		if (r < 0) {
			free(tids);
			return r;
		}
		news += !r;
	}
	free(tids);
	return news;
}

/* Seize until no new thread appears.  0 or an error. */
static int seize_process(struct net_hold *h, pid_t pid)
{
	int r;

	do {
		r = seize_pass(h, pid);
		if (r > 0 && net_clock() > h->deadline)
			return -ETIMEDOUT;
	} while (r > 0);
	return r;
}

/* Seize those of the @n processes that share the memory; the number of them. */
static int seize_sharing(struct net_hold *h, const pid_t *list, int n)
{
	int i, r, news = 0;

	for (i = 0; i < n; i++) {
		/* Who has none left has the same as kernel threads. */
		if (list[i] == h->worker || known_process(h, list[i]) ||
		    net_same_memory(net_reader(h), list[i]) != 1 ||
		    !net_has_memory(list[i]))
			continue;
		r = seize_process(h, list[i]);
		if (r < 0 && r != -ESRCH)
			return r;
		news++;
	}
	return news;
}

/*
 * The children of one task.  A list that is read while others of it exit may
 * lack one, so it is read twice.
 */
static int seize_children(struct net_hold *h, pid_t pid, pid_t tid)
{
	int i, n, r, news = 0;
	pid_t *list;

	for (i = 0; i < 2; i++) {
		n = net_children(pid, tid, &list);
		if (n < 0)
			return n == -ESRCH ? news : n;
		r = seize_sharing(h, list, n);
		free(list);
		if (r < 0)
			return r;
		news += r;
	}
	return news;
}

/*
 * Those that share the memory may be anybody's children: a parent exits, and
 * clone() can make siblings.  So all processes are compared, some microseconds
 * each, while nobody is stopped.
 */
static int seize_sharers(struct net_hold *h)
{
	pid_t *list;
	int r, n = net_list_processes(&list);

	if (n < 0)
		return n;
	r = seize_sharing(h, list, n);
	free(list);
	return r;
}

/* Seize everyone that shares the memory (S1); nobody is stopped by that. */
int net_seize_all(struct net_hold *h)
{
	size_t i, done = 0;
	int r;

	r = seize_process(h, h->pid);
	if (r < 0)
		return r;
	do {
		for (i = done; i < h->n_tasks; i++) {
			struct net_task *t = &h->tasks[i];

			if (net_leaves_some(h) || !ISA_DECIDES_LATE) {
				t->runs_fd = net_open_runs(t->pid, t->tid);
				t->runs = net_runs(t->runs_fd);
			}
			net_look(t->pid, t->tid, &t->place);
			t->quiet_birth = t->place.known &&
					 !isa_makes_tasks(t->place.nr);
		}
		done = h->n_tasks;
		r = seize_sharers(h);
		if (r < 0)
			return r;
	} while (done < h->n_tasks);
	return 0;
}

/* The second look of S1: 1 if there was somebody new. */
int net_seize_missed(struct net_hold *h)
{
	size_t i, before = h->n_tasks;
	int r;

	for (i = 0; i < before; i++) {
		struct net_task *t = &h->tasks[i];
		pid_t pid = t->pid, tid = t->tid;

		if (t->foreign)
			continue;
		if (!t->quiet_birth && t->state != NET_FREE) {
			t->quiet_birth = true;
			r = seize_children(h, pid, tid);
			if (r < 0)
				return r;
		}
		if (i && h->tasks[i - 1].pid == pid)
			continue;
		r = seize_pass(h, pid);
		if (r < 0 && r != -ESRCH)
			return r;
	}
	return h->n_tasks > before;
}

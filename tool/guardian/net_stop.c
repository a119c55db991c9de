/* SPDX-License-Identifier: MIT */
/*
 * net_stop.c - stop all that can run a process's memory, and let it go
 *
 * Order of work.  Everyone is seized first, which stops nobody; then everyone
 * is asked to stop; then the stops are collected.  A task that was asked runs
 * no code of its own any more: it traps on its way out of the kernel.  So one
 * that cannot stop (uninterruptible sleep, a parent in vfork) is as good as
 * held, as long as we remain its tracer.
 *
 *   S1  Nobody that shares the memory is missed.  Who is seized makes no task
 *       without our seeing it (PTRACE_O_TRACE*); who was in the middle of a
 *       clone when seized has finished it when stopped, hence the second look
 *       at the lists after the stops.
 *   S2  A call that our stop has ended with -EINTR is made again.  Its
 *       registers are put back as soon as the stop is seen, so that they are
 *       right if we are killed.
 *   S3  A signal that comes while a rewound call is held, or before it is
 *       entered again, finds it interrupted, as it would have without us: the
 *       task is followed to the entry of the call (PTRACE_SYSCALL), and if a
 *       signal comes first, -EINTR is put back.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net_tasks.h"

#define SEIZE_OPTIONS                                               \
	(PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD)

#define X32_BIT 0x40000000
#define LAST_MS 100 /* for those that are slow to go on, or in the kernel */

/* What a system call returns to itself, never to the program. */
#define ERESTART_FIRST 512
#define ERESTART_LAST 516

uint64_t net_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- the list of tasks ---------------------------------------------------- */

static struct net_task *find_task(struct net_hold *h, pid_t tid)
{
	for (size_t i = 0; i < h->n_tasks; i++)
		if (h->tasks[i].tid == tid && h->tasks[i].state != NET_FREE)
			return &h->tasks[i];
	return NULL;
}

static bool known_process(const struct net_hold *h, pid_t pid)
{
	for (size_t i = 0; i < h->n_tasks; i++)
		if (h->tasks[i].pid == pid && h->tasks[i].state != NET_FREE)
			return true;
	return false;
}

static int add_task(struct net_hold *h, pid_t tid, pid_t pid,
		    enum net_state state)
{
	struct net_task *t;

	if (h->n_tasks == h->room) {
		size_t room = h->room ? 2 * h->room : 64;

		t = realloc(h->tasks, room * sizeof(*t));
		if (!t)
			return -ENOMEM;
		h->tasks = t;
		h->room = room;
	}
	t = &h->tasks[h->n_tasks++];
	memset(t, 0, sizeof(*t));
	t->tid = tid;
	t->pid = pid;
	t->state = state;
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
		int err = add_task(h, tid, pid, NET_ASKED);

		if (!err)
			h->tasks[h->n_tasks - 1].since = net_clock();
		return err;
	}
	return st.tracer ? -EBUSY : -EPERM;
}

/* Seize one task.  0: it is new, 1: nothing to be done, or an error. */
static int seize(struct net_hold *h, pid_t tid, pid_t pid)
{
	if (find_task(h, tid))
		return 1;
	if (ptrace(PTRACE_SEIZE, tid, 0, SEIZE_OPTIONS) == 0)
		return add_task(h, tid, pid, NET_SEIZED);
	if (errno == ESRCH)
		return 1;
	return errno == EPERM ? not_seized(h, tid, pid) : -errno;
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

/* Seize those of the children of a task that share the memory. */
static int seize_children(struct net_hold *h, pid_t pid, pid_t tid)
{
	pid_t *list, reader = net_reader(h);
	int i, n, r = 0, news = 0;

	n = net_children(pid, tid, &list);
	if (n < 0)
		return n == -ESRCH ? 0 : n;
	for (i = 0; i < n && r >= 0; i++) {
		if (list[i] == h->worker || known_process(h, list[i]) ||
		    net_same_memory(reader, list[i]) != 1)
			continue;
		r = seize_process(h, list[i]);
		if (r == -ESRCH)
			r = 0;
		news++;
	}
	free(list);
	return r < 0 ? r : news;
}

/*
 * An orphan is adopted by one of our target's ancestors, and CLONE_PARENT
 * makes a sibling: they too may hold children that share the memory.
 */
static int seize_orphans(struct net_hold *h)
{
	struct net_status st;
	pid_t pid = h->pid, *tids;
	int i, n, r, news = 0;

	while (!net_status(pid, &st) && st.parent) {
		pid = st.parent;
		n = net_list_tasks(pid, &tids);
		for (i = 0; i < n; i++) {
			r = seize_children(h, pid, tids[i]);
			if (r < 0 && r != -EACCES) {
				free(tids);
				return r;
			}
			news += r > 0 ? r : 0;
		}
		if (n > 0)
			free(tids);
	}
	return news;
}

static bool makes_tasks(long nr)
{
	switch (nr & ~X32_BIT) {
	case SYS_clone:
	case SYS_clone3:
	case SYS_fork:
	case SYS_vfork:
		return true;
	}
	return false;
}

/* Seize everyone that shares the memory (S1); nobody is stopped by that. */
static int seize_all(struct net_hold *h)
{
	size_t i, done = 0;
	int r;

	r = seize_process(h, h->pid);
	if (r < 0)
		return r;
	do {
		for (i = done; i < h->n_tasks; i++) {
			struct net_task *t = &h->tasks[i];

			net_look(t->pid, t->tid, &t->place);
			t->quiet_birth = t->place.known &&
					 !makes_tasks(t->place.nr);
		}
		for (; done < h->n_tasks; done++) {
			r = seize_children(h, h->tasks[done].pid,
					   h->tasks[done].tid);
			if (r < 0)
				return r;
		}
		r = seize_orphans(h);
		if (r < 0)
			return r;
	} while (done < h->n_tasks);
	return 0;
}

/* The second look of S1: 1 if there was somebody new. */
static int seize_missed(struct net_hold *h)
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

/* ---- one stop ------------------------------------------------------------- */

static int read_registers(struct net_task *t)
{
	struct iovec v = { &t->regs, sizeof(t->regs) };

	return ptrace(PTRACE_GETREGSET, t->tid, NT_PRSTATUS, &v) ? -errno : 0;
}

/* Write what differs when a call is made again: up to rip, in one piece. */
static int write_registers(struct net_task *t)
{
	struct iovec v = { &t->regs, offsetof(struct user_regs_struct, cs) };

	return ptrace(PTRACE_SETREGSET, t->tid, NT_PRSTATUS, &v) ? -errno : 0;
}

/* Would @sig end in nothing, leaving no trace in the task? */
static bool is_ignored(struct net_task *t, int sig)
{
	uint64_t bit = 1ull << (sig - 1);
	struct net_status st;

	if (net_status(t->tid, &st))
		return false;
	if (st.ignored & bit)
		return true;
	if (st.caught & bit)
		return false;
	return sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH ||
	       sig == SIGCONT;
}

/*
 * Did our stop end a system call with EINTR that can be made again?  close()
 * cannot: the descriptor is gone, whatever it returns.
 */
static bool was_interrupted(struct net_task *t)
{
	long nr = (long)t->regs.orig_rax, insn;

	if (nr < 0 || (long)t->regs.rax != -EINTR ||
	    (nr & ~X32_BIT) == SYS_close)
		return false;
	errno = 0;
	insn = ptrace(PTRACE_PEEKTEXT, t->tid, t->regs.rip - 2, 0);
	return !errno && (insn & 0xffff) == 0x050f;
}

static void rewind_call(struct net_hold *h, struct net_task *t)
{
	t->regs.rip -= 2;
	t->regs.rax = t->regs.orig_rax;
	if (write_registers(t))
		return;
	t->rewound = true;
	h->stats.rewound++;
}

/* S3: the signal that comes now interrupts the call. */
static void unwind_call(struct net_hold *h, struct net_task *t)
{
	struct user_regs_struct old = t->regs;

	t->rewound = false;
	if (read_registers(t) || t->regs.rip != old.rip ||
	    t->regs.rax != old.orig_rax)
		return;
	t->regs.rip += 2;
	t->regs.rax = (unsigned long)-EINTR;
	write_registers(t);
	h->stats.rewound--;
}

static void let_go(struct net_hold *h, struct net_task *t, int sig)
{
	uint64_t now = net_clock();

	ptrace(PTRACE_DETACH, t->tid, 0, (long)sig);
	if (t->since && !t->foreign && now - t->since > h->stats.longest_stop_ns)
		h->stats.longest_stop_ns = now - t->since;
	t->state = NET_FREE;
}

/* A task was born to one of ours; it is traced, and stops by itself. */
static int born(struct net_hold *h, pid_t tid)
{
	struct net_status st;
	struct net_task *t;
	int err;

	if (find_task(h, tid) || net_status(tid, &st))
		return 0;
	err = add_task(h, tid, st.pid, NET_ASKED);
	if (err)
		return err;
	t = &h->tasks[h->n_tasks - 1];
	t->since = net_clock();
	t->quiet_birth = true;
	return 0;
}

static enum net_stop kind_of(int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP)
		return sig == SIGTRAP ? NET_STOP_PLAIN : NET_STOP_GROUP;
	if (event)
		return NET_STOP_EVENT;
	return sig == (SIGTRAP | 0x80) ? NET_STOP_ENTRY : NET_STOP_SIGNAL;
}

/*
 * Task number @i has stopped or died.  Its registers are read, and what must
 * be put right at once is (S2).
 */
static int stopped(struct net_hold *h, size_t i, int status)
{
	struct net_task *t = &h->tasks[i];
	int event = status >> 16;
	unsigned long child = 0;

	if (!WIFSTOPPED(status)) {
		t->state = NET_FREE;
		return 0;
	}
	t->state = NET_STOPPED;
	t->stop = kind_of(status);
	t->signal = t->stop == NET_STOP_SIGNAL ? WSTOPSIG(status) : 0;
	if (!t->since)
		t->since = net_clock();

	if (event == PTRACE_EVENT_EXEC && t->pid == h->pid)
		h->gone = true;
	if (t->pid != h->pid && net_same_memory(net_reader(h), t->tid) != 1) {
		t->foreign = true;
		let_go(h, t, t->signal);
		return 0;
	}
	if (read_registers(t)) {
		t->state = NET_FREE;
		return 0;
	}
	if ((t->stop == NET_STOP_PLAIN ||
	     (t->stop == NET_STOP_SIGNAL && is_ignored(t, t->signal))) &&
	    was_interrupted(t))
		rewind_call(h, t);
	if ((event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK ||
	     event == PTRACE_EVENT_VFORK) &&
	    !ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &child))
		return born(h, (pid_t)child);
	return 0;
}

/* ---- asking and collecting ------------------------------------------------ */

static void ask(struct net_task *t)
{
	t->state = NET_ASKED;
	if (!t->since)
		t->since = net_clock();
	if (ptrace(PTRACE_INTERRUPT, t->tid, 0, 0) && errno == ESRCH)
		t->state = NET_FREE;
}

/* Is the guardian still there? */
static bool is_watched(const struct net_hold *h)
{
	char c;

	return recv(h->alive, &c, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

/* Has the task a child that is held and shares the memory? */
static bool waits_for_child(struct net_hold *h, struct net_task *t)
{
	pid_t *list;
	bool found = false;
	int i, n = net_children(t->pid, t->tid, &list);

	for (i = 0; i < n && !found; i++) {
		struct net_task *c = find_task(h, list[i]);

		found = c && !c->foreign &&
			(c->state == NET_STOPPED || c->state == NET_STUCK);
	}
	if (n >= 0)
		free(list);
	return found;
}

/*
 * A task that was asked and has not stopped.  In uninterruptible sleep it will
 * not, but it stands where it entered the kernel and will trap before it runs
 * on.  While it may be making a task it is waited for.
 */
static void look_at_late(struct net_hold *h, struct net_task *t)
{
	if (net_look(t->pid, t->tid, &t->place) || t->place.state == 'Z' ||
	    t->place.state == 'X') {
		t->state = NET_FREE;
		return;
	}
	if (t->place.state == 'D' && t->place.known &&
	    (!makes_tasks(t->place.nr) || waits_for_child(h, t)))
		t->state = NET_STUCK;
}

/* One pass over those that were asked; the number that has not stopped. */
static int collect_pass(struct net_hold *h, bool look, size_t *late)
{
	int err, status, n = 0;
	size_t i;
	pid_t r;

	for (i = 0; i < h->n_tasks; i++) {
		if (h->tasks[i].state != NET_ASKED)
			continue;
		r = waitpid(h->tasks[i].tid, &status, __WALL | WNOHANG);
		if (r < 0)
			h->tasks[i].state = NET_FREE;
		if (r > 0) {
			err = stopped(h, i, status);
			if (err)
				return err;
		}
		if (!r && (look || h->tasks[i].place.state == 'D'))
			look_at_late(h, &h->tasks[i]);
		if (h->tasks[i].state == NET_ASKED && !n++)
			*late = i;
	}
	return n;
}

/*
 * Wait until all that were asked have stopped or are stuck.  We sleep on one
 * of them; the interval timer wakes us to look around.
 */
static int collect(struct net_hold *h)
{
	bool look = false;
	int n, status;
	size_t late = 0;
	pid_t r;

	while ((n = collect_pass(h, look, &late)) > 0) {
		if (!is_watched(h))
			return -EPIPE;
		if (net_clock() > h->deadline)
			return -ETIMEDOUT;
		r = waitpid(h->tasks[late].tid, &status, __WALL);
		look = r < 0 && errno == EINTR;
		if (r > 0) {
			n = stopped(h, late, status);
			if (n)
				return n;
		} else if (!look) {
			h->tasks[late].state = NET_FREE;
		}
	}
	return n;
}

static int ask_and_collect(struct net_hold *h)
{
	size_t i;

	for (i = 0; i < h->n_tasks; i++)
		if (h->tasks[i].state == NET_SEIZED)
			ask(&h->tasks[i]);
	return collect(h);
}

static void count(struct net_hold *h)
{
	h->stats.tasks = 0;
	h->stats.stopped = 0;
	h->stats.left_blocked = 0;
	for (size_t i = 0; i < h->n_tasks; i++) {
		struct net_task *t = &h->tasks[i];

		if (t->state == NET_FREE)
			continue;
		h->stats.tasks++;
		h->stats.stopped += t->state == NET_STOPPED;
		h->stats.left_blocked += t->state == NET_BLOCKED;
	}
}

int net_stop(struct net_hold *h)
{
	int r;

	r = seize_all(h);
	if (r < 0)
		return r;
	do {
		r = ask_and_collect(h);
		if (r < 0)
			return r;
		r = seize_missed(h);
		if (r < 0)
			return r;
	} while (r > 0);
	count(h);
	return h->gone || !h->stats.tasks ? -ESRCH : 0;
}

int net_wake(struct net_hold *h, struct net_task *t)
{
	if (t->state == NET_BLOCKED)
		ask(t);
	return collect(h);
}

/* ---- letting go ----------------------------------------------------------- */

/* Let a stopped task go on; one whose call was rewound is followed (S3). */
static void go_on(struct net_hold *h, struct net_task *t, int sig)
{
	if (!t->rewound) {
		let_go(h, t, sig);
		return;
	}
	t->state = NET_ASKED;
	if (ptrace(PTRACE_SYSCALL, t->tid, 0, (long)sig))
		t->state = NET_FREE;
}

/* A task that is followed, or was stuck, has stopped. */
static void followed(struct net_hold *h, size_t i, int status)
{
	struct net_task *t = &h->tasks[i];
	int sig = WSTOPSIG(status);

	if (!WIFSTOPPED(status)) {
		t->state = NET_FREE;
		return;
	}
	if (!t->rewound) {
		if (!stopped(h, i, status) && h->tasks[i].state == NET_STOPPED)
			go_on(h, &h->tasks[i], h->tasks[i].signal);
		return;
	}
	switch (kind_of(status)) {
	case NET_STOP_ENTRY:
		let_go(h, t, 0);
		break;
	case NET_STOP_SIGNAL:
		if (!is_ignored(t, sig))
			unwind_call(h, t);
		go_on(h, t, sig);
		break;
	case NET_STOP_GROUP:
		unwind_call(h, t);
		let_go(h, t, 0);
		break;
	case NET_STOP_PLAIN:
	case NET_STOP_EVENT:
		go_on(h, t, 0);
		break;
	}
}

/* Those that are followed or stuck, until they are free or time is over. */
static void follow(struct net_hold *h)
{
	uint64_t end = net_clock() + LAST_MS * 1000000ull;
	size_t i, late = 0;
	int status, n;
	pid_t r;

	do {
		n = 0;
		for (i = 0; i < h->n_tasks; i++) {
			struct net_task *t = &h->tasks[i];

			if (t->state != NET_ASKED && t->state != NET_STUCK)
				continue;
			r = waitpid(t->tid, &status, __WALL | WNOHANG);
			if (r < 0)
				t->state = NET_FREE;
			else if (r > 0)
				followed(h, i, status);
			t = &h->tasks[i];
			if (t->state != NET_ASKED &&
			    (t->state != NET_STUCK || makes_tasks(t->place.nr)))
				continue;
			if (!n++)
				late = i;
		}
		if (!n || net_clock() > end)
			return;
		r = waitpid(h->tasks[late].tid, &status, __WALL);
		if (r > 0)
			followed(h, late, status);
	} while (r > 0 || errno == EINTR);
}

void net_release(struct net_hold *h)
{
	for (size_t i = 0; i < h->n_tasks; i++)
		if (h->tasks[i].state == NET_STOPPED)
			go_on(h, &h->tasks[i], h->tasks[i].signal);
	follow(h);
}

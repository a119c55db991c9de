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
 *   S2  A call that our stop has ended with -EINTR is made again: we stand
 *       inside the kernel's delivery of signals, before it decides about
 *       restarts, so -ERESTARTNOHAND in rax makes it do the right thing, also
 *       for a signal that comes until the last moment: a handler sees EINTR,
 *       anything else restarts.  It is written as soon as the stop is seen, so
 *       that all is well if we are killed.
 *       The other way is not to interrupt: see "those left asleep".
 *   S3  A stop is looked at but not taken (WNOWAIT): if we are killed, a
 *       signal that waits to be delivered is delivered by the kernel.
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
	 PTRACE_O_TRACEEXEC)

#define X32_BIT 0x40000000
#define ERESTARTNOHAND 514 /* what system calls return inside the kernel */
#define LAST_MS 30        /* for those that were stuck in the kernel */

uint64_t net_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

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
static struct net_task *find_task(struct net_hold *h, pid_t tid)
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

static int add_task(struct net_hold *h, pid_t tid, pid_t pid,
		    enum net_state state)
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
		int err = add_task(h, tid, pid, NET_ASKED);

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

	if (find_task(h, tid))
		return 1;
	for (int i = 0; i < 3 && r == -EPERM; i++) {
		if (seize_task(h, tid) == 0)
			return add_task(h, tid, pid, NET_SEIZED);
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
		if (list[i] == h->worker || known_process(h, list[i]) ||
		    net_same_memory(net_reader(h), list[i]) != 1)
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

/*
 * May the task be left asleep?  A breakpoint that it runs into, should it
 * wake, comes to us first, as its tracer.  But the kernel gives up a SIGTRAP
 * action other than the default if the signal is blocked or ignored.
 */
static bool may_sleep_on(const struct net_hold *h, const struct net_task *t)
{
	const uint32_t trap = 1u << (SIGTRAP - 1);

	if (!t->place.known || t->place.nr < 0 || !t->runs)
		return false;
	if (t->place.state != 'S' && t->place.state != 'D')
		return false;
	if (h->options.breakpoints)
		return !((t->place.caught | t->place.ignored) & trap);
	return h->options.leave_blocked;
}

static bool leaves_some(const struct net_hold *h)
{
	return h->options.breakpoints || h->options.leave_blocked;
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

			if (leaves_some(h)) {
				t->runs_fd = net_open_runs(t->pid, t->tid);
				t->runs = net_runs(t->runs_fd);
			}
			net_look(t->pid, t->tid, &t->place);
			t->quiet_birth = t->place.known &&
					 !makes_tasks(t->place.nr);
		}
		done = h->n_tasks;
		r = seize_sharers(h);
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

/*
 * Has our stop ended a system call with EINTR that can be made again?  close()
 * cannot: the descriptor is gone, whatever it returns.  A signal that stops
 * the process ends calls with EINTR also without us.
 */
static bool was_interrupted(const struct net_task *t)
{
	long nr = (long)t->regs.orig_rax;

	if (nr < 0 || (long)t->regs.rax != -EINTR ||
	    (nr & ~X32_BIT) == SYS_close)
		return false;
	if (t->stop == NET_STOP_SIGNAL)
		return t->signal != SIGSTOP && t->signal != SIGTSTP &&
		       t->signal != SIGTTIN && t->signal != SIGTTOU;
	return t->stop == NET_STOP_PLAIN;
}

/* S2 */
static void restart_call(struct net_hold *h, struct net_task *t)
{
	unsigned long ax = (unsigned long)-ERESTARTNOHAND;

	if (ptrace(PTRACE_POKEUSER, t->tid,
		   offsetof(struct user_regs_struct, rax), ax))
		return;
	t->regs.rax = ax;
	h->stats.rewound++;
}

static void let_go(struct net_hold *h, struct net_task *t, int sig)
{
	uint64_t now = net_clock();

	/* The dead among those who were stopped are in the way of an exec. */
	if (ptrace(PTRACE_DETACH, t->tid, 0, (long)sig))
		waitpid(t->tid, NULL, __WALL | WNOHANG);
	if (t->since && !t->foreign && now - t->since > h->stats.longest_stop_ns)
		h->stats.longest_stop_ns = now - t->since;
	t->state = NET_FREE;
}

/* A SIGTRAP: was it a breakpoint that is ours? */
static bool is_head(const struct net_hold *h, uintptr_t at)
{
	for (size_t i = 0; i < h->n_heads; i++)
		if (h->heads[i] == at)
			return true;
	return false;
}

/*
 * The breakpoint has unblocked SIGTRAP if it was blocked.  It was, if it was
 * when the task slept, or if all else is blocked now.
 */
static void repair_mask(struct net_task *t)
{
	const uint64_t trap = 1ull << (SIGTRAP - 1);
	const uint64_t never = 1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1);
	uint64_t mask;

	if (ptrace(PTRACE_GETSIGMASK, t->tid, sizeof(mask), &mask))
		return;
	if (!(t->place.blocked & trap) &&
	    ((mask | trap | never) & 0x7fffffff) != 0x7fffffff)
		return;
	mask |= trap;
	ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(mask), &mask);
}

static void catch_trap(struct net_hold *h, struct net_task *t)
{
	siginfo_t info;

	if (t->signal != SIGTRAP || !is_head(h, t->regs.rip - 1) ||
	    ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info) ||
	    info.si_code != SI_KERNEL ||
	    ptrace(PTRACE_POKEUSER, t->tid,
		   offsetof(struct user_regs_struct, rip), t->regs.rip - 1))
		return;
	t->regs.rip--;
	t->signal = 0;
	t->stop = NET_STOP_EVENT;
	repair_mask(t);
	h->stats.caught++;
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

/*
 * Has the task stopped or died?  1: *status says how, 0: no, -1: it is not
 * ours.  A stop is left as it is (S3), but that of an exec, which can be let go
 * only when it has been taken; the dead are buried.
 */
static int wait_task(pid_t tid, int *status, int flags)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)tid, &info,
		   WEXITED | WSTOPPED | WNOWAIT | __WALL | flags))
		return -1;
	if (!info.si_pid)
		return 0;
	*status = info.si_status << 8 | 0x7f;
	if ((info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED) &&
	    *status >> 16 != PTRACE_EVENT_EXEC)
		return 1;
	return waitpid(tid, status, __WALL | WNOHANG) > 0 ? 1 : -1;
}

static enum net_stop kind_of(int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP)
		return sig == SIGTRAP ? NET_STOP_PLAIN : NET_STOP_GROUP;
	return event ? NET_STOP_EVENT : NET_STOP_SIGNAL;
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
		return -ESRCH;
	if (t->pid != h->pid && net_same_memory(net_reader(h), t->tid) != 1) {
		t->foreign = true;
		let_go(h, t, t->signal);
		return 0;
	}
	if (read_registers(t)) {
		t->state = NET_FREE;
		return 0;
	}
	if (was_interrupted(t))
		restart_call(h, t);
	catch_trap(h, t);
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
		r = wait_task(h->tasks[i].tid, &status, WNOHANG);
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
		r = wait_task(h->tasks[late].tid, &status, 0);
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

	for (i = 0; i < h->n_tasks; i++) {
		struct net_task *t = &h->tasks[i];

		if (t->state != NET_SEIZED)
			continue;
		if (may_sleep_on(h, t))
			t->state = NET_BLOCKED;
		else
			ask(t);
	}
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
	return h->stats.tasks ? 0 : -ESRCH;
}

/* ---- those left asleep ---------------------------------------------------- */

bool net_has_run(const struct net_task *t)
{
	return net_runs(t->runs_fd) != t->runs;
}

int net_wake(struct net_hold *h,
	     bool (*which)(const struct net_task *t, void *arg), void *arg)
{
	size_t i, n = h->n_tasks;
	int r, status, news = 0;

	h->deadline = net_clock() + h->options.timeout_ms * 1000000ull;
	for (i = 0; i < n; i++) {
		if (h->tasks[i].state != NET_BLOCKED)
			continue;
		r = wait_task(h->tasks[i].tid, &status, WNOHANG);
		if (r < 0)
			h->tasks[i].state = NET_FREE;
		if (r > 0) {
			r = stopped(h, i, status);
			if (r < 0)
				return r;
			news++;
		} else if (!r && which(&h->tasks[i], arg)) {
			h->stats.woke += net_has_run(&h->tasks[i]);
			ask(&h->tasks[i]);
			news++;
		}
	}
	r = collect(h);
	return r < 0 ? r : news;
}

static bool nobody(const struct net_task *t, void *arg)
{
	(void)t;
	(void)arg;
	return false;
}

/* Those who are asleep stay so: they are free when we exit. */
static void leave(struct net_hold *h)
{
	size_t i;

	net_wake(h, nobody, NULL);
	for (i = 0; i < h->n_tasks; i++)
		if (h->tasks[i].state == NET_BLOCKED)
			h->stats.woke += net_has_run(&h->tasks[i]);
}

/* ---- letting go ----------------------------------------------------------- */

/*
 * Those that have been asked and were stuck in the kernel are followed until
 * they stop, so that S2 is kept, or time is over.  Parents in vfork need no
 * help: that call has no EINTR.
 */
static void follow(struct net_hold *h)
{
	uint64_t end = net_clock() + LAST_MS * 1000000ull;
	int status, r;
	size_t i, n;

	do {
		n = 0;
		for (i = 0; i < h->n_tasks; i++) {
			struct net_task *t = &h->tasks[i];

			if (t->state != NET_ASKED && t->state != NET_STUCK)
				continue;
			r = wait_task(t->tid, &status, WNOHANG);
			if (r < 0)
				t->state = NET_FREE;
			if (!r)
				n += t->state == NET_ASKED ||
				     !makes_tasks(t->place.nr);
			if (r <= 0 || stopped(h, i, status))
				continue;
			t = &h->tasks[i];
			if (t->state == NET_STOPPED)
				let_go(h, t, t->signal);
		}
		if (n)
			nanosleep(&(struct timespec){ 0, 200000 }, NULL);
	} while (n && net_clock() < end);
}

static void let_all_go(struct net_hold *h)
{
	for (size_t i = 0; i < h->n_tasks; i++)
		if (h->tasks[i].state == NET_STOPPED)
			let_go(h, &h->tasks[i], h->tasks[i].signal);
}

void net_release(struct net_hold *h)
{
	let_all_go(h);
	if (leaves_some(h)) {
		leave(h);
		let_all_go(h);
	}
	follow(h);
}

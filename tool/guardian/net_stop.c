/* SPDX-License-Identifier: MIT */
/*
 * net_stop.c - stop all that can run a process's memory, and let it go
 *
 * Order of work.  Everyone is seized first, which stops nobody (net_seize.c);
 * then everyone is asked to stop; then the stops are collected.  A task that
 * was asked runs no code of its own any more: it traps on its way out of the
 * kernel.  So one that cannot stop (uninterruptible sleep, a parent in vfork)
 * is as good as held, as long as we remain its tracer.
 *
 *   S1  Nobody that shares the memory is missed: net_seize.c.
 *   S2  A call that our stop has ended with -EINTR is made again: where the
 *       kernel has not decided yet about restarts, -ERESTARTNOHAND as the
 *       result makes it do the right thing, also for a signal that comes until
 *       the last moment: a handler sees EINTR, anything else restarts.  It is
 *       written as soon as the stop is seen, so that all is well if we are
 *       killed: net_restart.c.
 *       The other way is not to interrupt: net_watch.c.
 *   S3  A stop is looked at but not taken (WNOWAIT): if we are killed, a
 *       signal that waits to be delivered is delivered by the kernel.
 */
#define _GNU_SOURCE
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

#define PER_TASK_NS 30000 /* that is added to a time limit */
#define STUCK_MS    30	  /* how long to follow those in the kernel */
#define LATE_MS	    1500  /* and those that only wait for a CPU */
#define HIT_MS	    30000 /* and those with a signal that would kill them */

uint64_t net_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- one stop ------------------------------------------------------------- */

/* On, as it would; one that is stepped by the kernel is not to lose that (W6). */
static void resume(struct net_task *t)
{
	int how = isa_is_stepped(&t->regs) ? PTRACE_SINGLESTEP : PTRACE_CONT;

	t->state = ptrace(how, t->tid, 0, 0) ? NET_FREE : NET_ASKED;
}

static void let_go(struct net_hold *h, struct net_task *t, int sig)
{
	uint64_t now = net_clock();

	/* W6.  The dead among those who were stopped are in the way of an exec. */
	if (ptrace(isa_is_stepped(&t->regs) ? PTRACE_SINGLESTEP : PTRACE_DETACH,
		   t->tid, 0, (long)sig))
		waitpid(t->tid, NULL, __WALL | WNOHANG);
	if (t->since && !t->foreign &&
	    now - t->since > h->stats.longest_stop_ns)
		h->stats.longest_stop_ns = now - t->since;
	t->state = NET_FREE;
}

/*
 * One that was watched has woken (W4), or is about to stop for that (W3): true
 * if the stop is left for another one.
 */
static bool catch_hit(struct net_hold *h, struct net_task *t)
{
	if (net_is_hit(t)) {
		t->hit = false;
		t->signal = 0;
		h->stats.woke++;
		h->stats.caught++;
		h->late |= isa_pc(&t->regs) != t->slept.pc;
		ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
	} else if (!net_hit_to_come(t)) {
		t->hit = false;
		return false;
	}
	resume(t);
	return true;
}

/* A task was born to one of ours; it is traced, and stops by itself. */
static int born(struct net_hold *h, pid_t tid)
{
	struct net_status st;
	struct net_task *t;
	int err;

	if (net_find_task(h, tid) || net_status(tid, &st))
		return 0;
	err = net_add_task(h, tid, st.pid, NET_ASKED);
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
	if (event)
		return NET_STOP_EVENT;
	return sig == (SIGTRAP | 0x80) ? NET_STOP_CALL : NET_STOP_SIGNAL;
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

	net_unwatch(t);
	if (!WIFSTOPPED(status)) {
		t->state = NET_FREE;
		return 0;
	}
	t->state = NET_STOPPED;
	t->stop = kind_of(status);
	t->signal = t->stop == NET_STOP_SIGNAL ? WSTOPSIG(status) : 0;
	if (!t->since)
		t->since = net_clock();
	t->held = true;

	if (event == PTRACE_EVENT_EXEC && t->pid == h->pid)
		return -ESRCH;
	if (t->pid != h->pid && net_same_memory(net_reader(h), t->tid) != 1) {
		t->foreign = true;
		let_go(h, t, t->signal);
		return 0;
	}
	if (isa_get_regs(t->tid, &t->regs)) {
		t->state = NET_FREE;
		return 0;
	}
	if (net_restart(h, t) || catch_hit(h, t))
		return 0;
	if ((event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK ||
	     event == PTRACE_EVENT_VFORK) &&
	    !ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &child))
		return born(h, (pid_t)child);
	return 0;
}

/* ---- asking and collecting ------------------------------------------------ */

static void ask(struct net_task *t)
{
	net_witness(t);
	t->state = NET_ASKED;
	if (!t->since)
		t->since = net_clock();
	if (ptrace(PTRACE_INTERRUPT, t->tid, 0, 0) && errno == ESRCH)
		t->state = NET_FREE;
}

/*
 * Seen at @now that it has not stopped: it waits for a CPU, as it would without
 * us.
 */
static void not_yet(struct net_task *t, uint64_t now)
{
	if (!t->held)
		t->since = now;
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
		struct net_task *c = net_find_task(h, list[i]);

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
	    (!isa_makes_tasks(t->place.nr) || waits_for_child(h, t)))
		t->state = NET_STUCK;
}

/* One pass over those that were asked; the number that has not stopped. */
static int collect_pass(struct net_hold *h, bool look, size_t *late)
{
	int err, status, n = 0;
	uint64_t now;
	size_t i;
	pid_t r;

	for (i = 0; i < h->n_tasks; i++) {
		if (h->tasks[i].state != NET_ASKED)
			continue;
		now = net_clock();
		r = wait_task(h->tasks[i].tid, &status, WNOHANG);
		if (r < 0)
			h->tasks[i].state = NET_FREE;
		if (!r)
			not_yet(&h->tasks[i], now);
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

/* We sleep on one of them; the interval timer wakes us to look around. */
int net_collect(struct net_hold *h)
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

/* May the task be left asleep? */
static bool may_sleep_on(const struct net_hold *h, struct net_task *t)
{
	if (h->options.watch_blocked)
		return net_watch(t);
	return h->options.leave_blocked && t->place.known && t->place.nr >= 0 &&
	       !isa_makes_tasks(t->place.nr) && t->runs &&
	       (t->place.state == 'S' || t->place.state == 'D');
}

bool net_leaves_some(const struct net_hold *h)
{
	return h->options.watch_blocked || h->options.leave_blocked;
}

/* To stop all: more for the many. */
static uint64_t time_for(const struct net_hold *h)
{
	return h->options.timeout_ms * 1000000ull + h->n_tasks * PER_TASK_NS;
}

/*
 * To watch takes longer than to ask: nobody is to wait for it.  The time limit
 * is for those who wait.
 */
static int ask_and_collect(struct net_hold *h, bool again)
{
	size_t i;

	for (i = 0; i < h->n_tasks; i++) {
		if (h->tasks[i].state == NET_SEIZED &&
		    may_sleep_on(h, &h->tasks[i]))
			h->tasks[i].state = NET_BLOCKED;
		else if (h->tasks[i].state == NET_SEIZED)
			net_witness(&h->tasks[i]);
		net_attend(h);
	}
	if (!again)
		h->deadline = net_clock() + time_for(h);
	for (i = 0; i < h->n_tasks; i++)
		if (h->tasks[i].state == NET_SEIZED)
			ask(&h->tasks[i]);
	return net_collect(h);
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
	bool again = false;
	int r;

	r = net_seize_all(h);
	if (r < 0)
		return r;
	do {
		r = ask_and_collect(h, again);
		if (r < 0)
			return r;
		again = true;
		r = net_seize_missed(h);
		if (r < 0)
			return r;
	} while (r > 0);
	count(h);
	return h->stats.tasks ? 0 : -ESRCH;
}

bool net_spot_of(const struct net_task *t, struct net_spot *spot)
{
	*spot = (struct net_spot){ 0 };
	if (t->state == NET_FREE || t->foreign)
		return false;
	if (t->state == NET_STOPPED)
		*spot = (struct net_spot){ isa_pc(&t->regs), isa_sp(&t->regs),
					   true };
	else if (t->state == NET_STUCK || t->watch >= 0)
		*spot = (struct net_spot){ t->place.pc, t->place.sp,
					   t->place.known };
	return true;
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

	h->deadline = net_clock() + NET_TIMEOUT_MS * 1000000ull;
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
			h->stats.woke += h->tasks[i].watch < 0 &&
					 !h->tasks[i].hit &&
					 net_has_run(&h->tasks[i]);
			ask(&h->tasks[i]);
			news++;
		}
	}
	r = net_collect(h);
	return r < 0 ? r : news;
}

static bool nobody(const struct net_task *t, void *arg)
{
	(void)t;
	(void)arg;
	return false;
}

int net_settle(struct net_hold *h)
{
	int r = net_wake(h, nobody, NULL);

	return r < 0 ? r : 0;
}

static volatile sig_atomic_t somebody_stopped;

void net_child_stopped(int sig)
{
	(void)sig;
	somebody_stopped = 1;
}

void net_attend(struct net_hold *h)
{
	int status;

	if (!somebody_stopped || !h->options.watch_blocked)
		return;
	somebody_stopped = 0;
	for (size_t i = 0; i < h->n_tasks; i++)
		if (h->tasks[i].state == NET_BLOCKED &&
		    wait_task(h->tasks[i].tid, &status, WNOHANG) > 0)
			stopped(h, i, status);
}

static bool was_hit(const struct net_task *t, void *arg)
{
	(void)arg;
	return t->hit;
}

/*
 * Those who are asleep stay so: they are free when we exit.  One that is on its
 * way to its stop is waited for (W3).
 */
static void leave(struct net_hold *h)
{
	for (size_t i = 0; i < h->n_tasks; i++)
		net_unwatch(&h->tasks[i]);
	net_wake(h, was_hit, NULL);
}

/* ---- letting go ----------------------------------------------------------- */

/*
 * Those that have been asked and were stuck in the kernel are followed until
 * they stop, so that S2 is kept, or time is over.  Parents in vfork need no
 * help: that call has no EINTR.
 */
static void follow(struct net_hold *h)
{
	uint64_t begun = net_clock(), now = begun;
	int status, r;
	size_t i, n;
	bool hit;

	do {
		n = 0;
		hit = false;
		for (i = 0; i < h->n_tasks; i++) {
			struct net_task *t = &h->tasks[i];

			if (t->state != NET_ASKED && t->state != NET_STUCK)
				continue;
			r = wait_task(t->tid, &status, WNOHANG);
			if (r < 0)
				t->state = NET_FREE;
			if (!r && t->state == NET_ASKED) {
				not_yet(t, now);
				look_at_late(h, t);
			}
			if (!r)
				n += t->state == NET_ASKED ||
				     (t->state == NET_STUCK &&
				      !isa_makes_tasks(t->place.nr) &&
				      now - begun < STUCK_MS * 1000000ull);
			if (r > 0 && !stopped(h, i, status) &&
			    h->tasks[i].state == NET_STOPPED)
				let_go(h, &h->tasks[i], h->tasks[i].signal);
			t = &h->tasks[i];
			hit |= t->hit && t->state == NET_ASKED;
			n += r > 0 && t->state == NET_ASKED;
		}
		if (n)
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
		now = net_clock();
	} while (n && now - begun < (hit ? HIT_MS : LATE_MS) * 1000000ull);
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
	if (net_leaves_some(h)) {
		leave(h);
		let_all_go(h);
	}
	follow(h);
}

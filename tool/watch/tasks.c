/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - the threads of a process whose pages are watched
 *
 * A page cannot be opened for one thread alone.  So when a write is let happen, nobody
 * else may run:
 *
 *   T1  A thread that runs is stopped.  Where that has ended a system call, the
 *       call is made again, as if there had been no stop.
 *   T2  A thread that sleeps is woken once; then it makes its call under a trace that
 *       stops it at the call's end (it is guarded).  So a sleeper is not woken at
 *       each hit, which would put its timeout off for ever.  Only in a
 *       call that cannot write what is watched.
 *   T3  A thread that waits for a page inside a system call cannot be stopped there.  Its
 *       call is let happen first.  One whose signal's frame the kernel writes is not
 *       seen to be in a call; but it asks for its page again and again.
 *   T4  A thread in a deep sleep (a parent in vfork) stops before it goes on.
 *
 * Faults are noticed before stops: a thread that has left its fault without us, by
 * a signal, has none any more, and its message is older than its stop.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <net.h>

#include "keeper.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif
#define ERESTARTSYS	      512
#define ERESTARTNOHAND	      514
#define ERESTART_RESTARTBLOCK 516
#define SYSCALL_STOP	      (SIGTRAP | 0x80)

#define OPTIONS                                                              \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK | \
	 PTRACE_O_TRACEEXEC)

#define HOLD_NS	  1000000000u
#define CHECK_NS  2000000u
#define STEP_NS	  200000000u
#define DETACH_NS 3000000000u

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the list ---------------------------------------------------------------- */

static struct task *find(struct keeper *k, pid_t tid)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->task[i].tid == tid)
			return &k->task[i];
	return NULL;
}

/* By the number that the thread itself has. */
static struct task *find_own(struct keeper *k, pid_t own)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->task[i].own == own)
			return &k->task[i];
	return NULL;
}

static pid_t own_number(pid_t tid)
{
	char path[64], line[256];
	pid_t own = tid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	if (!f)
		return tid;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "NSpid:", 6) == 0) {
			char *last = strrchr(line, '\t');

			own = last ? atoi(last + 1) : tid;
			break;
		}
	fclose(f);
	return own;
}

static struct task *add(struct keeper *k, pid_t tid)
{
	struct task *t;
	char path[64];

	if (k->n == k->room) {
		size_t room = k->room * 2 + 64;

		t = realloc(k->task, room * sizeof(*t));
		if (!t)
			return NULL;
		k->task = t;
		k->room = room;
	}
	t = &k->task[k->n++];
	*t = (struct task){ .tid = tid, .own = own_number(tid) };
	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	t->call = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	t->stat = open(path, O_RDONLY | O_CLOEXEC);
	return t;
}

static void forget(struct keeper *k, struct task *t)
{
	if (t->call >= 0)
		close(t->call);
	if (t->stat >= 0)
		close(t->stat);
	*t = k->task[--k->n];
}

static char state_of(const struct task *t)
{
	char path[64], line[512], *at = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)t->tid);
	f = fopen(path, "re");
	if (f) {
		at = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
		fclose(f);
	}
	return at && at[1] ? at[2] : 'X';
}

/* Some fields of /proc/TID/stat, as proc(5) numbers them.  0: unknown. */
#define STAT_BLOCKED 32
#define STAT_IGNORED 33
#define STAT_CPU     39
#define STAT_FIELDS  40

static void read_stat(const struct task *t, uint64_t field[STAT_FIELDS])
{
	char text[1024], *at = NULL;
	ssize_t got = t->stat < 0 ? -1
				  : pread(t->stat, text, sizeof(text) - 1, 0);

	memset(field, 0, STAT_FIELDS * sizeof(*field));
	if (got > 0) {
		text[got] = 0;
		at = strrchr(text, ')');
	}
	for (int i = 3; i < STAT_FIELDS && at; i++) {
		at = strchr(at + 1, ' ');
		if (at)
			field[i] = strtoull(at, NULL, 10);
	}
}

static void notice_cpu(struct keeper *k, const uint64_t field[STAT_FIELDS])
{
	k->apart = k->cpus > 1 && (int)field[STAT_CPU] != sched_getcpu();
}

void task_look_where(struct keeper *k, const struct task *t)
{
	uint64_t field[STAT_FIELDS];

	read_stat(t, field);
	notice_cpu(k, field);
}

bool task_minds_trap(const struct task *t, bool blocked)
{
	uint64_t field[STAT_FIELDS], set;

	read_stat(t, field);
	set = field[STAT_IGNORED] | (blocked ? field[STAT_BLOCKED] : 0);
	return set >> (SIGTRAP - 1) & 1;
}

/* ---- seizing --------------------------------------------------------------------- */

static int seize_new(struct keeper *k)
{
	char path[64];
	const struct dirent *e;
	int n = 0, err = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)k->options.pid);
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? -ESRCH : -errno;
	while (!err && (e = readdir(d))) {
		pid_t tid = (pid_t)atoi(e->d_name);

		if (tid <= 0 || find(k, tid))
			continue;
		if (ptrace(PTRACE_SEIZE, tid, 0, OPTIONS)) {
			/* One that has ended, or a leader that has. */
			if (errno == ESRCH ||
			    state_of(&(struct task){ .tid = tid }) == 'Z')
				continue;
			/* Or a parent's trace was handed on to it. */
			tasks_look(k);
			if (!find(k, tid))
				err = -EPERM;
			continue;
		}
		n++;
		if (!add(k, tid))
			err = -ENOMEM;
	}
	closedir(d);
	return err ? err : n;
}

int tasks_seize(struct keeper *k)
{
	int n;

	do
		n = seize_new(k);
	while (n > 0);
	if (n < 0)
		tasks_detach(k);
	return n;
}

/* ---- what is noticed --------------------------------------------------------------- */

static void page_has_gone(struct keeper *k, uint64_t start, uint64_t end,
			  const char *why)
{
	for (size_t i = 0; i < k->n_spans; i++)
		if (k->span[i].start < end && k->span[i].end > start)
			k->span[i].gone = start <= k->span[i].start &&
					  end >= k->span[i].end;
	for (size_t i = 0; i < k->n_points; i++)
		if (k->point[i].addr < end &&
		    k->point[i].addr + k->point[i].len > start &&
		    !k->ring->gone[i])
			__atomic_store_n(&k->ring->gone[i], why,
					 __ATOMIC_RELEASE);
}

/* Is it asleep in a system call, as far as that can be seen? */
static bool sleeps_in_call(const struct task *t)
{
	char text[16];

	/* "running", a number, or -1: in the kernel, and not by a call. */
	return t->call >= 0 && pread(t->call, text, sizeof(text), 0) > 0 &&
	       text[0] >= '0' && text[0] <= '9';
}

static void take_fault(struct keeper *k, uint64_t addr, pid_t own)
{
	struct task *t = find_own(k, own);

	if (!t && net_same_memory(own, k->options.pid) == 1 &&
	    !ptrace(PTRACE_SEIZE, own, 0, OPTIONS))
		t = add(k, own);
	if (!k->fault_ns)
		k->fault_ns = now_ns();
	if (!t) { /* the kernel's own thread: nobody to be held */
		page_open(k, addr);
		return;
	}
	if (!t->fault)
		t->looked = t->in_call = false;
	t->fault = true;
	t->addr = addr;
	t->messages++;
	if (t->state == TASK_GUARDED) /* not so harmless */
		t->state = TASK_RUNS;
}

/* All there are; one read takes those of sixteen threads. */
static bool take_messages(struct keeper *k)
{
	struct uffd_msg m[16];
	ssize_t n = k->uffd < 0 ? 0 : read(k->uffd, m, sizeof(m));

	for (ssize_t i = 0; i < n / (ssize_t)sizeof(*m); i++)
		switch (m[i].event) {
		case UFFD_EVENT_PAGEFAULT:
			take_fault(k, m[i].arg.pagefault.address,
				   (pid_t)m[i].arg.pagefault.feat.ptid);
			break;
		case UFFD_EVENT_REMOVE:
			page_has_gone(k, m[i].arg.remove.start,
				      m[i].arg.remove.end,
				      "the program has given its page back");
			break;
		case UFFD_EVENT_UNMAP:
			page_has_gone(k, m[i].arg.remove.start,
				      m[i].arg.remove.end,
				      "its page is unmapped, or was moved");
			break;
		}
	if (n == sizeof(m))
		take_messages(k);
	return n > 0;
}

/* Is there a SIGTRAP on its way?  It would kill one that is let go. */
static bool trap_pending(const struct task *t)
{
	struct __ptrace_peeksiginfo_args a = { .nr = 16 };
	siginfo_t info[16];
	long n = ptrace(PTRACE_PEEKSIGINFO, t->tid, &a, info);

	for (long i = 0; i < n; i++)
		if (info[i].si_signo == SIGTRAP)
			return true;
	return false;
}

static void take_stop(struct keeper *k, pid_t tid, int status)
{
	struct task *t = find(k, tid);

	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		if (t)
			forget(k, t);
		if (!k->n)
			keeper_end(k, "the process has ended");
		return;
	}
	if (!WIFSTOPPED(status))
		return;
	if (!t) {
		t = add(k, tid);
		if (!t)
			return;
		t->fresh = true;
	}
	t->status = status;
	t->state = TASK_STOPPED;
	t->parked = false;
	/*
	 * Any stop is instead of the one that was asked for.  If it was asked for
	 * too late for that, there will be another, which does no harm.
	 */
	t->asked = false;
	if (task_is_plain(t) && ptrace(PTRACE_GETREGS, tid, 0, &t->regs))
		memset(&t->regs, 0, sizeof(t->regs));
	if (t->armed && (status >> 8 == SIGTRAP || trap_pending(t)))
		task_take_hits(k, t);
	if (status >> 16 == PTRACE_EVENT_EXEC && tid == k->options.pid)
		keeper_end(k, "the process runs another program now");
}

bool tasks_look(struct keeper *k)
{
	bool any = false;
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		/*
		 * There is nobody else to be seen; and one that has left its fault
		 * has taken a message that was not read along.
		 */
		bool alone = k->n == 1 && k->task->tid == tid;

		any = true;
		if (!alone)
			take_messages(k);
		take_stop(k, tid, status);
		if (alone)
			return true;
	}
	return take_messages(k) || any;
}

/* ---- waiting ----------------------------------------------------------------------- */

/*
 * A CPU with nothing to do takes some 50 us to wake up, more than all else that a
 * write needs.  So we do not sleep where something is sure to come soon; how soon
 * it came the last times says whether it is.
 */
#define SPIN_MAX 100000u
#define SPIN_MIN 10000u

void spin_learn(struct spin *s, uint64_t ns)
{
	if (ns >= SPIN_MAX)
		s->ns = s->ns > SPIN_MIN ? s->ns / 2 : 0;
	else if (s->ns < SPIN_MAX)
		s->ns += SPIN_MAX / 4;
}

bool tasks_spin(struct keeper *k, const struct spin *s)
{
	uint64_t since = now_ns();

	if (!k->apart || !s->ns)
		return false;
	do {
		if (tasks_look(k))
			return true;
	} while (now_ns() - since < s->ns);
	return false;
}

/* As tasks_wait(), asleep. */
static bool sleep_until(struct keeper *k, unsigned int us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };
	struct pollfd p[] = { { k->uffd, POLLIN, 0 },
			      { k->children, POLLIN, 0 } };
	struct signalfd_siginfo info;

	keeper_rest(k);
	if (ppoll(p, 2, &t, NULL) <= 0)
		return false;
	/* Before the look, so that what it does not see is told again. */
	if (p[1].revents && read(k->children, &info, sizeof(info)) < 0)
		return false;
	return tasks_look(k);
}

bool tasks_wait(struct keeper *k, unsigned int us)
{
	uint64_t since = now_ns();
	bool any = tasks_spin(k, &k->stops) || sleep_until(k, us);

	spin_learn(&k->stops, any ? now_ns() - since : UINT64_MAX);
	return any;
}

/* ---- letting go on ------------------------------------------------------------------- */

bool task_is_plain(const struct task *t)
{
	return t->status >> 16 == PTRACE_EVENT_STOP &&
	       WSTOPSIG(t->status) == SIGTRAP;
}

/*
 * System calls that sleep, and what they write: argument @at, so many bytes, or
 * argument @n times so many.  T2
 */
static const struct call {
	int nr, at, n;
	unsigned int size;
} calls[] = {
	{ SYS_futex, -1, -1, 0 },
	{ SYS_pause, -1, -1, 0 },
	{ SYS_rt_sigsuspend, -1, -1, 0 },
	{ SYS_nanosleep, 1, -1, 16 },
	{ SYS_clock_nanosleep, 3, -1, 16 },
	{ SYS_poll, 0, 1, 8 },
	{ SYS_epoll_wait, 1, 2, 12 },
	{ SYS_epoll_pwait, 1, 2, 12 },
	{ SYS_read, 1, 2, 1 },
	{ SYS_pread64, 1, 2, 1 },
	{ SYS_recvfrom, 1, 2, 1 },
	{ SYS_wait4, 1, -1, 4 },
	{ SYS_rt_sigtimedwait, 1, -1, 128 },
	{ SYS_semtimedop, -1, -1, 0 },
	{ SYS_flock, -1, -1, 0 },
	{ SYS_write, -1, -1, 0 },
	{ SYS_sendto, -1, -1, 0 },
	{ SYS_sendmsg, -1, -1, 0 },
};

static bool meets(const struct keeper *k, uint64_t addr, uint64_t len)
{
	for (size_t i = 0; i < k->n_spans; i++)
		if (!k->span[i].gone && addr < k->span[i].end &&
		    addr + len > k->span[i].start)
			return true;
	return false;
}

static bool is_harmless(const struct keeper *k,
			const struct user_regs_struct *r)
{
	const uint64_t arg[] = { r->rdi, r->rsi, r->rdx, r->r10 };

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		const struct call *c = &calls[i];
		uint64_t n = 1;

		if (c->nr != (int)r->orig_rax)
			continue;
		if (c->nr == SYS_futex)
			return (r->rsi & 0x7f) == 0 || (r->rsi & 0x7f) == 9;
		if (c->nr == SYS_wait4 && arg[3])
			return false;
		if (c->nr == SYS_recvfrom && r->r8)
			return false;
		if (c->at < 0)
			return true;
		if (c->n >= 0)
			n = arg[c->n];
		if (n > 1u << 20)
			return false;
		return !meets(k, arg[c->at], n * c->size);
	}
	return false;
}

/* T1, T2: its call has ended because of us. */
static bool mend_call(struct keeper *k, struct task *t)
{
	long nr = (long)t->regs.orig_rax, result = (long)t->regs.rax;

	if (nr < 0)
		return false;
	if (result == -EINTR && nr != SYS_close) {
		/* Again, but for a handler. */
		ptrace(PTRACE_POKEUSER, t->tid,
		       offsetof(struct user_regs_struct, rax),
		       (long)-ERESTARTNOHAND);
		return is_harmless(k, &t->regs);
	}
	if (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK)
		return is_harmless(k, &t->regs);
	return false;
}

static bool let_go_if_foreign(struct keeper *k, struct task *t)
{
	if (!t->fresh)
		return false;
	t->fresh = false;
	if (net_same_memory(t->tid, k->options.pid) != 0)
		return false;
	ptrace(PTRACE_DETACH, t->tid, 0, 0);
	forget(k, t);
	return true;
}

/* Does it report the end of a step? */
static bool is_step(const struct task *t)
{
	siginfo_t info;

	return t->status >> 8 == SIGTRAP &&
	       !ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info) &&
	       info.si_code == TRAP_TRACE;
}

/* Is the signal that it has stopped by one that we have caused? */
static bool is_ours(const struct task *t)
{
	siginfo_t info;

	if (t->status >> 8 != SIGTRAP ||
	    ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info))
		return false;
	return (t->stepping && info.si_code == TRAP_TRACE) ||
	       (t->armed && info.si_code == TRAP_HWBKPT);
}

/* At the end of a call: has it ended with EINTR? */
static bool is_interrupted(const struct task *t)
{
	errno = 0;
	return ptrace(PTRACE_PEEKUSER, t->tid,
		      offsetof(struct user_regs_struct, rax), 0) == -EINTR &&
	       !errno;
}

/* How a thread goes on from its stop. */
static void choose(struct keeper *k, struct task *t, enum __ptrace_request *how,
		   long *sig)
{
	int event = t->status >> 16, s = WSTOPSIG(t->status);

	*how = PTRACE_CONT;
	*sig = 0;
	t->state = TASK_RUNS;
	if (event == PTRACE_EVENT_STOP && s != SIGTRAP) {
		*how = PTRACE_LISTEN;
		t->state = TASK_LISTENS;
	} else if (event == PTRACE_EVENT_STOP) {
		t->entering = mend_call(k, t);
		if (t->entering)
			*how = PTRACE_SYSCALL;
	} else if (event) {
		t->entering = false;
	} else if (s == SYSCALL_STOP) {
		if (t->entering) {
			*how = PTRACE_SYSCALL;
			t->state = TASK_GUARDED;
		} else if (is_interrupted(t)) {
			/* Because of us, perhaps: mended at the next stop. */
			ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
			t->asked = true;
		}
		t->entering = false;
	} else {
		t->entering = false;
		*sig = is_ours(t) ? 0 : s;
		t->stepping = false;
	}
}

void task_resume(struct keeper *k, struct task *t)
{
	enum __ptrace_request how;
	long sig;

	if (let_go_if_foreign(k, t))
		return;
	if (t->status >> 16 == PTRACE_EVENT_EXEC && t->tid != k->options.pid) {
		ptrace(PTRACE_DETACH, t->tid, 0, 0);
		forget(k, t);
		return;
	}
	task_arm(k, t);
	choose(k, t, &how, &sig);
	t->fault = false;
	t->messages = 0;
	ptrace(how, t->tid, 0, sig);
}

void tasks_resume(struct keeper *k)
{
	/* From the end: who is forgotten is replaced by the last. */
	for (size_t i = k->n; i-- > 0;)
		if (k->task[i].state == TASK_STOPPED)
			task_resume(k, &k->task[i]);
}

/*
 * Who is to stop, waits for a page and has not stopped yet: is it in a call?  Most are
 * not, and stop before they are looked at.  True: somebody is.
 */
static bool look_for_calls(struct keeper *k)
{
	bool any = false;

	for (size_t i = 0; i < k->n; i++) {
		struct task *t = &k->task[i];

		if (t->state != TASK_RUNS || !t->fault || !t->asked ||
		    t->looked)
			continue;
		t->looked = true;
		t->in_call = sleeps_in_call(t);
		any = any || t->in_call;
	}
	return any;
}

/* T3: it is to stop, and it is seen to be in a call, or has asked again. */
bool task_waits_in_kernel(const struct task *t)
{
	return t->state == TASK_RUNS && t->fault && t->asked &&
	       (t->in_call || t->messages >= 2);
}

/* ---- holding ---------------------------------------------------------------------------- */

static bool is_held(const struct task *t, bool all)
{
	switch (t->state) {
	case TASK_STOPPED:
		return true;
	case TASK_LISTENS:
	case TASK_GUARDED:
		return !all;
	case TASK_RUNS:
		break;
	}
	return t->parked;
}

/* Those who do not answer: dead, or in a deep sleep. */
static void look_after(struct keeper *k, bool all)
{
	for (size_t i = k->n; i-- > 0;) {
		struct task *t = &k->task[i];
		char state;

		if (is_held(t, all) || task_waits_in_kernel(t))
			continue;
		state = state_of(t);
		if (state == 'Z' || state == 'X')
			forget(k, t);
		else if (state == 'D' && !t->fault)
			t->parked = true;
	}
}

static bool ask(struct keeper *k, bool all)
{
	bool any = false;

	for (size_t i = k->n; i-- > 0;) {
		struct task *t = &k->task[i];

		if (is_held(t, all)) {
			/* On its way out of a call: not there yet. */
			if (all && t->state == TASK_STOPPED &&
			    t->status >> 8 == SYSCALL_STOP) {
				task_resume(k, t);
				any = true;
			}
			continue;
		}
		any = any || !task_waits_in_kernel(t);
		if (t->asked)
			continue;
		t->messages = 0;
		t->asked = true;
		k->ring->cost.holds += !t->fault;
		ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
	}
	return any;
}

/* As tasks_wait(): somebody has stopped, or is seen to be in a call. */
static bool wait_for_stops(struct keeper *k)
{
	uint64_t since = now_ns();
	bool any = tasks_spin(k, &k->stops), call = false;

	if (!any) {
		call = look_for_calls(k);
		any = !call && sleep_until(k, 1000);
	}
	spin_learn(&k->stops, any ? now_ns() - since : UINT64_MAX);
	return any || call;
}

bool tasks_hold(struct keeper *k, bool all)
{
	uint64_t since = now_ns(), checked = since, now;

	while (ask(k, all) && !k->ended) {
		if (wait_for_stops(k))
			continue;
		now = now_ns();
		if (now - since > HOLD_NS)
			return false;
		if (now - checked > CHECK_NS) {
			checked = now;
			look_after(k, all);
		}
	}
	return !k->ended;
}

/* ---- a step -------------------------------------------------------------------------------- */

/* One step, and whatever comes of it, but for signals.  As task_step(). */
static int step(struct keeper *k, struct task *t)
{
	pid_t tid = t->tid;
	uint64_t ip = t->regs.rip, since = now_ns();

	for (;;) {
		t->fault = false;
		t->stepping = true;
		t->state = TASK_RUNS;
		if (ptrace(PTRACE_SINGLESTEP, tid, 0, 0))
			return -1;
		while (t->state != TASK_STOPPED) {
			if (!tasks_wait(k, 1000) &&
			    now_ns() - since > STEP_NS) {
				/* It waits for somebody who is held. */
				t->asked = true;
				ptrace(PTRACE_INTERRUPT, tid, 0, 0);
				since = UINT64_MAX;
			}
			t = find(k, tid);
			if (!t || k->ended)
				return -1;
			if (t->fault && t->state != TASK_STOPPED)
				page_open(k, t->addr); /* the next page */
			t->fault = false;
		}
		if (is_step(t)) {
			task_take_hits(k, t);
			t->stepping = false;
			/* As if stopped plainly: there is no signal. */
			t->status = PTRACE_EVENT_STOP << 16 | SIGTRAP << 8 |
				    0x7f;
			ptrace(PTRACE_GETREGS, tid, 0, &t->regs);
			return 1;
		}
		if (!task_is_plain(t))
			return 0;
		if (t->regs.rip != ip)
			return 1;
		if (since == UINT64_MAX)
			return 0;
	}
}

/*
 * The end of a step is a SIGTRAP, and one that is blocked would cost the program its
 * action for it: so it is not, for that moment.  One of the program's own that
 * waits to be unblocked comes out by that, and is sent again.
 */
int task_step(struct keeper *k, struct task *t)
{
	const uint64_t trap = 1ull << (SIGTRAP - 1);
	uint64_t mask = 0, without, field[STAT_FIELDS];
	pid_t tid = t->tid;
	bool again = false;
	int done;

	read_stat(t, field);
	notice_cpu(k, field);
	/* An action to ignore it would be lost in the same way. */
	if (field[STAT_IGNORED] & trap)
		return -1;
	if (!(field[STAT_BLOCKED] & trap) ||
	    ptrace(PTRACE_GETSIGMASK, tid, sizeof(mask), &mask))
		return step(k, t);
	without = mask & ~trap;
	ptrace(PTRACE_SETSIGMASK, tid, sizeof(without), &without);
	done = step(k, t);
	t = find(k, tid);
	if (done == 0 && t && t->status >> 8 == SIGTRAP) {
		again = true;
		done = step(k, t);
	}
	ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
	if (again)
		syscall(SYS_tgkill, k->options.pid, tid, SIGTRAP);
	return done;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void detach_stopped(struct keeper *k)
{
	for (size_t i = k->n; i-- > 0;) {
		struct task *t = &k->task[i];
		bool may = t->armed || t->stepping;
		enum __ptrace_request how;
		long sig;

		if (t->state != TASK_STOPPED)
			continue;
		task_disarm(t);
		choose(k, t, &how, &sig);
		if (may && t->status >> 8 != SIGTRAP && trap_pending(t)) {
			ptrace(how, t->tid, 0, sig); /* it stops for that */
			continue;
		}
		if (!ptrace(PTRACE_DETACH, t->tid, 0, sig) || errno == ESRCH)
			forget(k, t);
	}
}

/* Only who is stopped can be let go, and some are born meanwhile. */
void tasks_detach(struct keeper *k)
{
	uint64_t since = now_ns();
	siginfo_t info;

	do {
		tasks_hold(k, true);
		detach_stopped(k);
		look_after(k, true);
		/* Are there any whom we trace? */
		if (waitid(P_ALL, 0, &info,
			   WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL))
			break;
		tasks_wait(k, 1000);
	} while (!k->ended && now_ns() - since < DETACH_NS);
	while (k->n)
		forget(k, &k->task[k->n - 1]);
}

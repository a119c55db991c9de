/* SPDX-License-Identifier: MIT */
/*
 * net_watch.c - sleepers are left asleep, and held when they wake
 *
 * A thread that sleeps in a system call comes back to its program at one
 * place: behind that call.  So the net gives it a debug register for that
 * address, by way of perf_event_open(), which wakes nobody.  When the thread
 * wakes and is about to execute its first instruction, the kernel sends it a
 * SIGTRAP, which stops it for us, its tracer.  Every other way out of the call
 * shows itself to the tracer, too:
 *
 *     a signal                        stops it before the handler is entered
 *     the call is made again          at the `syscall` instruction; as before
 *     a task is born, an exec, death  not left asleep in such calls; a stop
 *
 * So whoever is watched executes nothing while the net is open.
 *
 *   W1  The address is right: the thread has not got a CPU between the moment
 *       its place was read and the moment the register was set.
 *   W2  The SIGTRAP is delivered at once: it is not blocked.  A call that has a
 *       signal mask of its own has put the thread's mask aside, and nobody
 *       tells what that is, so it is not left asleep in those.  The kernel does
 *       not touch the mask nor the action for this kind of SIGTRAP, which is
 *       sent, not forced; where older kernels force it, they change nothing if
 *       it is neither blocked nor ignored.
 *   W3  Nobody is let go before its register is free and the SIGTRAP, if one
 *       was sent, has been taken: it would kill the program.  The event counts
 *       its hits, so it is known whether one was sent.
 *       And a trial shows first that it is so on this machine: there may be
 *       hypervisors that forget debug registers.
 *   W4  The stop for the SIGTRAP is left at once for a stop without a signal,
 *       of which there is nothing to be delivered if we are killed.
 *   W6  Where the kernel steps a thread over its breakpoint (ISA_STEPS) it has
 *       switched the thread's breakpoints off until that step is done, and
 *       PTRACE_CONT and PTRACE_DETACH would call the step off: no debug register
 *       would hold the thread again.  So one that is stopped in that state goes
 *       on by PTRACE_SINGLESTEP (net_resume()), and is free when we exit.
 *
 * The same register without a signal is a witness (net_witness()): it counts how
 * often a thread that is to be stopped has been at the place behind its call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include "net_tasks.h"

#define PENDING_MAX 16 /* signals that are looked at together */

/* In siginfo_t, for which libc has no names: attr.sig_data comes back there. */
#define PERF_CODE    6 /* TRAP_PERF */
#define PERF_DATA_AT 24
#define PERF_DATA    0x7472616c70696c6eull

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* What is newer than the headers of some systems: bits of perf_event_attr. */
_Static_assert(sizeof(((struct perf_event_attr *)0)->sig_data) == 8,
	       "perf_event_attr with sigtrap");

static bool is_hit(const siginfo_t *info)
{
	uint64_t data;

	memcpy(&data, (const char *)info + PERF_DATA_AT, sizeof(data));
	return info->si_signo == SIGTRAP && info->si_code == PERF_CODE &&
	       data == PERF_DATA;
}

static bool read_memory(pid_t tid, uintptr_t at, void *dst, size_t len)
{
	struct iovec local = { dst, len }, remote = { (void *)at, len };

	return process_vm_readv(tid, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

/* Is argument @i of the call a mask to be used while it lasts? */
static bool has_mask(const struct net_task *t, int i)
{
	return t->place.args[i] != 0;
}

/* W2: might the mask that we see be one for the time of the call? */
static bool mask_is_passing(const struct net_task *t)
{
	const uint64_t trap = 1ull << (SIGTRAP - 1);
	uint64_t word = ~0ull;

	switch (t->place.nr) {
	case SYS_rt_sigsuspend:
		return true;
	case SYS_ppoll:
		return has_mask(t, 3);
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
	case SYS_io_uring_enter:
		return has_mask(t, 4);
	case SYS_io_pgetevents:
		return has_mask(t, 5);
	case SYS_pselect6: /* a pointer to a pointer, and a length */
		return has_mask(t, 5) &&
		       (!read_memory(t->tid, t->place.args[5], &word, 8) ||
			word);
	case SYS_rt_sigtimedwait: /* what it waits for is not blocked */
		return !read_memory(t->tid, t->place.args[0], &word, 8) ||
		       word & trap;
	}
	return false;
}

static bool takes_trap(const struct net_task *t)
{
	const uint32_t trap = 1u << (SIGTRAP - 1);

	return !((t->place.blocked | t->place.ignored) & trap) &&
	       !mask_is_passing(t);
}

/* Calls that do not come back, or in which somebody else comes back, too. */
static bool may_be_watched(const struct net_task *t)
{
	return t->place.known && t->place.nr >= 0 &&
	       (t->place.state == 'S' || t->place.state == 'D') &&
	       !isa_makes_tasks(t->place.nr) && t->place.nr != SYS_execve &&
	       t->place.nr != SYS_execveat && takes_trap(t);
}

/* Of thread @tid (0: this one) when it is at @at; @trap: that holds it. */
static int open_event(pid_t tid, uintptr_t at, bool trap)
{
	struct perf_event_attr a = { .size = sizeof(a) };

	a.type = PERF_TYPE_BREAKPOINT;
	a.bp_type = HW_BREAKPOINT_X;
	a.bp_addr = at;
	a.bp_len = sizeof(long);
	a.sample_period = trap;
	a.exclude_kernel = 1;
	a.exclude_hv = 1;
	a.sigtrap = trap;
	a.sig_data = trap ? PERF_DATA : 0;
	a.remove_on_exec = trap;
	return (int)syscall(SYS_perf_event_open, &a, tid, -1, -1,
			    PERF_FLAG_FD_CLOEXEC);
}

/* ---- the trial ------------------------------------------------------------ */

static volatile unsigned int tried;
static volatile uintptr_t tried_at;
static int trial;

static void on_trial(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *c = context;

	/* Or it would come again, where the handler returns to. */
	(void)sig;
	ioctl(trial, PERF_EVENT_IOC_DISABLE, 0);
	tried += is_hit(info);
	tried_at = isa_context_pc(c);
}

static __attribute__((noinline, noclone)) void place_of_trial(void)
{
	__asm__ volatile("");
}

/*
 * Where interrupts are handled by threads the signal may come late, but not
 * always does.
 */
bool net_can_watch(void)
{
	struct sigaction old,
		sa = { .sa_sigaction = on_trial, .sa_flags = SA_SIGINFO };

	if (access("/sys/kernel/realtime", F_OK) == 0)
		return false;
	trial = open_event(0, (uintptr_t)place_of_trial, true);
	if (trial < 0)
		return false;
	sigaction(SIGTRAP, &sa, &old);
	tried = 0;
	place_of_trial();
	close(trial);
	place_of_trial();
	sigaction(SIGTRAP, &old, NULL);
	return tried == 1 && tried_at == (uintptr_t)place_of_trial;
}

/* ---- one task ------------------------------------------------------------- */

/* How often it had got a CPU when its place was read, which is made true. */
static uint64_t look_again(struct net_task *t)
{
	uint64_t runs = net_runs(t->runs_fd);

	if (runs && runs != t->runs) {
		t->runs = runs;
		if (net_look(t->pid, t->tid, &t->place))
			return 0;
	}
	return runs;
}

/* How often has the thread been at the place? */
static uint64_t hits_of(int fd)
{
	uint64_t hits;

	/* What cannot be read is taken for a hit: it costs a stop. */
	return read(fd, &hits, sizeof(hits)) == sizeof(hits) ? hits : 1;
}

/* No more from now on.  Was it there? */
static bool end_event(int *fd)
{
	bool was;

	ioctl(*fd, PERF_EVENT_IOC_DISABLE, 0);
	was = hits_of(*fd);
	close(*fd);
	*fd = -1;
	return was;
}

bool net_watch(struct net_task *t)
{
	uint64_t runs = look_again(t);

	if (!runs || !may_be_watched(t))
		return false;
	t->slept = t->place;
	t->watch = open_event(t->tid, t->slept.pc, true);
	if (t->watch < 0)
		return false;
	/* W1 */
	if (net_runs(t->runs_fd) == runs) {
		close(t->runs_fd);
		t->runs_fd = -1;
		return true;
	}
	net_unwatch(t);
	return false;
}

void net_witness(struct net_task *t)
{
	uint64_t runs;

	if (ISA_DECIDES_LATE || t->watch >= 0 ||
	    (t->witness >= 0 && !hits_of(t->witness)))
		return;
	/* Of one that has been there, and sleeps again: once more. */
	if (t->witness >= 0)
		end_event(&t->witness);
	runs = look_again(t);
	if (!runs || !t->place.known || t->place.nr < 0 ||
	    t->place.state != 'S')
		return;
	t->slept = t->place;
	t->witness = open_event(t->tid, t->slept.pc, false);
	if (t->witness >= 0 && net_runs(t->runs_fd) != runs)
		end_event(&t->witness);
}

void net_unwatch(struct net_task *t)
{
	if (t->watch >= 0) {
		t->stayed = !end_event(&t->watch);
		t->hit |= !t->stayed;
	}
	if (t->witness >= 0)
		t->stayed = !end_event(&t->witness);
}

bool net_is_hit(const struct net_task *t)
{
	siginfo_t info;

	return t->signal == SIGTRAP &&
	       !ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info) && is_hit(&info);
}

/*
 * Asking comes before signals in the kernel's order, but a SIGTRAP of this kind
 * before all other signals: in a stop for one of those there is none to come.
 */
bool net_hit_to_come(const struct net_task *t)
{
	struct __ptrace_peeksiginfo_args next = { .nr = PENDING_MAX };
	siginfo_t info[PENDING_MAX];
	long n;

	if (!t->hit || t->stop == NET_STOP_SIGNAL)
		return false;
	do {
		n = ptrace(PTRACE_PEEKSIGINFO, t->tid, &next, info);
		for (long i = 0; i < n; i++)
			if (is_hit(&info[i]))
				return true;
		next.off += n > 0 ? (uint64_t)n : 0;
	} while (n > 0);
	return false;
}

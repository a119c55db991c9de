/* SPDX-License-Identifier: MIT */
/*
 * net_restart.c - a call that our stop has ended with EINTR is made again
 *
 * Where the kernel decides about restarts after a stop (ISA_DECIDES_LATE), the
 * result is overwritten there, and it does what is right (S2, net_stop.c).
 *
 * Where it decides before, it has taken EINTR for the last word, and forgotten the
 * call and its first argument.  Three things are needed then.
 *
 * What was called?  Whoever sleeps in a call has been looked at before it is asked
 * to stop, which shows number, arguments and place.
 *
 * Is it the same call still, and not a later one from the same place, with another
 * first argument?  A debug register at the place behind the call counts how often
 * the thread has been there (net_witness(), W1).  If it has not, then it has not
 * left the kernel since it was looked at, so nor has a handler run that it could be
 * coming back from.
 *
 * And the kernel is to know that the call is pending, so that a handler that runs in
 * the last moment shows the program EINTR.  So the call is made once more under our
 * eyes: from its instruction to its entry, and from there, asked to stop again, to
 * its exit.  There the result is not judged yet, and is overwritten as above.
 *
 *     stop         x0 = -EINTR, pc behind      x0 = argument, pc = the call
 *     entry                                    asked to stop
 *     exit         x0 = -EINTR, pc behind      x0 = -ERESTARTNOHAND, asked to stop
 *     stop         x0 = argument, pc = the call
 *
 * The same way a thread with a pending call is moved: at the exit, where its pc is
 * still what the kernel will go back from.
 *
 * A signal before the entry that will have a handler, or stop the process, ends the
 * call as it would without us.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "net_tasks.h"

#define ERESTARTNOHAND 514 /* what system calls return inside the kernel */

/* A signal that stops the process ends calls with EINTR also without us. */
static bool stops(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN ||
	       sig == SIGTTOU;
}

/* Does the signal that waits to be delivered to @t end in nothing? */
static bool ends_in_nothing(const struct net_task *t)
{
	const uint64_t bit = 1ull << (t->signal - 1);
	struct net_status st;

	if (net_status(t->tid, &st) || st.caught & bit)
		return false;
	return st.ignored & bit || t->signal == SIGCHLD ||
	       t->signal == SIGCONT || t->signal == SIGURG ||
	       t->signal == SIGWINCH;
}

/* The call that our stop has ended; -1: none, or not known for certain. */
static long ended_call(const struct net_task *t)
{
	if (ISA_DECIDES_LATE)
		return isa_syscall(&t->regs);
	if (!t->stayed || isa_pc(&t->regs) != t->slept.pc ||
	    isa_sp(&t->regs) != t->slept.sp)
		return -1;
	return t->slept.nr;
}

/* close() is not to be made again: the descriptor is gone, whatever it returns. */
static bool was_interrupted(const struct net_task *t)
{
	long nr = ended_call(t);

	if (nr < 0 || isa_result(&t->regs) != -EINTR ||
	    isa_call(nr) == SYS_close)
		return false;
	if (t->stop == NET_STOP_SIGNAL)
		return ISA_DECIDES_LATE ? !stops(t->signal)
					: ends_in_nothing(t);
	return t->stop == NET_STOP_PLAIN;
}

/* On from a stop, to the next entry or exit of a call. */
static bool go_on(struct net_task *t, enum net_redo redo, int sig)
{
	t->redo = redo;
	t->state = ptrace(PTRACE_SYSCALL, t->tid, 0, (long)sig) ? NET_FREE
								: NET_ASKED;
	return true;
}

/* The thread is at the call's instruction; @to: behind another one, or 0. */
void net_redo(struct net_task *t, uintptr_t to)
{
	t->move_to = to;
	go_on(t, NET_REDO_ENTER, t->signal);
}

static void begin(struct net_hold *h, struct net_task *t)
{
	struct isa_regs r = t->regs;

	isa_set_arg0(&r, t->slept.args[0]);
	isa_set_pc(&r, t->slept.pc - ISA_SYSCALL_BYTES);
	if (isa_set_regs(t->tid, &r))
		return;
	t->regs = r;
	h->stats.rewound++;
	t->rewound = true;
	net_redo(t, 0);
}

/* At the exit: what the kernel is to see. */
static void put_result(struct net_hold *h, struct net_task *t)
{
	struct isa_regs r = t->regs;

	if (isa_result(&r) == -EINTR)
		isa_set_result(&r, -ERESTARTNOHAND);
	if (t->move_to)
		isa_set_pc(&r, t->move_to);
	if (!isa_set_regs(t->tid, &r) && t->move_to) {
		h->stats.moved++;
		t->move_to = 0;
	}
}

/* A signal has come before the call was entered again: as if it had come then. */
static void put_back(struct net_task *t)
{
	if (!t->rewound)
		return;
	isa_set_result(&t->regs, -EINTR);
	isa_set_pc(&t->regs, t->slept.pc);
	isa_set_regs(t->tid, &t->regs);
}

/* The next step of one whose call is made again: true if it has gone on. */
static bool redo(struct net_hold *h, struct net_task *t)
{
	enum net_redo at = t->redo;

	t->redo = NET_REDO_NONE;
	if (t->stop == NET_STOP_CALL) {
		if (at == NET_REDO_LEAVE)
			put_result(h, t);
		/* Any stop takes back what was asked before. */
		ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
		if (at == NET_REDO_ENTER)
			return go_on(t, NET_REDO_LEAVE, 0);
		t->rewound = false;
		t->state = ptrace(PTRACE_CONT, t->tid, 0, 0) ? NET_FREE
							     : NET_ASKED;
		return true;
	}
	if (at == NET_REDO_ENTER && t->stop == NET_STOP_SIGNAL &&
	    ends_in_nothing(t))
		return go_on(t, at, t->signal);
	if (at == NET_REDO_ENTER)
		put_back(t);
	t->rewound = false;
	return false;
}

bool net_restart(struct net_hold *h, struct net_task *t)
{
	if (t->redo)
		return redo(h, t);
	if (!was_interrupted(t))
		return false;
	if (!ISA_DECIDES_LATE) {
		begin(h, t);
		return t->redo;
	}
	if (!isa_poke_result(t->tid, &t->regs, -ERESTARTNOHAND))
		h->stats.rewound++;
	return false;
}

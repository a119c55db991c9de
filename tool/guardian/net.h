/* SPDX-License-Identifier: MIT */
/*
 * net.h - hold every thread of a live process for one change of its text
 *
 * The net is a short-lived child process of the caller.  It seizes and stops
 * all that can run the target's memory: its threads, and other processes that
 * share the memory (children of vfork, clone(CLONE_VM)); moves threads out of
 * the text that changes; and lets everyone go on as if nothing had been.  If
 * the caller dies the net lets go, if the net dies the kernel does.
 *
 * The method and its limits: docs/design/net.md.
 *
 * Return values are 0 or a negative errno; on failure nothing is held.
 * Context: task, one thread of the caller at a time.
 */
#ifndef GUARDIAN_NET_H
#define GUARDIAN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <trapline/host.h>

/* For timeout_ms 0, and then a few attempts are made. */
#define NET_TIMEOUT_MS 200

/* Memory from start up to end. */
struct net_span {
	uintptr_t start;
	uintptr_t end;
};

struct net_options {
	/*
	 * Threads that sleep in a system call are seized but not woken: no
	 * system call of theirs is interrupted.  One that wakes while the net
	 * is open is held before it executes anything: so nobody runs, as
	 * without the option.  Where that cannot be arranged for a thread, it
	 * is stopped.
	 */
	bool watch_blocked;
	/*
	 * The same for all threads that sleep, and one that wakes runs on.  For
	 * looking: nothing may be changed.
	 */
	bool leave_blocked;
	/* Give up, and let go, if not everyone is held by then.  0: default. */
	unsigned int timeout_ms;
	/*
	 * Search not only the stacks but all private writable memory, for
	 * programs that park contexts elsewhere (goroutines, coroutines), save
	 * the @n_ours spans at @ours: data of ours, which names the places.
	 * Costs about a millisecond of stop for each 4 MiB in memory.
	 */
	bool everywhere;
	const struct net_span *ours;
	size_t n_ours;
};

struct net_stats {
	unsigned int tasks;	   /* that were held */
	unsigned int stopped;	   /* of these, by a stop */
	unsigned int left_blocked; /* of these, asleep all the time */
	unsigned int woke;	   /* left blocked, but woke meanwhile */
	unsigned int caught;	   /* of these, were held then */
	unsigned int rewound;	   /* system calls saved from EINTR */
	unsigned int moved;	   /* threads that were given another place */
	uint64_t scanned;	   /* bytes of stacks and memory searched */
	/*
	 * Of any one thread, from its stop, or at most a millisecond before,
	 * until it is let go.  To wait for a CPU before is not to be stopped.
	 */
	uint64_t longest_stop_ns;
	uint64_t total_ns; /* from net_open() to the end */
};

struct net;

/*
 * Hold everything that can run the memory of @pid, except @worker (0: none).
 * Until net_close() the caller and the worker are scheduled before all others
 * (SCHED_RR), where that is allowed, since the target waits for them.
 * -ESRCH: no such process, or it went away; -EPERM; -EBUSY: another tracer has
 * a thread of it; -ETIMEDOUT: a thread did not stop in time.
 */
int net_open(struct net **out, pid_t pid, pid_t worker,
	     const struct net_options *options);

/*
 * Empty the @n windows at @w.  A thread at an inner boundary is moved to its
 * moved[].  @busy is set for a window into which a stack word, a saved context
 * or a register points, or in which a thread stands elsewhere; nobody was
 * moved out of such a window.  May be called repeatedly.
 *
 * Fails only if the net itself fails: then nothing is held any more, and
 * net_close() is still to be called.
 */
int net_evict(struct net *net, struct tl_window *w, size_t n);

/*
 * The same for @n ranges of code of ours: a thread at a mapped place is moved
 * back to the original; @busy[i] is set if any thread is, or will return,
 * inside range i.
 */
int net_quiet(struct net *net, const struct tl_range *r, size_t n, bool *busy);

/* Where a thread that is held will go on. */
struct net_spot {
	uintptr_t pc; /* behind a system call that will be made again */
	uintptr_t sp;
	bool known; /* or it cannot be found out */
};

/*
 * The places of everyone who is held, in a fresh array.  Returns their number
 * or a negative errno.
 */
int net_places(struct net *net, struct net_spot **spots);

/*
 * Let everyone go on and free @net.  @stats may be NULL.  An error says that
 * the net was dead already; nothing is held in any case.
 */
int net_close(struct net *net, struct net_stats *stats);

/* ---- looking, without holding -------------------------------------------- */

/* Where a thread is. */
struct net_place {
	char state;	  /* as in /proc/PID/stat: R S D T t Z X I */
	uint32_t blocked; /* signals 1 to 31, bit 0 is signal 1 */
	uint32_t ignored;
	uint32_t caught;
	bool known; /* it sleeps; what follows is valid */
	long nr;    /* the system call; -1: in the kernel for another reason */
	uintptr_t args[6];
	uintptr_t sp;
	uintptr_t pc;
};

/*
 * The threads of process @pid, in a fresh array for free().  Returns their
 * number or a negative errno.
 */
int net_list_tasks(pid_t pid, pid_t **tids);

/* Where thread @tid of process @pid is, from /proc; nobody is disturbed. */
int net_look(pid_t pid, pid_t tid, struct net_place *place);

/* Does process @a run in the memory of @b?  0, 1, or a negative errno. */
int net_same_memory(pid_t a, pid_t b);

#endif

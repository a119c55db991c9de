/* SPDX-License-Identifier: MIT */
/*
 * net_tasks.h - what the parts of the net know of each other
 *
 * All of it runs in the net's own process; nothing here is for the guardian.
 */
#ifndef GUARDIAN_NET_TASKS_H
#define GUARDIAN_NET_TASKS_H

#include <stopped.h>

#include "net.h"

enum net_state {
	NET_SEIZED,  /* traced, not asked to stop */
	NET_ASKED,   /* interrupted, has not stopped yet */
	NET_STOPPED, /* in a ptrace stop; its registers are valid */
	NET_STUCK,   /* cannot stop, nor run its own code before it does */
	NET_BLOCKED, /* left asleep */
	NET_FREE,    /* detached or dead */
};

enum net_stop {
	NET_STOP_PLAIN,	 /* because it was asked to */
	NET_STOP_GROUP,	 /* by SIGSTOP and the like, for all threads */
	NET_STOP_SIGNAL, /* a signal waits to be delivered */
	NET_STOP_EVENT,	 /* clone, fork, vfork, exec */
	NET_STOP_CALL,	 /* at the entry or exit of a call: net_restart.c */
};

/* A call is made again under our eyes: what comes next. */
enum net_redo { NET_REDO_NONE, NET_REDO_ENTER, NET_REDO_LEAVE };

struct net_task {
	pid_t tid;
	pid_t pid;
	enum net_state state;
	enum net_stop stop;
	enum net_state looked_at; /* by this call; NET_FREE: not yet */
	int signal;		  /* NET_STOP_SIGNAL: which */
	bool quiet_birth; /* cannot have made a task that we did not see */
	bool foreign;	  /* born by fork: does not share the memory */
	uint64_t since; /* held since then or later, by our clock; 0: not yet */
	bool held;	/* has stopped once; since is final */
	int runs_fd;
	uint64_t runs; /* how often it had got a CPU when place was read */
	int watch;     /* what holds it when it wakes; -1: nothing */
	bool hit;      /* that has sent a SIGTRAP, not yet taken */
	int witness;   /* what sees it behind its call; -1: nothing */
	bool stayed;   /* it has not been there since its place was read */
	enum net_redo redo;
	bool rewound;	   /* by us, for that, to the place of its call */
	uintptr_t move_to; /* behind the call that is to be it; 0: as it is */
	struct net_place place;
	struct net_place slept; /* with a register at its pc: place as it was */
	struct isa_regs regs;
};

struct net_hold {
	pid_t pid;
	pid_t worker;
	struct net_options options;
	int alive; /* descriptor: end of file when the guardian is gone */
	struct net_task *tasks;
	size_t n_tasks;
	size_t room;
	uint32_t *index;
	size_t n_index;
	uint64_t deadline;
	struct net_stats stats;
	bool late; /* one that woke was held, but not before it ran */
};

/* net_seize.c */

/* A task of the list by its number, or NULL. */
struct net_task *net_find_task(struct net_hold *h, pid_t tid);

/* Put a task on the list; those that were there may move.  0 or -ENOMEM. */
int net_add_task(struct net_hold *h, pid_t tid, pid_t pid,
		 enum net_state state);

/* A live task whose memory is the target's, for reading it; 0: none. */
pid_t net_reader(const struct net_hold *h);

/* Trace everyone that shares the memory; nobody is stopped.  0 or an error. */
int net_seize_all(struct net_hold *h);

/* When all are held: 1 if somebody had been missed, who is seized now. */
int net_seize_missed(struct net_hold *h);

/*
 * From a signal handler: bury the dead if we are in PTRACE_SEIZE.  That waits
 * for a thread that execs, which waits for the dead whom we trace.
 */
void net_bury(void);

/* net_stop.c */

/* Are some to be left asleep? */
bool net_leaves_some(const struct net_hold *h);

/* Nanoseconds of a monotonic clock. */
uint64_t net_clock(void);

/* Wait until all that were asked have stopped or are stuck.  0 or an error. */
int net_collect(struct net_hold *h);

/* Stop everyone.  On failure call net_release() all the same. */
int net_stop(struct net_hold *h);

/* Let everyone go. */
void net_release(struct net_hold *h);

/*
 * Take notice of what has happened to those left blocked, and stop those for
 * which @which says so.  The number of tasks that became stopped, or an error.
 */
int net_wake(struct net_hold *h,
	     bool (*which)(const struct net_task *t, void *arg), void *arg);

/* Where @t will go on; false: it is not held, or not in the memory. */
bool net_spot_of(const struct net_task *t, struct net_spot *spot);

/* Has a task that was left blocked run since its place was read? */
bool net_has_run(const struct net_task *t);

/*
 * Those who are watched and have woken are taken out of the stop for their
 * signal (W4).  To be called now and then; costs nothing if nobody has stopped.
 */
void net_attend(struct net_hold *h);
void net_child_stopped(int sig);

/* The same, and all who are on their way have stopped.  0 or an error. */
int net_settle(struct net_hold *h);

/* net_watch.c */

/* Does that work here?  Tries it on this process. */
bool net_can_watch(void);

/* Hold the sleeping task @t when it wakes.  False: that cannot be. */
bool net_watch(struct net_task *t);

/*
 * Where that must be known for a restart: see if @t, which will be asked to stop,
 * comes back from its call before it does.
 */
void net_witness(struct net_task *t);

/*
 * No more of both, from now on.  Has it been held, or is about to: @t->hit.  Has
 * it not been behind its call: @t->stayed.
 */
void net_unwatch(struct net_task *t);

/* Is the signal of this stop ours? */
bool net_is_hit(const struct net_task *t);

/* It has stopped for something else: will that signal follow? */
bool net_hit_to_come(const struct net_task *t);

/* net_restart.c */

/*
 * @t has stopped, its registers are read.  If our stop has ended its call, that
 * will be made again (S2).  True: it has gone on, to another stop.
 */
bool net_restart(struct net_hold *h, struct net_task *t);

/*
 * @t, which is stopped at a call's instruction, makes that call up to its exit, and
 * stops again: to go on behind @to, if not 0, where another `syscall` is, or to
 * make the call again there.  t->move_to is 0 if it has been moved.
 */
void net_redo(struct net_task *t, uintptr_t to);

/* net_scan.c */

/* A piece of text that must be empty, and where those inside go instead. */
struct net_area {
	uintptr_t low; /* busy: low <= address < high */
	uintptr_t high;
	unsigned int n;
	uintptr_t from[TL_MAP_MAX];
	uintptr_t to[TL_MAP_MAX]; /* 0: nowhere */
	size_t index;		  /* the caller's */
	bool busy;
};

/* Empty the areas; they are sorted.  0 or a negative errno. */
int net_empty(struct net_hold *h, struct net_area *areas, size_t n);

/* net_proc.c */

struct net_map {
	uintptr_t start;
	uintptr_t end;
	bool writable;
	bool private;
	bool stack;   /* the first thread's */
	bool guarded; /* directly below is memory without access */
};

/*
 * The readable mappings of @tid in ascending order, in a fresh array.  Returns
 * their number or a negative errno.
 */
int net_maps(pid_t tid, struct net_map **maps);

/* The same of all processes that there are. */
int net_list_processes(pid_t **pids);

/*
 * The children of thread @tid of process @pid, in a fresh array.  Returns
 * their number or a negative errno.
 */
int net_children(pid_t pid, pid_t tid, pid_t **children);

/* How often a thread has got a CPU: a descriptor to ask; 0: not known. */
int net_open_runs(pid_t pid, pid_t tid);
uint64_t net_runs(int fd);

/* Has process @pid a memory? */
bool net_has_memory(pid_t pid);

struct net_status {
	char state;
	pid_t pid;
	pid_t parent;
	pid_t tracer;
	uint64_t blocked;
	uint64_t ignored;
	uint64_t caught;
};

/* From /proc/TID/status. */
int net_status(pid_t tid, struct net_status *st);

#endif

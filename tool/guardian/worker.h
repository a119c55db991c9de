/* SPDX-License-Identifier: MIT */
/*
 * worker.h - the process of ours that shares the target's memory
 *
 * The guardian traces the worker and, while it is stopped, makes system calls
 * in it.  The worker can be thrown away at any instant: it holds nothing that
 * the target needs.
 */
#ifndef TL_WORKER_H
#define TL_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct worker {
	pid_t pid;	     /* 0: there is none */
	pid_t target;	     /* whose memory it shares */
	int mem;	     /* /proc/PID/mem, which is the target's memory */
	uint64_t syscall_at; /* where a system call instruction is */
	pid_t adopted; /* the target is its parent, and knows it as this */
	int code_fd;   /* of two memory files, descriptors of its own */
	int figures_fd;
	bool lost; /* it is dead */
};

/* Also where it is not known if a seccomp filter lets our system calls pass. */
extern bool worker_force;

/*
 * Borrow a thread of @pid for the birth of a worker, which is traced by the
 * caller, stopped, and has no descriptor of the target.  0, or a negative errno
 * with the target as it was; session_error() has the reason.  -ECHILD: the
 * target can make no process.
 */
int worker_make(struct worker *w, pid_t pid);

/*
 * Did somebody die while he borrowed a thread of @pid, and leave the stub?  Then
 * its bytes are taken away; the next worker gives the page back.  1: there was one;
 * 2: there was only its page; 0: there was none; -EBUSY: a thread is still in it.
 */
int worker_clean_cave(pid_t pid);

/*
 * A thread of the target's own that we have had born, for its libtrapline: see
 * struct tl_call in protocol.h.
 */
struct caller {
	uint64_t server; /* where it begins */
	uint64_t call;	 /* its struct tl_call, and the end of its stack */
	uint64_t thread; /* its thread pointer */
	/* out: */
	pid_t tid;
	pid_t parent; /* who was borrowed for it, and his thread pointer */
	uint64_t parent_thread;
};

/*
 * Borrow a thread of @pid for the birth of @c, which is then traced by us and
 * stopped before its first instruction.  Its death would be the target's, so it
 * is never killed.  0, or as worker_make().
 */
int worker_caller(pid_t pid, struct caller *c);

/* See worker_strays(): let go of @tid when it stops, or has ended. */
void worker_stray(pid_t tid);

/* Let @pid wait for its child @adopted, a worker that is dead. */
void worker_reap(pid_t pid, pid_t adopted);

/*
 * Threads that would not stop when they were to be borrowed: let go now, if they
 * have stopped.  How many are left, which nobody else can trace.
 */
int worker_strays(void);

/* How long the thread that was borrowed the longest was so, in ns. */
uint64_t worker_longest_loan(void);

/* Make one system call in the worker: its result, or -ESRCH if it died. */
long worker_call(struct worker *w, long nr, uint64_t a, uint64_t b, uint64_t c,
		 uint64_t d, uint64_t e, uint64_t f);

/*
 * A memory file in the worker, with the name at @name in the target: the
 * worker's descriptor, or a negative errno.
 */
int worker_memory_file(struct worker *w, uint64_t name);

/* Where the worker goes on when it runs next.  0 or -ESRCH. */
int worker_start(struct worker *w, uint64_t ip, uint64_t sp, uint64_t argument);

/*
 * Let the worker run until a trap or a fault stops it, which is swallowed: the
 * signal; no longer than @ms milliseconds: -ETIMEDOUT, and it is still running;
 * -ESRCH: it died.
 */
int worker_run(struct worker *w, unsigned int ms);

struct map;

/*
 * Unused bytes of the code that @m maps in @pid, @n of them: behind those that a
 * borrowed thread uses (*@both), or, if there is no room, the same.  0: none.
 */
uint64_t worker_cave_rest(const struct map *m, pid_t pid, size_t n, bool *both);

/*
 * A system call instruction in the text of @pid itself, whose memory is @mem;
 * 0: there is none.
 */
uint64_t find_syscall(pid_t pid, int mem);

/* Kill the worker, and see to it that no zombie of it stays. */
void worker_end(struct worker *w);

/* All of @len bytes, or a negative errno. */
int mem_read(int mem, void *dst, uint64_t addr, size_t len);

/*
 * As above, also where the memory is not writable.  Where such writes are
 * forbidden through /proc they are made by ptrace, through @w.
 */
int mem_write(const struct worker *w, uint64_t addr, const void *src,
	      size_t len);

/*
 * Wait for @pid, which is traced, to change its state, for at most @ms
 * milliseconds: 1 and *@status, 0: it did not, negative: it is not ours.
 */
int wait_for(pid_t pid, int *status, unsigned int ms);

#endif

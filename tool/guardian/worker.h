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
	int mem;	     /* /proc/PID/mem, which is the target's memory */
	uint64_t syscall_at; /* where a system call instruction is */
	bool lost;	     /* it is dead */
};

/*
 * Borrow thread @tid of @pid for the birth of a worker, traced by the caller and
 * stopped.  @w->syscall_at lies in the cave until worker_leave_cave().  0, or a
 * negative errno with the target as it was (-EAGAIN: another thread may do).
 * session_error() has the reason.
 */
int worker_borrow(struct worker *w, pid_t pid, pid_t tid);

/*
 * The same with whichever thread of @pid is the best.
 */
int worker_make(struct worker *w, pid_t pid);

/*
 * The worker has a system call instruction at @syscall_at: the cave gets its own
 * bytes back, and its page.
 */
void worker_leave_cave(struct worker *w, pid_t pid, uint64_t syscall_at);

/* Did somebody who died leave a stub in @pid?  Then it is taken away. */
void worker_clean_cave(struct worker *w, pid_t pid);

/* Make one system call in the worker: its result, or -ESRCH if it died. */
long worker_call(struct worker *w, long nr, uint64_t a, uint64_t b, uint64_t c,
		 uint64_t d, uint64_t e, uint64_t f);

/*
 * Let the worker run at @ip with stack pointer @sp until it traps (1), and no
 * longer than @ms milliseconds.  -ETIMEDOUT: it is still running; -ESRCH: it
 * died, or was killed for a fault.  @ip 0: go on where it was.
 */
int worker_run(struct worker *w, uint64_t ip, uint64_t sp, unsigned int ms);

/* Kill the worker. */
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

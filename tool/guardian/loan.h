/* SPDX-License-Identifier: MIT */
/*
 * loan.h - one thread that is borrowed, and what of that is the processor's
 *
 * borrow.c has the order of the steps.  How the stub gets its literals, how a thread
 * comes back to an interrupted system call, and what such a call left behind differs:
 * x86/loan.c and arm64/loan.c.
 */
#ifndef TL_LOAN_H
#define TL_LOAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <protocol.h>

#include "stopped.h"

extern const uint8_t tl_stub[], tl_stub_end[], tl_stub_syscall[],
	tl_stub_magic[];
extern const uint8_t tl_stub_reap[], tl_stub_caller[], tl_stub_worker[];
extern const uint8_t tl_stub_code[], tl_stub_figures[], tl_stub_root[];

#define STUB_BYTES ((size_t)(tl_stub_end - tl_stub))
#define STUB_MAX   TL_STUB_MAX

/*
 * A cave in libtrapline has room for all of the stub; others may have it only for what
 * is behind the part for callers.
 */
struct cave {
	uint64_t at;
	size_t skip;		/* so many bytes of the stub are left out */
	size_t len;		/* of what is there */
	uint8_t file[STUB_MAX]; /* what the file has there */
};

/*
 * The system call that a thread slept in before it was interrupted, and no handler
 * has run since.
 */
struct sleep {
	bool known;
	long nr;
	uint64_t arg[6];
	uint64_t sp, pc;
};

struct loan {
	pid_t pid;
	pid_t tid;
	int mem;  /* /proc/TID/mem */
	int call; /* of loan_open() */
	struct cave cave;
	struct sleep before;
	struct isa_regs exact;	 /* to be put back, as the kernel has them */
	struct isa_regs literal; /* what the stub puts back */
	uint64_t mask;
	pid_t reap; /* only wait for this child of T's; 0: make a worker */
	struct caller *caller; /* or only have this one born, if not NULL */
	pid_t middle;
	pid_t worker;
	uint64_t since; /* when T had stopped, by our clock */
	bool untouched; /* it has not stopped, and is as it was */
};

/* No longer than that for a thread to stop. */
#define STOP_MS 200

/* What libtrapline has in its cave, of @len bytes. */
void loan_cave_bytes(uint8_t *bytes, size_t len);

/*
 * Where to look for the call that @tid sleeps in: a descriptor, or -1 where its
 * registers will tell.
 */
int loan_open(pid_t pid, pid_t tid);

/*
 * That call, as @fd has it: when the thread is traced already, and at once before it is
 * interrupted.  What it enters in between may end with EINTR.
 */
void loan_look(struct sleep *s, int fd);

/*
 * T has stopped, and its registers are in l->exact.  0, or a negative errno: it
 * cannot be borrowed here, and session_error() has the reason.
 */
int loan_suits(const struct loan *l);

/*
 * From them: those to be put back exactly, and those that the stub puts back if
 * nobody is there to do that.  A call that our interruption has ended with EINTR is
 * made again, unless there are @signals that T would handle.  What T must have at
 * once, should we die, is written.  0, or -ESRCH.
 */
int loan_plan(struct loan *l, bool signals);

/* Can T come back from a stub in the cave @c to where it was? */
bool loan_reaches(const struct loan *l, const struct cave *c);

/* Fill in the literals of @stub, a copy of all of tl_stub, for l->cave. */
void loan_fill(uint8_t *stub, const struct loan *l);

/*
 * T is in the stub, stopped or not: it is stopped, with its own mask, and goes on
 * with the exact registers.  It is still traced.  0, or -EAGAIN: it did not
 * stop, -ESRCH.
 */
int loan_end(struct loan *l);

/*
 * @tid, whose interruption we give up, has stopped: a call that has been ended by
 * that is made again.
 */
void loan_again(pid_t tid, const struct sleep *s);

/*
 * Wait for an event stop of @pid, @ms for each stop: 0, or -EAGAIN (it does not stop
 * now), -ESRCH.  Signals that come in between are delivered: then *@delivered, if
 * not NULL, is set.
 */
int loan_event_stop(pid_t pid, int event, unsigned int ms, bool *delivered);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * follow.h - the follower: who are the children, and what do they run?
 *
 * A process of its own, which traces every thread of those that are followed,
 * so that fork children and new programs are held before they run.  It is a
 * child of the tool, and ends when the tool does; who is traced is let go then
 * by the kernel.  See docs/design/follow.md.
 */
#ifndef GUARDIAN_FOLLOW_H
#define GUARDIAN_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "stopped.h"

/* What there is of ours in a process, at these addresses. */
struct follow_where {
	uint64_t gate; /* 0: children cannot be adopted (libtrapline) */
	uint64_t figures;
	uint64_t events;     /* of the session; or 0 */
	uint32_t ring_bytes; /* as struct tl_events has it; the tool's */
	uint32_t block;	     /* the same */
	/* In the agent: see tool/agent/x86/adopt.S. */
	uint64_t adopt;
	uint64_t adopt_file;
	uint64_t adopt_map;
	uint64_t adopt_kept;
};

enum follow_what {
	/* The tool's. */
	FOLLOW_TAKE =
		1,  /* follow @pid; with its figures, if it has a session */
	FOLLOW_END, /* let all go, and end */
	/* The follower's. */
	FOLLOW_TAKEN, /* the answer: @result; @parent: it is a program that waited */
	FOLLOW_FORKED, /* @pid is @parent's child; with its figures and events, or
			  @result says why it is not probed */
	FOLLOW_EXECED, /* @pid runs another program, and waits for FOLLOW_TAKE; or
			  @result: it does not wait */
	FOLLOW_EXITED, /* @pid has ended */
	FOLLOW_NONE,   /* nobody is left */
	/* A guardian's, at the door. */
	FOLLOW_YIELD,  /* let go of @pid, whose threads are to be held */
	FOLLOW_RESUME, /* that is over */
};

/* The number of the follower's descriptor at which guardians knock. */
#define FOLLOW_DOOR_FD 9

/* How long it waits for FOLLOW_RESUME, at the most. */
#define FOLLOW_YIELD_MS 3000

struct follow_message {
	uint32_t what;
	int32_t pid;
	int32_t parent;
	int32_t result; /* 0 or a negative errno */
	char name[16];	/* of FOLLOW_FORKED: the child's, when it was born */
	struct follow_where where;
};

#define FOLLOWER_NAME "trapline-follow"
/* Who watches pages, and traces the process for as long; see tool/watch/. */
#define KEEPER_NAME "trapline-keeper"

/*
 * How long a new program waits for FOLLOW_TAKE, from the last one on that came for
 * any: one after the other has its turn.
 */
#define FOLLOW_PATIENCE_MS 5000

/*
 * Send @m with @n descriptors (2 at most); receive one, with those that came: -1
 * for each that did not.  False: the other side is gone.
 */
bool follow_send(int fd, const struct follow_message *m, const int *fds, int n);
bool follow_receive(int fd, struct follow_message *m, int fds[2]);

/* Is @pid traced by a follower? */
bool is_followed(pid_t pid);

/*
 * Who traces @pid may be a follower: then have it let go for a while.  False: it
 * is none, or does not.  follower_resume() ends the last one.
 */
bool follower_yield(pid_t pid);
void follower_resume(void);

/* Be the follower, at the end @fd.  Does not return. */
void follower_main(int fd) __attribute__((noreturn));

/*
 * A change of @pid's text is over: until the follower traces all of its threads
 * again, for half a second at most.
 */
void follower_await(pid_t pid);

/* ---- inside of it ----------------------------------------------------------- */

/* Those that have one session's probes at the same addresses: who was forked. */
struct family {
	int users;
	int figures; /* descriptor */
	struct follow_where where;
};

#define ENTRANCE_BYTES 128 /* as the wait.S's know */

/* How a new program comes to its entry point, and waits there. */
struct entrance {
	uint64_t entry;
	uint64_t word; /* where on the stack it is told; 0: it begins there */
	uint64_t stub; /* 0: there is none */
	int memory;    /* of who waits; -1: it cannot be written */
	uint8_t bytes[ENTRANCE_BYTES]; /* what was there */
	struct isa_regs regs;	       /* with which it goes on */
};

/*
 * Child @pid, stopped before its first instruction, gets figures and events of its
 * own, in @fds, and its gate is opened.  0 or a negative errno, and it is what it
 * was; -ESRCH: it is dead.
 */
int adopt(pid_t pid, const struct family *f, int fds[2]);

/*
 * @pid is stopped behind exec: have it come by wait.S in place of its entry point.
 * 0, or a negative errno, and it will not.
 */
int entrance_expect(struct entrance *e, pid_t pid);

/* It has come out of a system call, or of exec: is it there? */
bool entrance_reached(struct entrance *e, pid_t pid);

/* There, let it wait, traced by nobody.  0, or -ESRCH. */
int entrance_wait(struct entrance *e, pid_t pid);

/* It waits as long as from the beginning, from now on. */
void entrance_renew(const struct entrance *e);

/* It does not wait any more, or is dead. */
void entrance_close(struct entrance *e);

/*
 * It is stopped again: it goes on from its entry point when it runs next.  False:
 * it had gone on already.
 */
bool entrance_leave(struct entrance *e, pid_t pid);

/*
 * Wait for @pid, which is traced, to stop or to end.  False: it has ended.  All
 * others are left as they are.
 */
bool await_stop(pid_t pid, int *status);

#endif

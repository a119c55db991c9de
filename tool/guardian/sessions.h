/* SPDX-License-Identifier: MIT */
/*
 * sessions.h - the sessions that a guardian keeps, one for each tool
 *
 * There is one guardian, one worker and one agent for a target, however many
 * tools are interested in it.  A session has an entry in the figures, probes that
 * are marked as its own, and, where it wants events, memory of its own.
 */
#ifndef TL_SESSIONS_H
#define TL_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <session.h>

#include "children.h"
#include "hold.h"
#include "judge.h"
#include "wire.h"

struct client {
	bool used;
	int fd;	       /* to the tool; -1: it is gone */
	uint32_t n;    /* probes so far */
	bool late;     /* it wants to hear of libraries that come later */
	bool owes;     /* an answer to that */
	bool follow;   /* there may be a follower, who ends with the tool */
	bool leaving;  /* its probes are removed, its memory is still here */
	uint64_t next; /* when to try again to be done with that, in ns */
	uint64_t wait;
};

struct guardian {
	int door; /* where tools knock that come later */
	int pidfd;
	struct hold hold;
	struct nature nature;
	enum session_state state;
	uint64_t inode;
	uint32_t dev_minor;
	uint64_t first_ns, first_ticks;
	struct children children;
	struct {
		int fd;	   /* says that somebody waits; -1: there is none */
		pid_t pid; /* of who listens */
		uint32_t asked;
		uint64_t text;
	} loader;

	struct client client[TL_MAX_SESSIONS];
	uint32_t n_probes; /* entries of the figures that were ever used */
	uint32_t next;	   /* entry to be used next, if it is free */
	uint8_t owner[TL_MAX_PROBES]; /* as tl_probe.session */
	uint8_t timed[TL_MAX_TIMES];  /* whose times these are */
	uint64_t semaphore[TL_MAX_PROBES];
};

uint64_t guardian_now(void);

/*
 * While the guardian and its worker have thousands of probes before them, and
 * somebody waits for it, they go before what else is running, where they may: not
 * as much as while threads are stopped.
 */
void guardian_hurry(const struct guardian *g, bool hurry);

/*
 * Begin a session for the tool at the end @fd, and tell it, or why not.  What the
 * target does is not judged any more, but for events.  0, or a negative errno: @fd is
 * still the caller's.
 */
int session_begin(struct guardian *g, int fd, const struct wire_start *start);

/* A request of client @c has arrived.  False: the tool is gone. */
bool session_serve(struct guardian *g, struct client *c, struct wire *m);

/*
 * Remove the probes of @c, which is not the last; 0, or a negative errno and the
 * reason: then they are removed with the last one's.  Its end is the caller's.
 */
int session_leave(struct guardian *g, struct client *c);

/* Take away the memory of those who have left, once nobody is in it. */
void session_sweep(struct guardian *g);

/*
 * loader.c: libraries that come later.  Listen, 0 or a negative errno; the list
 * has changed; @c has answered to @n; one has left; it is over.
 */
int loader_watch(struct guardian *g);
void loader_heard(struct guardian *g);
void loader_served(struct guardian *g, struct client *c, uint32_t n);
void loader_left(struct guardian *g);
void loader_end(struct guardian *g);

/* How many have a tool. */
int session_count(const struct guardian *g);

/* Fill in @m, for any of them; what was last in the way is forgotten. */
void session_fill(struct guardian *g, struct wire *m, int result);

#endif

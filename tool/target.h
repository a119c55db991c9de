/* SPDX-License-Identifier: MIT */
/*
 * target.h - one process of a run: its code, its probes, their figures
 */
#ifndef TL_TARGET_H
#define TL_TARGET_H

#include "probe.h"
#include "process.h"
#include "resolve.h"
#include "session.h"

struct run;

struct figure {
	const struct place *place;
	const struct session_probe *probe;
	uint64_t hits;
	uint64_t missed;
	struct session_times *times; /* of SESSION_TIME, else NULL */
	bool gone;		     /* its library is not mapped any more */
	/* What was counted while that was mapped before. */
	struct {
		uint64_t hits, missed;
		struct session_times *times;
	} before;
};

struct target {
	struct run *run;
	pid_t pid;
	char name[16]; /* with --follow: the program's, clean */
	/*
	 * NULL; or it is a fork child of that one's, or of a child of its, and
	 * what was found out without touching it is that one's.
	 */
	struct target *origin;
	/* Found out without touching it. */
	struct process process;
	struct places places;
	struct probe *asked; /* the PROBEs, and those of single places */
	size_t n_asked;
	struct session_probe *probes; /* one for each place */
	struct late *late;	      /* what waits for libraries, or NULL */
	bool apart; /* a child whose places and probes are not its parent's */
	/* While it is attached to. */
	struct session *session;
	bool ended; /* and it was said so */
	/* As they were last read. */
	struct figure *figures; /* of those that are armed */
	size_t n_figures;
	struct session_keys keys;
	struct session_stats stats;
	uint64_t begin_ns; /* CLOCK_MONOTONIC, when its events began */
	void *own;	   /* the command's */
};

/*
 * Process @pid as a target of @r, of which nothing is known yet.  What is said
 * about it, from here on, names it, if there are several.
 */
struct target *target_new(struct run *r, pid_t pid);
void target_free(struct target *t);

/*
 * Process @pid, a fork child of @parent's that was born as @name, whose session is
 * @s: a target that is attached to.  NULL after a line, and @s is ended.
 */
struct target *target_fork(struct target *parent, pid_t pid, struct session *s,
			   const char *name);

/* What is said from here on is about @t; NULL: about all. */
void target_speak(const struct target *t);

/* Read its code and find the places of the probes.  0, or -1 after a line. */
int target_resolve(struct target *t);

/* Add to the figures of @f what was counted before. */
void figure_add_before(struct figure *f);

/* Why @p is not armed, for people; the caller frees it. */
char *target_reason(struct target *t, enum session_action action,
		    const struct session_probe *p);

/* Attach and arm.  0, or -1 after a line; then it is detached from. */
int target_attach(struct target *t);

/* Read the figures; the sum of all hits. */
uint64_t target_read(struct target *t);

/*
 * Has it come to an end of which the user should know?  It is said once.
 * -1: we have lost it.
 */
int target_ended(struct target *t);

/* Let go, after which only the figures are there.  0, or -1 after a line. */
int target_detach(struct target *t);

#endif

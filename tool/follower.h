/* SPDX-License-Identifier: MIT */
/*
 * follower.h - the command's end of a follower
 *
 * Forks and new programs of processes are told of here, those that have ended
 * too.  What the follower does is in guardian/follow.c.
 */
#ifndef TL_FOLLOWER_H
#define TL_FOLLOWER_H

#include <stdbool.h>
#include <sys/types.h>

struct follower;
struct session;

enum follower_what {
	FOLLOWER_TAKEN, /* it follows @pid, or @err; @parent: a program that waited */
	FOLLOWER_FORKED, /* @parent's child @pid, with its files; or @err: no probes */
	FOLLOWER_EXECED, /* @pid waits to be taken; or @err: it does not wait */
	FOLLOWER_EXITED, /* @pid has ended */
	FOLLOWER_NONE,	 /* nobody is left */
	FOLLOWER_LOST,	 /* the follower itself */
};

struct follower_news {
	enum follower_what what;
	pid_t pid;
	pid_t parent;
	int err;
	char name[16]; /* of a child: its program's, not clean */
	int files[2];  /* for session_adopt() */
};

/* Start one.  0, or a negative errno and session_error() has a line. */
int follower_start(struct follower **out);

/* Readable when there is news. */
int follower_fd(const struct follower *f);

/* Follow @pid, whose session is @s, or NULL. */
void follower_take(struct follower *f, pid_t pid, struct session *s);

/* What has happened; with @wait, up to its end.  False: nothing more now. */
bool follower_next(struct follower *f, struct follower_news *n, bool wait);

/* Let all go; then there is no more news than what was on its way. */
void follower_end(struct follower *f);
void follower_free(struct follower *f);

#endif

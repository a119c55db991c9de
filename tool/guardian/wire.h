/* SPDX-License-Identifier: MIT */
/*
 * wire.h - between the tool and its guardian
 *
 * A pair of sockets for each tool; both ends are of one program, so structures
 * travel as they are.  The tool asks one thing at a time and reads until it has its
 * answer; the guardian may send WIRE_STATE at any time.  End of file at the
 * guardian's end means that the tool is dead: its session ends.  Messages are
 * small, so that nobody waits for somebody who does not read.
 */
#ifndef TL_WIRE_H
#define TL_WIRE_H

#include <stdint.h>

#include <session.h>

#include "follow.h"

enum wire_what {
	WIRE_ATTACHED =
		1, /* guardian: with the figures' descriptor, or an error */
	/* tool: a descriptor follows of a file with n probes, which is changed */
	WIRE_ADD = 2,
	WIRE_STATS = 3,
	WIRE_DETACH = 4,
	WIRE_STATE = 5, /* guardian, unasked */
	WIRE_LOADED =
		6, /* so is this: other libraries are there, a thread waits */
	WIRE_SERVED = 7, /* tool, of n as it came: it may go on */
};

struct wire {
	uint32_t what;
	int32_t result;
	uint32_t n; /* struct session_probe in the file */
	uint32_t state;
	uint32_t first; /* index of the first of them */
	uint32_t pad;
	struct session_stats stats;
	struct follow_where where; /* with WIRE_ATTACHED */
	char error[400];
};

/* All of it, or false: the other side is gone. */
bool wire_send(int fd, const void *p, size_t len);
bool wire_receive(int fd, void *p, size_t len);

/* As above, with a descriptor; -1: none came. */
bool wire_send_fd(int fd, const struct wire *m, int pass);
bool wire_receive_fd(int fd, struct wire *m, int *passed);

struct wire_start {
	pid_t pid;
	struct session_options options;
};

/* A descriptor that comes by itself: false, the other side is gone. */
bool wire_send_passed(int fd, int pass);
bool wire_receive_passed(int fd, int *passed);

/* The number of the guardian's descriptor at which tools knock. */
#define DOOR_FD 8

/*
 * Knock at the @door: with the other end of one's own socket, @pass.  What the
 * guardian receives there: that, or -1.
 */
bool wire_send_start(int door, const struct wire_start *start, int pass);
int wire_receive_start(int door, struct wire_start *start);

/* Be the guardian, at the end @fd.  Does not return. */
void guardian_main(int fd, const struct wire_start *start)
	__attribute__((noreturn));

#endif

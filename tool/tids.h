/* SPDX-License-Identifier: MIT */
/*
 * tids.h - the numbers that threads have in their own PID namespace
 */
#ifndef TL_TIDS_H
#define TL_TIDS_H

#include <stddef.h>
#include <sys/types.h>

struct tids {
	pid_t pid; /* of the process; 0: threads have the same numbers here */
	struct tids_pair {
		pid_t here, there;
	} * pair;
	size_t n, room;
};

/* Begin with the threads that process @pid has now. */
void tids_begin(struct tids *t, pid_t pid);

/*
 * The thread that is @tid here.  0: it has ended before anybody asked.  -t, which
 * names threads, and /proc go by the numbers here.
 */
pid_t tids_own(struct tids *t, pid_t tid);

void tids_free(struct tids *t);

#endif

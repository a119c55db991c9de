/* SPDX-License-Identifier: MIT */
/*
 * launch.h - start a program and hold it before its first own instruction
 */
#ifndef TL_LAUNCH_H
#define TL_LAUNCH_H

#include <sys/types.h>

struct launch {
	pid_t pid;
	pid_t holder; /* the process that will let it go */
	int pipe;     /* a byte in it is the sign for that */
};

/*
 * Start @command (found along PATH) and let it run up to its entry point: the
 * dynamic loader has mapped and relocated the libraries, nothing of the program
 * itself has run.  There it is stopped, by nobody's debugger.  If we die, it
 * goes on.  0, or -1 after a line.
 */
int launch(struct launch *l, char **command);

/* Let it go on. */
void launch_release(struct launch *l);

/* It is of no use: end it. */
void launch_kill(struct launch *l);

#endif

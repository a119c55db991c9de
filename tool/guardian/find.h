/* SPDX-License-Identifier: MIT */
/*
 * find.h - who of us is in a process already
 */
#ifndef TL_FIND_H
#define TL_FIND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <protocol.h>

struct found {
	bool any; /* there are mappings of ours */
	struct tl_figures
		*figures; /* a copy, or NULL: none are to be believed */
	uint64_t at;	  /* where they are in the process */
	int mem;	  /* its memory; -1 without figures */
	pid_t guardian;	  /* who is alive and holds it; 0: nobody */
	pid_t other;	  /* the same, but of another program file */
};

/* Look for us in @pid, which is not disturbed.  found_free() it. */
void find_us(struct found *out, pid_t pid);
void found_free(struct found *f);

/* Is the guardian that was found still the one? */
bool found_alive(const struct found *f, pid_t pid);

/* Does @pid run the same program file as we? */
bool found_program(pid_t pid);

#endif

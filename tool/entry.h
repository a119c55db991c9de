/* SPDX-License-Identifier: MIT */
/*
 * entry.h - a traced process runs up to the entry point of its program
 */
#ifndef TL_ENTRY_H
#define TL_ENTRY_H

#include <stdint.h>
#include <sys/types.h>

/* Where the kernel says that the program of @pid begins; 0: it is not known. */
uint64_t entry_point_of(pid_t pid);

struct entry {
	uint64_t addr;
	long word; /* what is there */
};

/*
 * Put a breakpoint at the entry point of @pid, which is traced and stopped behind
 * exec: the dynamic loader has done its work when that is met.  0, or -1: it is
 * not known (a program of 32 bits), or cannot be written.
 */
int entry_set(struct entry *e, pid_t pid);

/*
 * It has got SIGTRAP.  If it stands behind the breakpoint, take that out and step
 * back: 1; 0: it is elsewhere; -1: it is gone.
 */
int entry_reached(const struct entry *e, pid_t pid);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * unwind.h - from a piece of a stack to the functions on it
 */
#ifndef TL_UNWIND_H
#define TL_UNWIND_H

#include <stddef.h>
#include <stdint.h>

#include "process.h"

struct unwinder;

/* How much of the stack an event brings. */
#define STACK_BYTES 8192

/* Frames of one stack; what is deeper is cut off. */
#define UNWIND_FRAMES 200

/*
 * For stacks of @p, which must outlive it; its files are kept open, so that it
 * works after the end of the process.  NULL after a line.
 */
struct unwinder *unwinder_open(struct process *p);
void unwinder_close(struct unwinder *u);

/*
 * The functions on the stack that an event brought (see agent/events.h), the
 * innermost first: at most UNWIND_FRAMES names, which are the unwinder's; equal
 * names are the same pointer.  Functions that were inlined are named, too, where
 * the debug information knows them.  A stack that does not go on to its end has
 * unwinder_cut() in the last place.  0: the words make no sense.
 */
size_t unwind(struct unwinder *u, const uint64_t *words, size_t n,
	      const char *names[UNWIND_FRAMES]);
const char *unwinder_cut(void);

/* The name of @place as that of a frame: what a return is of. */
const char *unwinder_name(struct unwinder *u, const char *place);

#endif

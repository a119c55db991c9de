/* SPDX-License-Identifier: MIT */
/*
 * events.h - hits of debug registers in a live process, by perf events
 *
 * Nothing of ours is in the process: no signal, no stop, no memory.  Each of its
 * threads gets perf events of the kind PERF_TYPE_BREAKPOINT, on each CPU, which new
 * threads inherit.  The kernel writes a record for each hit, with the registers as
 * they are then, and the thread goes on.  The events end with the descriptors,
 * whatever ends us.
 */
#ifndef TL_WATCH_EVENTS_H
#define TL_WATCH_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "effect.h"

#define WATCH_FRAMES 32

struct watch_point {
	uint64_t addr;
	unsigned int len;
	char access; /* 'w', 'a' (both), 'x' */
};

struct watch_hit {
	uint64_t ns; /* of CLOCK_MONOTONIC */
	unsigned int point;
	pid_t tid;
	bool in_kernel; /* the kernel did it, for the thread */
	bool has_regs;
	uint64_t ip; /* as the CPU reported it */
	struct effect_regs regs;
	unsigned int n_frames; /* callers by frame pointers, if asked for */
	uint64_t frames[WATCH_FRAMES];
};

struct watch_options {
	pid_t pid;
	pid_t tid; /* this thread alone; 0: all, and those to come */
	bool frames;
};

/*
 * A file whose lock is shared by all who watch process %d by registers, and is a keeper's
 * (pages.h) alone while it makes a store for the process, which no register sees.
 */
#define WATCH_LOCK "/proc/%d/statm"

struct watch;

/*
 * Watch @n points in a process; not enabled yet.  NULL: @why (of @size bytes) has
 * the reason, *@err its number: -ENOSPC, registers are taken; -EACCES or -EPERM, it is
 * not allowed.
 */
struct watch *watch_open(const struct watch_options *o,
			 const struct watch_point *points, size_t n, char *why,
			 size_t size, int *err);
void watch_close(struct watch *w);

/* Our own keeper knows of our registers: it need not be kept off. */
void watch_allow_keeper(struct watch *w);

void watch_enable(struct watch *w, bool on);

/* Does it see what the kernel writes for the process? */
bool watch_sees_kernel(const struct watch *w);

/* How often was @point hit so far; exact also where records are lost. */
uint64_t watch_count(const struct watch *w, unsigned int point);

/* Records that there was no room for. */
uint64_t watch_lost(const struct watch *w);

/* Wait until there may be records, at most @ms. */
void watch_wait(struct watch *w, int ms);

/* Is there no record left, be it too young for watch_next()? */
bool watch_is_empty(struct watch *w);

/*
 * The next hit in the order of time, or false.  @all: also the last ones, which
 * others may yet come before; only when nothing is enabled any more.
 */
bool watch_next(struct watch *w, bool all, struct watch_hit *out);

/* No hit that is older than this comes any more, as long as not @all are asked for. */
uint64_t watch_upto(const struct watch *w);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * pages.h - accesses to a live process' memory, by a process that traces it
 *
 * For what debug registers have no room for: any number of places, of any length.
 * The right to write is taken from their pages (by userfaultfd, so that system calls
 * wait as well as instructions), and a process of ours, the keeper, lets
 * each write happen while everybody else is held.  The values are
 * read before and behind it.  docs/design/watch.md has the reasons.
 *
 * Where perf events are not allowed the keeper has the debug registers, too: its
 * threads stop at each hit.
 *
 * The keeper outlives us; what it has done to the process ends with it.
 */
#ifndef TL_WATCH_PAGES_H
#define TL_WATCH_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "effect.h"

#define PAGE_POINTS 256
#define PAGE_PIECE  64
#define PAGE_FRAMES 32

struct page_point {
	uint64_t addr;
	uint64_t len;
	char access; /* 'w', 'a' (both), 'x': these two by a register alone */
	bool by_register; /* at most four */
};

struct page_options {
	pid_t pid;
	bool frames;
	/* What the command watches by other ways, by breakpoints. */
	struct page_point registers[4];
	unsigned int n_registers;
};

/* A write to a point; several points may be hit by one instruction. */
struct page_hit {
	uint64_t ns; /* of CLOCK_MONOTONIC */
	unsigned int point;
	pid_t tid, own_tid; /* here, and in its own PID namespace */
	bool in_kernel;	    /* by a system call of the thread's */
	bool unsure;	    /* others' system calls wrote at the same time */
	uint64_t ip;	    /* of the instruction itself */
	/* All of a point of at most 8 bytes; of others what was written. */
	uint64_t addr;
	unsigned int len;
	uint8_t old[PAGE_PIECE], new_value[PAGE_PIECE];
	/*
	 * By a register: the instruction ends at @ip, and @regs are those behind it.
	 * Hits that came before any could be looked at are in a row, in no
	 * certain order: @old is what was there before the first, @new_value what
	 * is there after the last.
	 */
	bool by_register, first, last;
	struct effect_regs regs;
	unsigned int n_frames; /* the first is @ip */
	uint64_t frames[PAGE_FRAMES];
};

/* What it has cost. */
struct page_cost {
	uint64_t pages;
	uint64_t faults;  /* writes to the pages that were let happen */
	uint64_t hits;	  /* of these, at what is watched */
	uint64_t kernel;  /* faults in system calls */
	uint64_t carried; /* stores that were made for their threads */
	uint64_t holds;	  /* of other threads, for these */
	uint64_t ns;	  /* of all, from the fault until all go on */
};

struct pages;

/*
 * Watch @n points for writes.  NULL: @why (of @size bytes) has the reason, and the
 * process is as it was.
 */
struct pages *pages_open(const struct page_options *o,
			 const struct page_point *points, size_t n, char *why,
			 size_t size);

/* A descriptor that can be read when there may be hits. */
int pages_fd(const struct pages *p);

/* The next hit, or false: there is none yet. */
bool pages_next(struct pages *p, struct page_hit *out);

/*
 * Hits before this time (of CLOCK_MONOTONIC) can be had by now; none that comes later
 * is older.
 */
uint64_t pages_upto(const struct pages *p);

/* Is there so much that it should be taken, in whatever order? */
bool pages_are_full(const struct pages *p);

/* Hits that there was no room for. */
uint64_t pages_lost(const struct pages *p);

/*
 * What became of @point, or NULL: it is watched.  (Its page may have been given
 * back, or moved.)
 */
const char *pages_gone(const struct pages *p, unsigned int point);

/* Has the keeper ended?  NULL: no; else why. */
const char *pages_ended(const struct pages *p);

/* Was it killed by somebody else?  Then its end is nobody's doing here. */
bool pages_killed(const struct pages *p);

void pages_cost(const struct pages *p, struct page_cost *out);

/* A watch of process @pid, of whichever command. */
struct page_state {
	pid_t keeper;
	uint32_t places;
	uint32_t registers; /* of these */
	struct page_cost cost;
};

/* Is there one that has a keeper? */
bool pages_look(pid_t pid, struct page_state *out);

/* Let the process go on unwatched.  There may be hits still.  */
void pages_stop(struct pages *p);
void pages_close(struct pages *p);

#endif

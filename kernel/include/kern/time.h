/* SPDX-License-Identifier: MIT */
/* time.h - ticks and work that is done later */
#ifndef KERN_TIME_H
#define KERN_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define TICK_HZ 250u

/* Ticks since the timer was started.  Context: any. */
uint64_t ticks(void);

/* So many ticks are @ms milliseconds at least. */
uint64_t ms_to_ticks(unsigned int ms);

/* One more tick.  Context: the timer's interrupt handler. */
void tick(void);

/*
 * Something to be done later.  Zero it, set @fn, and it can be scheduled; it
 * may schedule itself again from @fn.
 */
struct work {
	void (*fn)(struct work *work);
	struct work *next;
	uint64_t due;
	bool queued;
};

/*
 * Run @work in task context in @ms milliseconds or somewhat later.  Work that
 * is queued already keeps its place.  Context: any.
 */
void work_schedule(struct work *work, unsigned int ms);

/* Let @ms milliseconds pass, and do the work that falls due.  Context: task. */
void idle_ms(unsigned int ms);

#endif

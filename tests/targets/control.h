/* SPDX-License-Identifier: MIT */
/*
 * control.h - what the programs that tests attach to have in common
 *
 * A target runs worker threads that do rounds of work, count exactly what they
 * call, and check every result.  It is told what to do on standard input and
 * answers on standard output; see README.md for the words.  The code is plain
 * POSIX, so that the same source builds with glibc and musl, dynamic or static.
 */
#ifndef TARGET_CONTROL_H
#define TARGET_CONTROL_H

#include <stdint.h>

#define MAX_COUNTERS 40

struct worker {
	/* Set before the first round. */
	unsigned int index;
	uint64_t random;
	void *own;

	/* What this thread has done; figures are the sums over all threads. */
	uint64_t counts[MAX_COUNTERS];
};

struct program {
	/* Names of the counters, NULL at the end. */
	const char *const *counters;

	/* One round of work, between two points where it can be paused. */
	void (*round)(struct worker *w);

	/* Once in each thread before its first round; may be NULL. */
	void (*begin)(struct worker *w);

	/* Once after the last round of all threads; may be NULL. */
	void (*end)(void);

	/* How many threads unless -t says otherwise. */
	unsigned int threads;
};

/* What is left of the command line after the options: a list, NULL-ended. */
extern char **control_args;

/* Seconds given with -s. */
extern unsigned int control_seconds;

/*
 * Parse the options (-t THREADS -r ROUNDS_PER_SECOND -s SECONDS), run the
 * program until it is told to quit, its time is over or SIGTERM comes, and
 * return the exit status: 0 if every answer was right.
 */
int control_run(int argc, char **argv, const struct program *p);

/* Report a wrong answer; @got and @want are shown.  Any thread. */
void control_wrong(const char *what, uint64_t got, uint64_t want);

/* control_wrong() unless the two are equal. */
void control_expect(const char *what, uint64_t got, uint64_t want);

/* The next number of a random sequence. */
uint64_t control_random(uint64_t *state);

/* Keep the compiler from knowing what @v is. */
static inline uint64_t control_opaque(uint64_t v)
{
	__asm__ volatile("" : "+r"(v));
	return v;
}

#endif /* TARGET_CONTROL_H */

/* SPDX-License-Identifier: MIT */
/*
 * survey.h - what arming would do with the instructions of a function
 *
 * A home in which nothing runs: the code that plans probes is given bytes to
 * read, and what it says is handed on.
 */
#ifndef TL_SURVEY_H
#define TL_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trapline/kprobes.h>

struct survey {
	/* Copy @n bytes from @addr; 0, or negative if not all are there. */
	int (*read)(void *arg, void *dst, uint64_t addr, size_t n);

	/* As `inroads` and `function` of struct tl_host_ops. */
	uint32_t (*inroads)(void *arg, uint64_t addr);
	bool (*function)(void *arg, uint64_t addr, uint64_t *start,
			 uint64_t *end);
	bool go; /* it is in a Go program, as `own_faults` */

	/*
	 * An instruction: @err is 0, or why no probe may be there; @why is
	 * TL_WHY_NONE for a jump, else why it is a breakpoint; @island: the
	 * jump is by way of an island.
	 */
	void (*found)(void *arg, uint64_t addr, int err, enum tl_why why,
		      bool island);

	/* Padding in which that island might be, often told again and again. */
	void (*padding)(void *arg, uint64_t start, uint64_t end);
	void *arg;
};

/*
 * Go through the function [@start, @end).  How many bytes at its end could not
 * be decoded; nothing was said of those.  Not for two threads at once.
 */
uint64_t survey_function(const struct survey *s, uint64_t start, uint64_t end);

#define SURVEY_ISLAND  5 /* bytes */
#define SURVEY_ISLANDS 16

struct survey_place {
	unsigned int window; /* the bytes that a jump takes, 0 if it is none */
	enum tl_why why;     /* not, or not without an island */
	/* Where an island may be, which the jump needs if there are any. */
	unsigned int n_islands;
	uint64_t island[SURVEY_ISLANDS];
};

/*
 * One place: the probe at @addr of the function [@start, @end), both 0 if nobody
 * knows.  0, or why none may be there.
 */
int survey_place(const struct survey *s, uint64_t addr, uint64_t start,
		 uint64_t end, struct survey_place *place);

/* How the calls of a function would be followed to their return. */
enum survey_returns {
	SURVEY_EXITS,	/* probes at its exits */
	SURVEY_ADDRESS, /* its return address is replaced */
	SURVEY_NOT,	/* neither may be */
};

/*
 * Calls begin at @entry.  @jumps: a probe is a jump or nothing; @keep: the return address of this function
 * must stay.  *@covered: there is no room for a jump at the entry then.
 */
enum survey_returns survey_returns(const struct survey *s, uint64_t entry,
				   uint64_t start, uint64_t end, bool jumps,
				   bool keep, bool *covered);

#endif

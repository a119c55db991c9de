/* SPDX-License-Identifier: MIT */
/*
 * program.h - the check of a program, and what does it (see events.h)
 *
 * A program that passed the check ends after its operations, of which each takes
 * bounded time; reads its own text and saved words, and memory by tl_fetch()
 * alone; and writes struct tl_made and the saved words alone.  Neither half
 * calls anything but the three functions below, which the home of it supplies.
 */
#ifndef TL_PROGRAM_H
#define TL_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events.h"

#pragma GCC visibility push(hidden)

/* The memory that was fetched last at a hit. */
#define TL_FETCHED 256

struct tl_fetched {
	uint64_t at;
	uint32_t n; /* bytes that are there; 0: none yet */
	uint8_t bytes[TL_FETCHED];
};

/* What is known of a hit. */
struct tl_hit {
	const uint64_t *regs; /* struct pt_regs, as words */
	uint64_t *saved; /* of a call: TL_SAVED_WORDS words at most, or NULL */
	uint64_t *saved_faults;
	uint64_t took;		    /* ticks */
	struct tl_events *events;   /* of the probe's session, or NULL */
	struct tl_fetched *fetched; /* tl_fetch()'s, or NULL */
};

/* What a program made of it; words that are not said to be there are junk. */
struct tl_made {
	uint32_t n; /* words, with the head that is left free */
	uint32_t faults;
	uint32_t stack; /* bytes of the stack that are wanted */
	struct {
		bool count, histogram, event;
	} to;
	uint32_t key_n, key_fault;
	uint64_t key[TL_KEY_WORDS];
	uint64_t words[TL_MAX_RECORD / 8 + 2];
};

enum tl_verdict {
	TL_PASSED = 0,
	TL_FILTERED = 1,
	TL_UNKNOWN = 2, /* its condition could not be told: filtered, too */
};

/*
 * Is @p a program?  @call: for calls that are followed, else for hits.  Returns
 * how many words it saves, or -1.  Context: any.
 */
int tl_program_check(const struct tl_program *p, bool call);

/* Do the part of @p for an entry, or the rest.  @p is checked. */
enum tl_verdict tl_program_enter(const struct tl_program *p,
				 const struct tl_hit *h);
enum tl_verdict tl_program_run(const struct tl_program *p,
			       const struct tl_hit *h, struct tl_made *m);

/* ---- supplied ------------------------------------------------------------ */

/*
 * The first bytes of [@from, @from + @len) that are there: how many.  More than
 * 8 are a text, of which what is behind its zero byte may be left out.
 */
uint32_t tl_fetch(const struct tl_hit *h, void *to, uint64_t from,
		  uint32_t len);

uint32_t tl_thread_number(void);

/* The name of our thread, with zeros up to 16 bytes. */
void tl_thread_name(uint64_t name[2]);

#pragma GCC visibility pop

#endif

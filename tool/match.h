/* SPDX-License-Identifier: MIT */
/*
 * match.h - globs, and names that look alike
 */
#ifndef TL_MATCH_H
#define TL_MATCH_H

#include <stdbool.h>
#include <stddef.h>

/* Does @text hold any of the characters that make it a glob? */
bool glob_is(const char *text);

/*
 * Does all of @text match @pattern?  `*` is any run of characters, `?` one
 * character, `[a-z]` one of these, `[!a-z]` none of these, a backslash takes
 * the next one as it is.  A `[` that nothing closes is itself.  Takes time in
 * proportion to the product of the two lengths at worst.
 */
bool glob_match(const char *pattern, const char *text);

/*
 * How many insertions, deletions, replacements and swaps of neighbours turn
 * @a into @b, if that is at most @limit; else limit + 1.
 */
unsigned int edit_distance(const char *a, const char *b, unsigned int limit);

/* The names nearest to one that was not found. */
#define NEAR_MAX 3
struct near {
	const char *want;
	size_t n;
	struct near_name {
		const char *name; /* lives as long as what was offered */
		const char *where;
		unsigned int cost;
	} best[NEAR_MAX];
};

/* Begin with the name that was not found. */
void near_init(struct near *near, const char *want);

/*
 * Offer a name that exists, and where (a binary; may be NULL).  @rank breaks
 * ties: 0 is better than 1.
 */
void near_offer(struct near *near, const char *name, const char *where,
		unsigned int rank);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * lines.h - source lines and the code that was made of them
 */
#ifndef TL_LINES_H
#define TL_LINES_H

#include "debug.h"

/* The code of a line; several, where it was inlined or copied. */
struct line_code {
	uint64_t addr;	  /* in the file */
	const char *file; /* as long as the debug information lives */
	int line;
};

struct line_codes {
	struct line_code *code;
	size_t n, room;
	bool file_known; /* lines_find() has met the file */
};

/*
 * The code of line @line of the source file @file, which is the end of a path: one
 * address for each function that has it, and for each inlined copy.  Of a line
 * without code the next one with some is taken.  0: there is neither.
 */
size_t lines_find(const struct debug *d, const char *file, int line,
		  struct line_codes *out);

/*
 * The lines that the code from @start to @end begins anew, by address; the
 * lowest address of each.
 */
size_t lines_between(const struct debug *d, uint64_t start, uint64_t end,
		     struct line_codes *out);

/* The line of the instruction at @addr.  False: not known. */
bool line_at(const struct debug *d, uint64_t addr, struct line_code *out);

/* Is @path the file that a user calls @file: the same, or its last parts? */
bool file_is(const char *path, const char *file);

void line_codes_free(struct line_codes *l);

#endif

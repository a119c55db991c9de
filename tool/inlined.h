/* SPDX-License-Identifier: MIT */
/*
 * inlined.h - the copies of functions that were put into others
 */
#ifndef TL_INLINED_H
#define TL_INLINED_H

#include "debug.h"

struct inlined {
	uint64_t *addr; /* where each begins, in the file */
	size_t n, room;
};

/*
 * Add the copies of the function @func, as people write it (names.h), that the
 * debug information knows.  How many there are.
 */
size_t inlined_find(const struct debug *d, const char *func,
		    struct inlined *out);
void inlined_free(struct inlined *i);

#endif

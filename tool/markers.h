/* SPDX-License-Identifier: MIT */
/*
 * markers.h - static probe points that programs bring along (USDT)
 */
#ifndef TL_MARKERS_H
#define TL_MARKERS_H

#include "image.h"

struct marker {
	const char *provider, *name; /* as long as the image lives */
	const char *args;   /* as in `8@%rdi -4@$5`; "" if there are none */
	uint64_t addr;	    /* of the file */
	uint64_t semaphore; /* 0: there is none */
};

struct markers {
	struct marker *marker; /* by provider, name and address */
	size_t n, room;
};

/* The markers of @img, which keeps them; never NULL. */
const struct markers *image_markers(struct image *img);
void markers_free(struct markers *m);

/*
 * Is @m what a user calls @provider:@name?  Both may be globs; in a name that is
 * none `-` stands for `__`, as in DTrace's notation.
 */
bool marker_is(const struct marker *m, const char *provider, const char *name);

#endif

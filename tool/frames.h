/* SPDX-License-Identifier: MIT */
/*
 * frames.h - the functions that the unwind tables of a file know
 */
#ifndef TL_FRAMES_H
#define TL_FRAMES_H

#include "image.h"

struct frames;

/*
 * The bounds that they give for the function around @addr.  False: they know
 * none.
 */
bool frames_bounds(struct image *img, uint64_t addr, uint64_t *start,
		   uint64_t *end);
void frames_free(struct frames *f);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * piece.h - pieces of code, by what unwinders are told
 */
#ifndef TL_PIECE_H
#define TL_PIECE_H

#include <stdint.h>
#include <sys/types.h>

#include "maps.h"

/*
 * The bounds of the code around @addr in process @pid, whose memory is @mem: a
 * function, or a part of one that was split off.  0, or -ENOENT: its object
 * does not say, or it is longer than 1 MiB.
 */
int piece_find(const struct maps *maps, pid_t pid, int mem, uint64_t addr,
	       uint64_t *start, uint64_t *end);

#endif

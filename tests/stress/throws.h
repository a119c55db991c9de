/* SPDX-License-Identifier: MIT */
/*
 * throws.h - the functions of throws.cc
 *
 * An odd argument is thrown, by the leaf; @fn is called there before.
 */
#ifndef THROWS_H
#define THROWS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef long throws_fn(long a);
typedef long throws_pair(long a, throws_fn *fn);

throws_pair throws_leaf_0, throws_pass_0, throws_plain_0, throws_again_0,
	throws_catch_0, throws_leaf_1, throws_pass_1, throws_plain_1,
	throws_again_1, throws_catch_1;

long throws_call(throws_pair *fn, long a, throws_fn *inner);

/* The callers, by libunwind: how many, up to @room.  0: there is no libunwind. */
int libunwind_trace(unsigned long *ip, int room);

#ifdef __cplusplus
}
#endif

#endif

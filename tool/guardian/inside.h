/* SPDX-License-Identifier: MIT */
/*
 * inside.h - is anybody inside our code?
 */
#ifndef TL_INSIDE_H
#define TL_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <protocol.h>

#include "net.h"

/*
 * @net holds everyone who runs the memory of @pid.  1: somebody stands in one of
 * the @n ranges at @code, or a signal handler of his will return into one; 0:
 * nobody; negative: that cannot be found out.
 */
int inside(struct net *net, pid_t pid, int mem, const struct tl_mapping *code,
	   size_t n);

#endif

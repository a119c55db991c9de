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

/*
 * Everyone who runs the memory of @pid is held, but for @worker.  1: somebody
 * stands in one of the @n ranges at @code, or a signal handler of his will
 * return into one; 0: nobody; negative: that cannot be found out.
 */
int inside(pid_t pid, pid_t worker, int mem, const struct tl_mapping *code,
	   size_t n);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * gofuncs.h - the functions of a Go program, from what its runtime needs
 *
 * A stripped Go program still has the table by which its runtime names functions
 * in a panic's trace.
 */
#ifndef TL_GOFUNCS_H
#define TL_GOFUNCS_H

#include <stdint.h>

/*
 * Offer every function of the Go table of the Elf * @elf to @take, by address; @size
 * is what lies in front of the next one.  @name lives as long as @elf.  Does nothing
 * if there is no such table, or one of another layout than Go's since 1.18.  The
 * addresses are what the table says: is there code?
 */
void gofuncs_read(void *elf,
		  void (*take)(void *arg, uint64_t addr, uint64_t size,
			       const char *name),
		  void *arg);

#endif

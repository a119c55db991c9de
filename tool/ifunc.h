/* SPDX-License-Identifier: MIT */
/*
 * ifunc.h - what an indirect function chose, in a live process
 */
#ifndef TL_IFUNC_H
#define TL_IFUNC_H

#include "process.h"

/* More than that is not believed. */
#define IFUNC_CHOICES 8

/*
 * The functions that are called in @p instead of the indirect function @s of
 * @m.  Fills in addresses of code in the process and returns how many; 0: nobody
 * has called or bound it yet.
 */
size_t ifunc_choices(struct process *p, const struct module *m,
		     const struct symbol *s, uint64_t out[IFUNC_CHOICES]);

#endif

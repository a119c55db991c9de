/* SPDX-License-Identifier: MIT */
/*
 * binding.h - which of several definitions calls are bound to
 */
#ifndef TL_BINDING_H
#define TL_BINDING_H

#include "process.h"

/*
 * The modules of @p in which the dynamic linker looks for a name, in its order:
 * the program, what was preloaded, then what they need, breadth-first.  Not what
 * was loaded later.  Their indices to @order, which has room for @p->n; how many,
 * 0: nobody knows.
 */
size_t binding_order(struct process *p, size_t *order);

/*
 * Is @s what another object gets that asks for its name, of @version (NULL: any)?
 */
bool binding_takes(const struct symbol *s, const char *version);

/*
 * The version of @name that the program asks for; NULL: none, or it does not ask.
 * As long as @p.
 */
const char *binding_version(const struct process *p, const char *name);

#endif

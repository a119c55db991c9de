/* SPDX-License-Identifier: MIT */
/*
 * late.h - probes on libraries that are loaded later
 */
#ifndef TL_LATE_H
#define TL_LATE_H

#include "target.h"

/*
 * Is probe @i of @t on a library that is not mapped, so that it may come?  Then it
 * waits, and a line says so: 1; 0: no; -1: it cannot wait, after a line.
 */
int late_wait(struct target *t, size_t i);

/* What probe @i of @t is called, if it waits; else NULL. */
const char *late_waiting(const struct target *t, size_t i);

/* @t is attached to: listen to its dynamic linker.  0, or -1 after a line. */
int late_begin(struct target *t);

/*
 * If other libraries are mapped than before, arm what has waited for them; what was
 * in those that are gone waits again.
 */
void late_serve(struct target *t);

/* Of process @p, add the places of probe @i of @t to those of @t (target.c). */
int target_find_places(struct target *t, struct process *p, size_t i);

/* Make the probes of the places from @first on (target.c). */
void target_make_probes(struct target *t, size_t first);

void late_free(struct target *t);

#endif

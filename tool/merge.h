/* SPDX-License-Identifier: MIT */
/*
 * merge.h - the events of several targets in the order of their times
 */
#ifndef TL_MERGE_H
#define TL_MERGE_H

#include "run.h"

struct merge *merge_new(void);
void merge_free(struct merge *m);

/* As run_on_events() of @t. */
int merge_on_events(struct merge *m, struct target *t, session_event_fn fn,
		    void *arg);

/* @t is no more, and had nothing to tell. */
void merge_forget(struct merge *m, const struct target *t);

/*
 * Take what there is of all targets, and hand on what nothing older can come in
 * front of, for a tenth of a second or so; all of it, when no target is attached
 * to any more.  How many were handed on.
 */
size_t merge_poll(struct merge *m);

#endif

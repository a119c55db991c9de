/* SPDX-License-Identifier: MIT */
/*
 * rings.h - the reader of a session's rings (see agent/events.h)
 */
#ifndef TL_RINGS_H
#define TL_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"

struct tl_events;
struct rings;

/* A reader of @e, which it writes into, too; NULL: no memory. */
struct rings *rings_open(struct tl_events *e, session_event_fn fn, void *arg);

/*
 * The times of @r count from the beginning of @like, before anything is handed on:
 * who was forked has run before we heard of it.
 */
void rings_date_back(struct rings *r, const struct rings *like);

/*
 * Empty the rings from now on, also while nobody calls rings_poll().  0, or a
 * negative errno: then rings_poll() alone does.
 */
int rings_begin_reader(struct rings *r);
void rings_end_reader(struct rings *r);

/* Nobody waits for room in @e any more, now or later. */
void rings_let_go(struct tl_events *e);

/*
 * Hand on, by the order of their times, the events that are older than this
 * call, for a tenth of a second or so; @last: all, and nobody writes any more.
 * How many.
 */
size_t rings_poll(struct rings *r, bool last);

/* All events before this value of their clock were handed on. */
uint64_t rings_upto(const struct rings *r);

/* Events that there was no room for, or that were spoilt. */
uint64_t rings_lost(const struct rings *r);

void rings_close(struct rings *r);

#endif

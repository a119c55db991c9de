/* SPDX-License-Identifier: MIT */
/*
 * session.h - what a session of the command does with its probes
 *
 * The same in the agent, where it is called by the worker, and in libtrapline,
 * where the server calls it: probes are taken from the figures, armed, and do
 * there what they are for.  The target's threads run the handlers of actions.c
 * and what those call, which take no lock.
 */
#ifndef TL_LINUX_SESSION_H
#define TL_LINUX_SESSION_H

#include <machine.h>
#include <program.h>
#include <protocol.h>
#include <trapline/host.h>

#pragma GCC visibility push(hidden)

/* Where everything is; set before the first probe, and constant while one is. */
extern struct tl_boot *tl_boot;

static inline struct tl_figures *tl_figures(void)
{
	return (struct tl_figures *)tl_boot->figures;
}

/*
 * Register probes [@first, @first + @n) of the figures; each one's err, why and
 * kind say what became of it.  What the figures hold is distrusted.
 * Context: task.
 */
void tl_actions_add(uint32_t first, uint32_t n);

/*
 * Unregister those of session @owner of the figures, or of all, and free what
 * they had.  0: nobody looks at what was theirs any more, events included;
 * -TL_EBUSY: somebody may, so nothing was freed; to be called again.  Context:
 * task.
 */
#define TL_ALL_SESSIONS TL_MAX_SESSIONS
int tl_actions_remove(uint32_t owner);

/*
 * A copy of program @index of @e that will do no harm, for calls that are followed or
 * for hits; NULL: there is none, or no memory.  Context: task.
 */
const struct tl_program *tl_program_take(const struct tl_events *e,
					 uint32_t index, bool call);
void tl_program_free(const struct tl_program *p);

/* ---- in the target's threads; context: trap ------------------------------- */

/*
 * @fn(@a, @b), on a stack with room where the target's own may have none; what that
 * returns, or -TL_EBUSY: all such stacks are in use.  The home's.
 */
int tl_aside(int (*fn)(void *a, void *b), void *a, void *b);

/*
 * The first bytes of [@from, @from + @len) that are there: how many; up to 4096,
 * by a thread of ours with number @pid.
 */
uint32_t tl_fetch_as(uint32_t pid, void *to, uint64_t from, uint32_t len);

/* The list of libraries has changed: wait until we are told to go on. */
void tl_loader_called(struct tl_loader *l);

/* A call that took @ticks. */
void tl_time_add(struct tl_times *t, uint64_t ticks);

/* Put what was made of a hit of @probe at @clock into a ring. */
void tl_event(const struct tl_hit *h, struct tl_made *m, uint32_t probe,
	      uint64_t clock);

/* Count a hit, and its time if @m says so, for the key in @m. */
void tl_key_add(const struct tl_hit *h, const struct tl_made *m,
		uint32_t probe);

#pragma GCC visibility pop

#endif

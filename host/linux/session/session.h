/* SPDX-License-Identifier: MIT */
/*
 * session.h - what a session of the command does with its probes
 *
 * The same in the agent, where it is called by the worker, and in libtrapline,
 * where the server calls it: probes are taken from the figures, armed, and do
 * there what they are for.  The target's threads run the handlers of actions.c
 * and events.c, which take no lock.
 */
#ifndef TL_LINUX_SESSION_H
#define TL_LINUX_SESSION_H

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

/* Unregister them all, and free what they had.  Context: task. */
void tl_actions_remove(void);

struct pt_regs;

/*
 * A copy of program @index that will do no harm; NULL: there is none, or no
 * memory.  Context: task.
 */
const struct tl_program *tl_program_take(uint32_t index);
void tl_program_free(const struct tl_program *p);

/* Put a hit of @probe into a ring, as @p says.  Context: trap. */
void tl_event(const struct tl_program *p, uint32_t probe,
	      const struct pt_regs *regs);

#pragma GCC visibility pop

#endif

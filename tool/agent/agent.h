/* SPDX-License-Identifier: MIT */
/*
 * agent.h - between the files of the agent
 *
 * The agent is a guest in somebody else's process.  Its task side runs in the
 * worker only: tl_agent_main(), and all of the engine's registering.  The
 * target's threads run detours, the trampoline, and the handlers of actions.c,
 * which make no system call and take no lock.
 */
#ifndef TL_AGENT_H
#define TL_AGENT_H

#include <protocol.h>
#include <trapline/host.h>

extern struct tl_boot *tl_boot;

static inline struct tl_figures *tl_figures(void)
{
	return (struct tl_figures *)tl_boot->figures;
}

/* Ask the guardian; the worker only. */
long tl_agent_ask(long what, long a, long b, long c, long d);
int tl_agent_copy(void *dst, const void *src, size_t n);
void tl_agent_main(struct tl_boot *boot);

/* host.c: before anything else. */
int tl_host_init(void);

/*
 * Register probes [@first, @first + @n) of the figures; each one's err, why and
 * kind say what became of it.  Context: task.
 */
void tl_actions_add(uint32_t first, uint32_t n);

struct pt_regs;

/*
 * A copy of program @index that will do no harm; NULL: there is none, or no
 * memory.  Context: task.
 */
const struct tl_program *tl_program_take(uint32_t index);

/* Put a hit of @probe into a ring, as @p says.  Context: trap. */
void tl_event(const struct tl_program *p, uint32_t probe,
	      const struct pt_regs *regs);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * agent.h - between the files of the agent
 *
 * The agent is a guest in somebody else's process.  Its task side runs in the
 * worker only: tl_agent_main(), and all of the engine's registering.  The
 * target's threads run detours, the trampoline, and the handlers of
 * host/linux/session, which take no lock, and make system calls only where a
 * program asks for what is not to be had otherwise.
 */
#ifndef TL_AGENT_H
#define TL_AGENT_H

#include <session/session.h>

/* Ask the guardian; the worker only. */
long tl_agent_ask(long what, long a, long b, long c, long d);
int tl_agent_copy(void *dst, const void *src, size_t n);
void tl_agent_main(struct tl_boot *boot);

/* host.c: before anything else. */
int tl_host_init(void);

/* Probes [@first, @first + @n) of the figures are about to be registered. */
void tl_host_note(uint32_t first, uint32_t n);

#endif

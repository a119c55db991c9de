/* SPDX-License-Identifier: MIT */
/*
 * mend.h - whoever handles faults here makes them go on at place_mend
 *
 * A kernel finds that in a table (places.S); a process has a signal handler.
 */
#ifndef MEND_H
#define MEND_H

#include "places.h"

#ifdef NO_RED_ZONE
static void mend_faults(void)
{
}

static void leave_faults(void)
{
}
#else
#include <signal.h>
#include <ucontext.h>

static struct sigaction mend_before;

static void mend(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	if (regs[REG_RIP] == (greg_t)place_fault)
		regs[REG_RIP] = (greg_t)place_mend;
	else
		sigaction(SIGSEGV, &mend_before, NULL);
}

static void mend_faults(void)
{
	struct sigaction sa = { .sa_sigaction = mend, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, &mend_before);
}

static void leave_faults(void)
{
	sigaction(SIGSEGV, &mend_before, NULL);
}
#endif

#endif

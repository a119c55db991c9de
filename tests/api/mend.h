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

/* Are interrupts on? */
static bool nothing_is_masked(void)
{
	return interrupts_are_on();
}
#else
#include <signal.h>
#include <ucontext.h>

static struct sigaction mend_before;

static void mend(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	if ((uintptr_t)UC_IP(uc) == (uintptr_t)place_fault)
		UC_IP(uc) = (uintptr_t)place_mend;
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

/* Does SIGTRAP arrive, without which no breakpoint would be one? */
static bool nothing_is_masked(void)
{
	sigset_t set;

	return !sigprocmask(SIG_BLOCK, NULL, &set) &&
	       !sigismember(&set, SIGTRAP) && !sigismember(&set, SIGSEGV);
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * signals.c - handlers that come and go without a trace, masks, and ends
 */

#include "check.h"
#include <user_isa.h>

static volatile int seen[NR_SIGNALS];
static volatile int order[8], n_order;

static void count(int sig)
{
	seen[sig]++;
	if (n_order < 8)
		order[n_order++] = sig;
}

static void nested(int sig)
{
	int before = seen[SIGUSR2];

	kill(getpid(), sig); /* blocked, until this one returns */
	kill(getpid(), SIGUSR2);
	CHECK(seen[SIGUSR2] == before + 1);
	if (++seen[sig] > 3)
		signal(sig, (void (*)(int))SIG_IGN);
}

static void handlers(void)
{
	int me = getpid();

	CHECK(signal(SIGUSR1, count) == 0 && signal(SIGUSR2, count) == 0);
	for (int i = 0; i < 1000; i++)
		CHECK(registers_are_kept(me, SIGUSR1) == 0);
	CHECK(seen[SIGUSR1] == 1000);
	signal(SIGTERM, nested);
	kill(me, SIGTERM);
	CHECK(seen[SIGTERM] == 4);
}

static void masks(void)
{
	int me = getpid();

	n_order = 0;
	signal(SIGINT, count);
	CHECK(sigmask(1u << SIGUSR1 | 1u << SIGINT | 1u << SIGKILL) == 0);
	kill(me, SIGUSR1);
	kill(me, SIGINT);
	kill(me, SIGINT); /* once is enough */
	CHECK(n_order == 0);
	CHECK(sigmask(0) == (1u << SIGUSR1 | 1u << SIGINT));
	/* The lower is delivered first, and the other before it has begun. */
	CHECK(n_order == 2 && order[0] == SIGUSR1 && order[1] == SIGINT);
	signal(SIGINT, (void (*)(int))SIG_IGN);
	kill(me, SIGINT);
	kill(me, SIGCHLD);
	CHECK(n_order == 2);
}

/* Fault, be told, and go on behind it. */
static volatile uintptr_t mended;

static void mend(int sig)
{
	seen[sig]++;
	mended = 1;
}

static void a_fault_is_handled(void)
{
	int pid = fork();

	if (!pid) {
		signal(SIGTRAP, mend);
		TRAP();
		CHECK(mended && seen[SIGTRAP] == 1);
		/* One that is blocked, or ignored, ends it all the same. */
		signal(SIGSEGV, (void (*)(int))SIG_IGN);
		sigmask(1u << SIGSEGV);
		*(volatile char *)0;
		exit(2);
	}
	CHECK(end_of(pid) == SIGSEGV);
}

static void from_another(void)
{
	int pid, ended, status = 0;

	signal(SIGTERM, (void (*)(int))SIG_DFL);
	pid = fork();
	if (!pid)
		for (;;) /* in user mode for ever */
			;
	sleep_ms(5);
	kill(pid, SIGTERM);
	CHECK(end_of(pid) == SIGTERM);
	pid = fork();
	if (!pid) {
		signal(SIGTERM, (void (*)(int))SIG_IGN);
		sigmask(~0u);
		sleep_ms(1000000);
	}
	sleep_ms(5);
	kill(pid, SIGKILL);
	CHECK(end_of(pid) == SIGKILL);
	/*
	 * A parent that waits is told.  It may not have come to that when it is
	 * told first.
	 */
	seen[SIGUSR1] = 0;
	pid = fork();
	if (!pid) {
		int child = fork();

		if (!child)
			sleep_ms(1000000);
		signal(SIGUSR2, count);
		kill(getppid(), SIGUSR1);
		CHECK(wait(child, NULL, 0) == -EINTR);
		signal(SIGUSR2, (void (*)(int))SIG_IGN);
		kill(child, SIGKILL);
		exit(end_of(child) == SIGKILL ? 6 : 1);
	}
	while (!seen[SIGUSR1])
		yield();
	while (!(ended = wait(pid, &status, WNOHANG))) {
		sleep_ms(5);
		kill(pid, SIGUSR2);
	}
	CHECK(ended == pid && W_CODE(status) == 6);
}

int main(const char *arg)
{
	(void)arg;
	handlers();
	signal(SIGUSR2, count);
	masks();
	a_fault_is_handled();
	from_another();
	return 0;
}

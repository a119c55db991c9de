/* SPDX-License-Identifier: MIT */
/*
 * ticker.c - a user program that keeps the kernel busy: so many rounds (1000 if not
 * told) of small system calls, a child, and a sleep
 */

#include "user.h"

static long rounds(const char *arg)
{
	long n = 0;

	while (*arg >= '0' && *arg <= '9')
		n = n * 10 + *arg++ - '0';
	return n ? n : 1000;
}

int main(const char *arg)
{
	for (long n = rounds(arg); n; n--) {
		int pid;

		for (int i = 0; i < 100; i++)
			getpid();
		pid = fork();
		if (!pid)
			exit(0);
		wait(pid, NULL, 0);
		sleep_ms(10);
	}
	return 0;
}

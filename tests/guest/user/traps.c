/* SPDX-License-Identifier: MIT */
/*
 * traps.c - executes as many breakpoints of its own as it is told to, of both
 * forms, and hears of each
 */

#include "check.h"

static volatile long heard;

static void hear(int sig)
{
	heard += sig == SIGTRAP;
}

int main(const char *arg)
{
	long n = number(arg);

	signal(SIGTRAP, hear);
	for (long i = 0; i < n; i++) {
		if (i & 1)
			__asm__ volatile("int3");
		else
			__asm__ volatile(".byte 0xcd, 0x03");
		CHECK(heard == i + 1);
	}
	return 0;
}

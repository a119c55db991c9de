/* SPDX-License-Identifier: MIT */
/*
 * traps.c - executes as many breakpoints of its own as it is told to, of two
 * forms, and hears of each
 */

#include "check.h"
#include "user_isa.h"

static volatile long heard;

void hear(int sig);
void hear(int sig)
{
	heard += sig == SIGTRAP;
}

DEFINE_TRAP_HANDLER(on_trap, hear);

int main(const char *arg)
{
	long n = number(arg);

	signal(SIGTRAP, on_trap);
	for (long i = 0; i < n; i++) {
		OWN_TRAP(i);
		CHECK(heard == i + 1);
	}
	return 0;
}

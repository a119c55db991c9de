/* SPDX-License-Identifier: MIT */
/*
 * calls.c - as many small system calls as it is told to, each with the right answer
 */

#include "check.h"
#include <user_isa.h>

int main(const char *arg)
{
	int me = getpid();

	for (long n = number(arg) - 1; n > 0; n--) {
		CHECK(getpid() == me);
		if (n % 256 == 0) /* the emulator's other CPUs want a turn */
			PAUSE();
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * moves.c - goes from CPU to CPU, is pre-empted in between, and counts right
 */

#include "check.h"
#include <user_isa.h>

int main(const char *arg)
{
	uint32_t cpus = 0;
	unsigned long sum = 0, i = 0;

	/* Which are there? */
	for (int n = 0; n < 8; n++)
		if (move(1u << n) == 0)
			cpus |= 1u << n;
	for (long turn = number(arg); turn > 0; turn--) {
		unsigned long end = i + 2000;
		int n = (int)(turn % 8);

		if (cpus >> n & 1) {
			CHECK(move(1u << n) == 0);
			CHECK(cpu() == n);
			CHECK(move(~0u) == 0);
		}
		for (; i < end; i++)
			sum += i;
		PAUSE();
		CHECK(cpus >> cpu() & 1);
		if (turn % 10 == 0)
			yield();
	}
	CHECK(sum == i * (i - 1) / 2);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* hello.c - a user program: says hello, and its argument */

#include "user.h"

/* In one call, since others write to the console, too. */
int main(const char *arg)
{
	char line[32 + USER_ARG_MAX] = "hello from ring 3, ";
	size_t n = sizeof("hello from ring 3, ") - 1;

	while (*arg && n < sizeof(line) - 1)
		line[n++] = *arg++;
	line[n++] = '\n';
	write(line, n);
	return 42;
}

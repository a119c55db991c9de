/* SPDX-License-Identifier: MIT */
/* hello.c - a user program: says hello, and its argument */

#include "user.h"

static size_t append(char *line, size_t n, const char *s)
{
	while (*s)
		line[n++] = *s++;
	return n;
}

/* In one call, since others write to the console, too. */
int main(const char *arg)
{
	char line[32 + USER_ARG_MAX];
	size_t n = append(line, 0, "hello from ring 3, ");

	n = append(line, n, arg);
	n = append(line, n, "\n");
	write(line, n);
	return 42;
}

/* SPDX-License-Identifier: MIT */
/* check.h - programs that check what they see, and say so on the console */
#ifndef CHECK_H
#define CHECK_H

#include "user.h"

#define KERNEL_TEXT 0xffffffff80100000

/* End with status 1 if @cond is false. */
#define CHECK(cond)                                              \
	do {                                                     \
		if (!(cond))                                     \
			check_failed(__FILE__, __LINE__, #cond); \
	} while (0)

static inline void check_failed(const char *file, int line, const char *what)
{
	put("    # ");
	put(file);
	put(":");
	put_number(line);
	put(": ");
	put(what);
	put(" is false\n");
	exit(1);
}

static inline bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static inline long number(const char *s)
{
	long n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + *s++ - '0';
	return n;
}

/* How the child @pid ends. */
static inline int end_of(int pid)
{
	int status = -1;

	CHECK(wait(pid, &status, 0) == pid);
	return status;
}

#endif

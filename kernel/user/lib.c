/* SPDX-License-Identifier: MIT */
/* lib.c - a user program's library */

#include "user.h"

_Static_assert(SYS_EXIT == 0 && SYS_FORK == 8 && SYS_SIGRETURN == 14 &&
		       SYS_PTRACE == 15 && NR_SYSCALLS == 16,
	       "the numbers in start.S");

void *memcpy(void *to, const void *from, size_t len);
long sys_signal(int sig, void (*handler)(int sig), void (*restorer)(void));
void sigreturn(void);

int signal(int sig, void (*handler)(int sig))
{
	return (int)sys_signal(sig, handler, sigreturn);
}

void put(const char *s)
{
	size_t len = 0;

	while (s[len])
		len++;
	write(s, len);
}

void put_number(long n)
{
	char text[24];
	size_t at = sizeof(text);
	unsigned long rest = n < 0 ? -(unsigned long)n : (unsigned long)n;

	do {
		text[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (n < 0)
		text[--at] = '-';
	write(text + at, sizeof(text) - at);
}

/* The compiler may call it by itself. */
void *memcpy(void *to, const void *from, size_t len)
{
	volatile char *d = to;
	const char *s = from;

	while (len--)
		*d++ = *s++;
	return to;
}

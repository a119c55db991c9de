/* SPDX-License-Identifier: MIT */
/* victim.c - a module with functions to be called and probed, and data of all kinds */

#include <kern/memory.h>
#include <kern/string.h>

int init_module(void);
void cleanup_module(void);
long victim_sum(long a, long b);
long victim_text(long n);
long victim_state(long n);

static const char *const words[] = { "one", "three", "seventeen" };
static long *state;
static long zeroes[600];

__attribute__((noinline)) long victim_sum(long a, long b)
{
	__asm__ volatile("" : "+r"(a), "+r"(b));
	return a + b;
}

/* Reaches read-only data with addresses in it, and the kernel. */
long victim_text(long n)
{
	return (long)strlen(words[n % 3]);
}

long victim_state(long n)
{
	zeroes[n % 600] += n;
	return *state + zeroes[n % 600];
}

int init_module(void)
{
	state = kmalloc(sizeof(*state));
	if (!state)
		return -12;
	*state = victim_sum(40, 2);
	return 0;
}

void cleanup_module(void)
{
	kfree(state);
}

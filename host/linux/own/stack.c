/* SPDX-License-Identifier: MIT */
/*
 * stack.c - how much of a stack is above its pointer, mostly without asking
 *
 * A jprobe that does not know how many bytes of arguments its function takes
 * copies what there is, at each call.  Asking the kernel each time would cost a
 * hundred times as much as the rest, so in this order:
 *
 *   page     the rest of the page that the stack pointer is in.  It is there: the
 *            return address has just been written to it.
 *   main     the stack of the first thread grows and is never unmapped, so
 *            what was found once is true for ever.
 *   thread   the mapping that the thread pointer is in as well: libc keeps a
 *            thread's own block at the end of its stack, so up to there it
 *            stays as long as the thread does.  Remembered beside the thread's context, from the
 *            lowest page on that was asked about.
 *   else     /proc/self/maps, at each call: an alternate stack or a coroutine's
 *            may be unmapped and mapped again, and nobody would tell.
 *
 * What is remembered is one word, so that a signal handler which interrupts a
 * change finds the old or the new one.
 */
#include "own/own.h"

/* The page of the lower bound, and how many pages: 4 GiB at most. */
#define COUNT_BITS 20
#define COUNT_MAX  ((1UL << COUNT_BITS) - 1)

static uint64_t main_stack;

static void remember(uint64_t *word, uintptr_t low, uintptr_t high)
{
	uintptr_t first = low / TL_PAGE;
	uintptr_t count = high / TL_PAGE - first;

	if (count <= COUNT_MAX)
		__atomic_store_n(word, first << COUNT_BITS | count,
				 __ATOMIC_RELAXED);
}

/* The end of the stack that @word remembers, if @sp is on it; else 0. */
static uintptr_t recall(const uint64_t *word, uintptr_t sp)
{
	uint64_t v = __atomic_load_n(word, __ATOMIC_RELAXED);
	uintptr_t first = v >> COUNT_BITS;
	uintptr_t count = v & COUNT_MAX;

	return sp / TL_PAGE - first < count ? (first + count) * TL_PAGE : 0;
}

struct asking {
	uintptr_t sp;
	uintptr_t low;
	uintptr_t high;
	bool is_main;
};

static bool is_stack(const char *path)
{
	const char *name = "[stack]";

	while (*name && *name == *path)
		name++, path++;
	return *name == *path;
}

static int find(const struct tl_map *m, void *arg)
{
	struct asking *a = arg;

	if (a->sp < m->start || a->sp >= m->end || !(m->prot & TL_PROT_READ))
		return 0;
	a->low = m->start;
	a->high = m->end;
	a->is_main = is_stack(m->path);
	return 1;
}

/* The end of the mapping that @sp is in; 0: in none. */
static uintptr_t ask(uintptr_t sp, uintptr_t thread, uint64_t *word)
{
	struct asking a = { .sp = sp };

	if (tl_maps_each(find, &a) != 1)
		return 0;
	if (a.is_main) {
		remember(&main_stack, a.low, a.high);
	} else if (word && thread > sp && thread < a.high) {
		a.high = (thread / TL_PAGE + 1) * TL_PAGE;
		remember(word, sp, a.high);
	}
	return a.high;
}

long tl_own_stack_above(uintptr_t sp, size_t len)
{
	uintptr_t thread, high;
	uint64_t *word;

	if (len <= TL_PAGE - sp % TL_PAGE)
		return len;
	high = recall(&main_stack, sp);
	if (!high) {
		word = tl_thread_word(&thread);
		high = word ? recall(word, sp) : 0;
		if (!high)
			high = ask(sp, thread, word);
	}
	if (!high)
		return -TL_ENOENT;
	return high - sp < len ? high - sp : len;
}

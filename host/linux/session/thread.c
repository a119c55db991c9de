/* SPDX-License-Identifier: MIT */
/*
 * thread.c - which thread is this? by its number
 *
 * gettid() costs more than all the rest of an event, and a number cannot be
 * remembered by thread pointer alone: when a thread has ended its pointer is
 * used again, and clone() without CLONE_SETTLS gives the child its parent's.
 * But the C library keeps the number in a word of the block that the thread
 * pointer leads to, which the kernel writes when the thread is made, before it
 * runs.  That word is believed where it was seen to be right:
 *
 *   N1  Where the word is, is found once, by looking for a thread's number in
 *       its block.
 *   N2  An entry says that the thread with this pointer and this number was
 *       seen on this page of a stack, and that its word was its number.
 *   N3  The word is ours if it is the entry's number and we are on one of the
 *       entry's pages; else the kernel is asked.
 *
 * Another thread with our pointer is on another stack, and one that comes after
 * us has another word.  An entry is written by any number of threads at once:
 * what comes of it is right as soon as all of it agrees with the word.  Left is
 * the child of vfork(), which is on its parent's stack while that one waits: it
 * goes by its parent's number.
 */
#include "session/session.h"

#include <common/home.h>

#define ENTRIES	   4096
#define PAGES	   6
#define CHUNK	   64 /* words read at a time */
#define PR_GETNAME 16

struct entry {
	uintptr_t thread;
	uint32_t number;
	uint32_t pad;
	uintptr_t page[PAGES];
};

static struct entry table[ENTRIES];
static int offset; /* of the word; 0: not known */

/* N1 */
static void look_for(uint32_t number, uintptr_t thread)
{
	uint32_t word[CHUNK], got;

	for (int at = TL_THREAD_BLOCK_START; at < TL_THREAD_BLOCK_END;
	     at += (int)sizeof(word)) {
		got = tl_fetch_as(number, word, thread + at, sizeof(word)) / 4;
		for (uint32_t i = 0; i < got; i++)
			if (word[i] == number) {
				__atomic_store_n(&offset, at + (int)i * 4,
						 __ATOMIC_RELAXED);
				return;
			}
	}
}

static __attribute__((noinline)) uint32_t ask(struct entry *e, uintptr_t thread,
					      uintptr_t page)
{
	uint32_t number = (uint32_t)tl_sys0(__NR_gettid);
	bool same = e->thread == thread && e->number == number;

	if (!thread)
		return number;
	/* Go has no such block. */
	if (!offset && !tl_boot->stacks)
		look_for(number, thread);
	if (!offset || tl_thread_load(offset) != number)
		return number;
	for (uint32_t i = 0; i < PAGES && !same; i++)
		e->page[i] = 0;
	e->thread = thread;
	e->number = number;
	e->page[page % PAGES] = page; /* N2 */
	return number;
}

uint32_t tl_thread_number(void)
{
	uintptr_t page = (uintptr_t)__builtin_frame_address(0) / TL_PAGE;
	uintptr_t thread = tl_thread_pointer();
	struct entry *e = &table[(thread >> 6 ^ thread >> 20) % ENTRIES];
	uint32_t number = __atomic_load_n(&e->number, __ATOMIC_RELAXED);

	if (e->thread == thread && e->page[page % PAGES] == page && thread &&
	    tl_thread_load(offset) == number) /* N3 */
		return number;
	return ask(e, thread, page);
}

/* ---- its name ------------------------------------------------------------- */

/*
 * The name of a thread may be changed at any time, by others, too, and nobody
 * tells us: one that was asked for less than a millisecond or so ago is taken to
 * be still right.  An entry is written by one thread at a time, while `turn` is
 * odd; who finds it odd, or changed after he has read it, asks.
 */
#define NAMES 1024

static struct name {
	uint32_t turn;
	uint32_t number;
	uint64_t asked; /* when, in ticks */
	uint64_t word[2];
} names[NAMES];

static bool remember(const struct name *e, uint32_t number, uint64_t name[2])
{
	uint32_t turn = __atomic_load_n(&e->turn, __ATOMIC_ACQUIRE);
	uint64_t asked = __atomic_load_n(&e->asked, __ATOMIC_RELAXED);
	uint32_t whose = __atomic_load_n(&e->number, __ATOMIC_RELAXED);

	name[0] = __atomic_load_n(&e->word[0], __ATOMIC_RELAXED);
	name[1] = __atomic_load_n(&e->word[1], __ATOMIC_RELAXED);
	/* Orders what was read before the second look; pairs with note(). */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(turn & 1) && whose == number &&
	       tl_ticks() - asked < tl_about_a_ms() &&
	       __atomic_load_n(&e->turn, __ATOMIC_RELAXED) == turn;
}

static void note(struct name *e, uint32_t number, const uint64_t name[2])
{
	uint32_t turn = __atomic_load_n(&e->turn, __ATOMIC_RELAXED);

	if (turn & 1 ||
	    !__atomic_compare_exchange_n(&e->turn, &turn, turn + 1, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&e->number, number, __ATOMIC_RELAXED);
	__atomic_store_n(&e->asked, tl_ticks(), __ATOMIC_RELAXED);
	__atomic_store_n(&e->word[0], name[0], __ATOMIC_RELAXED);
	__atomic_store_n(&e->word[1], name[1], __ATOMIC_RELAXED);
	__atomic_store_n(&e->turn, turn + 2, __ATOMIC_RELEASE);
}

void tl_thread_name(uint64_t name[2])
{
	uint32_t number = tl_thread_number();
	struct name *e = &names[number % NAMES];

	if (remember(e, number, name))
		return;
	name[0] = name[1] = 0;
	tl_sys2(__NR_prctl, PR_GETNAME, (long)name);
	note(e, number, name);
}

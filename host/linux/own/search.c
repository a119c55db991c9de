/* SPDX-License-Identifier: MIT */
/*
 * search.c - is an address among those that nobody may be at, or on a stack?
 *
 * A stack is read from the stack pointer (and the red zone below it) to the end
 * of its mapping.  On it, return addresses and the program counters that signals
 * have saved are words like others, so every word is looked at; a value that
 * only looks like one of them makes us wait, no more.
 *
 * A signal's frame may be on another stack than the code that it interrupted.
 * It is known by words that the kernel writes to it (<arch>/frame.h), and the stack
 * of that code is then read, too.
 */
#include "own/own.h"

#define CHUNK_WORDS 64
#define MAX_STACK   (64UL << 20)
#define MAX_NESTING 4

void tl_search_windows(struct tl_search *s, struct tl_window *w, size_t n)
{
	s->windows = w;
	s->n_windows = n;
	s->ranges = NULL;
	s->n_ranges = 0;
	s->low = UINTPTR_MAX;
	s->high = 0;
	s->busy = false;
	s->n_stacks = 0;
	for (size_t i = 0; i < n; i++) {
		if (w[i].start < s->low)
			s->low = w[i].start;
		if (w[i].start + w[i].len > s->high)
			s->high = w[i].start + w[i].len;
	}
}

void tl_search_ranges(struct tl_search *s, const struct tl_range *r, size_t n)
{
	s->windows = NULL;
	s->n_windows = 0;
	s->ranges = r;
	s->n_ranges = n;
	s->low = UINTPTR_MAX;
	s->high = 0;
	s->busy = false;
	s->n_stacks = 0;
	for (size_t i = 0; i < n; i++) {
		if (r[i].start < s->low)
			s->low = r[i].start;
		if (r[i].end > s->high)
			s->high = r[i].end;
	}
}

static bool in_window(const struct tl_window *w, uintptr_t pc, uintptr_t *to)
{
	for (uint32_t i = 0; i < w->n_inner; i++) {
		if (pc == w->start + w->inner[i]) {
			*to = w->moved[i];
			return true;
		}
	}
	return false;
}

static bool in_range(const struct tl_range *r, uintptr_t pc, uintptr_t *to)
{
	if (pc < r->start || pc >= r->end)
		return false;
	*to = 0;
	for (uint32_t i = 0; i < r->n; i++)
		if (pc == r->start + r->to[i])
			*to = r->origin + r->from[i];
	return true;
}

bool tl_search_hit(struct tl_search *s, uintptr_t pc, uintptr_t *to)
{
	if (pc < s->low || pc >= s->high)
		return false;
	for (size_t i = 0; i < s->n_windows; i++)
		if (in_window(&s->windows[i], pc, to))
			return true;
	for (size_t i = 0; i < s->n_ranges; i++)
		if (in_range(&s->ranges[i], pc, to))
			return true;
	return false;
}

void tl_search_busy(struct tl_search *s, uintptr_t pc)
{
	uintptr_t to;

	__atomic_store_n(&s->busy, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < s->n_windows; i++)
		if (in_window(&s->windows[i], pc, &to))
			__atomic_store_n(&s->windows[i].busy, true,
					 __ATOMIC_RELAXED);
}

/* ---- stacks ------------------------------------------------------------------ */

struct noting {
	struct tl_stack *room;
	size_t n;
};

static int note_stack(const struct tl_map *m, void *arg)
{
	struct noting *to = arg;

	if (!(m->prot & TL_PROT_WRITE))
		return 0;
	if (to->n == TL_MAX_STACKS)
		return 1;
	to->room[to->n].start = m->start;
	to->room[to->n++].end = m->end;
	return 0;
}

void tl_search_note_stacks(struct tl_search *s, struct tl_stack *room)
{
	struct noting to = { .room = room, .n = 0 };

	tl_maps_each(note_stack, &to);
	s->stacks = room;
	s->n_stacks = to.n;
}

static int find_stack(const struct tl_map *m, void *arg)
{
	struct tl_stack *st = arg;

	if (st->start < m->start || st->start >= m->end)
		return 0;
	st->end = m->end;
	return 1;
}

/* The end of the mapping that @sp is in; 0: it is in none. */
static uintptr_t stack_end(const struct tl_search *s, uintptr_t sp)
{
	struct tl_stack st = { .start = sp, .end = 0 };
	size_t low = 0, high = s->n_stacks;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s->stacks[mid].end <= sp)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < s->n_stacks && s->stacks[low].start <= sp)
		return s->stacks[low].end;
	return tl_maps_each(find_stack, &st) < 0 ? 0 : st.end;
}

/* So many words of [@at, @end) are read together: of a page, which is there or not. */
static size_t words_at(uintptr_t at, uintptr_t end)
{
	size_t n = (end - at) / sizeof(long);
	size_t page = (TL_PAGE - at % TL_PAGE) / sizeof(long);

	n = n < page ? n : page;
	return n < CHUNK_WORDS ? n : CHUNK_WORDS;
}

/*
 * Look at the words of the red zone below @sp, if that is there, and of [@sp, @end).
 * Returns the stack pointer of interrupted code on another stack, if there is one.
 */
static uintptr_t look(struct tl_search *s, uintptr_t sp, uintptr_t end)
{
	uintptr_t word[CHUNK_WORDS];
	struct tl_frame_seen frame = { 0 };
	uintptr_t at = sp - TL_RED_ZONE;
	uintptr_t other = 0, from, to;
	size_t n;

	for (; at < end && (n = words_at(at, end)); at += n * sizeof(long)) {
		if (tlh_read(word, at, n * sizeof(long))) {
			if (at >= sp)
				break;
			n = words_at(at, sp);
			continue;
		}
		for (size_t i = 0; i < n; i++) {
			if (tl_search_hit(s, word[i], &to))
				tl_search_busy(s, word[i]);
			from = tl_frame_see(&frame, word[i]);
			if (from && (from < at || from >= end))
				other = from;
		}
	}
	return other;
}

void tl_search_stack(struct tl_search *s, uintptr_t sp)
{
	uintptr_t end;

	for (int i = 0; sp && i < MAX_NESTING; i++) {
		sp &= -8UL;
		end = stack_end(s, sp);
		if (!end || end - sp > MAX_STACK) /* up to what is unmapped */
			end = sp + MAX_STACK;
		sp = look(s, sp, end);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * inside.c - is anybody inside our code?
 *
 * The net answers that for any text, and so for the worst: every word on a
 * stack that looks like an address inside is taken for a return address.
 * After calls were followed, such words lie about on every stack: what a
 * detour pushed becomes part of a later frame that does not write all of
 * itself.
 *
 * Our own code is better known.  It calls nothing that is not ours, and copies
 * of calls push the original return address.  So who is inside at all is so
 * with his instruction pointer, or with that of a context which a signal has
 * interrupted. Replaced return addresses do not count: they have been put back
 * by the list.
 */
#define _GNU_SOURCE
#include "inside.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "maps.h"
#include "stopped.h"
#include "worker.h"

#define CHUNK (256ul << 10)

/*
 * The words of a signal frame, from its ucontext: where the thread's alternate
 * stack is, the registers that were interrupted, and a word that is the same in
 * every frame.
 */
enum {
	FRAME_STACK = 2,
	FRAME_STACK_SIZE = 4,
	FRAME_SP = ISA_FRAME_WORDS - 1 - ISA_FRAME_SP_BACK,
	FRAME_IP,
	FRAME_MARK = ISA_FRAME_WORDS - 1,
	FRAME_WORDS
};

/* No deeper than that into what a stack pointer points into: it may be a heap. */
#define STACK_MOST    (64ul << 20)
#define MOST_POINTERS 8192

struct look {
	int mem;
	const struct tl_mapping *code;
	size_t n;
	struct maps maps;
	uint64_t *from; /* for each mapping: where its lowest stack begins */
	uint64_t *sp;	/* stack pointers in use */
	size_t n_sp;
	bool more;
	bool found;
	uint64_t *chunk;
};

static bool in_code(const struct look *l, uint64_t addr)
{
	for (size_t i = 0; i < l->n; i++)
		if (addr >= l->code[i].start && addr < l->code[i].end)
			return true;
	return false;
}

/* The stack pointer @sp is in use: what is above it is to be read. */
static void add_stack(struct look *l, uint64_t sp)
{
	const struct map *m = maps_find(&l->maps, sp);

	if (!m)
		return;
	for (size_t i = 0; i < l->n_sp; i++)
		if (l->sp[i] == sp)
			return;
	if (l->n_sp < MOST_POINTERS)
		l->sp[l->n_sp++] = sp;
	l->more = true;
	if (sp < l->from[m - l->maps.map])
		l->from[m - l->maps.map] = sp & ~7ul;
}

/*
 * Is the frame @w, which lies at @at, in use?  One on an alternate stack is if
 * somebody is on that stack, below it; others are taken to be.  Such stacks often
 * lie among other memory, full of old frames.
 */
static bool in_use(const struct look *l, const uint64_t *w, uint64_t at)
{
	uint64_t low = w[FRAME_STACK], size = w[FRAME_STACK_SIZE];

	if (!size || at - low >= size)
		return true;
	for (size_t i = 0; i < l->n_sp; i++)
		if (l->sp[i] >= low && l->sp[i] <= at)
			return true;
	return l->n_sp == MOST_POINTERS;
}

static void look_at_words(struct look *l, const uint64_t *w, size_t n,
			  uint64_t at)
{
	for (size_t i = 0; i + FRAME_WORDS <= n; i++) {
		if (w[i + FRAME_MARK] != ISA_FRAME_MARK ||
		    !in_use(l, w + i, at + i * 8))
			continue;
		if (in_code(l, w[i + FRAME_IP]))
			l->found = true;
		add_stack(l, w[i + FRAME_SP]);
	}
}

static void look_at_memory(struct look *l, uint64_t from, uint64_t to)
{
	const uint64_t overlap = (FRAME_WORDS - 1) * 8;

	while (from < to && !l->found) {
		uint64_t len = to - from < CHUNK ? to - from : CHUNK;

		if (mem_read(l->mem, l->chunk, from, len)) {
			/* A page of it is not there: one by one. */
			len = 4096 - (from & 4095);
			if (len > to - from)
				len = to - from;
			if (mem_read(l->mem, l->chunk, from, len)) {
				from += len;
				continue;
			}
		}
		look_at_words(l, l->chunk, len / 8, from);
		from += len;
		if (from < to && len > 2 * overlap)
			from -= overlap;
	}
}

/* A frame may name another stack, or show that another frame is in use. */
static void look_at_stacks(struct look *l)
{
	do {
		l->more = false;
		for (size_t i = 0; i < l->maps.n && !l->found; i++) {
			uint64_t from = l->from[i], to = l->maps.map[i].end;

			if (from < to && to - from > STACK_MOST)
				to = from + STACK_MOST;
			if (from < to)
				look_at_memory(l, from, to);
		}
	} while (l->more && !l->found);
}

/* Those who are held: 0, or a negative errno if one of them cannot be seen. */
static int look_at_threads(struct look *l, struct net *net)
{
	struct net_spot *spots;
	int n = net_places(net, &spots), err = 0;

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		if (!spots[i].known) {
			err = -EAGAIN;
			continue;
		}
		if (in_code(l, spots[i].pc))
			l->found = true;
		add_stack(l, spots[i].sp);
	}
	free(spots);
	return err;
}

int inside(struct net *net, pid_t pid, int mem, const struct tl_mapping *code,
	   size_t n)
{
	struct look l = { .mem = mem, .code = code, .n = n };
	int err;

	err = maps_read(&l.maps, pid);
	if (err)
		return err;
	l.from = malloc(l.maps.n * sizeof(*l.from));
	l.chunk = malloc(CHUNK);
	l.sp = malloc(MOST_POINTERS * sizeof(*l.sp));
	err = -ENOMEM;
	if (!l.from || !l.chunk || !l.sp)
		goto out;
	for (size_t i = 0; i < l.maps.n; i++)
		l.from[i] = l.maps.map[i].end;
	err = look_at_threads(&l, net);
	if (!err && !l.found)
		look_at_stacks(&l);
	if (!err)
		err = l.found;
out:
	free(l.from);
	free(l.chunk);
	free(l.sp);
	maps_free(&l.maps);
	return err;
}

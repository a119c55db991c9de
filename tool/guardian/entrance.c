/* SPDX-License-Identifier: MIT */
/*
 * entrance.c - a new program waits at its entry point for its probes
 *
 * Whoever attaches must trace it, so the follower cannot go on doing that; and a
 * signal that stops it would be seen by its parent.  So it runs a few
 * instructions in unused bytes of its text (wait.S), traced by nobody, and is
 * led back by registers when it is traced again.
 *
 *     killed                    what happens
 *     follower                  the program goes on by itself, when its patience
 *                               (FOLLOW_PATIENCE_MS) has ended
 *     tool                      the follower leads it back at once
 */
#define _GNU_SOURCE
#include "follow.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "maps.h"
#include "worker.h"

extern const uint8_t tl_wait[], tl_wait_end[], tl_wait_until[], tl_wait_entry[];

#define WAIT_BYTES ((size_t)(tl_wait_end - tl_wait))

/* Words of text, by ptrace, also where it is not writable. */
static int write_words(pid_t pid, uint64_t at, const uint8_t *from, size_t n)
{
	long word;

	for (size_t i = 0; i < n; i += sizeof(word)) {
		memcpy(&word, from + i, sizeof(word));
		if (ptrace(PTRACE_POKETEXT, pid, at + i, word))
			return -errno;
	}
	return 0;
}

static int read_words(pid_t pid, uint64_t at, uint8_t *to, size_t n)
{
	long word;

	for (size_t i = 0; i < n; i += sizeof(word)) {
		errno = 0;
		word = ptrace(PTRACE_PEEKTEXT, pid, at + i, 0);
		if (errno)
			return -errno;
		memcpy(to + i, &word, sizeof(word));
	}
	return 0;
}

/* Not where a thread that is borrowed by the guardian would run, if possible. */
static uint64_t find_room(pid_t pid)
{
	uint64_t found = 0;
	bool both = false;
	struct maps maps;
	int n = 0;

	if (maps_read(&maps, pid))
		return 0;
	for (size_t i = 0; i < maps.n && !both; i++) {
		uint64_t at = worker_cave_rest(&maps.map[i], pid,
					       ENTRANCE_BYTES, &both);

		if (!at)
			continue;
		found = at;
		n++;
	}
	maps_free(&maps);
	return both || n > 1 ? found : 0;
}

static uint64_t ticks_per_ms(void)
{
	static uint64_t rate;
	struct timespec t = { .tv_nsec = 2000000 };
	uint64_t begin;

	if (!rate) {
		begin = __rdtsc();
		nanosleep(&t, NULL);
		/* No less than that, on a machine that was busy meanwhile. */
		rate = (__rdtsc() - begin) / 2;
		if (rate > 10000000)
			rate = 10000000;
	}
	return rate;
}

static void make_stub(uint8_t *stub, uint64_t entry)
{
	uint64_t until = __rdtsc() + FOLLOW_PATIENCE_MS * ticks_per_ms();

	memset(stub, 0xcc, ENTRANCE_BYTES);
	memcpy(stub, tl_wait, WAIT_BYTES);
	memcpy(stub + (tl_wait_until - tl_wait), &until, sizeof(until));
	memcpy(stub + (tl_wait_entry - tl_wait), &entry, sizeof(entry));
}

int entrance_wait(struct entrance *e, pid_t pid)
{
	struct user_regs_struct r;
	uint8_t stub[ENTRANCE_BYTES];
	uint64_t at = find_room(pid);
	int err;

	if (!at)
		return -ENOENT;
	if (ptrace(PTRACE_GETREGS, pid, 0, &e->regs))
		return -ESRCH;
	err = read_words(pid, at, e->bytes, ENTRANCE_BYTES);
	if (err)
		return err;
	make_stub(stub, e->entry.addr);
	err = write_words(pid, at, stub, ENTRANCE_BYTES);
	if (err)
		return err;
	r = e->regs;
	r.rip = at;
	r.orig_rax = ~0ul;
	e->stub = at;
	if (!ptrace(PTRACE_SETREGS, pid, 0, &r) &&
	    !ptrace(PTRACE_DETACH, pid, 0, 0))
		return 0;
	e->stub = 0;
	return -ESRCH;
}

bool entrance_leave(struct entrance *e, pid_t pid)
{
	struct user_regs_struct r;
	bool waits = false;

	if (!e->stub)
		return false;
	if (!ptrace(PTRACE_GETREGS, pid, 0, &r)) {
		waits = r.rip - e->stub < WAIT_BYTES;
		/* A thread may still be there if it is not the one. */
		if (waits)
			ptrace(PTRACE_SETREGS, pid, 0, &e->regs);
		write_words(pid, e->stub, e->bytes, ENTRANCE_BYTES);
	}
	e->stub = 0;
	return waits;
}

/* SPDX-License-Identifier: MIT */
/*
 * entrance.c - a new program waits at its entry point for its probes
 *
 * Whoever attaches must trace it, so the follower cannot go on doing that; and a
 * signal that stops it would be seen by its parent.  So it runs a few
 * instructions in unused bytes of its text (wait.S), traced by nobody, and is
 * led back by registers when it is traced again.
 *
 * The entry point is where the kernel begins, in a static program.  Else it is
 * where the dynamic loader jumps when it has done its work: to the address that
 * the kernel has put on the stack (AT_ENTRY), and that we exchange until then.  A
 * breakpoint would do, too, and kill the program if we died.
 *
 *     killed                    what happens
 *     follower, before          the program begins, by way of wait.S
 *     follower, while it waits  the program goes on by itself, when its patience
 *                               (FOLLOW_PATIENCE_MS) has ended
 *     tool                      the follower leads it back at once
 */
#define _GNU_SOURCE
#include "follow.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <entry.h>

#include "isa.h"
#include "maps.h"
#include "worker.h"

extern const uint8_t tl_wait_enter[], tl_wait[], tl_wait_end[];
extern const uint8_t tl_wait_until[], tl_wait_entry[], tl_wait_sleep[];

#define WAIT_BYTES ((size_t)(tl_wait_end - tl_wait_enter))
#define SLEEP_NS   20000000 /* while it waits, at a time */
#define MOST_WORDS 1000000  /* of arguments and environment */

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

	if (!rate)
		rate = isa_tick_rate() / 1000;
	if (!rate) {
		begin = isa_ticks();
		nanosleep(&t, NULL);
		/* No less than that, on a machine that was busy meanwhile. */
		rate = (isa_ticks() - begin) / 2;
		if (rate > 10000000)
			rate = 10000000;
	}
	return rate;
}

static void put_word(uint8_t *stub, const uint8_t *label, uint64_t word)
{
	memcpy(stub + (label - tl_wait_enter), &word, sizeof(word));
}

/* Does anybody judge its system calls? */
static bool has_filter(pid_t pid)
{
	char path[64], line[128];
	int filter = 1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Seccomp: %d", &filter) == 1)
			break;
	if (f)
		fclose(f);
	return filter;
}

/* When the patience of who waits from now on ends. */
static uint64_t end_of_patience(void)
{
	return isa_ticks() + FOLLOW_PATIENCE_MS * ticks_per_ms();
}

static void make_stub(uint8_t *stub, uint64_t entry, pid_t pid)
{
	memset(stub, 0xcc, ENTRANCE_BYTES);
	memcpy(stub, tl_wait_enter, WAIT_BYTES);
	put_word(stub, tl_wait_until, end_of_patience());
	put_word(stub, tl_wait_entry, entry);
	put_word(stub, tl_wait_sleep, has_filter(pid) ? 0 : SLEEP_NS);
}

/* ---- the word on the stack ------------------------------------------------ */

/* Up to @n words from @at on: how many there are. */
static size_t peek(pid_t pid, uint64_t at, uint64_t *to, size_t n)
{
	struct iovec mine = { to, n * sizeof(*to) };
	struct iovec its = { (void *)at, n * sizeof(*to) };
	ssize_t got = process_vm_readv(pid, &mine, 1, &its, 1, 0);

	return got > 0 ? (size_t)got / sizeof(*to) : 0;
}

/* The first word behind the next 0 from @at on; 0: there is none. */
static uint64_t behind_zero(pid_t pid, uint64_t at)
{
	uint64_t words[256];
	size_t n;

	for (size_t all = 0; all < MOST_WORDS; all += n) {
		n = peek(pid, at, words, 256);
		if (!n)
			break;
		for (size_t i = 0; i < n; i++, at += sizeof(words[0]))
			if (!words[i])
				return at + sizeof(words[0]);
	}
	return 0;
}

/*
 * Where on the stack, at @sp, the entry point @entry is.  The kernel says where the
 * environment begins; what follows that are pairs.
 */
static uint64_t find_word(pid_t pid, uint64_t sp, uint64_t entry)
{
	uint64_t at = behind_zero(pid, sp + 8), pair[2];

	at = at ? behind_zero(pid, at) : 0;
	for (int i = 0; at && i < 64 && peek(pid, at, pair, 2) == 2; i++) {
		if (pair[0] == AT_ENTRY)
			return pair[1] == entry ? at + sizeof(pair[0]) : 0;
		if (pair[0] == AT_NULL)
			break;
		at += sizeof(pair);
	}
	return 0;
}

/* ---- there and back --------------------------------------------------------- */

int entrance_expect(struct entrance *e, pid_t pid)
{
	uint8_t stub[ENTRANCE_BYTES];
	int err;

	entrance_close(e);
	*e = (struct entrance){ .entry = entry_point_of(pid), .memory = -1 };
	if (isa_get_regs(pid, &e->regs))
		return -ESRCH;
	if (!isa_is_wide(&e->regs) || !e->entry)
		return -ENOEXEC;
	if (isa_pc(&e->regs) != e->entry) {
		e->word = find_word(pid, isa_sp(&e->regs), e->entry);
		if (!e->word)
			return -ENOEXEC;
	}
	e->stub = find_room(pid);
	if (!e->stub)
		return -ENOSPC;
	err = read_words(pid, e->stub, e->bytes, ENTRANCE_BYTES);
	make_stub(stub, e->entry, pid);
	if (!err)
		err = write_words(pid, e->stub, stub, ENTRANCE_BYTES);
	if (!err && e->word)
		err = write_words(pid, e->word, (const uint8_t *)&e->stub,
				  sizeof(e->stub));
	if (err)
		e->stub = 0;
	return err;
}

bool entrance_reached(struct entrance *e, pid_t pid)
{
	struct isa_regs r;

	if (!e->word)
		return true;
	if (isa_get_regs(pid, &r) || isa_pc(&r) - e->stub >= WAIT_BYTES)
		return false;
	write_words(pid, e->word, (const uint8_t *)&e->entry, sizeof(e->entry));
	e->regs = r;
	isa_behind_wait(&e->regs);
	isa_set_pc(&e->regs, e->entry);
	return true;
}

int entrance_wait(struct entrance *e, pid_t pid)
{
	struct isa_regs r = e->regs;
	char path[64];

	/* Of this memory, whoever has the number later. */
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	e->memory = open(path, O_RDWR | O_CLOEXEC);
	entrance_renew(e);
	isa_set_pc(&r, e->stub + (uint64_t)(tl_wait - tl_wait_enter));
	isa_no_syscall(&r);
	if (isa_set_regs(pid, &r) || ptrace(PTRACE_DETACH, pid, 0, 0))
		return -ESRCH;
	return 0;
}

void entrance_renew(const struct entrance *e)
{
	uint64_t end = end_of_patience();

	/* Where that is forbidden its patience is what it was. */
	if (e->memory >= 0 &&
	    pwrite(e->memory, &end, sizeof(end),
		   (off_t)(e->stub +
			   (uint64_t)(tl_wait_until - tl_wait_enter))) < 0)
		return;
}

void entrance_close(struct entrance *e)
{
	if (e->memory >= 0)
		close(e->memory);
	e->memory = -1;
}

bool entrance_leave(struct entrance *e, pid_t pid)
{
	struct isa_regs r;
	bool waits = false;

	entrance_close(e);
	if (!e->stub)
		return false;
	if (!isa_get_regs(pid, &r)) {
		waits = isa_pc(&r) - e->stub < WAIT_BYTES;
		/* A thread may still be there if it is not the one. */
		if (waits)
			isa_set_regs(pid, &e->regs);
		write_words(pid, e->stub, e->bytes, ENTRANCE_BYTES);
	}
	e->stub = 0;
	return waits;
}

/* SPDX-License-Identifier: MIT */
/*
 * home.h - a home as small as it can be, for the tests here: one thread, text
 * made writable by mprotect for a moment
 *
 * Its vectors, the handlers of signals, are each test's own.
 */
#ifndef ARM64_HOME_H
#define ARM64_HOME_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <trapline/host.h>

#ifndef PROT_BTI
#define PROT_BTI 0x10
#endif
#define PAGE	  4096ul
#define NEAR_STEP (1ul << 20)

/* With PROT_WRITE: text that nobody has to make writable (the quick way). */
static int home_text = PROT_READ | PROT_EXEC;

/* A page of the program that asks for landing pads; slots must not. */
static uintptr_t home_guarded;

static struct tl_context context;

TL_NOPROBE struct tl_context *tlh_context(void)
{
	return &context;
}

int tlh_each_context(int (*fn)(struct tl_context *cx, void *arg), void *arg)
{
	return fn(&context, arg);
}

void *tlh_alloc(size_t size)
{
	return calloc(1, size);
}

void tlh_free(void *p, size_t size)
{
	(void)size;
	free(p);
}

/* So far away from a probe its memory is, but for some bytes. */
static uintptr_t home_away;
static size_t home_near;

/* Try one place after the other, upwards from @near. */
void *tlh_exec_alloc(uintptr_t near, size_t reach, size_t size)
{
	uintptr_t at = (near & -NEAR_STEP) + NEAR_STEP;

	if (size <= home_near)
		home_near -= size;
	else
		at += home_away;
	for (; at + size < near + reach; at += NEAR_STEP) {
		void *p = mmap((void *)at, size, home_text,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == (void *)at)
			return p;
		if (p != MAP_FAILED)
			munmap(p, size);
	}
	return NULL;
}

void tlh_exec_free(void *p, size_t size)
{
	munmap(p, size);
}

/* The kernel says EFAULT where a copy would say SIGSEGV. */
TL_NOPROBE int tlh_read(void *dst, uintptr_t src, size_t len)
{
	static int ends[2];

	if (!ends[1] && pipe(ends))
		return -TL_EFAULT;
	if (write(ends[1], (void *)src, len) != (ssize_t)len)
		return -TL_EFAULT;
	return read(ends[0], dst, len) == (ssize_t)len ? 0 : -TL_EFAULT;
}

void tlh_lock(void)
{
}

void tlh_unlock(void)
{
}

int tlh_patch_begin(void)
{
	return TL_OTHERS_RUNNING;
}

void tlh_patch_end(void)
{
}

static void write_text(uintptr_t addr, const uint8_t *bytes, size_t len)
{
	uint32_t word;

	if (len == 4 && addr % 4 == 0) {
		memcpy(&word, bytes, 4);
		*(volatile uint32_t *)addr = word;
	} else {
		memcpy((void *)addr, bytes, len);
	}
	__builtin___clear_cache((char *)addr, (char *)addr + len);
}

/* Text that is writable: the test's own. */
static inline void put_word(uint32_t *at, uint32_t word)
{
	write_text((uintptr_t)at, (const uint8_t *)&word, sizeof(word));
}

int tlh_text_write(const struct tl_edit *edits, size_t n, enum tl_others others)
{
	(void)others;
	for (size_t i = 0; i < n; i++) {
		uintptr_t first = edits[i].addr & -PAGE;
		size_t len = edits[i].addr + edits[i].len - first;

		bool closed = !(home_text & PROT_WRITE);
		int prot = first == home_guarded ? home_text | PROT_BTI
						 : home_text;

		if (closed &&
		    mprotect((void *)first, len, PROT_READ | PROT_WRITE))
			return -TL_EFAULT;
		write_text(edits[i].addr, edits[i].bytes, edits[i].len);
		if (closed && mprotect((void *)first, len, prot))
			return -TL_EFAULT;
	}
	return 0;
}

void tlh_sync_cores(void)
{
}

void tlh_evict(struct tl_window *windows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		windows[i].busy = false;
}

int tlh_quiesce(const struct tl_range *ranges, size_t n)
{
	(void)ranges;
	(void)n;
	return 0;
}

/* Handlers are ordinary C. */
static struct tl_host_ops ops = { .vectors = true };
const struct tl_host_ops *tl_host_ops = &ops;

#endif

/* SPDX-License-Identifier: MIT */
/* memory.c - memory for the engine, from the kernel's heap and text area */

#include "host_kernel.h"
#include <kern/arch.h>
#include <kern/isa.h>
#include <kern/memory.h>
#include <trapline/host.h>

void *tlh_alloc(size_t size)
{
	return kmalloc(size);
}

void tlh_free(void *p, size_t size)
{
	(void)size;
	kfree(p);
}

static size_t pages(size_t size)
{
	return (size + KERN_PAGE_SIZE - 1) / KERN_PAGE_SIZE;
}

static bool within(uintptr_t a, uintptr_t b, size_t reach)
{
	return (a > b ? a - b : b - a) <= reach;
}

static void *copies_at;
static bool copies_taken;

void host_kernel_copies_at(void *at)
{
	copies_at = at;
	copies_taken = false;
}

/* A reach that no branch has. */
#define ANYWHERE ((size_t)1 << 40)

static bool only_far;

void host_kernel_far(bool far)
{
	only_far = far;
}

/*
 * The kernel hands out executable memory from one area, which every branch of
 * the kernel text can reach; a caller with a shorter arm gets nothing.
 */
void *tlh_exec_alloc(uintptr_t near, size_t reach, size_t size)
{
	uintptr_t text;

	if (copies_at) {
		if (copies_taken || size > KERN_PAGE_SIZE)
			return NULL;
		copies_taken = true;
		return copies_at;
	}
	if (only_far && reach < ANYWHERE)
		return NULL;
	text = (uintptr_t)text_alloc(pages(size));
	if (!text)
		return NULL;
	if (!within(text, near, reach) || !within(text + size, near, reach)) {
		text_free((void *)text, pages(size));
		return NULL;
	}
	return (void *)text;
}

void tlh_exec_free(void *p, size_t size)
{
	if (copies_at && p == copies_at)
		copies_taken = false;
	else
		text_free(p, pages(size));
}

TL_NOPROBE int tlh_read(void *dst, uintptr_t src, size_t len)
{
	int err = src < KERN_USER_END ? probe_read_user(dst, src, len)
				      : probe_read(dst, (const void *)src, len);

	return err ? -TL_EFAULT : 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * host.c - what the engine asks of this kernel: one CPU, no interrupts
 *
 * Made from host/template.  Nobody runs while text is changed, so there is nobody
 * to move out of a window or to wait for.
 */

#include "embed.h"
#include <trapline/host.h>

/* ---- the CPU ------------------------------------------------------------------ */

static struct tl_context context;

TL_NOPROBE struct tl_context *tlh_context(void)
{
	return &context;
}

int tlh_each_context(int (*fn)(struct tl_context *cx, void *arg), void *arg)
{
	return fn(&context, arg);
}

void tlh_lock(void)
{
}

void tlh_unlock(void)
{
}

/* ---- memory ------------------------------------------------------------------- */

/* Pieces of one size go back to a list; the rest is taken from an arena. */
static _Alignas(16) char arena[512 * 1024];
static size_t arena_used;

struct piece {
	struct piece *next;
	size_t size;
};
static struct piece *unused;

static void *zeroed(void *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((volatile char *)p)[i] = 0;
	return p;
}

void *tlh_alloc(size_t size)
{
	size = (size + 15) & ~15ul;
	for (struct piece **at = &unused; *at; at = &(*at)->next) {
		struct piece *found = *at;

		if (found->size != size)
			continue;
		*at = found->next;
		return zeroed(found, size);
	}
	if (arena_used + size > sizeof(arena))
		return NULL;
	arena_used += size;
	return arena + arena_used - size;
}

void tlh_free(void *p, size_t size)
{
	struct piece *piece = p;

	piece->size = (size + 15) & ~15ul;
	piece->next = unused;
	unused = piece;
}

/* Everything is within 2 GiB here; what was given back is not used again. */
static size_t slots_used;

void *tlh_exec_alloc(uintptr_t near, size_t reach, size_t size)
{
	uintptr_t at = (uintptr_t)slots_start + slots_used;

	if (at + size > (uintptr_t)slots_end || at + size - near > reach)
		return NULL;
	slots_used += size;
	return (void *)at;
}

void tlh_exec_free(void *p, size_t size)
{
	(void)p;
	(void)size;
}

TL_NOPROBE int tlh_read(void *dst, uintptr_t src, size_t len)
{
	return copy_or_fault(dst, (const void *)src, len) ? -TL_EFAULT : 0;
}

/* ---- text --------------------------------------------------------------------- */

#define LARGE_PAGE 0x200000ul

int tlh_patch_begin(void)
{
	return TL_OTHERS_STOPPED;
}

void tlh_patch_end(void)
{
	tlh_sync_cores();
}

/* Text and slots are not writable; the alias of their page is, meanwhile. */
TL_NOPROBE static int write_one(const struct tl_edit *e)
{
	uintptr_t page = e->addr & -LARGE_PAGE;
	volatile uint8_t *to = (volatile uint8_t *)(ALIAS + e->addr - page);

	if (e->addr < (uintptr_t)text_start ||
	    e->addr + e->len > (uintptr_t)slots_end)
		return -TL_EFAULT;
	alias_entry = page | 0x83 | 1ul << 63;
	for (uint32_t i = 0; i < e->len; i++)
		to[i] = e->bytes[i];
	alias_entry = 0;
	__asm__ volatile("invlpg (%0)" : : "r"(ALIAS) : "memory");
	return 0;
}

TL_NOPROBE int tlh_text_write(const struct tl_edit *edits, size_t n,
			      enum tl_others others)
{
	int err = 0;

	(void)others; /* x86: caches are coherent, and there are no others */
	for (size_t i = 0; i < n && !err; i++)
		err = write_one(&edits[i]);
	return err;
}

void tlh_sync_cores(void)
{
	uint32_t eax = 0, ecx = 0;

	__asm__ volatile("cpuid" : "+a"(eax), "+c"(ecx) : : "ebx", "edx");
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

/* ---- optional ------------------------------------------------------------------ */

static bool is_work(const char *name)
{
	const char *w = "work";

	while (*w && *w == *name)
		w++, name++;
	return *w == *name;
}

static int lookup(const char *name, uintptr_t *addr)
{
	*addr = (uintptr_t)work_start;
	return is_work(name) ? 0 : -TL_ENOENT;
}

static int function(uintptr_t addr, uintptr_t *start, uintptr_t *end)
{
	*start = (uintptr_t)work_start;
	*end = (uintptr_t)work_end;
	return addr >= *start && addr < *end ? 0 : -TL_ENOENT;
}

static bool allowed(uintptr_t addr, size_t len, bool jump)
{
	(void)jump;
	return addr >= (uintptr_t)text_start &&
	       addr + len <= (uintptr_t)text_end;
}

static const struct tl_host_ops ops = {
	.lookup = lookup,
	.function = function,
	.allowed = allowed,
};

const struct tl_host_ops *tl_host_ops = &ops;

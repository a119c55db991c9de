/* SPDX-License-Identifier: MIT */
/*
 * heap.c - small objects out of pages
 *
 * An object is a power of two in size, header included:
 *
 *     +--------------+----------------------------+
 *     | header  16 B | what the caller gets       |
 *     +--------------+----------------------------+
 *
 * Up to half a page, objects of one size share a page and a list of free
 * ones; pages given to a size stay with it.  Anything larger is whole pages.
 */

#include <kern/arch.h>
#include <kern/lock.h>
#include <kern/memory.h>
#include <kern/panic.h>
#include <kern/string.h>

#define MIN_SHIFT    5u
#define MAX_SHIFT    11u
#define NR_SIZES     (MAX_SHIFT - MIN_SHIFT + 1)
#define HEADER_MAGIC 0x6865u
#define WHOLE_PAGES  0xffu

struct header {
	uint16_t magic; /* 0 while the object is free */
	uint16_t size;	/* index into free_lists, or WHOLE_PAGES */
	uint32_t nr_pages;
	struct header *next;
};
_Static_assert(sizeof(struct header) == 16, "objects are 16-byte aligned");

static struct {
	struct spinlock lock;
	struct header *free_lists[NR_SIZES];
} heap;

static unsigned int size_index(size_t bytes)
{
	unsigned int i = 0;

	while ((1ul << (i + MIN_SHIFT)) < bytes)
		i++;
	return i;
}

/* Cut a new page into objects of size @i.  Lock held. */
static bool refill(unsigned int i)
{
	size_t size = 1ul << (i + MIN_SHIFT);
	char *page = page_alloc(1);

	if (!page)
		return false;
	for (size_t at = 0; at < KERN_PAGE_SIZE; at += size) {
		struct header *h = (struct header *)(page + at);

		h->next = heap.free_lists[i];
		heap.free_lists[i] = h;
	}
	return true;
}

static struct header *take_object(unsigned int i)
{
	unsigned long flags = spin_lock(&heap.lock);
	struct header *h = NULL;

	if (heap.free_lists[i] || refill(i)) {
		h = heap.free_lists[i];
		heap.free_lists[i] = h->next;
	}
	spin_unlock(&heap.lock, flags);
	return h;
}

static struct header *take_pages(size_t bytes)
{
	size_t n = (bytes + KERN_PAGE_SIZE - 1) / KERN_PAGE_SIZE;
	struct header *h = page_alloc(n);

	if (h)
		h->nr_pages = (uint32_t)n;
	return h;
}

void *kmalloc(size_t size)
{
	size_t bytes = size + sizeof(struct header);
	bool whole = bytes > (1ul << MAX_SHIFT);
	struct header *h;

	if (bytes < size)
		return NULL;
	h = whole ? take_pages(bytes) : take_object(size_index(bytes));
	if (!h)
		return NULL;

	h->magic = HEADER_MAGIC;
	h->size = whole ? WHOLE_PAGES : (uint16_t)size_index(bytes);
	memset(h + 1, 0, size);
	return h + 1;
}

void kfree(void *p)
{
	struct header *h;
	unsigned long flags;

	if (!p)
		return;
	h = (struct header *)p - 1;
	ASSERT(h->magic == HEADER_MAGIC);
	h->magic = 0;
	if (h->size == WHOLE_PAGES) {
		page_free(h, h->nr_pages);
		return;
	}
	flags = spin_lock(&heap.lock);
	h->next = heap.free_lists[h->size];
	heap.free_lists[h->size] = h;
	spin_unlock(&heap.lock, flags);
}

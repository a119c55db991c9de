/* SPDX-License-Identifier: MIT */
/*
 * page.c - physical pages out of a bitmap
 *
 * One bit a page, set while the page is in use, for the first gigabyte of
 * physical memory that there is: more than any guest is given.  Allocation takes the first
 * run that fits, starting where the last one ended.
 */

#include <kern/arch.h>
#include <kern/isa.h>
#include <kern/lock.h>
#include <kern/memory.h>
#include <kern/panic.h>
#include <kern/string.h>

#define MAX_PAGES  (1u << 18)
#define MAX_RANGES 32
#define WORD_BITS  64u

static struct {
	struct spinlock lock;
	uint64_t used[MAX_PAGES / WORD_BITS];
	size_t nr_pages; /* the last page that exists, plus one */
	size_t nr_free;
	size_t next;
} pages;

static uint64_t phys_of(size_t page)
{
	return KERN_PHYS_BASE + (uint64_t)page * KERN_PAGE_SIZE;
}

static bool is_used(size_t page)
{
	return pages.used[page / WORD_BITS] >> (page % WORD_BITS) & 1;
}

static void set_used(size_t first, size_t n, bool used)
{
	for (size_t page = first; page < first + n; page++) {
		uint64_t bit = 1ull << (page % WORD_BITS);

		if (used)
			pages.used[page / WORD_BITS] |= bit;
		else
			pages.used[page / WORD_BITS] &= ~bit;
	}
	if (used)
		pages.nr_free -= n;
	else
		pages.nr_free += n;
}

static void add_range(const struct mem_range *range)
{
	uint64_t base = range->base - KERN_PHYS_BASE;
	uint64_t first = (base + KERN_PAGE_SIZE - 1) / KERN_PAGE_SIZE;
	uint64_t end = (base + range->size) / KERN_PAGE_SIZE;

	if (end > MAX_PAGES)
		end = MAX_PAGES;
	if (first >= end)
		return;
	set_used(first, end - first, false);
	if (end > pages.nr_pages)
		pages.nr_pages = end;
}

void page_init(void)
{
	struct mem_range ranges[MAX_RANGES];
	size_t n = arch_memory(ranges, MAX_RANGES);

	memset(pages.used, 0xff, sizeof(pages.used));
	for (size_t i = 0; i < n; i++)
		add_range(&ranges[i]);
	if (!pages.nr_free)
		panic("no memory");
}

/* The first of @n free pages in [@from, @to), or @to.  Lock held. */
static size_t find_run(size_t from, size_t to, size_t n)
{
	size_t run = 0;

	for (size_t page = from; page < to; page++) {
		run = is_used(page) ? 0 : run + 1;
		if (run == n)
			return page + 1 - n;
	}
	return to;
}

void *page_alloc(size_t n)
{
	unsigned long flags = spin_lock(&pages.lock);
	size_t page = find_run(pages.next, pages.nr_pages, n);
	void *mem = NULL;

	if (page == pages.nr_pages)
		page = find_run(0, pages.nr_pages, n);
	if (page < pages.nr_pages) {
		set_used(page, n, true);
		pages.next = page + n;
		mem = arch_phys_to_virt(phys_of(page));
	}
	spin_unlock(&pages.lock, flags);

	if (mem)
		memset(mem, 0, n * KERN_PAGE_SIZE);
	return mem;
}

void page_free(void *mem, size_t n)
{
	size_t page =
		(arch_virt_to_phys(mem) - KERN_PHYS_BASE) / KERN_PAGE_SIZE;
	unsigned long flags = spin_lock(&pages.lock);

	for (size_t i = 0; i < n; i++)
		ASSERT(page + i < pages.nr_pages && is_used(page + i));
	set_used(page, n, false);
	spin_unlock(&pages.lock, flags);
}

size_t page_nr_free(void)
{
	unsigned long flags = spin_lock(&pages.lock);
	size_t n = pages.nr_free;

	spin_unlock(&pages.lock, flags);
	return n;
}

uint64_t page_phys_end(void)
{
	return phys_of(pages.nr_pages);
}

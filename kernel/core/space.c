/* SPDX-License-Identifier: MIT */
/*
 * space.c - the page tables of user tasks, and copies from and to them
 *
 * A space is the page with the highest table.  Its first USER_ENTRIES are the task's:
 * each table and each page below them belongs to this space and is freed with it.
 * Where one table serves both halves, the others are those of the kernel's own,
 * which never change once it is up.
 *
 * One task runs in a space, on one CPU at a time, and pages are only taken away
 * when it is freed.  So no other CPU ever has to forget a user's page: loading a
 * root does.
 */

#include <kern/arch.h>
#include <kern/errno.h>
#include <kern/layout.h>
#include <kern/memory.h>
#include <kern/mmu.h>
#include <kern/pte.h>
#include <kern/space.h>
#include <kern/string.h>
#include <kern/trap.h>

struct space {
	uint64_t root[ENTRIES];
};

static uint64_t *table_of(uint64_t entry)
{
	return arch_phys_to_virt(entry & PTE_ADDR);
}

struct space *space_new(void)
{
	struct space *space = page_alloc(1);
	const uint64_t *kernel = arch_phys_to_virt(mmu_root());

	for (unsigned int i = USER_ENTRIES; space && i < ENTRIES; i++)
		space->root[i] = kernel[i];
	return space;
}

/* Free the first @n entries of @table, at @level above pages. */
static void free_entries(const uint64_t *table, unsigned int n,
			 unsigned int level)
{
	for (unsigned int i = 0; i < n; i++) {
		if (!(table[i] & PTE_PRESENT))
			continue;
		if (level > 0)
			free_entries(table_of(table[i]), ENTRIES, level - 1);
		page_free(table_of(table[i]), 1);
	}
}

void space_free(struct space *space)
{
	if (!space)
		return;
	free_entries(space->root, USER_ENTRIES, LEVELS - 1);
	page_free(space, 1);
}

/* As free_entries(); false: no memory, and what was copied is in @to. */
static bool copy_entries(uint64_t *to, const uint64_t *from, unsigned int n,
			 unsigned int level)
{
	for (unsigned int i = 0; i < n; i++) {
		void *page;

		if (!(from[i] & PTE_PRESENT))
			continue;
		page = page_alloc(1);
		if (!page)
			return false;
		to[i] = arch_virt_to_phys(page) | (from[i] & ~PTE_ADDR);
		if (!level)
			memcpy(page, table_of(from[i]), KERN_PAGE_SIZE);
		else if (!copy_entries(page, table_of(from[i]), ENTRIES,
				       level - 1))
			return false;
	}
	return true;
}

struct space *space_copy(const struct space *from)
{
	struct space *space = space_new();

	if (space &&
	    !copy_entries(space->root, from->root, USER_ENTRIES, LEVELS - 1)) {
		space_free(space);
		return NULL;
	}
	return space;
}

/* The last-level entry of @virt; tables are made if @make, else NULL. */
static uint64_t *find_entry(uint64_t *table, uintptr_t virt, bool make)
{
	for (unsigned int level = LEVELS - 1; level > 0; level--) {
		uint64_t *entry =
			&table[virt >> (12 + 9 * level) & (ENTRIES - 1)];

		if (!(*entry & PTE_PRESENT)) {
			void *page = make ? page_alloc(1) : NULL;

			if (!page)
				return NULL;
			pte_set(entry,
				arch_virt_to_phys(page) | PTE_USER_TABLE);
		}
		table = table_of(*entry);
	}
	return &table[virt >> 12 & (ENTRIES - 1)];
}

int space_map(struct space *space, uintptr_t virt, size_t n, unsigned int may)
{
	uint64_t bits = pte_user_bits(may);

	if (virt % KERN_PAGE_SIZE || virt < USER_BASE || virt > USER_END ||
	    n > (USER_END - virt) / KERN_PAGE_SIZE)
		return -EINVAL;
	for (; n--; virt += KERN_PAGE_SIZE) {
		uint64_t *entry = find_entry(space->root, virt, true);
		void *page;

		if (entry && *entry & PTE_PRESENT)
			return -EINVAL;
		page = entry ? page_alloc(1) : NULL;
		if (!page)
			return -ENOMEM;
		pte_set(entry, arch_virt_to_phys(page) | bits);
	}
	return 0;
}

void *space_at(const struct space *space, uintptr_t virt)
{
	uint64_t *entry;

	if (virt >= USER_END)
		return NULL;
	entry = find_entry((uint64_t *)space->root, virt, false);
	if (!entry || !(*entry & PTE_PRESENT))
		return NULL;
	return (char *)table_of(*entry) + virt % KERN_PAGE_SIZE;
}

NOPROBE void space_use(const struct space *space)
{
	mmu_use(space ? arch_virt_to_phys(space) : 0);
}

/* ---- copies ------------------------------------------------------------------ */

static bool is_users(uintptr_t addr, size_t len)
{
	return addr <= USER_END && len <= USER_END - addr;
}

int copy_from_user(void *dst, uintptr_t src, size_t len)
{
	if (!is_users(src, len) || user_copy(dst, (const void *)src, len))
		return -EFAULT;
	return 0;
}

int copy_to_user(uintptr_t dst, const void *src, size_t len)
{
	if (!is_users(dst, len) || user_copy((void *)dst, src, len))
		return -EFAULT;
	return 0;
}

long copy_text_from_user(char *dst, uintptr_t src, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (copy_from_user(dst + i, src + i, 1))
			return -EFAULT;
		if (!dst[i])
			return (long)i;
	}
	return -EINVAL;
}

/* SPDX-License-Identifier: MIT */
/* pte.h - the bits of page tables; included as <kern/pte.h> */
#ifndef KERN_PTE_H
#define KERN_PTE_H

#include <kern/space.h>
#include <stdbool.h>
#include <stdint.h>

#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITE    (1ull << 1)
#define PTE_USER     (1ull << 2)
#define PTE_UNCACHED (1ull << 4)
#define PTE_NX	     (1ull << 63)
#define PTE_ADDR     0x000ffffffffff000ull

#define ENTRIES 512u
#define LEVELS	4u

/* Of the highest table, so many first entries are a user's. */
#define USER_ENTRIES (ENTRIES / 2)

#define PTE_NONE       0ull
#define PTE_RX	       PTE_PRESENT
#define PTE_R	       (PTE_PRESENT | PTE_NX)
#define PTE_RW	       (PTE_PRESENT | PTE_WRITE | PTE_NX)
#define PTE_DEVICE     (PTE_RW | PTE_UNCACHED)
#define PTE_TABLE      (PTE_PRESENT | PTE_WRITE)
#define PTE_USER_TABLE (PTE_TABLE | PTE_USER)

/* What text_alloc() fills its pages with. */
#define MMU_BREAKPOINT \
	{              \
		0xcc   \
	}

/* Context of all: any. */
static inline void pte_set(uint64_t *pte, uint64_t value)
{
	*pte = value;
}

static inline bool pte_writes(uint64_t pte)
{
	return pte & PTE_WRITE;
}

static inline bool pte_executes(uint64_t pte)
{
	return !(pte & PTE_NX);
}

/* A user's page that it @may write or execute (SPACE_*). */
static inline uint64_t pte_user_bits(unsigned int may)
{
	return PTE_PRESENT | PTE_USER | (may & SPACE_WRITE ? PTE_WRITE : 0) |
	       (may & SPACE_EXEC ? 0 : PTE_NX);
}

/* The first address below entry @i of the kernel's highest table. */
static inline uintptr_t mmu_top_base(unsigned int i)
{
	return (uintptr_t)i << 39 | (i >= ENTRIES / 2 ? 0xffffull << 48 : 0);
}

#endif

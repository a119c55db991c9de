/* SPDX-License-Identifier: MIT */
/* pte.h - the bits of page tables; included as <kern/pte.h> */
#ifndef KERN_PTE_H
#define KERN_PTE_H

#include <kern/space.h>
#include <stdbool.h>
#include <stdint.h>

#define PTE_PRESENT  (1ull << 0)
#define PTE_PAGE     (1ull << 1) /* a page, or a table above one */
#define PTE_MEMORY   (1ull << 2) /* MAIR_EL1, 1 */
#define PTE_USER     (1ull << 6)
#define PTE_READONLY (1ull << 7)
#define PTE_SHARED   (3ull << 8)
#define PTE_ACCESSED (1ull << 10)
#define PTE_NOT_ALL  (1ull << 11) /* not for all spaces */
#define PTE_PXN	     (1ull << 53)
#define PTE_UXN	     (1ull << 54)
#define PTE_ADDR     0x0000fffffffff000ull

#define ENTRIES 512u
#define LEVELS	4u

/* Of the highest table, so many first entries are a user's: it has its own. */
#define USER_ENTRIES ENTRIES

#define PTE_BASE (PTE_PRESENT | PTE_PAGE | PTE_SHARED | PTE_ACCESSED)

#define PTE_NONE       0ull
#define PTE_RX	       (PTE_BASE | PTE_MEMORY | PTE_READONLY | PTE_UXN)
#define PTE_R	       (PTE_RX | PTE_PXN)
#define PTE_RW	       (PTE_BASE | PTE_MEMORY | PTE_UXN | PTE_PXN)
#define PTE_DEVICE     (PTE_BASE | PTE_UXN | PTE_PXN)
#define PTE_TABLE      (PTE_PRESENT | PTE_PAGE)
#define PTE_USER_TABLE PTE_TABLE

/* What text_alloc() fills its pages with: brk #0. */
#define MMU_BREAKPOINT                 \
	{                              \
		0x00, 0x00, 0x20, 0xd4 \
	}

/* Context of all: any. */
static inline void pte_set(uint64_t *pte, uint64_t value)
{
	*(volatile uint64_t *)pte = value;
	__asm__ volatile("dsb ishst\n\tisb" : : : "memory");
}

static inline bool pte_writes(uint64_t pte)
{
	return !(pte & PTE_READONLY);
}

static inline bool pte_executes(uint64_t pte)
{
	return (pte & (PTE_PXN | PTE_UXN)) != (PTE_PXN | PTE_UXN);
}

/* A user's page that it @may write or execute (SPACE_*). */
static inline uint64_t pte_user_bits(unsigned int may)
{
	return PTE_BASE | PTE_MEMORY | PTE_USER | PTE_NOT_ALL | PTE_PXN |
	       (may & SPACE_WRITE ? 0 : PTE_READONLY) |
	       (may & SPACE_EXEC ? 0 : PTE_UXN);
}

/* The first address below entry @i of the kernel's highest table. */
static inline uintptr_t mmu_top_base(unsigned int i)
{
	return (uintptr_t)i << 39 | 0xffffull << 48;
}

#endif

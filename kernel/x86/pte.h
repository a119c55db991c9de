/* SPDX-License-Identifier: MIT */
/* pte.h - the bits of page tables */
#ifndef KERN_X86_PTE_H
#define KERN_X86_PTE_H

#define PTE_PRESENT  (1ull << 0)
#define PTE_WRITE    (1ull << 1)
#define PTE_USER     (1ull << 2)
#define PTE_UNCACHED (1ull << 4)
#define PTE_NX	     (1ull << 63)
#define PTE_ADDR     0x000ffffffffff000ull

#define ENTRIES 512u
#define LEVELS	4u

#endif

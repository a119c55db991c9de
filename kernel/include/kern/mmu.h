/* SPDX-License-Identifier: MIT */
/*
 * mmu.h - between the page tables (core/mmu.c, space.c) and the processor
 *
 * Each folder beside core/ has layout.h, the map of addresses, and pte.h, the
 * bits of an entry, and implements the functions below.
 */
#ifndef KERN_MMU_H
#define KERN_MMU_H

#include <stddef.h>
#include <stdint.h>

/* The physical address of the kernel's page tables.  Context: any. */
uint64_t mmu_root(void);

/* Map what the machine's devices need, by calling @map.  Context: boot. */
void mmu_map_machine(void (*map)(uintptr_t virt, uint64_t phys, uintptr_t end,
				 uint64_t bits));

/* Let this CPU use the kernel's tables at @root for the first time. */
void mmu_begin(uint64_t root);

/*
 * Let this CPU use the user's tables at @phys, 0: none.  Nothing is done if they
 * are in use.  Context: any, interrupts off.
 */
void mmu_use(uint64_t phys);

/* Let this CPU forget what it knows of a page; of all.  Context: any. */
void mmu_flush_page(uintptr_t virt);
void mmu_flush_all(void);

/*
 * @len bytes that were written at @alias are to be fetched from @text.  Other CPUs
 * synchronize for themselves.  Context: any.
 */
void mmu_text_written(uintptr_t alias, uintptr_t text, size_t len);

/* The bytes that were not copied; of user_copy, one side is a user's. */
size_t copy_or_fault(void *dst, const void *src, size_t len);
size_t copy_user_or_fault(void *dst, const void *src, size_t len);
size_t user_copy(void *dst, const void *src, size_t len);

/* Bounds from the linker script. */
extern char kernel_text[], kernel_text_end[];
extern char kernel_rodata[], kernel_rodata_end[];
extern char kernel_data[], kernel_end[];
extern char boot_stack[], boot_stack_top[];

#endif

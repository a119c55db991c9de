/* SPDX-License-Identifier: MIT */
/*
 * memory.h - pages, heap, executable memory
 *
 * Three layers: physical pages out of a bitmap (page.c), small objects out of
 * pages (heap.c), and pages mapped executable near the kernel's own text
 * (the processor's mmu.c).  No address is writable and executable, and no page
 * that can be executed is writable at another address for longer than one
 * text_write() takes.
 */
#ifndef KERN_MEMORY_H
#define KERN_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hand the memory the machine has to the page allocator.  Boot only. */
void page_init(void);

/*
 * @n pages in a row, zeroed, at their direct-map address; NULL if there are
 * none.  page_free() takes the same @n.  Context: task.
 */
void *page_alloc(size_t n);
void page_free(void *page, size_t n);

/* How many pages are free.  Context: task. */
size_t page_nr_free(void);

/* The end of physical memory as far as the allocator manages it. */
uint64_t page_phys_end(void);

/*
 * @size bytes, 16-byte aligned and zeroed, or NULL.  kfree(NULL) does
 * nothing.  Context: task.
 */
void *kmalloc(size_t size);
void kfree(void *p);

/*
 * @n pages that can be executed and not written, within 1 GiB of the kernel
 * text and filled with breakpoints; NULL if there are none.  text_free() takes
 * the same @n; nobody may run or write there any more.  Context: task.
 */
void *text_alloc(size_t n);
void text_free(void *text, size_t n);

/*
 * @n zeroed pages within reach of the same text, which can be read and written;
 * NULL if there are none.  data_seal(): and from now on only read.  Context: task.
 */
void *data_alloc(size_t n);
void data_seal(void *data, size_t n);
void data_free(void *data, size_t n);

/*
 * Replace @len bytes of text at @dst, which may be the kernel's own or from
 * text_alloc().  Aligned 2, 4 and 8 byte writes are single stores.  The alias
 * through which it writes belongs to this CPU and is gone on return.  Returns
 * 0, or -14 (a bad address) if @dst is not text.  Says nothing to other CPUs.
 * Context: any in which the same CPU is not inside text_write() already.
 */
int text_write(void *dst, const void *src, size_t len);

/*
 * Does this machine translate text, and may one CPU keep an old translation of
 * what another has written (QEMU)?  Then it has to be written once more after
 * all CPUs have been interrupted.  Context: any.
 */
bool text_is_emulated(void);

/* Make this CPU fetch anew what was written to text.  Context: any. */
void text_sync_cpu(void);

/* Is @addr in the kernel's text, or in memory from text_alloc()? */
bool text_is_kernel(uintptr_t addr);
bool text_is_allocated(uintptr_t addr);

/*
 * Copy @len bytes from @src, which may be any address at all.  Returns 0, or
 * -14 if not all could be read.  Context: any.
 */
int probe_read(void *dst, const void *src, size_t len);

/* The same of the user's, which may be guarded against the kernel.  Context: any. */
int probe_read_user(void *dst, uintptr_t src, size_t len);

/* Call @fn for each mapped page, with what may be done there.  Tests only. */
struct map_entry {
	uintptr_t virt;
	uint64_t phys;
	bool write;
	bool exec;
	bool user;
};
void mmu_walk(void (*fn)(const struct map_entry *entry, void *arg), void *arg);

#endif

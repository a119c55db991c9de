/* SPDX-License-Identifier: MIT */
/*
 * mmu.c - the page tables, and text that is written without being writable
 *
 * Everything is mapped in 4 KiB pages, with the least that it needs:
 *
 *     kernel text         read, execute
 *     kernel rodata       read
 *     kernel data, bss    read, write
 *     direct map          read, write; but read alone where the page is
 *                         kernel text or rodata, or belongs to text_alloc()
 *     text area           read, execute; or, from data_alloc(), read and write,
 *                         or read; only pages in use are mapped
 *     alias pages         nothing, but during text_write()
 *     stacks of threads   read, write; nothing below each
 *
 * So an executable page has no writable alias, until text_write() puts one in
 * the two pages that belong to this CPU, and takes it away again before it
 * returns, with interrupts off in between.
 */

#include <kern/arch.h>
#include <kern/errno.h>
#include <kern/isa.h>
#include <kern/layout.h>
#include <kern/lock.h>
#include <kern/memory.h>
#include <kern/mmu.h>
#include <kern/panic.h>
#include <kern/pte.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/thread.h>
#include <kern/trap.h>

static uint64_t *root;

enum area_use { AREA_FREE, AREA_TEXT, AREA_DATA };

static struct {
	struct spinlock lock;
	uint8_t used[TEXT_AREA_PAGES];
} text_area;

/* The last-level entries of each CPU's alias pages. */
static uint64_t *alias_ptes[KERN_MAX_CPUS][TEXT_ALIAS_PAGES];

void *arch_phys_to_virt(uint64_t phys)
{
	return (void *)(DIRECT_BASE + phys);
}

uint64_t arch_virt_to_phys(const void *direct)
{
	return (uint64_t)direct - DIRECT_BASE;
}

/*
 * The last-level entry of @virt.  Missing tables are made if @make is set;
 * otherwise NULL says there is none.
 */
NOPROBE static uint64_t *find_pte(uintptr_t virt, bool make)
{
	uint64_t *table = root;

	for (unsigned int level = LEVELS - 1; level > 0; level--) {
		uint64_t *entry =
			&table[virt >> (12 + 9 * level) & (ENTRIES - 1)];

		if (!(*entry & PTE_PRESENT)) {
			void *page = make ? page_alloc(1) : NULL;

			if (!page)
				return NULL;
			pte_set(entry, arch_virt_to_phys(page) | PTE_TABLE);
		}
		table = (uint64_t *)(DIRECT_BASE + (*entry & PTE_ADDR));
	}
	return &table[virt >> 12 & (ENTRIES - 1)];
}

static void map(uintptr_t virt, uint64_t phys, uint64_t bits)
{
	uint64_t *pte = find_pte(virt, true);

	if (!pte)
		panic("no memory for page tables");
	pte_set(pte, phys | bits);
}

static void map_range(uintptr_t virt, uint64_t phys, uintptr_t end,
		      uint64_t bits)
{
	for (; virt < end; virt += KERN_PAGE_SIZE, phys += KERN_PAGE_SIZE)
		map(virt, phys, bits);
}

static void map_kernel(char *from, char *to, uint64_t bits)
{
	map_range((uintptr_t)from, (uintptr_t)from - KERNEL_BASE, (uintptr_t)to,
		  bits);
}

uint64_t mmu_root(void)
{
	return arch_virt_to_phys(root);
}

void arch_mmu_init(void)
{
	uint64_t text = (uintptr_t)kernel_text - KERNEL_BASE;
	uint64_t data = (uintptr_t)kernel_data - KERNEL_BASE;

	root = page_alloc(1);
	map_range(DIRECT_BASE + KERN_PHYS_BASE, KERN_PHYS_BASE,
		  DIRECT_BASE + page_phys_end(), PTE_RW);
	map_range(DIRECT_BASE + text, text, DIRECT_BASE + data, PTE_R);

	map_kernel(kernel_text, kernel_text_end, PTE_RX);
	map_kernel(kernel_rodata, kernel_rodata_end, PTE_R);
	map_kernel(kernel_data, kernel_end, PTE_RW);

	for (unsigned int i = 0; i < KERN_MAX_CPUS * TEXT_ALIAS_PAGES; i++) {
		uintptr_t virt = ALIAS_BASE + i * KERN_PAGE_SIZE;

		map(virt, 0, PTE_NONE);
		alias_ptes[i / TEXT_ALIAS_PAGES][i % TEXT_ALIAS_PAGES] =
			find_pte(virt, false);
	}
	/* From here on text_alloc() needs no new table above the last level. */
	for (unsigned int i = 0; i < TEXT_AREA_PAGES; i += ENTRIES)
		map(TEXT_AREA_BASE + i * KERN_PAGE_SIZE, 0, PTE_NONE);

	for (unsigned int i = 0; i < KERN_MAX_THREADS; i++)
		map(STACK_BASE + i * STACK_STRIDE, 0, PTE_NONE);
	mmu_map_machine(map_range);
	mmu_begin(arch_virt_to_phys(root));
}

static void flush_all(void *arg)
{
	(void)arg;
	mmu_flush_all();
}

/* No CPU knows any more what was unmapped or protected before this. */
static void flush_everywhere(void)
{
	cpu_call_others(flush_all, NULL);
}

bool arch_thread_stack(unsigned int slot, uintptr_t *low, uintptr_t *high)
{
	uintptr_t top = STACK_BASE + (slot + 1ul) * STACK_STRIDE;
	void *pages;

	*high = top - USER_FRAME;
	*low = top - STACK_SIZE;
	if (*find_pte(*low, false) & PTE_PRESENT)
		return true;
	pages = page_alloc(STACK_SIZE / KERN_PAGE_SIZE);
	if (!pages)
		return false;
	map_range(*low, arch_virt_to_phys(pages), top, PTE_RW);
	return true;
}

/* Change how one mapped page may be used. */
static void protect(uintptr_t virt, uint64_t bits)
{
	uint64_t *pte = find_pte(virt, false);

	ASSERT(pte && *pte & PTE_PRESENT);
	pte_set(pte, (*pte & PTE_ADDR) | bits);
	mmu_flush_page(virt);
}

/* Reserve @n pages of the text area in a row; the first, or -1. */
static long reserve_area(size_t n, enum area_use use)
{
	unsigned long flags = spin_lock(&text_area.lock);
	long first = -1;
	size_t run = 0;

	for (size_t i = 0; i < TEXT_AREA_PAGES && first < 0; i++) {
		run = text_area.used[i] ? 0 : run + 1;
		if (run == n)
			first = (long)(i + 1 - n);
	}
	if (first >= 0)
		memset(text_area.used + first, use, n);
	spin_unlock(&text_area.lock, flags);
	return first;
}

static void release_area(size_t first, size_t n)
{
	unsigned long flags = spin_lock(&text_area.lock);

	memset(text_area.used + first, AREA_FREE, n);
	spin_unlock(&text_area.lock, flags);
}

/* Fill @n pages with breakpoints; nobody executes there yet. */
static void fill_text(char *page, size_t n)
{
	static const uint8_t breakpoint[] = MMU_BREAKPOINT;

	for (size_t i = 0; i < n * KERN_PAGE_SIZE; i++)
		page[i] = (char)breakpoint[i % sizeof(breakpoint)];
	mmu_text_written((uintptr_t)page, (uintptr_t)page, n * KERN_PAGE_SIZE);
}

/* @n pages mapped with @bits in a row of the area, zeroed if they are data. */
static void *area_alloc(size_t n, enum area_use use, uint64_t bits)
{
	long first = n ? reserve_area(n, use) : -1;
	uintptr_t virt;
	char *page;

	if (first < 0)
		return NULL;
	page = page_alloc(n);
	if (!page) {
		release_area((size_t)first, n);
		return NULL;
	}
	if (use == AREA_TEXT)
		fill_text(page, n);
	virt = TEXT_AREA_BASE + (uintptr_t)first * KERN_PAGE_SIZE;
	for (size_t i = 0; i < n; i++, page += KERN_PAGE_SIZE) {
		if (use == AREA_TEXT)
			protect((uintptr_t)page, PTE_R);
		map(virt + i * KERN_PAGE_SIZE, arch_virt_to_phys(page), bits);
	}
	flush_everywhere();
	return (void *)virt;
}

static void area_free(uintptr_t virt, size_t n)
{
	uint64_t phys = 0;

	for (size_t i = n; i-- > 0;) {
		uint64_t *pte = find_pte(virt + i * KERN_PAGE_SIZE, false);

		phys = *pte & PTE_ADDR;
		pte_set(pte, PTE_NONE);
		mmu_flush_page(virt + i * KERN_PAGE_SIZE);
		protect(DIRECT_BASE + phys, PTE_RW);
	}
	flush_everywhere();
	page_free(arch_phys_to_virt(phys), n);
	release_area((virt - TEXT_AREA_BASE) / KERN_PAGE_SIZE, n);
}

void *text_alloc(size_t n)
{
	return area_alloc(n, AREA_TEXT, PTE_RX);
}

void text_free(void *text, size_t n)
{
	ASSERT(text_is_allocated((uintptr_t)text));
	area_free((uintptr_t)text, n);
}

void *data_alloc(size_t n)
{
	return area_alloc(n, AREA_DATA, PTE_RW);
}

void data_seal(void *data, size_t n)
{
	uintptr_t virt = (uintptr_t)data;

	for (size_t i = 0; i < n; i++, virt += KERN_PAGE_SIZE) {
		protect(DIRECT_BASE + (*find_pte(virt, false) & PTE_ADDR),
			PTE_R);
		protect(virt, PTE_R);
	}
	flush_everywhere();
}

void data_free(void *data, size_t n)
{
	area_free((uintptr_t)data, n);
}

NOPROBE bool text_is_kernel(uintptr_t addr)
{
	return addr >= (uintptr_t)kernel_text &&
	       addr < (uintptr_t)kernel_text_end;
}

NOPROBE bool text_is_allocated(uintptr_t addr)
{
	return addr >= TEXT_AREA_BASE &&
	       addr < TEXT_AREA_BASE + TEXT_AREA_PAGES * KERN_PAGE_SIZE &&
	       text_area.used[(addr - TEXT_AREA_BASE) / KERN_PAGE_SIZE] ==
		       AREA_TEXT;
}

static bool is_text(uintptr_t addr)
{
	return text_is_kernel(addr) || text_is_allocated(addr);
}

/* Words of any alignment. */
struct word16 {
	uint16_t v;
} __attribute__((packed, may_alias));
struct word32 {
	uint32_t v;
} __attribute__((packed, may_alias));
struct word64 {
	uint64_t v;
} __attribute__((packed, may_alias));

/*
 * Store @len bytes; in one store if their size and alignment allow it.
 *
 * NOPROBE, and it calls nothing: what is stored may be a jump over code of the
 * kernel, and between its first byte and its last this code runs.
 */
NOPROBE __attribute__((noinline)) static void
store(volatile uint8_t *dst, const uint8_t *src, size_t len)
{
	bool aligned = (uintptr_t)dst % len == 0;

	if (len == 8 && aligned)
		*(volatile uint64_t *)dst = ((const struct word64 *)src)->v;
	else if (len == 4 && aligned)
		*(volatile uint32_t *)dst = ((const struct word32 *)src)->v;
	else if (len == 2 && aligned)
		*(volatile uint16_t *)dst = ((const struct word16 *)src)->v;
	else
		for (size_t i = 0; i < len; i++)
			dst[i] = src[i];
}

/* Write what of [@dst, @dst + @len) lies in its first two pages. */
static size_t write_some(uintptr_t dst, const uint8_t *src, size_t len)
{
	unsigned long flags = arch_irq_save();
	unsigned int cpu = arch_cpu_id();
	uintptr_t alias = ALIAS_BASE + cpu * TEXT_ALIAS_PAGES * KERN_PAGE_SIZE;
	size_t offset = dst % KERN_PAGE_SIZE;
	size_t room = TEXT_ALIAS_PAGES * KERN_PAGE_SIZE - offset;
	size_t n = len < room ? len : room;

	for (unsigned int i = 0; i < TEXT_ALIAS_PAGES; i++) {
		uintptr_t page = dst - offset + i * KERN_PAGE_SIZE;

		if (page < dst + n)
			pte_set(alias_ptes[cpu][i],
				(*find_pte(page, false) & PTE_ADDR) | PTE_RW);
	}
	store((uint8_t *)alias + offset, src, n);
	mmu_text_written(alias + offset, dst, n);
	for (unsigned int i = 0; i < TEXT_ALIAS_PAGES; i++) {
		pte_set(alias_ptes[cpu][i], PTE_NONE);
		mmu_flush_page(alias + i * KERN_PAGE_SIZE);
	}
	arch_irq_restore(flags);
	return n;
}

int text_write(void *dst, const void *src, size_t len)
{
	uintptr_t to = (uintptr_t)dst;
	const uint8_t *from = src;
	size_t n;

	if (!len)
		return 0;
	for (uintptr_t page = to & -(uintptr_t)KERN_PAGE_SIZE; page < to + len;
	     page += KERN_PAGE_SIZE) {
		if (!is_text(page))
			return -EFAULT;
	}
	for (; len; to += n, from += n, len -= n)
		n = write_some(to, from, len);
	return 0;
}

NOPROBE int probe_read(void *dst, const void *src, size_t len)
{
	return copy_or_fault(dst, src, len) ? -EFAULT : 0;
}

NOPROBE int probe_read_user(void *dst, uintptr_t src, size_t len)
{
	if (src >= KERN_USER_END || len > KERN_USER_END - src)
		return -EFAULT;
	return copy_user_or_fault(dst, (const void *)src, len) ? -EFAULT : 0;
}

struct walk {
	void (*fn)(const struct map_entry *entry, void *arg);
	void *arg;
};

static void walk_table(const uint64_t *table, unsigned int level,
		       uintptr_t base, const struct walk *walk)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		uintptr_t virt = base | (uintptr_t)i << (12 + 9 * level);
		uint64_t e = table[i];

		if (!(e & PTE_PRESENT))
			continue;
		if (level == LEVELS - 1)
			virt = mmu_top_base(i);
		if (level > 0) {
			walk_table(arch_phys_to_virt(e & PTE_ADDR), level - 1,
				   virt, walk);
			continue;
		}
		walk->fn(&(struct map_entry){ virt, e & PTE_ADDR, pte_writes(e),
					      pte_executes(e), e & PTE_USER },
			 walk->arg);
	}
}

void mmu_walk(void (*fn)(const struct map_entry *entry, void *arg), void *arg)
{
	struct walk walk = { fn, arg };

	walk_table(root, LEVELS - 1, 0, &walk);
}

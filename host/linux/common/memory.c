/* SPDX-License-Identifier: MIT */
/*
 * memory.c - memory for the engine, which the program's allocator knows nothing of
 *
 * Small blocks come in sizes of a power of two, from one list of free blocks for
 * each size.  The lists are lock-free, since a block may be wanted in a signal
 * handler that interrupted somebody who was taking one.  The head of a list is
 * a pointer and a tag in one word:
 *
 *       63             43 42                                   0
 *      +-----------------+--------------------------------------+
 *      | tag, 21 bits    | address of the first block >> 5      |
 *      +-----------------+--------------------------------------+
 *
 *   M1  Every change of a head changes its tag, so an exchange fails if blocks
 *       were taken and put back since the head was read.
 *   M2  Blocks are never unmapped: the link of a block that somebody else has
 *       just taken may be read; what is read is thrown away by M1.
 */
#include "common/home.h"

#define MIN_SHIFT    5
#define MAX_SHIFT    15
#define REFILL_BYTES 65536UL
#define TAG_SHIFT    43

static uint64_t lists[MAX_SHIFT + 1];

static uintptr_t head_block(uint64_t head)
{
	return (head & ((1UL << TAG_SHIFT) - 1)) << MIN_SHIFT;
}

static uint64_t make_head(uint64_t old, uintptr_t block)
{
	uint64_t tag = (old >> TAG_SHIFT) + 1; /* M1 */

	return tag << TAG_SHIFT | block >> MIN_SHIFT;
}

/* Put the chain from @first to @last on the list. */
static void push(uint64_t *list, uintptr_t first, uintptr_t last)
{
	uint64_t old = __atomic_load_n(list, __ATOMIC_RELAXED);

	do
		__atomic_store_n((uintptr_t *)last, head_block(old),
				 __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(list, &old, make_head(old, first),
					    true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
}

static uintptr_t pop(uint64_t *list)
{
	/* Acquire: pairs with push(); the link of the block after the head. */
	uint64_t old = __atomic_load_n(list, __ATOMIC_ACQUIRE);
	uintptr_t block, next;

	do {
		block = head_block(old);
		if (!block)
			return 0;
		next = __atomic_load_n((uintptr_t *)block,
				       __ATOMIC_RELAXED); /* M2 */
	} while (!__atomic_compare_exchange_n(list, &old, make_head(old, next),
					      true, __ATOMIC_ACQUIRE,
					      __ATOMIC_ACQUIRE));
	return block;
}

static uintptr_t map_data(size_t size)
{
	long at = tl_mmap(0, size, TL_PROT_READ | TL_PROT_WRITE,
			  TL_MAP_PRIVATE | TL_MAP_ANONYMOUS, -1, 0);

	return tl_failed(at) ? 0 : at;
}

/* A new block of 1 << @shift bytes; its neighbours go on the list. */
static uintptr_t refill(unsigned int shift)
{
	uintptr_t at = map_data(REFILL_BYTES);
	size_t size = 1UL << shift;
	uintptr_t last = at + REFILL_BYTES - size;

	if (!at || last == at)
		return at;
	for (uintptr_t b = at + size; b < last; b += size)
		*(uintptr_t *)b = b + size;
	push(&lists[shift], at + size, last);
	return at;
}

static unsigned int shift_of(size_t size)
{
	unsigned int shift = MIN_SHIFT;

	while ((1UL << shift) < size)
		shift++;
	return shift;
}

void *tlh_alloc(size_t size)
{
	unsigned int shift;
	uintptr_t at;

	if (size > 1UL << MAX_SHIFT)
		return (void *)map_data(tl_page_up(size));
	shift = shift_of(size);
	at = pop(&lists[shift]);
	if (!at)
		return (void *)refill(shift);
	for (size_t i = 0; i < 1UL << shift; i += sizeof(long))
		*(volatile long *)(at + i) = 0;
	return (void *)at;
}

void tlh_free(void *p, size_t size)
{
	if (!p)
		return;
	if (size > 1UL << MAX_SHIFT)
		tl_sys2(__NR_munmap, (long)p, tl_page_up(size));
	else
		push(&lists[shift_of(size)], (uintptr_t)p, (uintptr_t)p);
}

/* Where process_vm_readv is forbidden. */
static int read_mem(void *dst, uintptr_t src, size_t len)
{
	int fd = tl_open("/proc/self/mem", TL_O_RDONLY);
	long n;

	if (fd < 0)
		return fd;
	n = tl_sys4(__NR_pread64, fd, (long)dst, len, src);
	tl_close(fd);
	return n == (long)len ? 0 : -TL_EFAULT;
}

int tlh_read(void *dst, uintptr_t src, size_t len)
{
	struct {
		void *base;
		size_t len;
	} local = { dst, len }, remote = { (void *)src, len };
	long n;

	n = tl_sys6(__NR_process_vm_readv, tl_sys0(__NR_getpid), (long)&local,
		    1, (long)&remote, 1, 0);
	if (n == -TL_EPERM || n == -TL_ENOSYS)
		return read_mem(dst, src, len);
	return n == (long)len ? 0 : -TL_EFAULT;
}

/* ---- memory within reach ----------------------------------------------------- */

#define LOWEST	   0x10000UL
#define HIGHEST	   TL_USER_END
#define NEAREST	   0x10000UL
#define FARTHER(d) ((d) + ((d) >> 2 & ~(TL_PAGE - 1)))

struct wish {
	uintptr_t low; /* all of it must lie in [low, high) */
	uintptr_t high;
	size_t size;
	int prot;
};

/* Map the wish at @at if that is allowed and free. */
static uintptr_t try_at(const struct wish *w, uintptr_t at)
{
	long got;

	at &= ~(TL_PAGE - 1);
	if (at < w->low || at > w->high || w->high - at < w->size)
		return 0;
	got = tl_mmap(at, w->size, w->prot,
		      TL_MAP_PRIVATE | TL_MAP_ANONYMOUS |
			      TL_MAP_FIXED_NOREPLACE,
		      -1, 0);
	if (tl_failed(got))
		return 0;
	if ((uintptr_t)got == at)
		return at;
	/* A kernel before 4.17 takes the address for a hint. */
	tl_sys2(__NR_munmap, got, w->size);
	return 0;
}

/*
 * Below @near first: above a program lies its heap, which wants to grow, and
 * above the libraries the stack.  Then again in even steps.
 */
static uintptr_t search(const struct wish *w, uintptr_t near)
{
	uintptr_t at = 0, d;

	for (d = NEAREST; !at && d < near - w->low; d = FARTHER(d))
		at = try_at(w, near - d);
	for (d = NEAREST << 8; !at && d < near - w->low; d += NEAREST << 4)
		at = try_at(w, near - d);
	for (d = NEAREST << 12; !at && d < w->high - near; d = FARTHER(d))
		at = try_at(w, near + d);
	for (d = NEAREST; !at && d < w->high - near; d += NEAREST << 4)
		at = try_at(w, near + d);
	return at;
}

uintptr_t tl_map_near(uintptr_t near, size_t reach, size_t size, int prot)
{
	static uintptr_t last; /* under the registration lock */
	struct wish w = {
		.low = near > LOWEST + reach ? near - reach : LOWEST,
		.high = near < HIGHEST - reach ? near + reach : HIGHEST,
		.size = tl_page_up(size),
		.prot = prot,
	};
	uintptr_t at = 0;

	if (near < LOWEST || near >= HIGHEST)
		return 0;
	/* Next to the last one they become one mapping. */
	if (last)
		at = try_at(&w, last - w.size);
	if (!at)
		at = search(&w, near);
	if (at)
		last = at;
	return at;
}

void *tlh_exec_alloc(uintptr_t near, size_t reach, size_t size)
{
	return (void *)tl_map_near(near, reach, size,
				   TL_PROT_READ | TL_PROT_EXEC);
}

void tlh_exec_free(void *p, size_t size)
{
	tl_sys2(__NR_munmap, (long)p, tl_page_up(size));
}

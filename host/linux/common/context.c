/* SPDX-License-Identifier: MIT */
/*
 * context.c - which thread is this?
 *
 * A thread is known by its thread pointer, the base of fs, which costs one
 * instruction where the kernel allows it (FSGSBASE).  The context of a thread
 * is found in a hash table that never grows and from which nothing is ever
 * removed, so that it can be searched and added to in a signal handler that
 * interrupted either:
 *
 *   C1  A key once set never changes: a thread that has found its entry always
 *       finds it again, at the first match.
 *   C2  Of two that want an empty entry, the exchange lets one have it; the
 *       other looks at it again, and goes on unless it is the same thread.
 *
 * A thread pointer is used again when its thread has ended.  The new thread
 * then gets the old one's context, and the engine sees by the stack pointers
 * in it what is left over.  A program without a thread pointer (fs base 0) has
 * no contexts.
 */
#include "common/home.h"

#define TABLE_BITS 14
#define TABLE_SIZE (1UL << TABLE_BITS)
#define PROBES	   64

struct entry {
	uintptr_t key;
	struct tl_context cx;
	uint64_t word;		 /* tl_thread_word() */
} __attribute__((aligned(256))); /* found by a shift */

_Static_assert(sizeof(struct entry) == 256, "one entry in 256 bytes");

static struct entry *table;
struct tl_context *tl_newest_context;
static bool have_fsgsbase;

#define AT_HWCAP2	26
#define HWCAP2_FSGSBASE 2
#define ARCH_GET_FS	0x1003

/* Does the kernel let us read the base of fs by instruction? */
static bool find_fsgsbase(void)
{
	unsigned long v[2];
	bool found = false;
	int fd = tl_open("/proc/self/auxv", TL_O_RDONLY);

	if (fd < 0)
		return false;
	while (!found &&
	       tl_sys3(__NR_read, fd, (long)v, sizeof(v)) == sizeof(v))
		found = v[0] == AT_HWCAP2 && (v[1] & HWCAP2_FSGSBASE);
	tl_close(fd);
	return found;
}

int tl_contexts_init(void)
{
	struct entry *memory;

	if (table)
		return 0;
	memory = tlh_alloc(TABLE_SIZE * sizeof(struct entry));
	if (!memory)
		return -TL_ENOMEM;
	have_fsgsbase = find_fsgsbase();
	table = memory;
	return 0;
}

static __attribute__((noinline)) uintptr_t ask_thread_pointer(void)
{
	uintptr_t fs = 0;

	tl_sys2(__NR_arch_prctl, ARCH_GET_FS, (long)&fs);
	return fs;
}

static inline uintptr_t thread_pointer(void)
{
	uintptr_t fs;

	if (!have_fsgsbase)
		return ask_thread_pointer();
	__asm__ volatile("rdfsbase %0" : "=r"(fs));
	return fs;
}

static void publish(struct tl_context *cx)
{
	cx->next = __atomic_load_n(&tl_newest_context, __ATOMIC_RELAXED);
	/* Release: cx->next before cx can be found by tlh_each_context(). */
	while (!__atomic_compare_exchange_n(&tl_newest_context, &cx->next, cx,
					    true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

/* Thread pointers differ by whole stacks, or where many are in one arena. */
static inline unsigned long hash(uintptr_t key)
{
	return (key >> 6 ^ key >> 20) & (TABLE_SIZE - 1);
}

/* The entry of @key, which is not the first one that it could be. */
static __attribute__((noinline)) struct tl_context *find(uintptr_t key,
							 unsigned long h)
{
	uintptr_t found;
	struct entry *e;

	for (unsigned int i = 0; i < PROBES; i++) {
		e = &table[(h + i) & (TABLE_SIZE - 1)];
		found = __atomic_load_n(&e->key, __ATOMIC_RELAXED);
		if (found == key)
			return &e->cx; /* C1 */
		if (found)
			continue;
		if (__atomic_compare_exchange_n(&e->key, &found, key, false,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED)) {
			publish(&e->cx);
			return &e->cx;
		}
		if (found == key) /* C2: by a signal handler, just now */
			return &e->cx;
	}
	return NULL;
}

struct tl_context *tlh_context(void)
{
	uintptr_t key = thread_pointer();
	unsigned long h = hash(key);
	struct entry *e;

	if (!key || !table)
		return NULL;
	e = &table[h];
	if (__builtin_expect(__atomic_load_n(&e->key, __ATOMIC_RELAXED) == key,
			     1))
		return &e->cx;
	return find(key, h);
}

uint64_t *tl_thread_word(uintptr_t *thread)
{
	struct tl_context *cx = tlh_context();
	struct entry *e;

	if (!cx)
		return NULL;
	e = (struct entry *)((char *)cx - offsetof(struct entry, cx));
	*thread = e->key;
	return &e->word;
}

int tlh_each_context(int (*fn)(struct tl_context *cx, void *arg), void *arg)
{
	struct tl_context *cx;
	int ret = 0;

	/* Acquire: pairs with the release in publish(). */
	for (cx = __atomic_load_n(&tl_newest_context, __ATOMIC_ACQUIRE);
	     cx && !ret; cx = cx->next)
		ret = fn(cx, arg);
	return ret;
}

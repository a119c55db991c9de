/* SPDX-License-Identifier: MIT */
/*
 * context.c - which thread is this?
 *
 * A thread is known by its thread pointer, which costs one instruction, mostly
 * (machine.h).  The context of a thread is found in a hash table that never grows and from which nothing is ever
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
 * in it what is left over.  A program without a thread pointer (it is 0) has no
 * contexts.
 *
 * Two threads may have one thread pointer: clone() without CLONE_SETTLS gives
 * the child its parent's.  Where the home wants to know (tl_contexts_check()),
 * an entry also has the number of its thread.  The kernel is asked for ours
 * the first time that we are seen on a page of a stack, and not again there:
 *
 *     our page is noted, and the C library's thread number is the entry's: ours
 *     else ask the kernel:
 *       it is the entry's            note the page
 *       the entry's thread is dead   the entry is ours now, and what its
 *                                    handlers have left behind is over
 *       it is alive                  ours is an entry by thread number
 *
 *   C3  No two living threads have one context.  (No page is on the stacks of
 *       two at a time; the owner of an entry changes by an exchange, from one
 *       that is dead.)
 *
 * The C library's thread number is a word in the block that the thread pointer
 * leads to.  Where it is, is found by looking for ours when we are set up; if
 * that is wrong, we ask more often than need be.
 */
#include "common/home.h"

#include <trapline/trap.h>

#define TABLE_BITS 14
#define TABLE_SIZE (1UL << TABLE_BITS)
#define PROBES	   64
#define PAGES	   4  /* of its stacks; direct mapped */
#define CHUNK	   64 /* words read at a time */

struct entry {
	uintptr_t key;	/* thread pointer, or thread number * 2 + 1 */
	uint32_t tid;	/* whose it is; 0: nobody has asked */
	uint8_t pid[3]; /* in which process: less than 1 << 22 */
	uint8_t trap;	/* tl_thread_trap() */
	uintptr_t page[PAGES];
	struct tl_context cx;
	uint64_t word;		 /* tl_thread_word() */
} __attribute__((aligned(256))); /* found by a shift */

_Static_assert(sizeof(struct entry) == 256, "a shift");

static struct entry *table;
struct tl_context *tl_newest_context;
static bool check;     /* C3 */
static int tid_offset; /* from the thread pointer; 0: not known */

int tl_contexts_init(void)
{
	struct entry *memory;

	if (table)
		return 0;
	memory = tlh_alloc(TABLE_SIZE * sizeof(struct entry));
	if (!memory)
		return -TL_ENOMEM;
	tl_machine_init();
	table = memory;
	return 0;
}

/* ---- whose entry is it? -------------------------------------------------------- */

static uintptr_t known_thread;
static uint32_t known_tid;

void tl_contexts_know(uint32_t tid, uintptr_t thread)
{
	known_tid = tid;
	known_thread = thread;
}

void tl_contexts_check(void)
{
	uint32_t tid = known_tid ? known_tid : tl_sys0(__NR_gettid);
	uintptr_t thread = known_tid ? known_thread : tl_thread_register();
	uint32_t word[CHUNK];

	for (int at = TL_THREAD_BLOCK_START;
	     at < TL_THREAD_BLOCK_END && !tid_offset; at += (int)sizeof(word))
		if (!tlh_read(word, thread + at, sizeof(word)))
			for (int i = 0; i < CHUNK && !tid_offset; i++)
				if (word[i] == tid)
					tid_offset = at + i * 4;
	check = true;
}

static inline uintptr_t this_page(void)
{
	return (uintptr_t)__builtin_frame_address(0) / TL_PAGE;
}

static inline bool is_ours(const struct entry *e)
{
	uintptr_t page = this_page();
	uint32_t tid = e->tid;

	if (!check)
		return true;
	if (e->page[page % PAGES] != page)
		return false;
	if (tid_offset && !(e->key & 1))
		tid = tl_thread_load(tid_offset);
	return tid == e->tid;
}

static bool is_alive(uint32_t tid, uint32_t pid)
{
	return tl_sys3(__NR_tgkill, pid, tid, 0) != -TL_ESRCH;
}

static bool is_of_process(const struct entry *e, uint32_t pid)
{
	return (e->pid[0] | e->pid[1] << 8 | e->pid[2] << 16) == (int)pid;
}

/*
 * Make @e ours, of thread @tid, if it is nobody's any more.  In a child of fork()
 * its first thread is the one that forked, by another number, and goes on with what
 * that does.  What others there find is of threads that did not come along.  (A
 * thread whose child of vfork() was here finds that one's, and is the same thread.)
 */
static bool take_over(struct entry *e, uint32_t tid)
{
	uint32_t pid = tl_sys0(__NR_getpid);
	uint32_t old = __atomic_load_n(&e->tid, __ATOMIC_RELAXED);
	bool forked = old && !is_of_process(e, pid);
	bool parents = forked && is_of_process(e, tl_sys0(__NR_getppid));

	if (old && !forked && is_alive(old, pid))
		return false;
	if (!__atomic_compare_exchange_n(&e->tid, &old, tid, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return old == tid;
	e->pid[0] = pid;
	e->pid[1] = pid >> 8;
	e->pid[2] = pid >> 16;
	e->word = 0;
	for (unsigned int i = 0; i < PAGES; i++)
		e->page[i] = 0;
	if (forked && (tid == pid || !parents))
		return true;
	e->trap = 0;
	tl_trap_thread_ended(&e->cx);
	return true;
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

/* The entry of @key, made if need be; NULL: there is no room. */
static struct entry *find(uintptr_t key, unsigned long h)
{
	uintptr_t found;
	struct entry *e;

	for (unsigned int i = 0; i < PROBES; i++) {
		e = &table[(h + i) & (TABLE_SIZE - 1)];
		found = __atomic_load_n(&e->key, __ATOMIC_RELAXED);
		if (found == key)
			return e; /* C1 */
		if (found)
			continue;
		if (__atomic_compare_exchange_n(&e->key, &found, key, false,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED)) {
			publish(&e->cx);
			return e;
		}
		if (found == key) /* C2: by a signal handler, just now */
			return e;
	}
	return NULL;
}

/* The context of @key, where a look at one entry does not tell. */
static __attribute__((noinline)) struct tl_context *search(uintptr_t key,
							   unsigned long h)
{
	uintptr_t page = this_page();
	struct entry *e = find(key, h);
	long tid;

	if (!e || is_ours(e))
		return e ? &e->cx : NULL;
	tid = tl_sys0(__NR_gettid);
	if (tid > 0 && e->tid != tid && !take_over(e, tid)) { /* C3 */
		key = (uintptr_t)tid << 1 | 1;
		e = find(key, hash(key << 6));
		if (!e || (e->tid != tid && !take_over(e, tid)))
			return NULL;
	}
	e->page[page % PAGES] = page;
	return &e->cx;
}

struct tl_context *tlh_context(void)
{
	uintptr_t key = tl_thread_register();
	unsigned long h = hash(key);
	struct entry *e;

	if (!key || !table)
		return NULL;
	e = &table[h];
	if (__builtin_expect(__atomic_load_n(&e->key, __ATOMIC_RELAXED) == key,
			     1) &&
	    is_ours(e))
		return &e->cx;
	return search(key, h);
}

int tl_context_thread(const struct tl_context *cx)
{
	const struct entry *e =
		(const struct entry *)((const char *)cx -
				       offsetof(struct entry, cx));

	return __atomic_load_n(&e->tid, __ATOMIC_RELAXED);
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

uint8_t *tl_thread_trap(void)
{
	struct tl_context *cx = check ? tlh_context() : NULL;

	return cx ? &((struct entry *)((char *)cx - offsetof(struct entry, cx)))
			       ->trap
		  : NULL;
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

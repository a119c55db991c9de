/* SPDX-License-Identifier: MIT */
/*
 * host.c - the home of the engine in somebody else's process
 *
 * The worker asks the guardian for everything that concerns the target:
 * writing text, stopping threads, executable memory.  Memory for the engine is
 * cut from a heap that the guardian has mapped beforehand, so that nothing is
 * ever mapped that is not written down for the clean-up.
 *
 * Who may call what: threads of the target run handlers and come by
 * tlh_context() and tlh_alloc() at most; all else is the worker's.
 */
#include "agent.h"

#include <common/home.h>

static int function_of(uintptr_t addr, uintptr_t *start, uintptr_t *end);
static uint32_t inroads_at(uintptr_t addr);
static int piece_of(uintptr_t addr, uintptr_t *start, uintptr_t *end);
static bool frame_of(const struct pt_regs *regs, struct tl_frame *out);
static bool pause_between(unsigned int turn);

static struct tl_host_ops ops = {
	.function = function_of,
	.inroads = inroads_at,
	.pause = pause_between,
	.piece = piece_of,
	.frame = frame_of,
	.red_zone = TL_RED_ZONE,
};

const struct tl_host_ops *tl_host_ops = &ops;

/* ---- memory -------------------------------------------------------------- */

/*
 * Freed blocks of one size are kept for the next who wants that size.  Whoever
 * finds the list held takes fresh memory instead of waiting: it may have
 * interrupted the holder.
 */
#define SIZES 8
#define ALIGN 64ul

struct block {
	struct block *next;
};

static struct {
	size_t size;
	struct block *first;
} kept[SIZES];
static bool kept_held;

static void *take_kept(size_t size)
{
	struct block *b = NULL;

	if (__atomic_test_and_set(&kept_held, __ATOMIC_ACQUIRE))
		return NULL;
	for (unsigned int i = 0; i < SIZES && !b; i++)
		if (kept[i].size == size && kept[i].first) {
			b = kept[i].first;
			kept[i].first = b->next;
		}
	__atomic_clear(&kept_held, __ATOMIC_RELEASE);
	if (b)
		for (size_t i = 0; i < size / 8; i++)
			((volatile uint64_t *)b)[i] = 0;
	return b;
}

void *tlh_alloc(size_t size)
{
	uint64_t at;
	void *p;

	size = (size + ALIGN - 1) & ~(ALIGN - 1);
	p = take_kept(size);
	if (p)
		return p;
	at = __atomic_load_n(&tl_boot->heap, __ATOMIC_RELAXED);
	do {
		if (size > tl_boot->heap_end - at)
			return NULL;
	} while (!__atomic_compare_exchange_n(&tl_boot->heap, &at, at + size,
					      true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return (void *)at;
}

void tlh_free(void *p, size_t size)
{
	struct block *b = p;
	unsigned int i;

	size = (size + ALIGN - 1) & ~(ALIGN - 1);
	if (!p || __atomic_test_and_set(&kept_held, __ATOMIC_ACQUIRE))
		return;
	for (i = 0; i < SIZES; i++)
		if (!kept[i].size || kept[i].size == size)
			break;
	if (i < SIZES) {
		kept[i].size = size;
		b->next = kept[i].first;
		kept[i].first = b;
	}
	__atomic_clear(&kept_held, __ATOMIC_RELEASE);
}

void *tlh_exec_alloc(uintptr_t near, size_t reach, size_t size)
{
	long at = tl_agent_ask(TL_ASK_EXEC, (long)near, (long)reach, (long)size,
			       0);

	return tl_failed(at) ? NULL : (void *)at;
}

void tlh_exec_free(void *p, size_t size)
{
	tl_agent_ask(TL_ASK_UNMAP, (long)p, (long)size, 0, 0);
}

/* The worker's own fault, if there is one, is mended by the guardian. */
int tlh_read(void *dst, uintptr_t src, size_t len)
{
	return tl_agent_copy(dst, (const void *)src, len);
}

/* ---- the worker is alone ------------------------------------------------- */

void tlh_lock(void)
{
}

void tlh_unlock(void)
{
}

/* ---- text ---------------------------------------------------------------- */

int tlh_patch_begin(void)
{
	return (int)tl_agent_ask(TL_ASK_BEGIN, 0, 0, 0, 0);
}

void tlh_patch_end(void)
{
	tl_agent_ask(TL_ASK_END, 0, 0, 0, 0);
}

/* The guardian writes; it knows whom it has stopped. */
int tlh_text_write(const struct tl_edit *edits, size_t n, enum tl_others others)
{
	(void)others;
	return (int)tl_agent_ask(TL_ASK_WRITE, (long)edits, (long)n, 0, 0);
}

void tlh_evict(struct tl_window *windows, size_t n)
{
	if (tl_agent_ask(TL_ASK_EVICT, (long)windows, (long)n, 0, 0))
		for (size_t i = 0; i < n; i++)
			windows[i].busy = true;
}

int tlh_quiesce(const struct tl_range *ranges, size_t n)
{
	return (int)tl_agent_ask(TL_ASK_QUIESCE, (long)ranges, (long)n, 0, 0);
}

/* ---- optional services --------------------------------------------------- */

/*
 * The figures' probes by their addresses, so that what is known of one need not
 * be searched or asked for: a hash table of one more than their indices, twice as
 * large as it has to be.
 */
#define INDEX_SIZE (2 * TL_MAX_PROBES)

static uint32_t *probe_index;
static uint32_t indexed;

static uint32_t index_of(uintptr_t addr)
{
	return (uint32_t)((addr * 0x9e3779b97f4a7c15ull) >> 32) % INDEX_SIZE;
}

/* The probe at @addr; the first one, if there are several.  NULL: none. */
static const struct tl_probe *probe_at(uintptr_t addr)
{
	const struct tl_probe *p = NULL;
	uint32_t i = index_of(addr), at;

	while ((at = probe_index[i]) != 0) {
		p = &tl_figures()->probe[at - 1];
		if (p->addr == addr)
			return p;
		i = (i + 1) % INDEX_SIZE;
	}
	return NULL;
}

static void note(uint32_t k)
{
	uintptr_t addr = tl_figures()->probe[k].addr;
	uint32_t i = index_of(addr);

	if (probe_at(addr))
		return;
	while (probe_index[i])
		i = (i + 1) % INDEX_SIZE;
	probe_index[i] = k + 1;
	indexed++;
}

/*
 * An entry that is used again has another address, and its old place in the
 * table is lost.  When these are too many all is done anew.
 */
static void note_all(void)
{
	for (uint32_t i = 0; i < INDEX_SIZE; i++)
		probe_index[i] = 0;
	indexed = 0;
	for (uint32_t k = 0; k < TL_MAX_PROBES; k++)
		if (tl_figures()->probe[k].session)
			note(k);
}

/*
 * Pieces that calls are followed into, as the guardian has told them: of the batch
 * that is being added.  Later another library may be there.
 */
#define PIECES 512

static struct {
	uintptr_t start, end;
} piece[PIECES];
static unsigned int n_pieces;

static void note_piece(uintptr_t start, uintptr_t end)
{
	for (unsigned int i = 0; i < n_pieces && i < PIECES; i++)
		if (piece[i].start == start && piece[i].end == end)
			return;
	piece[n_pieces % PIECES].start = start;
	piece[n_pieces++ % PIECES].end = end;
}

void tl_host_note(uint32_t first, uint32_t n)
{
	n_pieces = 0;
	for (uint32_t k = first; k < TL_MAX_PROBES && k - first < n; k++) {
		if (indexed > INDEX_SIZE * 3 / 4)
			note_all();
		note(k);
	}
}

static bool holds(const struct tl_probe *p, uintptr_t addr, uintptr_t *start,
		  uintptr_t *end)
{
	if (!p || !p->end || addr < p->start || addr >= p->end)
		return false;
	*start = p->start;
	*end = p->end;
	return true;
}

/* The tool knows the symbols: each probe brings its function's bounds. */
static int function_of(uintptr_t addr, uintptr_t *start, uintptr_t *end)
{
	const struct tl_figures *f = tl_figures();

	if (holds(probe_at(addr), addr, start, end))
		return 0;
	for (uint32_t i = 0; i < TL_MAX_PROBES && f->probe[i].addr; i++)
		if (holds(&f->probe[i], addr, start, end))
			return 0;
	for (unsigned int i = 0; i < n_pieces && i < PIECES; i++) {
		if (addr < piece[i].start || addr >= piece[i].end)
			continue;
		*start = piece[i].start;
		*end = piece[i].end;
		return 0;
	}
	return -TL_ENOENT;
}

/* The guardian has looked at the file. */
static uint32_t inroads_at(uintptr_t addr)
{
	const struct tl_probe *p = probe_at(addr);

	if (p && p->flags & TL_PROBE_INROADS)
		return p->inroads;
	return (uint32_t)tl_agent_ask(TL_ASK_INROADS, (long)addr, 0, 0, 0);
}

/* The guardian knows what unwind information there is. */
static int piece_of(uintptr_t addr, uintptr_t *start, uintptr_t *end)
{
	long got = tl_agent_ask(TL_ASK_PIECE, (long)addr, 0, 0, 0);

	if (tl_failed(got))
		return (int)got;
	*start = addr - ((uint64_t)got >> 32);
	*end = *start + (uint32_t)got;
	note_piece(*start, *end);
	return 0;
}

/*
 * A goroutine's stack is copied when it grows; how far a frame is from its upper
 * end stays.  struct runtime.g begins with the bounds.  0: a thread that has just
 * given its goroutine up.
 */
static bool frame_of(const struct pt_regs *regs, struct tl_frame *out)
{
	const uint64_t *g = (const uint64_t *)tl_goroutine(regs);

	if (!g)
		return false;
	*out = (struct tl_frame){ (uintptr_t)g, g[1] - regs->sp };
	return true;
}

/*
 * A stack for as long as a program runs: bit i of stacks_used is stack i.  There are
 * more than threads that are at it at a time, but for those that wait for room in a
 * ring, or for a CPU.
 */
static uint64_t stacks_used;

_Static_assert(TL_STACKS == 64, "a bit for each");

int tl_aside(int (*fn)(void *a, void *b), void *a, void *b)
{
	uint64_t used = __atomic_load_n(&stacks_used, __ATOMIC_RELAXED), mine;
	unsigned int i;
	int ret;

	do {
		if (!~used)
			return -TL_EBUSY;
		i = (unsigned int)__builtin_ctzll(~used);
		mine = 1ull << i;
	} while (!__atomic_compare_exchange_n(&stacks_used, &used, used | mine,
					      true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	ret = tl_call_on(tl_boot->stacks + (i + 1ul) * TL_STACK_BYTES, fn, a,
			 b);
	__atomic_fetch_and(&stacks_used, ~mine, __ATOMIC_RELEASE);
	return ret;
}

static bool pause_between(unsigned int turn)
{
	tl_sleep_us(turn < 10 ? 50 : 1000);
	return turn < 500;
}

int tl_host_init(void)
{
	ops.missed = tl_action_missed;
	ops.gate = (const uint8_t *)tl_boot->gate;
	ops.own_faults = tl_boot->stacks;
	tl_sync_init();
	probe_index = tlh_alloc(INDEX_SIZE * sizeof(*probe_index));
	if (!probe_index)
		return -TL_ENOMEM;
	return tl_contexts_init();
}

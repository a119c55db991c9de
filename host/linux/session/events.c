/* SPDX-License-Identifier: MIT */
/*
 * events.c - what a program made of a hit becomes a record in a ring
 *
 * The record is made on the stack, then room for it is taken by one exchange
 * and it is copied: a thread that is killed, or leaves by longjmp() from a
 * signal handler, can leave a gap in a ring only within that copy.  A piece of
 * the stack is copied into the ring without a stop in between.
 *
 * Where the session wants none lost, a thread waits for the reader (R5).
 *
 * System calls: gettid() where thread.c cannot tell otherwise, and
 * process_vm_readv() on ourselves for a fetch from memory, but not from the
 * stack near by.  We have no handler for SIGSEGV in the target, and no other way
 * to read an address that may be bad while other threads unmap.
 * To wait for the reader, clock_gettime() and futex().  docs/syscalls.md has all.
 */
#include "session/session.h"

#include <common/sys.h>
#include <trapline/regs.h>
#include <trapline/trap.h>

#define PAGE_BYTES 4096ull

const struct tl_program *tl_program_take(const struct tl_events *e,
					 uint32_t index, bool call)
{
	struct tl_program *p;

	if (!e || index >= TL_MAX_PROGRAMS)
		return NULL;
	p = tlh_alloc(sizeof(*p));
	if (!p)
		return NULL;
	for (uint32_t i = 0; i < sizeof(*p) / 8; i++)
		((volatile uint64_t *)p)[i] =
			((const volatile uint64_t *)&e->program[index])[i];
	if (tl_program_check(p, call) >= 0)
		return p;
	tlh_free(p, sizeof(*p));
	return NULL;
}

void tl_program_free(const struct tl_program *p)
{
	if (p)
		tlh_free((void *)(uintptr_t)p, sizeof(*p));
}

/* ---- in the target's threads --------------------------------------------- */

struct span {
	uint64_t at;
	uint64_t len;
};

/*
 * From our own frame up to the end of the page in which the target's stack
 * goes on, the stack is in use: there may be more of it, or not.
 */
static bool is_stack(const struct tl_hit *h, uint64_t from, uint32_t len)
{
	uint64_t low = (uint64_t)__builtin_frame_address(0);
	uint64_t high, sp;

	if (!h->regs)
		return false;
	sp = ((const struct pt_regs *)h->regs)->sp;
	high = ((sp - 1) | (PAGE_BYTES - 1)) + 1;
	return from >= low && from < high && len <= high - from &&
	       high - low < 4 * PAGE_BYTES;
}

uint32_t tl_fetch_as(uint32_t pid, void *to, uint64_t from, uint32_t len)
{
	uint32_t first = (uint32_t)(PAGE_BYTES - (from & (PAGE_BYTES - 1)));
	struct span local = { (uint64_t)to, len };
	/* In pieces: what there is of the first page is fetched in any case. */
	struct span remote[2] = { { from, first < len ? first : len },
				  { from + first,
				    first < len ? len - first : 0 } };
	long n = tl_sys6(__NR_process_vm_readv, pid, (long)&local, 1,
			 (long)remote, 2, 0);

	return n > 0 && n <= (long)len ? (uint32_t)n : 0;
}

static void copy(void *to, uint64_t from, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		((uint8_t *)to)[i] = ((const volatile uint8_t *)from)[i];
}

static bool text_ends(const struct tl_fetched *f, uint64_t from)
{
	for (uint64_t i = from - f->at; i < f->n; i++)
		if (!f->bytes[i])
			return true;
	return false;
}

/* Is what is wanted of memory at @from in @f?  Words whole, texts to the end. */
static bool was_fetched(const struct tl_fetched *f, uint64_t from, uint32_t len)
{
	if (from < f->at || from - f->at >= f->n)
		return false;
	return len <= f->n - (from - f->at) ||
	       (len > sizeof(uint64_t) && text_ends(f, from));
}

/*
 * A system call costs the same for one byte as for 256 of a page.  So what is
 * around a word is fetched with it, for the next member of the same structure,
 * and a text that was compared is still there when it is shown.
 */
static uint32_t fetch_some(struct tl_fetched *f, void *to, uint64_t from,
			   uint32_t len)
{
	uint64_t at = from & ~(uint64_t)(TL_FETCHED - 1);
	uint32_t n = TL_FETCHED;

	if (len > TL_FETCHED)
		return tl_fetch_as(tl_thread_number(), to, from, len);
	if (!was_fetched(f, from, len)) {
		/* A text may begin anywhere, and go on in the next page. */
		if (len > sizeof(uint64_t) || from - at > TL_FETCHED - len) {
			n = (uint32_t)(PAGE_BYTES - from % PAGE_BYTES);
			n = n > TL_FETCHED ? TL_FETCHED : n < len ? len : n;
			at = from;
		}
		f->at = at;
		f->n = tl_fetch_as(tl_thread_number(), f->bytes, at, n);
		if (from - at >= f->n)
			return 0;
	}
	if (len > f->n - (from - f->at))
		len = (uint32_t)(f->n - (from - f->at));
	copy(to, (uint64_t)f->bytes + (from - f->at), len);
	return len;
}

uint32_t tl_fetch(const struct tl_hit *h, void *to, uint64_t from, uint32_t len)
{
	if (is_stack(h, from, len)) {
		copy(to, from, len);
		return len;
	}
	if (h->fetched)
		return fetch_some(h->fetched, to, from, len);
	return tl_fetch_as(tl_thread_number(), to, from, len);
}

/* How much of each ring is in use; 0: nobody reads them. */
static uint32_t ring_bytes(const struct tl_events *e)
{
	uint32_t n = __atomic_load_n(&e->ring_bytes, __ATOMIC_RELAXED);

	return n < TL_RING_LEAST || n > TL_RING_BYTES ? 0 : n & ~7u;
}

/* Take @size of the @bytes of @r: the word to begin at; NULL: there is no room. */
static uint64_t *take(struct tl_ring *r, uint32_t bytes, uint32_t size)
{
	uint64_t head = __atomic_load_n(&r->head, __ATOMIC_RELAXED);
	uint64_t at, need, tail, next;
	uint32_t off, pad;

	do {
		at = head & TL_HEAD_MASK;
		off = (uint32_t)at & (bytes - 8);
		pad = bytes - off < size ? bytes - off : 0;
		need = size + pad;
		/* Acquire: what was read is cleared; the reader's release (R1). */
		tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
		if (((at + need - tail) & TL_HEAD_MASK) > bytes)
			return NULL;
		next = ((head & ~TL_HEAD_MASK) + (1ull << TL_HEAD_BITS)) |
		       ((at + need) & TL_HEAD_MASK);
	} while (!__atomic_compare_exchange_n(&r->head, &head, next, true,
					      __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	if (!pad)
		return r->data + off / 8;
	__atomic_store_n(r->data + off / 8, pad | (uint64_t)TL_PAD << 16,
			 __ATOMIC_RELEASE); /* R3 */
	return r->data;
}

#define FUTEX_WAIT_BITSET 9
#define CLOCK_MONOTONIC	  1
#define SECOND_NS	  1000000000ll

struct timespec64 {
	int64_t sec;
	int64_t nsec;
};

/* Wait until the tail of @r is not @tail any more; false: in vain. */
static bool wait_at(struct tl_ring *r, uint64_t tail,
		    const struct timespec64 *until)
{
	uint32_t turn = __atomic_load_n(&r->turn, __ATOMIC_SEQ_CST);
	long err;

	/*
	 *   writer: load turn; waiters = 1; load tail; wait while turn is it
	 *   reader: store tail; turn++; waiters == 1?  wake
	 */
	__atomic_store_n(&r->waiters, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&r->tail, __ATOMIC_SEQ_CST) != tail)
		return true;
	err = tl_sys6(__NR_futex, (long)&r->turn, FUTEX_WAIT_BITSET, turn,
		      (long)until, 0, -1);
	/* Interrupted, or awake for nothing: the caller looks again. */
	return err == 0 || err == -TL_EAGAIN || err == -TL_EINTR;
}

/*
 * Room for @size in ring @i, waiting for it (R5).  NULL: there is none, the
 * reader is dead or too slow, or lets us go.
 */
static uint64_t *take_late(struct tl_events *e, uint32_t i, uint32_t bytes,
			   uint32_t size)
{
	struct tl_ring *r = &e->ring[i];
	uint64_t first = __atomic_load_n(&r->tail, __ATOMIC_RELAXED);
	struct timespec64 until = { 0, 0 };
	uint64_t tail = first, *to;

	if (__atomic_load_n(&r->in_vain, __ATOMIC_RELAXED) == first + 1 ||
	    tl_sys2(__NR_clock_gettime, CLOCK_MONOTONIC, (long)&until))
		return NULL;
	until.nsec += TL_WAIT_NS % SECOND_NS;
	until.sec += TL_WAIT_NS / SECOND_NS + (until.nsec >= SECOND_NS);
	until.nsec -= until.nsec >= SECOND_NS ? SECOND_NS : 0;
	do {
		to = take(r, bytes, size);
		if (to || !__atomic_load_n(&e->block, __ATOMIC_SEQ_CST))
			return to;
		if (!wait_at(r, tail, &until))
			break;
		tail = __atomic_load_n(&r->tail, __ATOMIC_RELAXED);
	} while (true);
	if (__atomic_load_n(&r->tail, __ATOMIC_RELAXED) == first)
		__atomic_store_n(&r->in_vain, first + 1, __ATOMIC_RELAXED);
	return NULL;
}

/*
 * Room for @size bytes.  Neighbours in time of birth have rings of their own;
 * pieces of stacks, which are large, go where there is room.
 */
static uint64_t *take_any(struct tl_events *e, uint32_t tid, uint64_t clock,
			  uint32_t size, bool stack)
{
	uint32_t at = stack ? (uint32_t)(tid + (clock >> 8)) : tid;
	uint32_t bytes = ring_bytes(e);
	uint64_t *to = NULL;

	for (uint32_t i = 0; bytes && i < (stack ? TL_RINGS : 1) && !to; i++)
		to = take(&e->ring[(at + i) % TL_RINGS], bytes, size);
	if (!to && bytes && __atomic_load_n(&e->block, __ATOMIC_RELAXED))
		to = take_late(e, tid % TL_RINGS, bytes, size);
	if (!to) /* R4 */
		__atomic_fetch_add(&e->ring[tid % TL_RINGS].lost, 1,
				   __ATOMIC_RELAXED);
	return to;
}

extern const char tl_arch_return_trampoline[]
	__attribute__((visibility("hidden")));

/* Calls in one another whose return addresses are looked for. */
#define CALLS 512

static bool is_ours(uint64_t word)
{
	return (word & TL_RETURN_MASK) == (uint64_t)tl_arch_return_trampoline;
}

/*
 * In the copy @to of the @n bytes of our stack from @sp on, put the return
 * addresses back that calls which are followed have ours in place of; and in the
 * register that has it (@link), if there is one.  Where a call keeps its own is not
 * always known, but it is between the frames of the calls below and above it, and
 * what looks like it there is a copy of it.
 */
static void mend_returns(uint64_t *to, uint64_t sp, uint64_t n, uint64_t *link)
{
	struct tl_context *cx = tlh_context();
	const struct kretprobe_instance *ri = cx ? cx->returns : NULL;
	uint64_t from = sp, end;

	for (unsigned int i = 0; ri && i < CALLS; i++, ri = ri->next) {
		if (ri->fp < sp)
			continue;
		if (link && is_ours(*link))
			*link = ri->ret_addr;
		end = tl_return_end(ri->fp);
		for (from = tl_return_start(from, ri->fp);
		     from < end && (from - sp) % 8 == 0 && from - sp < n &&
		     n - (from - sp) >= 8;
		     from += 8)
			if (is_ours(to[(from - sp) / 8]))
				to[(from - sp) / 8] = ri->ret_addr;
	}
}

/*
 * The registers, and the stack as far as it is there: words @to, zeros now.  A
 * call that has returned is unwound from the instruction that made it.
 */
static void add_stack(uint64_t *to, const struct tl_hit *h, uint32_t bytes)
{
	uint64_t from = ((const struct pt_regs *)h->regs)->sp;
	struct span local = { (uint64_t)(to + TL_STACK_HEAD), bytes };
	struct span remote = { from, bytes };
	long n;

	for (uint32_t i = 0; i < TL_STACK_REGS; i++)
		to[1 + i] = h->regs[i];
	if (h->saved)
		to[1 + TL_REGS_IP]--;
	/* Whole pages, as far as there are any. */
	n = tl_sys6(__NR_process_vm_readv, (long)tl_thread_number(),
		    (long)&local, 1, (long)&remote, 1, 0);
	to[0] = n > 0 && n <= (long)bytes ? (uint64_t)n : 0;
	mend_returns(to + TL_STACK_HEAD, from, to[0],
		     TL_REGS_LINK < 0 ? NULL : to + 1 + TL_REGS_LINK);
}

void tl_event(const struct tl_hit *h, struct tl_made *m, uint32_t probe,
	      uint64_t clock)
{
	uint32_t tid = tl_thread_number();
	uint32_t size = m->n * 8;
	uint64_t *to;

	if (m->stack)
		size += m->stack + TL_STACK_HEAD * 8;
	m->words[0] = size |
		      (uint64_t)(m->stack ? TL_EVENT_STACK : TL_EVENT) << 16 |
		      (uint64_t)probe << 32;
	m->words[1] = clock;
	m->words[2] = tid | (uint64_t)m->faults << 32;
	to = take_any(h->events, tid, clock, size, m->stack != 0);
	if (!to)
		return;
	for (uint32_t i = 1; i < m->n; i++)
		to[i] = m->words[i];
	if (m->stack)
		add_stack(to + m->n, h, m->stack);
	/* Release: the record; the reader acquires it (R2). */
	__atomic_store_n(to, m->words[0], __ATOMIC_RELEASE);
}

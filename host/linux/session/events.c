/* SPDX-License-Identifier: MIT */
/*
 * events.c - a hit becomes a record in a ring
 *
 * The record is made on the stack, then room for it is taken by one exchange
 * and it is copied: a thread that is killed, or leaves by longjmp() from a
 * signal handler, can leave a gap in a ring only within that copy.
 *
 * System calls: gettid() for each record, which cannot be remembered, since
 * thread pointers are used again; and process_vm_readv() on itself for each
 * fetch from memory.  We have no handler for SIGSEGV in the target, and no
 * other way to read an address that may be bad while other threads unmap.
 * docs/syscalls.md has both.
 */
#include "session/session.h"

#include <common/sys.h>
#include <trapline/regs.h>

static inline uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* ---- programs ------------------------------------------------------------ */

/* The most bytes that a record of @p takes; 0: it is not a program. */
static uint32_t verify(const struct tl_program *p)
{
	uint32_t bytes = TL_EVENT_HEAD, fields = 0;

	if (p->version != TL_PROGRAM_VERSION || p->n > TL_MAX_OPS)
		return 0;
	for (uint32_t i = 0; i < p->n; i++) {
		const struct tl_op *o = &p->op[i];

		switch (o->op) {
		case TL_OP_REG:
			if (o->arg >= sizeof(struct pt_regs) / 8)
				return 0;
			break;
		case TL_OP_ADD:
			break;
		case TL_OP_LOAD:
			if (o->size != 1 && o->size != 2 && o->size != 4 &&
			    o->size != 8)
				return 0;
			break;
		case TL_OP_EMIT:
			bytes += 8;
			fields++;
			break;
		case TL_OP_STRING:
			if (o->imm < 1 || o->imm > TL_MAX_STRING)
				return 0;
			bytes += 8 + (((uint32_t)o->imm + 7) & ~7u);
			fields++;
			break;
		default:
			return 0;
		}
	}
	return fields <= TL_MAX_FIELDS && bytes <= TL_MAX_RECORD ? bytes : 0;
}

const struct tl_program *tl_program_take(uint32_t index)
{
	const struct tl_events *e = (const struct tl_events *)tl_boot->events;
	struct tl_program *p;

	if (!e || index >= TL_MAX_PROGRAMS)
		return NULL;
	p = tlh_alloc(sizeof(*p));
	if (!p)
		return NULL;
	for (uint32_t i = 0; i < sizeof(*p) / 8; i++)
		((volatile uint64_t *)p)[i] =
			((const volatile uint64_t *)&e->program[index])[i];
	if (verify(p))
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

/* The first bytes of [@from, @from + @len) that are there: how many. */
static uint32_t fetch(long tid, void *to, uint64_t from, uint32_t len)
{
	uint32_t first = 4096 - (uint32_t)(from & 4095);
	struct span local = { (uint64_t)to, len };
	struct span remote[2] = { { from, first < len ? first : len },
				  { from + first,
				    first < len ? len - first : 0 } };
	long n = tl_sys6(__NR_process_vm_readv, tid, (long)&local, 1,
			 (long)remote, 2, 0);

	return n > 0 && n <= (long)len ? (uint32_t)n : 0;
}

/* The text at @from as a field at @to; the words it took, 0: a fault. */
static uint32_t fetch_string(long tid, uint64_t *to, uint64_t from,
			     uint32_t limit)
{
	uint8_t *text = (uint8_t *)(to + 1);
	uint32_t got, len;

	to[(limit + 7) / 8] = 0;
	got = fetch(tid, text, from, limit);
	for (len = 0; len < got && text[len]; len++)
		;
	if (len == got && got < limit)
		return 0;
	to[0] = len | (len == limit ? TL_CUT : 0);
	for (uint32_t i = len; i & 7; i++)
		text[i] = 0;
	return 1 + (len + 7) / 8;
}

/* Append the fields of a hit to @words; the number of words then. */
static uint32_t run(const struct tl_program *p, const struct pt_regs *regs,
		    long tid, uint64_t *words, uint32_t n, uint32_t *faults)
{
	uint32_t field = 0, took;
	bool bad = false;
	uint64_t v = 0, loaded;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct tl_op *o = &p->op[i];

		switch (o->op) {
		case TL_OP_REG:
			v = ((const uint64_t *)regs)[o->arg];
			continue;
		case TL_OP_ADD:
			v += (uint64_t)(int64_t)o->imm;
			continue;
		case TL_OP_LOAD:
			loaded = 0;
			if (!bad)
				bad = fetch(tid, &loaded, v, o->size) !=
				      o->size;
			v = loaded;
			continue;
		}
		took = 1;
		if (o->op == TL_OP_STRING && !bad) {
			took = fetch_string(tid, words + n, v,
					    (uint32_t)o->imm);
			bad = !took;
		} else {
			words[n] = v;
		}
		if (bad) {
			*faults |= 1u << field;
			words[n] = 0;
			took = 1;
		}
		n += took;
		field++;
		bad = false;
	}
	return n;
}

/* Take @size bytes of @r: the word to begin at; NULL: there is no room. */
static uint64_t *take(struct tl_ring *r, uint32_t size)
{
	uint64_t head = __atomic_load_n(&r->head, __ATOMIC_RELAXED);
	uint64_t at, need, tail, next;
	uint32_t off, pad;

	do {
		at = head & TL_HEAD_MASK;
		off = (uint32_t)at & (TL_RING_BYTES - 8);
		pad = TL_RING_BYTES - off < size ? TL_RING_BYTES - off : 0;
		need = size + pad;
		/* Acquire: what was read is cleared; the reader's release (R1). */
		tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
		if (((at + need - tail) & TL_HEAD_MASK) > TL_RING_BYTES) {
			__atomic_fetch_add(&r->lost, 1,
					   __ATOMIC_RELAXED); /* R4 */
			return NULL;
		}
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

void tl_event(const struct tl_program *p, uint32_t probe,
	      const struct pt_regs *regs)
{
	struct tl_events *e = (struct tl_events *)tl_boot->events;
	uint64_t words[TL_MAX_RECORD / 8 + 1], *to;
	uint32_t n, faults = 0;
	long tid;

	/* A fork child has its parent's jumps for a while, and its rings. */
	if (!*(volatile const uint8_t *)tl_boot->gate)
		return;
	words[1] = ticks();
	tid = tl_sys0(__NR_gettid);
	n = run(p, regs, tid, words, TL_EVENT_HEAD / 8, &faults);
	words[0] = n * 8 | (uint64_t)TL_EVENT << 16 | (uint64_t)probe << 32;
	words[2] = (uint32_t)tid | (uint64_t)faults << 32;
	/* Neighbours in time of birth have rings of their own. */
	to = take(&e->ring[(uint32_t)tid % TL_RINGS], n * 8);
	if (!to)
		return;
	for (uint32_t i = 1; i < n; i++)
		((volatile uint64_t *)to)[i] = words[i];
	/* Release: the record; the reader acquires it (R2). */
	__atomic_store_n(to, words[0], __ATOMIC_RELEASE);
}

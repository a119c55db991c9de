/* SPDX-License-Identifier: MIT */
/*
 * calls.h - between the files that follow calls
 *
 * calls.c has the memory; retprobe.c replaces return addresses; exits.c probes
 * the places where functions return.
 */
#ifndef TL_CALLS_H
#define TL_CALLS_H

#include "locks.h"

#define TL_CALL_LISTS  16
#define TL_CALL_CHUNKS 32

enum call_state { CALL_FREE, CALL_ACTIVE, CALL_DONE };

/* An instance, with what its user does not see in front. */
struct call {
	struct tl_calls *pool;
	uint32_t index;
	uint32_t next; /* index + 1 of the next free one, 0: none */
	uint8_t state; /* enum call_state */

	/* Where the return address was replaced. */
	bool on_stack; /* its slot is where the stack pointer was */
	bool chained;  /* another one has swapped the address before */

	/* Where it was not. */
	uintptr_t function;	     /* whose exits are probed, else 0 */
	uintptr_t stack;	     /* of its struct tl_frame; fp is `at` */
	const struct tl_context *cx; /* in whose section it was made, */
	unsigned long section;	     /* and in which one */
	unsigned long word;	     /* in its slot at the entry */

	struct kretprobe_instance ri __attribute__((aligned(16)));
};

struct tl_calls {
	struct tl_calls *next;
	size_t size; /* of a call */
	uint32_t per_chunk;
	uint32_t capacity; /* of all chunks */
	uint32_t virgin;   /* below: has been used once */
	uint32_t chunks;
	bool grows;
	bool low;   /* to be filled up */
	bool dying; /* to be freed when nothing is under way */
	uint64_t head[TL_CALL_LISTS];
	char *chunk[TL_CALL_CHUNKS];
};

static inline struct call *tl_call_of(struct kretprobe_instance *ri)
{
	return (struct call *)((char *)ri - offsetof(struct call, ri));
}

/* ---- calls.c: pools ------------------------------------------------------------- */

/* Instance @index of @pool.  Context: any, as all up to tl_call_keep(). */
struct call *tl_call_at(const struct tl_calls *pool, uint32_t index);
/* A free one of it for a call at @sp, or NULL.  Give it back. */
struct call *tl_call_take(struct tl_calls *pool, uintptr_t sp);
void tl_call_put(struct kretprobe_instance *ri);

/*
 * The last two instances that a context has had of the shared pool are kept for
 * its next calls, without any locked instruction.
 *
 *   K5  Only the outermost section of a context touches its spares, so a signal
 *       in the middle cannot.  (What is nested neither enters functions nor
 *       comes here to return; it puts back to the pool.)
 */

/* A free one of the context's spares, or NULL. */
static inline struct call *tl_call_spare(struct tl_context *cx,
					 const struct tl_calls *pool)
{
	struct kretprobe_instance *ri = cx->spare;

	if (!ri || tl_call_of(ri)->pool != pool)
		return NULL;
	cx->spare = ri->next;
	return tl_call_of(ri);
}

/* Keep it, or give it back. */
static inline void tl_call_keep(struct tl_context *cx,
				struct kretprobe_instance *ri)
{
	const struct tl_calls *shared = tl_load(&tl_engine.shared_calls);

	if (tl_call_of(ri)->pool != shared || (cx->spare && cx->spare->next)) {
		tl_call_put(ri);
		return;
	}
	tl_store_release(&tl_call_of(ri)->state, CALL_FREE);
	ri->next = cx->spare;
	cx->spare = ri;
}

/* Its probe will not be told of a call: a miss, counted once. */
void tl_call_miss(struct kretprobe_instance *ri, enum call_state state);

/* Give @rp a pool: 0 or -TL_ENOMEM. */
int tl_calls_get_pool(struct kretprobe *rp);
/* A grace period after nobody was to be told any more: it needs no more. */
void tl_calls_release(struct kretprobe *rp);

/* ---- exits.c -------------------------------------------------------------------- */

/*
 * Find out whether the calls of @rp, at @addr, can be followed by probes at the
 * exits of its function, and set rp->exits if so.  @others: @n that are being
 * registered together with it.  0 also where it is to be done by replacing the
 * return address, or the reason why neither is possible.
 */
int tl_exits_choose(struct kretprobe *rp, uintptr_t addr,
		    struct kretprobe *const *others, int n);
/*
 * Arm those exits of @n return probes that are not armed yet.  Where that fails
 * the probe's exits are given back, and errs[i] is 0 if its return address may
 * be replaced instead.
 */
void tl_exits_arm(struct kretprobe **rps, int n, int *errs);
/*
 * @n return probes are gone, or were not registered: remove the exits that
 * nobody needs any more.  Waits for handlers; if the home will not, what they look
 * at is kept.
 */
void tl_exits_release(struct kretprobe **rps, int n);
/* A grace period has passed since: free what was kept. */
void tl_exits_bury(void);
/* A function with exits was entered.  Context: any, in a section. */
void tl_exits_enter(struct tl_context *cx, struct kretprobe *rp,
		    struct pt_regs *regs);
/* A grace period has passed: forget the calls of @pool that nobody waits for. */
void tl_exits_purge(const struct tl_calls *pool);
/* There are no return probes and no sections any more. */
void tl_exits_reset(void);

/* ---- retprobe.c ----------------------------------------------------------------- */

/* Call the handler of @ri; no @cx: it is a miss.  Context: any. */
static inline void tl_return_tell(struct tl_context *cx,
				  struct kretprobe_instance *ri,
				  struct pt_regs *regs)
{
	struct kretprobe *rp = tl_load_acquire(&ri->rp);

	if (!rp || !rp->handler || !tl_gate_open())
		return;
	if (!cx) {
		tl_return_missed(rp);
		return;
	}
	tl_section_probe(cx, &rp->kp);
	rp->handler(ri, regs);
}

/*
 * The true address behind @word, which was found at @sp: another return probe
 * may have replaced it.  @word if nobody knows better.  Context: any.
 */
unsigned long tl_return_true(struct tl_context *cx, uintptr_t sp,
			     unsigned long word);

#endif

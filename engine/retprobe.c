/* SPDX-License-Identifier: MIT */
/*
 * retprobe.c - calls that are followed to their return
 *
 * At the entry of a function its return address is replaced by the address of a
 * trampoline, and the true one kept in an instance on the shadow stack of the
 * context.  When the function returns, the trampoline asks here where to.
 *
 *     stack of the program           shadow stack (newest first)
 *     | ...           |
 *     | trampoline    | <--- slot --- instance of g     ret_addr: in f
 *     | frame of f    |
 *     | trampoline    | <--- slot --- instance 2 of f   ret_addr: in main
 *     | frame of main |            \- instance 1 of f   (two return probes)
 *
 * An instance is recognized by the stack pointer at the entry (fp): it says
 * which return is which, however the calls in between ended.  Where the slot
 * is on the stack (x86), fp is its address and the stack pointer is one word
 * above after the return; where it is a register (arm64), it is fp itself.
 *
 *   K1  The swap is undone exactly once, by whoever returns: all instances with
 *       one fp have the same true address, and are taken together.
 *   K2  An instance is dropped without its return only when its frame is surely
 *       gone: another word is in its slot.  That the stack pointer is above it
 *       proves nothing: coroutines may have their stacks next to each other, in
 *       one mapping, and dropping a live one would leave its return nowhere to
 *       go.  So what longjmp leaves behind stays until its slot is written;
 *       that is at most one instance for each slot.  (Where the slot is a
 *       register there is only the stack pointer to go by.)  Its call is a miss
 *       of its probe, counted when it is dropped.
 *       The shadow stack is kept in the order of fp, lowest first, which on one
 *       stack is the order of entry, so that a slot's last user is found.
 *   K3  Only the thread itself changes its shadow stack, and its signals nest,
 *       so there is nothing to lock.  (Others may set rp to NULL.)
 *   K4  What follows a call needs no memory from anybody: instances come from
 *       pools that are filled in task context.
 *
 * Pools.  Most instances are small and come from one pool that all probes
 * share and that grows; a probe with maxactive or much data has its own.  A
 * free instance lies on one of several lists, chosen by stack address so that
 * threads seldom meet.  Each list is a stack of indices, its head one 64-bit
 * word with a tag that every change counts up (no change goes unseen: ABA), and
 * memory that once belonged to a pool stays readable as long as the pool is there.
 */
#include "locks.h"

#define LISTS	     16
#define SPARES	     2 /* that a context keeps */
#define MANY_LOWER   16
#define CHUNKS	     32
#define SHARED_DATA  64
#define SHARED_CHUNK 16384 /* instances; halved until the host has so much */
#define OWN_CHUNK    256
#define DATA_MAX     4096

enum call_state { CALL_FREE, CALL_ACTIVE, CALL_DONE };

/* An instance, with what its user does not see in front. */
struct call {
	struct tl_calls *pool;
	uint32_t index;
	uint32_t next; /* index + 1 of the next free one, 0: none */
	uint8_t state; /* enum call_state */
	bool on_stack; /* its slot is where the stack pointer was */
	bool chained;  /* another one has swapped the address before */
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
	uint64_t head[LISTS];
	char *chunk[CHUNKS];
};

static struct call *call_of(struct kretprobe_instance *ri)
{
	return (struct call *)((char *)ri - offsetof(struct call, ri));
}

struct kretprobe *tl_retprobe_of(struct kprobe *p)
{
	return (struct kretprobe *)((char *)p - offsetof(struct kretprobe, kp));
}

/* ---- pools: taking and putting back ---------------------------------------------- */

static struct call *call_at(const struct tl_calls *pool, uint32_t index)
{
	char *chunk = tl_load_acquire(&pool->chunk[index / pool->per_chunk]);

	return (struct call *)(chunk + index % pool->per_chunk * pool->size);
}

static unsigned int list_of(uintptr_t sp)
{
	return (uint64_t)(sp >> 14) * 0x9e3779b97f4a7c15ull >> 60;
}

static struct call *pop(struct tl_calls *pool, unsigned int list)
{
	uint64_t *head = &pool->head[list];
	uint64_t old = tl_load_acquire(head);

	while ((uint32_t)old) {
		struct call *c = call_at(pool, (uint32_t)old - 1);
		uint64_t new = ((old >> 32) + 1) << 32 | tl_load(&c->next);

		if (__atomic_compare_exchange_n(head, &old, new, false,
						__ATOMIC_ACQUIRE,
						__ATOMIC_ACQUIRE))
			return c;
	}
	return NULL;
}

static void push(struct tl_calls *pool, unsigned int list, struct call *c)
{
	uint64_t *head = &pool->head[list];
	uint64_t old = tl_load(head), new;

	do {
		tl_store(&c->next, (uint32_t)old);
		new = ((old >> 32) + 1) << 32 | (c->index + 1);
	} while (!__atomic_compare_exchange_n(
		head, &old, new, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

/* One that was never used, or NULL. */
static struct call *take_virgin(struct tl_calls *pool)
{
	uint32_t index = tl_load(&pool->virgin);
	struct call *c;

	do {
		uint32_t capacity = tl_load_acquire(&pool->capacity);

		if (pool->grows && index >= capacity - capacity / 4)
			tl_store(&pool->low, true);
		if (index >= capacity)
			return NULL;
	} while (!__atomic_compare_exchange_n(&pool->virgin, &index, index + 1,
					      false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	c = call_at(pool, index);
	c->index = index;
	c->pool = pool;
	return c;
}

static struct call *take_call(struct tl_calls *pool, uintptr_t sp)
{
	unsigned int list = list_of(sp);
	struct call *c = pop(pool, list);

	if (!c)
		c = take_virgin(pool);
	for (unsigned int i = 1; !c && i < LISTS; i++)
		c = pop(pool, (list + i) % LISTS);
	return c;
}

static void put_call(struct kretprobe_instance *ri)
{
	struct call *c = call_of(ri);

	tl_store_release(&c->state, CALL_FREE);
	push(c->pool, list_of(ri->fp), c);
}

/*
 * The last instances that a context has had of the shared pool are kept for its
 * next calls, without any locked instruction.
 *
 *   K5  Only the outermost section of a context touches its spares, so a signal
 *       in the middle cannot.  (What is nested neither enters functions nor
 *       comes here to return; it puts back to the pool.)
 */
static struct call *take_spare(struct tl_context *cx,
			       const struct tl_calls *pool)
{
	struct kretprobe_instance *ri = cx->spare;

	if (!ri || call_of(ri)->pool != pool)
		return NULL;
	cx->spare = ri->next;
	return call_of(ri);
}

static void keep_call(struct tl_context *cx, struct kretprobe_instance *ri)
{
	unsigned int n = 0;

	for (struct kretprobe_instance *s = cx->spare; s; s = s->next)
		n++;
	if (n >= SPARES ||
	    call_of(ri)->pool != tl_load(&tl_engine.shared_calls)) {
		put_call(ri);
		return;
	}
	tl_store_release(&call_of(ri)->state, CALL_FREE);
	ri->next = cx->spare;
	cx->spare = ri;
}

/* ---- pools: making and freeing ------------------------------------------------------ */

static size_t chunk_bytes(const struct tl_calls *pool)
{
	return (size_t)pool->per_chunk * pool->size;
}

static int add_chunk(struct tl_calls *pool)
{
	char *chunk;

	if (pool->chunks == CHUNKS)
		return -TL_ENOMEM;
	chunk = tlh_alloc(chunk_bytes(pool));
	/* The first one decides how large they are. */
	while (!chunk && !pool->chunks && pool->grows && pool->per_chunk > 16) {
		pool->per_chunk /= 2;
		chunk = tlh_alloc(chunk_bytes(pool));
	}
	if (!chunk)
		return -TL_ENOMEM;
	tl_store_release(&pool->chunk[pool->chunks], chunk);
	pool->chunks++;
	tl_store_release(&pool->capacity, pool->capacity + pool->per_chunk);
	tl_store(&pool->low, false);
	return 0;
}

static struct tl_calls *new_pool(size_t data, uint32_t count, bool grows)
{
	struct tl_calls *pool = tlh_alloc(sizeof(*pool));

	if (!pool)
		return NULL;
	pool->size = (sizeof(struct call) + data + 15) & ~(size_t)15;
	pool->per_chunk = count;
	pool->grows = grows;
	if (add_chunk(pool)) {
		tlh_free(pool, sizeof(*pool));
		return NULL;
	}
	return pool;
}

static void free_pool(struct tl_calls *pool)
{
	while (pool->chunks--)
		tlh_free(pool->chunk[pool->chunks], chunk_bytes(pool));
	tlh_free(pool, sizeof(*pool));
}

/* Calls of @pool that have not returned. */
static bool under_way(const struct tl_calls *pool)
{
	uint32_t used = tl_load(&pool->virgin);

	for (uint32_t i = 0; i < used; i++)
		if (tl_load_acquire(&call_at(pool, i)->state) != CALL_FREE)
			return true;
	return false;
}

static int get_pool(struct kretprobe *rp)
{
	struct tl_calls *pool;

	if (rp->maxactive <= 0 && rp->data_size <= SHARED_DATA) {
		if (!tl_engine.shared_calls)
			tl_store_release(
				&tl_engine.shared_calls,
				new_pool(SHARED_DATA, SHARED_CHUNK, true));
		rp->calls = tl_engine.shared_calls;
		return rp->calls ? 0 : -TL_ENOMEM;
	}
	pool = new_pool(rp->data_size,
			rp->maxactive > 0 ? (uint32_t)rp->maxactive : OWN_CHUNK,
			rp->maxactive <= 0);
	if (!pool)
		return -TL_ENOMEM;
	pool->next = tl_engine.own_calls;
	tl_store_release(&tl_engine.own_calls, pool);
	rp->calls = pool;
	return 0;
}

void tl_retprobe_release(struct kretprobe *rp)
{
	if (rp->calls && rp->calls != tl_engine.shared_calls)
		rp->calls->dying = true;
	rp->calls = NULL;
}

static int drop_spares(struct tl_context *cx, void *arg)
{
	(void)arg;
	cx->spare = NULL;
	return 0;
}

void tl_retprobe_maintain(bool all)
{
	struct tl_calls **link = &tl_engine.own_calls;
	struct tl_calls *dead = NULL, *pool = tl_engine.shared_calls;

	tl_assert_held();
	if (pool && tl_load(&pool->low))
		add_chunk(pool);
	if (pool && all && !under_way(pool)) {
		pool->next = dead;
		dead = pool;
		tl_store_release(&tl_engine.shared_calls, NULL);
	}
	while ((pool = *link)) {
		if (!pool->dying && tl_load(&pool->low))
			add_chunk(pool);
		if (!pool->dying || under_way(pool)) {
			link = &pool->next;
			continue;
		}
		tl_store_release(link, pool->next);
		pool->next = dead;
		dead = pool;
	}
	/* Who has just put an instance back may still look at its list. */
	if (!dead || tl_grace())
		return;
	if (!tl_engine.shared_calls) /* nobody is in a section any more */
		tlh_each_context(drop_spares, NULL);
	while ((pool = dead)) {
		dead = pool->next;
		free_pool(pool);
	}
}

/* ---- is its frame gone? ------------------------------------------------------------------ */

static bool slot_has_trampoline(const struct kretprobe_instance *ri)
{
	unsigned long word;

	return !tlh_read(&word, (uintptr_t)ri->slot, sizeof(word)) &&
	       word == (unsigned long)tl_arch_return_trampoline;
}

/* Is the call of @ri over without a return, now that the stack is at @sp? */
static bool is_gone(struct kretprobe_instance *ri, uintptr_t sp)
{
	const struct call *c = call_of(ri);

	if (tl_load(&c->state) == CALL_DONE)
		return true;
	if (c->on_stack) /* nothing else is sure: stacks may lie side by side */
		return !slot_has_trampoline(ri);
	return ri->fp < sp && tl_same_stack(ri->fp, sp);
}

/* Its probe will not be told of a call: a miss, counted once. */
static void miss_call(struct kretprobe_instance *ri, enum call_state state)
{
	struct kretprobe *rp = tl_load_acquire(&ri->rp);
	uint8_t old = CALL_ACTIVE;

	if (__atomic_compare_exchange_n(&call_of(ri)->state, &old, state, false,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED) &&
	    rp)
		tl_add(&rp->nmissed, 1);
}

static void drop(struct kretprobe_instance **link)
{
	struct kretprobe_instance *ri = *link;

	*link = ri->next;
	miss_call(ri, CALL_FREE);
	put_call(ri);
}

/*
 * Drop all that is gone of the shadow stack.  Where nothing is, as in a deep
 * recursion, that is much work for nothing: so not again before about as many
 * calls were missed as instances were looked at in vain.
 */
static bool drop_gone(struct tl_context *cx, uintptr_t sp)
{
	struct kretprobe_instance **link = &cx->returns;
	unsigned int vain = 0;

	if (cx->misses) {
		cx->misses--;
		return false;
	}
	while (*link)
		if (is_gone(*link, sp)) {
			drop(link);
		} else {
			vain++;
			link = &(*link)->next;
		}
	cx->misses = vain / 2;
	return true;
}

/* ---- entry ---------------------------------------------------------------- */

/*
 * The place in the shadow stack for a call with its stack pointer at @sp: in
 * front of the first that is not lower.  Lower ones are on other stacks or were
 * left by longjmp; where there are many, look now and then whether the last is
 * gone.
 */
static struct kretprobe_instance **place_of(struct tl_context *cx, uintptr_t sp)
{
	struct kretprobe_instance **link = &cx->returns, **last = NULL;
	unsigned int lower = 0;

	while (*link && (*link)->fp < sp) {
		if (tl_load(&call_of(*link)->state) == CALL_DONE) {
			drop(link);
			continue;
		}
		last = link;
		lower++;
		link = &(*link)->next;
	}
	if (lower < MANY_LOWER || cx->entered % MANY_LOWER ||
	    !is_gone(*last, sp))
		return link;
	drop(last);
	return last;
}

/*
 * Where does the call return to whose place is @link?  If a return probe has
 * swapped its address already, the first instance there knows; 0: nobody does.
 */
static unsigned long true_return(struct kretprobe_instance **link, uintptr_t sp,
				 const unsigned long *slot, bool *chained)
{
	*chained = *slot == (unsigned long)tl_arch_return_trampoline;
	if (*chained)
		return *link && (*link)->fp == sp ? (*link)->ret_addr : 0;
	/* A new address is in the slot: whoever had it before is gone. */
	while (*link && (*link)->fp == sp && call_of(*link)->on_stack)
		drop(link);
	return *slot;
}

int tl_retprobe_enter(struct tl_context *cx, struct kprobe *p,
		      struct pt_regs *regs)
{
	struct kretprobe *rp = tl_retprobe_of(p);
	unsigned long *slot = tl_arch_return_slot(regs);
	uintptr_t sp = tl_arch_sp(regs);
	struct kretprobe_instance **link;
	unsigned long to;
	struct call *c;
	bool chained;

	link = place_of(cx, sp);
	to = true_return(link, sp, slot, &chained);
	c = to ? take_spare(cx, rp->calls) : NULL;
	if (!c && to)
		c = take_call(rp->calls, sp);
	if (!c && to && drop_gone(cx, sp)) {
		link = place_of(cx, sp);
		c = take_call(rp->calls, sp);
	}
	if (!c) {
		tl_add(&rp->nmissed, 1);
		return 0;
	}
	c->on_stack = (uintptr_t)slot == sp;
	c->chained = chained;
	c->ri.ret_addr = to;
	c->ri.slot = slot;
	c->ri.fp = sp;
	tl_store(&c->ri.rp, rp);
	if (rp->entry_handler && rp->entry_handler(&c->ri, regs)) {
		keep_call(cx, &c->ri);
		return 0;
	}
	tl_store_release(&c->state, CALL_ACTIVE);
	c->ri.next = *link;
	tl_compiler_fence();
	*link = &c->ri;
	tl_compiler_fence();
	*slot = (unsigned long)tl_arch_return_trampoline;
	return 0;
}

/*
 * The pre handler that every return probe has.  trap.c knows it and calls
 * tl_retprobe_enter(), with the context that it has already.
 */
static int enter_function(struct kprobe *p, struct pt_regs *regs)
{
	struct tl_context *cx = tlh_context();

	return cx ? tl_retprobe_enter(cx, p, regs) : 0;
}

bool tl_probe_is_return(const struct kprobe *p)
{
	return p->pre_handler == enter_function;
}

/* ---- return --------------------------------------------------------------------------------- */

/* The stack pointer with which @ri returns. */
static uintptr_t returns_with(struct kretprobe_instance *ri)
{
	return ri->fp + (call_of(ri)->on_stack ? sizeof(long) : 0);
}

/*
 * The place of the newest instance that returns now: the one whose slot it was;
 * else (the function took its arguments off the stack) the nearest below.
 */
static struct kretprobe_instance **returning(struct tl_context *cx,
					     uintptr_t sp)
{
	struct kretprobe_instance **link = &cx->returns, **below = NULL;

	for (; *link && returns_with(*link) <= sp; link = &(*link)->next)
		if (!below || (*below)->fp != (*link)->fp)
			below = link;
	return below;
}

static void call_handler(struct tl_section *s, struct kretprobe_instance *ri,
			 struct pt_regs *regs)
{
	struct kretprobe *rp = tl_load_acquire(&ri->rp);

	if (!rp || !rp->handler || !tl_gate_open())
		return;
	if (s->nested) {
		tl_add(&rp->nmissed, 1);
		return;
	}
	tl_section_probe(s, rp->kp.point, &rp->kp);
	rp->handler(ri, regs);
	tl_section_probe(s, NULL, NULL);
}

static unsigned long finish_call(struct tl_section *s,
				 struct kretprobe_instance **link,
				 struct pt_regs *regs)
{
	struct kretprobe_instance *ri = *link;
	unsigned long to = ri->ret_addr;
	unsigned long fp = ri->fp;
	bool more = true;

	tl_arch_set_ip(regs, to);
	for (; ri && ri->fp == fp && more; ri = ri->next) {
		call_handler(s, ri, regs); /* K1: newest first */
		more = call_of(ri)->chained;
	}
	for (; ri && ri->fp == fp; ri = ri->next)
		miss_call(ri, CALL_FREE); /* left by longjmp */
	while ((ri = *link) && ri->fp == fp) {
		*link = ri->next;
		if (s->nested)
			put_call(ri);
		else
			keep_call(s->cx, ri); /* K5 */
	}
	return to;
}

/* The address that a call of another context, or of none, returns to. */
static unsigned long search_pool(const struct tl_calls *pool, uintptr_t sp)
{
	uint32_t used = tl_load(&pool->virgin);
	unsigned long to = 0;

	for (uint32_t i = 0; i < used; i++) {
		struct call *c = call_at(pool, i);

		if (tl_load_acquire(&c->state) != CALL_ACTIVE ||
		    returns_with(&c->ri) != sp)
			continue;
		to = c->ri.ret_addr;
		/* Its context takes it off its shadow stack when it sees it. */
		miss_call(&c->ri, CALL_DONE);
	}
	return to;
}

/* A coroutine that went on in another thread.  Slow, and seldom. */
static unsigned long search_everywhere(uintptr_t sp)
{
	const struct tl_calls *pool = tl_load_acquire(&tl_engine.shared_calls);
	unsigned long to = pool ? search_pool(pool, sp) : 0;
	unsigned long other;

	pool = tl_load_acquire(&tl_engine.own_calls);
	for (; pool; pool = tl_load_acquire(&pool->next)) {
		other = search_pool(pool, sp);
		to = other ? other : to;
	}
	return to;
}

unsigned long tl_return_hit(struct pt_regs *regs)
{
	struct kretprobe_instance **link = NULL;
	uintptr_t sp = tl_arch_sp(regs);
	unsigned long to = 0;
	struct tl_section s;

	tl_section_enter(&s, sp);
	if (s.cx)
		link = returning(s.cx, sp);
	if (!link || returns_with(*link) != sp)
		to = search_everywhere(sp);
	if (!to && link)
		to = finish_call(&s, link, regs);
	else
		tl_arch_set_ip(regs, to);
	tl_section_leave(&s);
	return to;
}

/* ---- registration ---------------------------------------------------------------------------- */

void tl_retprobe_forget(struct kretprobe *rp)
{
	const struct tl_calls *pool = rp->calls;
	uint32_t used = pool ? tl_load(&pool->virgin) : 0;

	for (uint32_t i = 0; i < used; i++) {
		struct call *c = call_at(pool, i);

		if (tl_load(&c->ri.rp) == rp)
			tl_store_release(&c->ri.rp, NULL);
	}
}

/* Is the place one where the return address is still in its slot? */
static int check_entry(const struct kretprobe *rp)
{
	const struct kprobe *p = &rp->kp;
	uintptr_t addr = (uintptr_t)p->addr, start, end;
	int err;

	if (!p->addr == !p->symbol_name)
		return -TL_EINVAL;
	if (p->symbol_name) {
		err = tl_lookup(p->symbol_name, &addr);
		if (err)
			return err;
	}
	addr += p->offset;
	if (!tl_function(addr, &start, &end))
		return start == addr ? 0 : -TL_EINVAL;
	return p->offset ? -TL_EINVAL : 0; /* nobody knows better */
}

static int prepare(struct kretprobe *rp)
{
	int err = check_entry(rp);

	if (err)
		return err;
	if (tl_probe_registered(&rp->kp))
		return -TL_EINVAL;
	if (rp->data_size > DATA_MAX)
		return -TL_E2BIG;
	err = get_pool(rp);
	if (err)
		return err;
	rp->kp.pre_handler = enter_function;
	rp->kp.post_handler = NULL;
	rp->nmissed = 0;
	return 0;
}

/* Remove those of @rps that are registered; free what they had. */
static void remove_some(struct kretprobe **rps, int num)
{
	struct kprobe *kps[TL_REGISTER_SOME];

	for (int i = 0; i < num; i++)
		kps[i] = &rps[i]->kp;
	tl_probes_remove(kps, num);
	for (int i = 0; i < num; i++)
		tl_retprobe_forget(rps[i]);
	tl_grace();
	for (int i = 0; i < num; i++)
		tl_retprobe_release(rps[i]);
	tl_retprobe_maintain(false);
}

/* Up to TL_REGISTER_SOME of them, with the lock held. */
static int add_some(struct kretprobe **rps, int num, int *errs,
		    enum tl_why *whys, bool all)
{
	struct kprobe *kps[TL_REGISTER_SOME];
	int local[TL_REGISTER_SOME];
	enum tl_why why[TL_REGISTER_SOME];
	int index[TL_REGISTER_SOME];
	int n = 0, ret, first = 0;

	tl_retprobe_maintain(false);
	for (int i = 0; i < num; i++) {
		int err = prepare(rps[i]);

		if (errs)
			errs[i] = err;
		if (whys)
			whys[i] = TL_WHY_NONE;
		first = first ? first : err;
		if (err)
			continue;
		index[n] = i;
		kps[n++] = &rps[i]->kp;
	}
	if (all && first)
		n = 0;
	ret = n ? tl_probes_add(kps, n, local, why, all) : 0;
	for (int k = 0; k < n; k++) {
		if (errs)
			errs[index[k]] = local[k];
		if (whys)
			whys[index[k]] = why[k];
	}
	for (int i = 0; i < num; i++)
		if (!tl_probe_registered(&rps[i]->kp))
			tl_retprobe_release(rps[i]);
	return all && first ? first : ret;
}

int tl_register_each_return(struct kretprobe **rps, int num, int *errs,
			    enum tl_why *why)
{
	int good = 0;

	if (num <= 0)
		return -TL_EINVAL;
	tl_lock();
	for (int i = 0; i < num; i += TL_REGISTER_SOME) {
		int n = num - i < TL_REGISTER_SOME ? num - i : TL_REGISTER_SOME;

		good += add_some(rps + i, n, errs ? errs + i : NULL,
				 why ? why + i : NULL, false);
	}
	tl_unlock();
	return good;
}

int register_kretprobes(struct kretprobe **rps, int num)
{
	int err = 0, done = 0;

	if (num <= 0)
		return -TL_EINVAL;
	tl_lock();
	while (done < num && err >= 0) {
		int n = num - done < TL_REGISTER_SOME ? num - done
						      : TL_REGISTER_SOME;

		err = add_some(rps + done, n, NULL, NULL, true);
		if (err >= 0)
			done += n;
	}
	tl_unlock();
	if (err >= 0)
		return 0;
	if (done)
		unregister_kretprobes(rps, done);
	return err;
}

int register_kretprobe(struct kretprobe *rp)
{
	return register_kretprobes(&rp, 1);
}

void unregister_kretprobes(struct kretprobe **rps, int num)
{
	tl_lock();
	for (int i = 0; i < num; i += TL_REGISTER_SOME) {
		int n = num - i < TL_REGISTER_SOME ? num - i : TL_REGISTER_SOME;

		for (int k = i; k < i + n; k++) {
			struct kprobe *p = &rps[k]->kp;

			if (tl_probe_registered(p))
				p->flags |= TL_FLAG_REMOVE;
			else
				p->addr = NULL;
		}
		remove_some(rps + i, n);
	}
	tl_unlock();
}

void unregister_kretprobe(struct kretprobe *rp)
{
	unregister_kretprobes(&rp, 1);
}

/* ---- leaving ------------------------------------------------------------------------------------ */

static int restore_context(struct tl_context *cx, void *arg)
{
	struct kretprobe_instance *ri = cx->returns;
	int *left = arg;

	for (; ri; ri = ri->next) {
		unsigned long old = (unsigned long)tl_arch_return_trampoline;

		if (tl_load(&call_of(ri)->state) == CALL_DONE)
			continue;
		if (!call_of(ri)->on_stack)
			++*left;
		else if (slot_has_trampoline(ri))
			__atomic_compare_exchange_n(
				ri->slot, &old, ri->ret_addr, false,
				__ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
	return 0;
}

int tl_returns_restore(void)
{
	int left = 0;
	int begun;

	tl_lock();
	begun = tlh_patch_begin();
	tlh_each_context(restore_context, &left);
	if (begun >= 0)
		tlh_patch_end();
	tl_unlock();
	return left ? -TL_EBUSY : 0;
}

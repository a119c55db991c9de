/* SPDX-License-Identifier: MIT */
/*
 * calls.c - memory for calls that are followed
 *
 * What follows a call needs no memory from anybody: instances come from pools
 * that are filled in task context.  Most are small and come from one pool that
 * all probes share and that grows; a probe with maxactive or much data has its
 * own.  A free instance lies on one of several lists, chosen by stack address so
 * that threads seldom meet.  Each list is a stack of indices, its head one 64-bit
 * word with a tag that every change counts up (no change goes unseen: ABA), and
 * memory that once belonged to a pool stays readable as long as the pool is there.
 *
 * Where memory is taken before it is used (a kernel) a pool begins small; where
 * it is not (a process) its first piece is as large as the host says, so that it
 * need not wait for task context in the middle of a deep recursion.
 */
#include "calls.h"

#define LISTS	     TL_CALL_LISTS
#define SHARED_DATA  64
#define SHARED_CHUNK 16384 /* instances; halved until the host has so much */
#define OWN_CHUNK    256
#define CHUNK_BYTES  (128u << 20) /* at most */

/* ---- pools: taking and putting back ---------------------------------------------- */

struct call *tl_call_at(const struct tl_calls *pool, uint32_t index)
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
		struct call *c = tl_call_at(pool, (uint32_t)old - 1);
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
	c = tl_call_at(pool, index);
	c->index = index;
	c->pool = pool;
	return c;
}

struct call *tl_call_take(struct tl_calls *pool, uintptr_t sp)
{
	unsigned int list = list_of(sp);
	struct call *c = pop(pool, list);

	if (!c)
		c = take_virgin(pool);
	for (unsigned int i = 1; !c && i < LISTS; i++)
		c = pop(pool, (list + i) % LISTS);
	return c;
}

void tl_call_put(struct kretprobe_instance *ri)
{
	struct call *c = tl_call_of(ri);

	tl_store_release(&c->state, CALL_FREE);
	push(c->pool, list_of(ri->fp), c);
}

void tl_call_miss(struct kretprobe_instance *ri, enum call_state state)
{
	struct kretprobe *rp = tl_load_acquire(&ri->rp);
	uint8_t old = CALL_ACTIVE;

	if (__atomic_compare_exchange_n(&tl_call_of(ri)->state, &old, state,
					false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED) &&
	    rp)
		tl_return_missed(rp);
}

/* ---- pools: making and freeing ------------------------------------------------------ */

static size_t chunk_bytes(const struct tl_calls *pool)
{
	return (size_t)pool->per_chunk * pool->size;
}

static int add_chunk(struct tl_calls *pool)
{
	char *chunk;

	if (pool->chunks == TL_CALL_CHUNKS)
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
		if (tl_load_acquire(&tl_call_at(pool, i)->state) != CALL_FREE)
			return true;
	return false;
}

/* How many instances, with @data bytes each, a pool that grows begins with. */
static uint32_t first_chunk(size_t data, uint32_t least)
{
	uint32_t most = CHUNK_BYTES / (sizeof(struct call) + data);
	uint32_t n = tl_host_ops->calls;

	n = n < most ? n : most;
	return n > least ? n : least;
}

int tl_calls_get_pool(struct kretprobe *rp)
{
	struct tl_calls *pool;

	if (rp->maxactive <= 0 && rp->data_size <= SHARED_DATA) {
		if (!tl_engine.shared_calls)
			tl_store_release(
				&tl_engine.shared_calls,
				new_pool(SHARED_DATA,
					 first_chunk(SHARED_DATA, SHARED_CHUNK),
					 true));
		rp->calls = tl_engine.shared_calls;
		return rp->calls ? 0 : -TL_ENOMEM;
	}
	pool = new_pool(rp->data_size,
			rp->maxactive > 0
				? (uint32_t)rp->maxactive
				: first_chunk(rp->data_size, OWN_CHUNK),
			rp->maxactive <= 0);
	if (!pool)
		return -TL_ENOMEM;
	pool->next = tl_engine.own_calls;
	tl_store_release(&tl_engine.own_calls, pool);
	rp->calls = pool;
	return 0;
}

void tl_calls_release(struct kretprobe *rp)
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

/* Pools that were to be freed, and may be in use: next time. */
static void keep(struct tl_calls *dead, struct tl_calls *shared)
{
	struct tl_calls *pool;

	while ((pool = dead)) {
		dead = pool->next;
		if (pool == shared) {
			tl_store_release(&tl_engine.shared_calls, pool);
			continue;
		}
		pool->next = tl_engine.own_calls;
		tl_store_release(&tl_engine.own_calls, pool);
	}
}

void tl_retprobe_maintain(bool all)
{
	struct tl_calls **link = &tl_engine.own_calls;
	struct tl_calls *dead = NULL, *pool = tl_engine.shared_calls;
	struct tl_calls *shared = pool;

	tl_assert_held();
	if (pool && tl_load(&pool->low))
		add_chunk(pool);
	if (pool && all)
		tl_exits_purge(pool);
	if (pool && all && !under_way(pool)) {
		pool->next = dead;
		dead = pool;
		tl_store_release(&tl_engine.shared_calls, NULL);
	}
	while ((pool = *link)) {
		if (!pool->dying && tl_load(&pool->low))
			add_chunk(pool);
		if (pool->dying)
			tl_exits_purge(pool);
		if (!pool->dying || under_way(pool)) {
			link = &pool->next;
			continue;
		}
		tl_store_release(link, pool->next);
		pool->next = dead;
		dead = pool;
	}
	/* Who has just put an instance back may still look at its list. */
	if (!dead && !tl_engine.dead_exits)
		return;
	if (tl_grace()) {
		keep(dead, shared);
		return;
	}
	tl_exits_bury();
	if (!tl_engine.shared_calls) { /* nobody is in a section any more */
		tlh_each_context(drop_spares, NULL);
		tl_exits_reset();
	}
	while ((pool = dead)) {
		dead = pool->next;
		free_pool(pool);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * mem.c - small objects from the host's memory
 *
 * The host may well hand out whole pages, so objects are cut from chunks and
 * kept for the next one when they are put back.  Chunks go back to the host
 * only when the pool is emptied.
 */
#include "locks.h"

#define CHUNK_BYTES 16384

struct chunk {
	struct chunk *next;
	size_t size;
	char objects[] __attribute__((aligned(16)));
};

void tl_bytes_copy(void *dst, const void *src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	while (n--)
		*d++ = *s++;
}

void tl_bytes_zero(void *dst, size_t n)
{
	uint8_t *d = dst;

	while (n--)
		*d++ = 0;
}

static bool grow(struct tl_pool *pool)
{
	size_t bytes = CHUNK_BYTES;
	struct chunk *c;
	char *object;

	c = tlh_alloc(bytes);
	if (!c)
		return false;
	c->size = bytes;
	c->next = pool->chunks;
	pool->chunks = c;
	object = (char *)c + bytes - pool->size;
	for (; object >= c->objects; object -= pool->size) {
		*(void **)object = pool->unused;
		pool->unused = object;
	}
	return true;
}

/* Zeroed, aligned to 16.  NULL: the host has no memory. */
void *tl_pool_get(struct tl_pool *pool, size_t size)
{
	void *object;

	tl_assert_held();
	if (!pool->size)
		pool->size = (size + 15) & ~(size_t)15;
	if (!pool->unused && !grow(pool))
		return NULL;
	object = pool->unused;
	pool->unused = *(void **)object;
	tl_bytes_zero(object, pool->size);
	pool->in_use++;
	return object;
}

void tl_pool_put(struct tl_pool *pool, void *object)
{
	tl_assert_held();
	*(void **)object = pool->unused;
	pool->unused = object;
	pool->in_use--;
}

void tl_pool_empty(struct tl_pool *pool)
{
	struct chunk *c = pool->chunks;

	while (c) {
		struct chunk *next = c->next;

		tlh_free(c, c->size);
		c = next;
	}
	pool->chunks = NULL;
	pool->unused = NULL;
}

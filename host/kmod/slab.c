/* SPDX-License-Identifier: MIT */
/* slab.c - kmalloc() and kfree(), from the memory that the home gives the engine */

#include "kmod.h"

#include <linux/slab.h>

/* Before each block, since kfree() is not told its size. */
struct block {
	size_t size;
	size_t unused;
	char data[] __attribute__((aligned(16)));
};

static struct block *block_of(const void *p)
{
	return (struct block *)((char *)p - offsetof(struct block, data));
}

void *__kmalloc(size_t size, gfp_t flags)
{
	struct block *b;

	(void)flags;		 /* zeroed in any case */
	if (size > LONG_MAX / 2) /* so that no home's rounding wraps */
		return NULL;
	b = tlh_alloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	b->size = size;
	return b->data;
}

void kfree(const void *p)
{
	if (p)
		tlh_free(block_of(p), sizeof(struct block) + block_of(p)->size);
}

void *krealloc(const void *p, size_t size, gfp_t flags)
{
	void *to;

	if (p && size <= block_of(p)->size && size)
		return (void *)p;
	to = size ? __kmalloc(size, flags) : NULL;
	if (to && p)
		memcpy(to, p, block_of(p)->size);
	if (to || !size)
		kfree(p);
	return to;
}

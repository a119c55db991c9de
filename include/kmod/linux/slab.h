/* SPDX-License-Identifier: MIT */
/*
 * slab.h - memory
 */
#ifndef KMOD_LINUX_SLAB_H
#define KMOD_LINUX_SLAB_H

#include <linux/gfp.h>
#include <linux/string.h>

/* Aligned to 16.  May be called in handlers.  kfree(NULL) does nothing. */
void *__kmalloc(size_t size, gfp_t flags);
void *krealloc(const void *p, size_t size, gfp_t flags);
void kfree(const void *p);

static inline void *kmalloc(size_t size, gfp_t flags)
{
	return __kmalloc(size, flags);
}

static inline void *kzalloc(size_t size, gfp_t flags)
{
	return __kmalloc(size, flags | __GFP_ZERO);
}

static inline void *kmalloc_array(size_t n, size_t size, gfp_t flags)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return __kmalloc(bytes, flags);
}

static inline void *kcalloc(size_t n, size_t size, gfp_t flags)
{
	return kmalloc_array(n, size, flags | __GFP_ZERO);
}

#endif

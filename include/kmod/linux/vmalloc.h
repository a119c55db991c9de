/* SPDX-License-Identifier: MIT */
/*
 * vmalloc.h - memory, large
 */
#ifndef KMOD_LINUX_VMALLOC_H
#define KMOD_LINUX_VMALLOC_H

#include <linux/slab.h>

static inline void *vmalloc(size_t size)
{
	return __kmalloc(size, GFP_KERNEL);
}

static inline void *vzalloc(size_t size)
{
	return __kmalloc(size, GFP_KERNEL | __GFP_ZERO);
}

static inline void vfree(const void *p)
{
	kfree(p);
}

#endif

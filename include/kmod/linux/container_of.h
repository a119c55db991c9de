/* SPDX-License-Identifier: MIT */
/*
 * container_of.h - from a member to what it is in
 */
#ifndef KMOD_LINUX_CONTAINER_OF_H
#define KMOD_LINUX_CONTAINER_OF_H

#include <stddef.h>

#define container_of(ptr, type, member)                                      \
	({                                                                   \
		const __typeof__(((type *)0)->member) *kmod_m = (ptr);       \
		(type *)((char *)kmod_m - offsetof(type, member));           \
	})

#endif

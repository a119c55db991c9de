/* SPDX-License-Identifier: MIT */
/*
 * uaccess.h - memory that may not be there
 */
#ifndef KMOD_LINUX_UACCESS_H
#define KMOD_LINUX_UACCESS_H

#include <linux/errno.h>
#include <linux/types.h>

/* How many bytes could not be copied.  May be called in handlers. */
unsigned long copy_from_user(void *to, const void __user *from, unsigned long n);
unsigned long copy_to_user(void __user *to, const void *from, unsigned long n);

/* 0 or -EFAULT. */
long copy_from_kernel_nofault(void *to, const void *from, size_t n);

/* The length of the text, at most @n, or -EFAULT. */
long strncpy_from_user(char *to, const char __user *from, long n);

#define get_user(x, ptr)                                                \
	({                                                              \
		__typeof__(*(ptr)) kmod_v;                              \
		unsigned long kmod_left =                               \
			copy_from_user(&kmod_v, ptr, sizeof(kmod_v));   \
		if (!kmod_left)                                         \
			(x) = kmod_v;                                   \
		kmod_left ? -EFAULT : 0;                                \
	})
#define put_user(x, ptr)                                                  \
	({                                                                \
		__typeof__(*(ptr)) kmod_v = (x);                          \
		copy_to_user(ptr, &kmod_v, sizeof(kmod_v)) ? -EFAULT : 0; \
	})

#endif

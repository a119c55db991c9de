/* SPDX-License-Identifier: MIT */
/*
 * bug.h - what should never happen
 */
#ifndef KMOD_LINUX_BUG_H
#define KMOD_LINUX_BUG_H

#include <linux/printk.h>

#define BUG()                                                           \
	do {                                                            \
		printk(KERN_CRIT "BUG at %s:%d\n", __FILE__, __LINE__); \
		__builtin_trap();                                       \
	} while (0)
#define BUG_ON(cond)                \
	do {                        \
		if (unlikely(cond)) \
			BUG();      \
	} while (0)

#define WARN(cond, fmt, ...)                                      \
	({                                                        \
		bool kmod_warn = !!(cond);                        \
		if (unlikely(kmod_warn))                          \
			printk(KERN_WARNING fmt, ##__VA_ARGS__);  \
		kmod_warn;                                        \
	})
#define WARN_ON(cond) \
	WARN(cond, "WARNING at %s:%d\n", __FILE__, __LINE__)
#define WARN_ON_ONCE(cond)                                            \
	({                                                            \
		bool kmod_once = !!(cond);                            \
		if (unlikely(kmod_once))                              \
			printk_once(KERN_WARNING "WARNING at %s:%d\n", \
				    __FILE__, __LINE__);              \
		kmod_once;                                            \
	})

#define BUILD_BUG_ON(cond) _Static_assert(!(cond), #cond)

#endif

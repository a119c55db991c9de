/* SPDX-License-Identifier: MIT */
/*
 * init.h - where a module begins and ends
 */
#ifndef KMOD_LINUX_INIT_H
#define KMOD_LINUX_INIT_H

#include <linux/compiler.h>

/* Nothing is thrown away after the beginning. */
#define __init
#define __initdata
#define __initconst
#define __exit
#define __exitdata

typedef int (*initcall_t)(void);
typedef void (*exitcall_t)(void);

int init_module(void);
void cleanup_module(void);

/* The loader looks for init_module and cleanup_module. */
#define module_init(fn)       \
	int init_module(void) \
	{                     \
		return fn();  \
	}
#define module_exit(fn)          \
	void cleanup_module(void) \
	{                        \
		fn();            \
	}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * module.h - what a module says about itself
 */
#ifndef KMOD_LINUX_MODULE_H
#define KMOD_LINUX_MODULE_H

#include <trapline/kprobes.h>

#include <linux/export.h>
#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/ptrace.h>

#define MODULE_NAME_LEN 56

struct module {
	char name[MODULE_NAME_LEN];
	int refcnt;
};

extern struct module __this_module;
#define THIS_MODULE (&__this_module)

/* A module that is held is not unloaded. */
static inline bool try_module_get(struct module *m)
{
	if (m)
		__atomic_fetch_add(&m->refcnt, 1, __ATOMIC_RELAXED);
	return true;
}

static inline void module_put(struct module *m)
{
	if (m)
		__atomic_fetch_sub(&m->refcnt, 1, __ATOMIC_RELEASE);
}

static inline void __module_get(struct module *m)
{
	try_module_get(m);
}

/* The address of a function or variable by its name, or NULL.  Not in handlers. */
static inline void *__symbol_get(const char *symbol)
{
	return (void *)kallsyms_lookup_name(symbol);
}

static inline void __symbol_put(const char *symbol)
{
	(void)symbol; /* nothing goes while somebody looks at it */
}

/*
 * What the module was compiled for.  The loader refuses one that takes a
 * structure for larger or smaller than it is.
 */
struct kmod_abi {
	u32 magic;
	u16 version;
	u16 kprobe;
	u16 kretprobe;
	u16 instance;
	u16 regs;
	u16 param;
	u16 jprobe;
	u16 unused;
};

#define KMOD_ABI_MAGIC	 0x6d6b6c74 /* "tlkm" */
#define KMOD_ABI_VERSION 1
#define KMOD_ABI                                                             \
	{                                                                    \
		KMOD_ABI_MAGIC, KMOD_ABI_VERSION, sizeof(struct kprobe),     \
			sizeof(struct kretprobe),                            \
			sizeof(struct kretprobe_instance),                   \
			sizeof(struct pt_regs), sizeof(struct kmod_param),   \
			sizeof(struct jprobe), 0                             \
	}

#ifdef MODULE
static const struct kmod_abi kmod_abi __used __section(".kmod_abi")
	__aligned(4) = KMOD_ABI;
#endif

/* "tag=text", as the kernel keeps it: for those who read the file. */
#define KMOD_INFO_NAME_OF(tag, line) kmod_info_##tag##line
#define KMOD_INFO_NAME(tag, line)    KMOD_INFO_NAME_OF(tag, line)
#define MODULE_INFO(tag, text)                                             \
	static const char KMOD_INFO_NAME(tag, __COUNTER__)[] __used        \
		__section(".modinfo") __aligned(1) = #tag "=" text

#define MODULE_LICENSE(text)	 MODULE_INFO(license, text)
#define MODULE_AUTHOR(text)	 MODULE_INFO(author, text)
#define MODULE_DESCRIPTION(text) MODULE_INFO(description, text)
#define MODULE_VERSION(text)	 MODULE_INFO(version, text)
#define MODULE_ALIAS(text)	 MODULE_INFO(alias, text)
#define MODULE_SOFTDEP(text)	 MODULE_INFO(softdep, text)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * kprobes.h - probes
 */
#ifndef KMOD_LINUX_KPROBES_H
#define KMOD_LINUX_KPROBES_H

#include <trapline/kprobes.h>

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kallsyms.h>
#include <linux/kconfig.h>
#include <linux/ptrace.h>
#include <linux/string.h>
#include <linux/types.h>

/* Nobody need say what may not be probed: it is found out. */
#define __kprobes
#define nokprobe_inline		inline
#define NOKPROBE_SYMBOL(name) _Static_assert(1, "")

#endif

/* SPDX-License-Identifier: MIT */
/*
 * kmod.h - what modules find in any home, and what a home's loader asks of it
 *
 * exports.c lists the names.  Strings, formats and parameters are here; what is
 * not the same everywhere (memory, time, tasks, locks, printing) is the home's,
 * by the names that the headers of include/kmod give it.
 */
#ifndef TL_KMOD_H
#define TL_KMOD_H

#include <trapline/host.h>

#include <linux/module.h>
#include <linux/string.h>

#pragma GCC visibility push(hidden)

/* The parameters of a module: its section __param, and what they point into. */
struct tl_params {
	const struct kmod_param *rows;
	size_t n;
	char *args;
	size_t args_size;
};

/*
 * Set @p from @text.  0, or a negative code after a line in the log that begins
 * with the module's name, @module.  p->args is then the caller's.  Context: task.
 */
int tl_kmod_params(struct tl_params *p, const char *module, const char *text);

/* The address of what modules find under @name, or 0. */
uintptr_t tl_kmod_export(const char *name);

/*
 * Supplied by the home: what the breakpoints of @task hang on; NULL: it is none that
 * could have any, or has ended.  Context: task.
 */
struct task_struct;
struct tl_bp_thread;
struct tl_bp_thread *tl_kmod_thread(struct task_struct *task);

/* Supplied by the home: a line in the log.  Context: any. */
void tl_kmod_say(const char *fmt, ...) __printf(1, 2);

#pragma GCC visibility pop

#endif

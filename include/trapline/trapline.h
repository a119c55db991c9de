/* SPDX-License-Identifier: MIT */
/*
 * trapline.h - libtrapline: probes in one's own process
 *
 * A program includes <trapline/kprobes.h>, links with libtrapline, and registers
 * probes; that is all.  What is declared here is what a program may want to say
 * or ask besides.
 */
#ifndef TRAPLINE_TRAPLINE_H
#define TRAPLINE_TRAPLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/*
 * Set up the library: its SIGTRAP handler, its tables, and its probes at the C
 * library's sigaction() and pthread_sigmask(), by which the program sees of its
 * signals what it would without probes.  The first registration does it too;
 * calling it earlier makes it happen while there is one thread, and none that
 * blocks SIGTRAP.  0, or a negative number of <trapline/errno.h>.  Not to be
 * called in a signal handler.
 */
int trapline_init(void);

/*
 * Say that no handler uses vector registers (they are compiled with
 * -mgeneral-regs-only, or target("general-regs-only"), and so is what they call): detours then
 * need not keep them, which makes a hit some nanoseconds cheaper and takes 2 KiB less of
 * the stack.  To be called before the first registration.
 */
void trapline_general_regs_only(void);

/*
 * May the trapline command arm probes in this process, by this library?  As at
 * first: yes.  Whoever may trace the process can, as in any other; `false` is a
 * wish that the command respects.  A session that is there goes on, and can
 * always be ended.  Context: any.
 */
void trapline_serve(bool yes);

/* ---- hardware breakpoints --------------------------------------------------- */

struct tl_bp_thread;

/*
 * The thread with number @tid (gettid(); 0: the caller) of this process, for
 * register_user_hw_breakpoint() of <trapline/hw_breakpoint.h>.  NULL: there is none.
 * It is valid as long as the thread lives; unregister what was registered for
 * it, before or after its end.  Context: task.
 */
struct tl_bp_thread *trapline_thread(int tid);

/* ---- modules --------------------------------------------------------------- */

/*
 * A module is a C file in the manner of a Linux kernel module (module_init(),
 * module_param(), register_kprobe(), pr_info()), compiled to an object against
 * the headers of include/kmod (pkg-config: trapline-kmod).
 *
 * None of these is to be called in a handler, nor by a module.
 */

/*
 * Load the module in the object file @path and call its beginning.  @params:
 * `name=value name="two words"`, or NULL.  The module is called like its file,
 * without folder and ".o", with '_' for '-'.
 *
 * 0; what the module's beginning returned, if that is negative; -TL_ENOEXEC: no
 * module, or not for this library; -TL_ENOENT: no such file, a symbol or a parameter that is
 * not there; -TL_EINVAL, -TL_ERANGE, -TL_ENOSPC: a parameter's value; -TL_EEXIST:
 * there is a module of this name; -TL_ENOMEM.  A line in the log says more.  On
 * failure nothing is left of it.
 */
int trapline_insmod(const char *path, const char *params);

/*
 * Call the end of module @name and unload it.  0; -TL_ENOENT: no such module;
 * -TL_EBUSY: somebody holds it, or it has no end, or it has ended and left a
 * probe registered: its memory then stays, and a later call tries again.
 */
int trapline_rmmod(const char *name);

struct trapline_module {
	const char *name;
	uintptr_t start; /* of its code and data */
	size_t size;
	bool over; /* it has ended, and could not be unloaded */
};

/*
 * Call @fn for each module, the newest first, until it returns non-zero; returns
 * what it returned last, or 0.  @fn must not load or unload.
 */
int trapline_lsmod(int (*fn)(const struct trapline_module *m, void *arg),
		   void *arg);

/*
 * Where the log goes: what modules print, and why one was refused.  NULL, as at
 * first: standard error.  @fn gets a line or a part of one, without a zero at
 * its end, and Linux's level (3: error, 6: information).  It may be called in
 * handlers, and by several threads at once.
 */
void trapline_print_to(void (*fn)(int level, const char *text, size_t len));

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif

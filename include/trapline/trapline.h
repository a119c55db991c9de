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

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/*
 * Set up the library: its SIGTRAP handler, its tables.  The first registration
 * does it too; calling it earlier makes it happen while there is one thread.  0,
 * or a negative number of <trapline/errno.h>.  Not to be called in a signal
 * handler.
 */
int trapline_init(void);

/*
 * Say that no handler uses vector registers (they are compiled with
 * -mgeneral-regs-only, or target("general-regs-only"), and so is what they call): detours then
 * need not keep them, which makes a hit some nanoseconds cheaper and takes 2 KiB less of
 * the stack.  To be called before the first registration.
 */
void trapline_general_regs_only(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif

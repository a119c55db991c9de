/* SPDX-License-Identifier: MIT */
/*
 * regs.h - struct pt_regs: the registers that a handler sees and may change
 *
 * One layout for each architecture, Linux's own, with both spellings of the
 * x86-64 names (`ip` and `rip`).  <linux/ptrace.h> and <asm/ptrace.h> define the
 * same name with the same layout; a file that includes one of them too defines
 * TRAPLINE_NO_PT_REGS first, and uses theirs.
 */
#ifndef TRAPLINE_REGS_H
#define TRAPLINE_REGS_H

#include <stdint.h>

#ifndef TRAPLINE_NO_PT_REGS
#if defined(__x86_64__)
#include <trapline/regs_x86.h>
#elif defined(__aarch64__)
#include <trapline/regs_arm64.h>
#else
#error "trapline: no struct pt_regs for this architecture"
#endif
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * regs.h - struct pt_regs: the registers that a handler sees and may change
 *
 * One layout for each architecture, Linux's own, with both spellings of the
 * x86-64 names (`ip` and `rip`).
 *
 * <asm/ptrace.h> (and <linux/ptrace.h>, which includes it) defines the same
 * name with the same layout, but with one spelling only (`rip`).  If it was
 * included before, its structure is used, and the functions below work with it.
 * A file that includes it after this header defines TRAPLINE_NO_PT_REGS before
 * both, uses theirs, and has none of the functions.  <trapline/kprobes.h> does
 * not care: it only names the structure.
 */
#ifndef TRAPLINE_REGS_H
#define TRAPLINE_REGS_H

#include <stdint.h>

/* Theirs: x86 says so by the name of its guard. */
#if defined(_ASM_X86_PTRACE_H)
#define TL_FOREIGN_PT_REGS
#endif

#ifndef TRAPLINE_NO_PT_REGS
#if defined(__x86_64__)
#include <trapline/regs_x86.h>
#elif defined(__aarch64__)
#include <trapline/regs_arm64.h>
#else
#error "trapline: no struct pt_regs for this architecture"
#endif
#endif

#undef TL_FOREIGN_PT_REGS

#endif

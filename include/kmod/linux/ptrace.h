/* SPDX-License-Identifier: MIT */
/*
 * ptrace.h - struct pt_regs and its functions
 */
#ifndef KMOD_LINUX_PTRACE_H
#define KMOD_LINUX_PTRACE_H

#include <trapline/regs.h>

/* Was the interrupted code user code?  In a process it always is. */
#define user_mode(regs) tl_regs_user(regs)

#endif

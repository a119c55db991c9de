/* SPDX-License-Identifier: MIT */
/*
 * ptrace.h - struct pt_regs and its functions
 */
#ifndef KMOD_LINUX_PTRACE_H
#define KMOD_LINUX_PTRACE_H

#include <trapline/regs.h>

#define user_mode(regs) ((void)(regs), 1)

#endif

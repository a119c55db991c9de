/* SPDX-License-Identifier: MIT */
/*
 * regs.h - struct pt_regs is Linux's own
 */
#include <linux/ptrace.h>

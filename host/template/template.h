/* SPDX-License-Identifier: MIT */
/* template.h - what your vectors call; see vectors.c */
#ifndef HOST_TEMPLATE_H
#define HOST_TEMPLATE_H

#include <stdbool.h>

struct pt_regs;

/*
 * Was the exception that led to @regs a probe's?  Context: trap, interrupts
 * off.
 */
bool template_breakpoint(struct pt_regs *regs);
bool template_step(struct pt_regs *regs);
bool template_fault(struct pt_regs *regs);

#endif

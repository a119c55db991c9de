/* SPDX-License-Identifier: MIT */
/*
 * next.c - where a thread of x86-64 comes to behind an instruction
 *
 * The CPU tells of an access when it has been made, and the kernel lets an
 * instruction with a breakpoint on it run (RF): there is nothing to step over.
 */
#include "own/own.h"

#pragma GCC visibility push(hidden)

unsigned int tl_machine_over(const struct pt_regs *regs, uintptr_t at[2])
{
	(void)regs;
	(void)at;
	return 0;
}

bool tl_machine_steps_over(void)
{
	return false;
}

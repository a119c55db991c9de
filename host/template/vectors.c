/* SPDX-License-Identifier: MIT */
/*
 * vectors.c - the three calls that an embedder's vectors make
 *
 * Save all registers as <trapline/regs.h> lays them out, call the function for
 * the exception, and restore the registers, which may have changed.  True: it
 * was a probe's, return from the exception.  False: it was not; go on with
 * what your kernel does about it.
 *
 *     exception           x86-64       arm64
 *     breakpoint          #BP (3)      BRK       template_breakpoint()
 *     single step         #DB (1)      step      template_step()
 *     fault               #PF, #GP, …  aborts    template_fault()
 *
 * x86-64: carrying out a probed call or push may write below the interrupted
 * stack pointer, where the CPU has just put its own frame.  Leave a gap: move
 * the frame down by 64 bytes or more before you save the other registers.
 */

#include "template.h"
#include <trapline/trap.h>

bool template_breakpoint(struct pt_regs *regs)
{
	return tl_trap_breakpoint(regs);
}

bool template_step(struct pt_regs *regs)
{
	return tl_trap_step(regs);
}

bool template_fault(struct pt_regs *regs)
{
	return tl_trap_fault(regs);
}

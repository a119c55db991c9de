/* SPDX-License-Identifier: MIT */
/*
 * trap.h - what a home's vectors call
 *
 * An embedder calls the three functions below from the vectors for breakpoints,
 * single steps and faults, with the registers of the interrupted code and
 * interrupts off; true means "ours: return to @regs as they now are", false "not
 * ours: go on as if Trapline were not there".
 */
#ifndef TRAPLINE_TRAP_H
#define TRAPLINE_TRAP_H

#include <stdbool.h>
#include <stdint.h>

struct pt_regs;
struct tl_context;

/*
 * A breakpoint instruction was executed.  @regs as the CPU left them: on x86 the
 * instruction pointer is one past it.  Also true when no breakpoint is in memory there any
 * more (it was removed meanwhile): @regs then lead back to the instruction
 * itself.  Context: trap; uses no lock and never sleeps.
 */
bool tl_trap_breakpoint(struct pt_regs *regs);

/* A single step ended.  Context: as above. */
bool tl_trap_step(struct pt_regs *regs);

/*
 * A fault happened at @regs.  If that is in a slot, @regs are put back to the
 * probed instruction, as if it had faulted there, and the answer is still
 * false: the fault is the program's own.  Context: as above.
 */
bool tl_trap_fault(struct pt_regs *regs);

/*
 * For homes that show registers of interrupted code to the program, as a signal
 * does.  show: if @regs are in a copy, at a moment that the original has, too,
 * make them those of the original; *@resume is then where to go on instead, and
 * else unchanged.  resume: where to go on at @ip with the stack pointer @sp, if
 * the program says so: in a copy, if @ip is covered by a jump.
 * Context: any.
 */
bool tl_trap_show(struct pt_regs *regs, uintptr_t *resume);
uintptr_t tl_trap_resume(uintptr_t ip, uintptr_t sp);

/*
 * The thread of @cx has ended, whatever ran in it, and another one is to have
 * the context: the caller.  Only for homes whose threads may end in a handler.
 * Context: any.
 */
void tl_trap_thread_ended(struct tl_context *cx);

#endif

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

#include <trapline/hw_breakpoint.h>

struct pt_regs;
struct tl_context;

/*
 * A breakpoint instruction was executed.  @regs as the CPU left them: on x86 the
 * instruction pointer is one past it.  Also true when no breakpoint is in memory there any
 * more (it was removed meanwhile): @regs then lead back to the instruction
 * itself.  Context: trap; uses no lock and never sleeps.
 */
bool tl_trap_breakpoint(struct pt_regs *regs);

/*
 * A single step ended.  False, also if one of ours did: somebody else waited for the
 * same instruction.  Context: as above.
 */
bool tl_trap_step(struct pt_regs *regs);

/*
 * For kernels with debug registers, on architectures that step over a breakpoint
 * that was hit.  steps: does this CPU execute one instruction next, and then take a
 * single step for us?  A thread that is to get a signal gets it after that.  user: a
 * thread came to the kernel by anything but a debug exception or an interrupt; what
 * was to be stepped is not any more.  Context: trap, interrupts off.
 */
bool tl_trap_steps(void);
void tl_trap_user(struct pt_regs *regs);

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

/* ---- hardware breakpoints ------------------------------------------------- */

/*
 * For homes with debug registers (struct tl_debug_ops of host.h).  One without
 * calls nothing of this.
 */

#define TL_DEBUG_SIGNAL 1u /* the current thread is to get one SIGTRAP */

/*
 * A debug exception came.  @status: what its status register said, which the
 * vector has read once and reset, because no CPU clears it.  What was ours is
 * cleared in it; the rest (a single step, somebody else's) is for the next in line, also
 * when something was ours.  Returns TL_DEBUG_SIGNAL or 0: a thread's breakpoint
 * asks for a signal, one for all that came together; the kernel's do not.
 * Breakpoints are off while triggered() functions run.
 * Context: trap, interrupts off.
 */
unsigned int tl_trap_debug(struct pt_regs *regs, unsigned long *status);

/*
 * The same where the home loads registers itself (struct tl_debug_ops, load):
 * register n was hit if bit n of @hits is set.
 */
unsigned int tl_trap_watched(struct pt_regs *regs, unsigned int hits);

/* Make this CPU's registers what they should be.  Context: interrupts off. */
void tl_bp_load(void);

/*
 * The same, from a timer, some times a second.  On arm64 a watch that a load-exclusive
 * has hit may be off until then.  Context: interrupts off.
 */
void tl_bp_tick(void);

/*
 * This CPU runs @now from here on: the current thread has changed already.  What the last
 * thread left in the registers stays there if @now has no breakpoints; should it
 * be hit, that is noticed.  Context: interrupts off.
 */
static inline void tl_bp_switched(const struct tl_bp_thread *now)
{
	if (now->state)
		tl_bp_load();
}

/*
 * This CPU has come up, or its registers were lost.  It can be reached by
 * each_cpu() already.  0, or what the home's load() said.
 * Context: interrupts off.
 */
int tl_bp_cpu_online(void);

/*
 * @child, zeroed, is a new thread.  It gets no breakpoints, as in today's Linux;
 * or, if the home says fork_copies, a copy of @parent's: the debugger's registers,
 * and a copy of each registered structure, which ends with the child.
 * 0 or -TL_ENOMEM: the child has none.  Context: task.
 */
int tl_bp_fork(const struct tl_bp_thread *parent, struct tl_bp_thread *child);

/*
 * The thread executes a new program, or ends: all its breakpoints go, those of
 * a debugger and the others.  They are no longer registered when it returns.
 * Context: task.
 */
void tl_bp_flush(struct tl_bp_thread *thread);

/*
 * What a debugger writes to and reads from debug register @n of @thread.  It has
 * them all for itself: which registers of the CPU are used is not seen.
 *
 * x86: DR0 to DR3 take any value, which is read back, and mean nothing before DR7
 * is written.  DR7 is judged as a whole: 0, or, with everything as it was,
 * -TL_EINVAL (a length, an alignment, an address that is not the user's,
 * an I/O breakpoint), -TL_ENOSPC (somebody else's), -TL_ENOMEM.  DR6 is the thread's
 * own: what came since it was last written.  DR4, DR5 and those that do not exist:
 * -TL_EIO.
 *
 * arm64: DBGBVRn is n, DBGBCRn 16 + n, DBGWVRn 32 + n, DBGWCRn 48 + n, the status 64
 * (a bit for each that was hit, breakpoints first).  A control register is judged, with
 * its address, when it is written; for whom it is enabled is not looked at: for the
 * user.  The codes are the same.  Context: task.
 */
int tl_bp_debugger_write(struct tl_bp_thread *thread, unsigned int n,
			 unsigned long value);
int tl_bp_debugger_read(const struct tl_bp_thread *thread, unsigned int n,
			unsigned long *value);

/*
 * arm64: all registers of a kind at once, breakpoints (0) or watchpoints (1), laid out
 * as Linux's debuggers have them (struct user_hwdebug_state, NT_ARM_HW_BREAK and
 * NT_ARM_HW_WATCH).
 *
 * read: 0; those that do not exist, or were never written, are 0.  write: the first
 * @n, judged together: 0, or, with everything as it was, an error as above,
 * -TL_ENOSPC for more than there are.  Elsewhere, and for other kinds: -TL_EIO.
 * Context: task.
 */
#define TL_BP_SLOTS 16

struct tl_bp_slots {
	uint32_t
		info; /* how many there are; from bit 8 the home's version of them */
	uint32_t pad;
	struct {
		uint64_t addr;
		uint32_t control;
		uint32_t pad;
	} slot[TL_BP_SLOTS];
};

int tl_bp_slots_read(const struct tl_bp_thread *thread, unsigned int kind,
		     struct tl_bp_slots *slots);
int tl_bp_slots_write(struct tl_bp_thread *thread, unsigned int kind,
		      const struct tl_bp_slots *slots, unsigned int n);

/*
 * The registers as a core dump is to show them: @n of them from 0, those that do
 * not exist as 0.  Context: task.
 */
void tl_bp_core(const struct tl_bp_thread *thread, unsigned long *values,
		unsigned int n);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * user.c - from user mode into the kernel and back
 *
 * No exception in user mode is a probe's, so the engine is not asked: it is the
 * task's own, and becomes a signal.  A task's debugger may have put breakpoints
 * into its text, and what it planted there is for it alone.
 *
 * What watches data steps over a hit before the task is told of it: its signal comes
 * when the instruction has been executed.
 *
 * While a system call runs no frame is in the thread's list: the kernel sleeps there
 * as in any other thread, and what was interrupted is user code, which is in no
 * window and no slot.
 *
 * A task is stepped by two bits: PSTATE.SS of its own, which the CPU clears when it
 * has executed one instruction, and MDSCR_EL1.SS, which the vectors set on the way
 * out and clear on the way in, so that nothing in the kernel is ever stepped by
 * it.  That it is to be set is kept in orig_x0.
 */

#include "cpu.h"
#include <kern/abi.h>
#include <kern/debug.h>
#include <kern/errno.h>
#include <kern/space.h>
#include <kern/string.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/trap.h>
#include <trapline/trap.h>

_Static_assert(sizeof(struct user_regs) == offsetof(struct pt_regs, orig_x0),
	       "isa_abi.h");

static int signal_of(unsigned long esr)
{
	switch (cause_of(esr)) {
	case EC_BRK:
	case EC_BREAKPOINT_USER:
	case EC_STEP_USER:
	case EC_WATCH_USER:
		return SIGTRAP;
	case EC_UNKNOWN:
	case EC_FPU:
	case EC_SYSREG:
	case EC_ILLEGAL:
		return SIGILL;
	case EC_PC_ALIGN:
	case EC_SP_ALIGN:
		return SIGBUS;
	default:
		return SIGSEGV;
	}
}

/* A debug exception: is it for the task? */
NOPROBE static bool is_debug_signal(struct pt_regs *regs, unsigned long esr,
				    unsigned long far)
{
	unsigned long status = debug_status(esr, far);
	bool signal = debug_trap(regs, &status);

	if (cause_of(esr) == EC_STEP_USER && tl_trap_step(regs))
		return signal;
	return signal || status;
}

NOPROBE static bool is_debug(unsigned long esr)
{
	enum cause cause = cause_of(esr);

	return cause == EC_BREAKPOINT_USER || cause == EC_STEP_USER ||
	       cause == EC_WATCH_USER;
}

NOPROBE void trap_from_user(struct pt_regs *regs, unsigned long kind,
			    unsigned long esr, unsigned long far)
{
	if (kind != VEC_SYNC) {
		trap_dispatch(regs, kind, esr, far);
		if (kind == VEC_IRQ)
			task_leave(regs);
		return;
	}
	if (is_debug(esr)) {
		if (is_debug_signal(regs, esr, far))
			signal_force(arch_current()->task, SIGTRAP);
		if (!tl_trap_steps())
			task_leave(regs);
		return;
	}
	tl_trap_user(regs);
	__asm__ volatile("msr daifclr, #10" : : : "memory"); /* D and I */
	if (cause_of(esr) == EC_SVC)
		task_syscall(regs);
	else
		signal_force(arch_current()->task, signal_of(esr));
	arch_irq_save();
	task_leave(regs);
}

void arch_enter_user(struct pt_regs *regs)
{
	arch_irq_save();
	task_leave(regs);
	enter_user(regs);
}

/* ---- registers ------------------------------------------------------------------ */

/* A debugger finds in SS whether the task is to be stepped. */
void arch_user_get(const struct pt_regs *regs, struct user_regs *out)
{
	memcpy(out, regs, sizeof(*out));
	out->pstate = (regs->pstate & PSTATE_NZCV) |
		      (regs->orig_x0 & USER_STEP ? PSTATE_SS : 0);
}

int arch_user_set(struct pt_regs *regs, const struct user_regs *in)
{
	if (in->ip >= USER_END)
		return -EINVAL;
	memcpy(regs, in, sizeof(*in));
	regs->pstate = in->pstate & PSTATE_NZCV;
	regs->orig_x0 = 0;
	regs->syscallno = 0;
	arch_user_step(regs, in->pstate & PSTATE_SS);
	return 0;
}

void arch_user_result(struct pt_regs *regs, long result)
{
	regs->regs[0] = (uint64_t)result;
}

void arch_user_step(struct pt_regs *regs, bool on)
{
	regs->orig_x0 = on ? USER_STEP : 0;
	regs->pstate = on ? regs->pstate | PSTATE_SS
			  : regs->pstate & ~PSTATE_SS;
}

bool arch_user_steps(const struct pt_regs *regs)
{
	return regs->orig_x0 & USER_STEP;
}

/* ---- signal handlers ---------------------------------------------------------------- */

/* What a handler finds at its stack pointer, and SYS_SIGRETURN takes back. */
struct signal_frame {
	uint64_t mask;
	struct user_regs regs;
	uint64_t unused[1]; /* a multiple of 16 */
};

_Static_assert(sizeof(struct signal_frame) % 16 == 0, "the stack pointer");

int arch_user_call(struct pt_regs *regs, int sig, uintptr_t handler,
		   uintptr_t restorer, uint32_t mask)
{
	struct signal_frame frame = { .mask = mask };
	uintptr_t sp = (regs->sp - sizeof(frame)) & -16ul;

	if (handler >= USER_END)
		return -EFAULT;
	arch_user_get(regs, &frame.regs);
	if (copy_to_user(sp, &frame, sizeof(frame)))
		return -EFAULT;
	regs->sp = sp;
	regs->pc = handler;
	regs->regs[0] = (uint64_t)sig;
	regs->regs[30] = restorer;
	arch_user_step(regs, false);
	return 0;
}

int arch_user_return(struct pt_regs *regs, uint32_t *mask)
{
	struct signal_frame frame;

	if (copy_from_user(&frame, regs->sp, sizeof(frame)))
		return -EFAULT;
	if (arch_user_set(regs, &frame.regs))
		return -EINVAL;
	*mask = (uint32_t)frame.mask;
	return 0;
}

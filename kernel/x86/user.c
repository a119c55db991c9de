/* SPDX-License-Identifier: MIT */
/*
 * user.c - from user mode into the kernel and back
 *
 * No exception in user mode is a probe's, so the engine is not asked: it is the
 * task's own, and becomes a signal.  A task's debugger may have put breakpoints
 * into its text, and what it planted there is for it alone.
 *
 * While a system call runs no frame is in the thread's list: the kernel sleeps there
 * as in any other thread, and what was interrupted is user code, which is in no
 * window and no slot.
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

#define FLAG_TF	     (1ul << 8)
#define FLAG_DF	     (1ul << 10)
#define FLAGS_ALWAYS (1ul << 1 | 1ul << 9)
/* CF PF AF ZF SF TF DF OF AC ID */
#define FLAGS_USERS 0x240dd5ul

/* Below the stack pointer the compiler keeps things without asking. */
#define RED_ZONE 128

_Static_assert(sizeof(struct user_regs) == sizeof(struct pt_regs), "abi.h");
_Static_assert(sizeof(struct pt_regs) <= USER_FRAME, "layout.h");

static int signal_of(unsigned long vector)
{
	switch (vector) {
	case VEC_DIVIDE:
		return SIGFPE;
	case VEC_DEBUG:
	case VEC_BREAKPOINT:
		return SIGTRAP;
	case VEC_UNDEFINED:
	case VEC_NO_FPU:
		return SIGILL;
	case VEC_ALIGNMENT:
		return SIGBUS;
	default:
		return SIGSEGV;
	}
}

/* A debug exception: is it for the task? */
NOPROBE static bool is_debug_signal(struct pt_regs *regs)
{
	unsigned long status = take_debug_status();

	return debug_trap(regs, &status) || status & DEBUG_STATUS_BITS;
}

NOPROBE void trap_from_user(struct pt_regs *regs, unsigned long vector)
{
	if (vector == VEC_NMI || vector == VEC_DOUBLE_FAULT ||
	    vector == VEC_MACHINE_CHECK) {
		/* Not the task's doing; and on a stack that is not its own. */
		trap_dispatch(regs, vector);
		return;
	}
	if (vector == VEC_SYSCALL) {
		arch_irqs_enable();
		task_syscall(regs);
	} else if (vector < VEC_TIMER) {
		bool force = vector != VEC_DEBUG || is_debug_signal(regs);

		arch_irqs_enable();
		if (force)
			signal_force(arch_current()->task, signal_of(vector));
	} else {
		trap_dispatch(regs, vector);
	}
	arch_irq_save(); /* until iretq: GS is soon the user's */
	task_leave(regs);
}

void arch_enter_user(struct pt_regs *regs)
{
	arch_irq_save();
	task_leave(regs);
	enter_user(regs);
}

/* ---- registers ------------------------------------------------------------------ */

void arch_user_get(const struct pt_regs *regs, struct user_regs *out)
{
	memcpy(out, regs, sizeof(*out));
}

int arch_user_set(struct pt_regs *regs, const struct user_regs *in)
{
	if (in->ip >= USER_END)
		return -EINVAL;
	memcpy(regs, in, sizeof(*regs));
	regs->flags = (in->flags & FLAGS_USERS) | FLAGS_ALWAYS;
	regs->cs = SEL_USER_CODE;
	regs->ss = SEL_USER_DATA;
	return 0;
}

void arch_user_result(struct pt_regs *regs, long result)
{
	regs->ax = (unsigned long)result;
}

void arch_user_step(struct pt_regs *regs, bool on)
{
	regs->flags = on ? regs->flags | FLAG_TF : regs->flags & ~FLAG_TF;
}

bool arch_user_steps(const struct pt_regs *regs)
{
	return regs->flags & FLAG_TF;
}

/* ---- signal handlers ---------------------------------------------------------------- */

/*
 * What a handler finds at its stack pointer.  Its return takes the restorer, and
 * SYS_SIGRETURN finds the rest.
 */
struct signal_frame {
	uint64_t restorer;
	uint64_t mask;
	struct user_regs regs;
};

int arch_user_call(struct pt_regs *regs, int sig, uintptr_t handler,
		   uintptr_t restorer, uint32_t mask)
{
	struct signal_frame frame = { .restorer = restorer, .mask = mask };
	/* 8 below a multiple of 16, as after a call */
	uintptr_t sp = ((regs->sp - RED_ZONE - sizeof(frame)) & -16ul) - 8;

	if (handler >= USER_END)
		return -EFAULT;
	arch_user_get(regs, &frame.regs);
	if (copy_to_user(sp, &frame, sizeof(frame)))
		return -EFAULT;
	regs->sp = sp;
	regs->ip = handler;
	regs->di = (unsigned long)sig;
	regs->flags &= ~(FLAG_TF | FLAG_DF);
	return 0;
}

int arch_user_return(struct pt_regs *regs, uint32_t *mask)
{
	struct signal_frame frame;

	if (copy_from_user(&frame, regs->sp - sizeof(uint64_t), sizeof(frame)))
		return -EFAULT;
	if (arch_user_set(regs, &frame.regs))
		return -EINVAL;
	*mask = (uint32_t)frame.mask;
	return 0;
}

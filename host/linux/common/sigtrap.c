/* SPDX-License-Identifier: MIT */
/*
 * sigtrap.c - breakpoints arrive as SIGTRAP, and so do other people's
 *
 * Our handler is in place of the program's.  A breakpoint that the engine knows
 * is its business; everything else is handed on as if we were not here:
 *
 *     the program's action      a trap (int3, step, watchpoint)   a sent signal
 *     ----------------------    ------------------------------    -------------
 *     a handler                 called, with its own mask, stack, and flags
 *     ignored                   the kernel kills: so do we        nothing
 *     default                   killed, at the very instruction   killed
 *
 * A thread that has blocked SIGTRAP by the C library's functions, which then does
 * not really block it (own/masks.c), is killed by a trap and keeps what was sent.
 *
 * Ours is installed with SA_NODEFER, since a handler of ours may run into
 * another breakpoint, and a SIGTRAP that is blocked then kills; and with
 * SA_ONSTACK, since the stack of the interrupted code may be too small (and in
 * Go programs must not be used).  While it runs all signals are blocked but
 * those that a fault raises.  Nothing on its way makes a system call but the
 * return from the signal.
 *
 * The program's handler does not get called by us.  Its mask is set, the stack
 * pointer is put on the frame that the kernel made for us, and it is jumped to:
 * when it returns it returns to the kernel, and when it does not (siglongjmp)
 * there is nothing of ours under it.  If it did not ask for the alternate
 * stack, and we stand on it, the frame is first moved to where it would be.
 */
#include "common/home.h"

#define SIG_DFL	    0UL
#define SIG_IGN	    1UL
#define SIG_SETMASK 2
#define TRAP_PERF   6
#define TRAP_HWBKPT 4

struct tl_sigaction tl_sigtrap_program;
bool (*tl_sigtrap_debug)(const struct tl_siginfo *info, struct tl_ucontext *uc);

_Static_assert(sizeof(struct tl_siginfo) == 128, "siginfo");
__attribute__((used)) static void handle(int sig, struct tl_siginfo *info,
					 struct tl_ucontext *uc);

/* ---- handing on -------------------------------------------------------------- */

static bool on_altstack(const struct tl_ucontext *uc, uintptr_t sp)
{
	return sp - uc->stack_sp < uc->stack_size;
}

static void set_mask(uint64_t mask)
{
	tl_sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof(mask));
}

/*
 * Do what the kernel would have done by default.  A breakpoint is executed once
 * more, with nobody in between; what was sent is sent again.
 */
static void die(int sig, const struct tl_siginfo *info, struct tl_ucontext *uc)
{
	struct tl_sigaction dfl = { .handler = SIG_DFL,
				    .flags = TL_SA_RESTORER };
	bool again = tl_signal_is_trap(info);

	dfl.restorer = (uintptr_t)tl_sigtrap_restorer;
	tl_sys4(__NR_rt_sigaction, sig, (long)&dfl, 0, sizeof(dfl.mask));
	if (again) {
		tl_signal_trap_again(uc);
		return;
	}
	tl_sys4(__NR_rt_tgsigqueueinfo, tl_sys0(__NR_getpid),
		tl_sys0(__NR_gettid), sig, (long)info);
	/* The kernel's own codes may not be sent, if it came to that. */
	tl_sys3(__NR_tgkill, tl_sys0(__NR_getpid), tl_sys0(__NR_gettid), sig);
}

/* Somebody else's SIGTRAP. */
static void hand_on(int sig, struct tl_siginfo *info, struct tl_ucontext *uc)
{
	struct tl_sigaction *act = &tl_sigtrap_program;
	uintptr_t handler = __atomic_load_n(&act->handler, __ATOMIC_RELAXED);
	bool sent = info->code <= 0;
	uint8_t *trap = tl_thread_trap();
	bool blocked = trap && (*trap & TL_TRAP_BLOCKED);
	uint64_t mask;

	if (handler == SIG_IGN && sent)
		return;
	if (blocked && sent) {
		*trap |= TL_TRAP_PENDING;
		return;
	}
	/* A trap that is blocked cannot wait: the kernel kills. */
	if (blocked || handler == SIG_IGN || handler == SIG_DFL) {
		die(sig, info, uc);
		return;
	}
	mask = uc->sigmask | act->mask;
	if (!(act->flags & TL_SA_NODEFER))
		mask |= TL_SIG_BIT(sig);
	if (act->flags & TL_SA_RESETHAND)
		__atomic_store_n(&act->handler, SIG_DFL, __ATOMIC_RELAXED);
	if (!(act->flags & TL_SA_ONSTACK) && on_altstack(uc, (uintptr_t)uc) &&
	    !on_altstack(uc, uc->sp))
		tl_signal_move(&info, &uc);
	set_mask(mask);
	tl_signal_jump(handler, sig, info, uc, tl_sigtrap_restorer);
}

static bool breakpoint(struct tl_ucontext *uc)
{
	struct pt_regs regs;

	tl_signal_regs(&regs, uc);
	if (!tl_trap_breakpoint(&regs))
		return false;
	tl_signal_set_regs(uc, &regs);
	return true;
}

static void handle(int sig, struct tl_siginfo *info, struct tl_ucontext *uc)
{
	if (tl_signal_is_trap(info)) {
		if (breakpoint(uc))
			return;
	} else if (info->code == TRAP_PERF || info->code == TRAP_HWBKPT) {
		if (tl_sigtrap_debug && tl_sigtrap_debug(info, uc))
			return;
	} else if (info->code <= 0 && tl_signal_hides_breakpoint(uc)) {
		breakpoint(uc);
	}
	hand_on(sig, info, uc);
}

/* ---- installing --------------------------------------------------------------- */

bool tl_sigtrap_is_ours(const struct tl_sigaction *act)
{
	return act->handler == (uintptr_t)handle;
}

void tl_sigtrap_action(struct tl_sigaction *act,
		       const struct tl_sigaction *program)
{
	act->handler = (uintptr_t)handle;
	act->flags = TL_SA_SIGINFO | TL_SA_RESTORER | TL_SA_ONSTACK |
		     TL_SA_NODEFER;
	/* What a sent SIGTRAP interrupts is as the program wants it. */
	if (program->handler <= SIG_IGN)
		act->flags |= TL_SA_RESTART;
	else
		act->flags |= program->flags & TL_SA_RESTART;
	act->restorer = (uintptr_t)tl_sigtrap_restorer;
	act->mask = ~TL_SIG_FAULTS;
}

int tl_sigtrap_install(void)
{
	struct tl_sigaction old, act;
	long err;

	err = tl_sys4(__NR_rt_sigaction, TL_SIGTRAP, 0, (long)&old,
		      sizeof(old.mask));
	if (err || tl_sigtrap_is_ours(&old))
		return err;
	tl_sigtrap_program = old;
	tl_sigtrap_action(&act, &old);
	return tl_sys4(__NR_rt_sigaction, TL_SIGTRAP, (long)&act, 0,
		       sizeof(act.mask));
}

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
#define TRAP_BP	    3 /* uc->trapno */
#define TRAP_PERF   6

#define RED_ZONE 128

struct tl_sigaction tl_sigtrap_program;
bool (*tl_sigtrap_debug)(const struct tl_siginfo *info, struct tl_ucontext *uc);

_Static_assert(sizeof(struct tl_siginfo) == 128, "siginfo");
_Static_assert(offsetof(struct tl_ucontext, sigmask) == 296, "ucontext");

/* What the kernel puts on the stack; the saved vector state lies above. */
struct frame {
	uintptr_t restorer;
	struct tl_ucontext uc;
	struct tl_siginfo info;
};

__attribute__((used)) static void handle(int sig, struct tl_siginfo *info,
					 struct tl_ucontext *uc);

/*
 * Unwinders know the place where signals return by exactly these bytes, if they
 * find no function one byte before it: hence the nop.
 */
__asm__("	.pushsection trapline_text, \"ax\", @progbits\n"
	"	.balign	16\n"
	"	nop\n"
	"	.globl	tl_sigtrap_restorer\n"
	"	.hidden	tl_sigtrap_restorer\n"
	"	.type	tl_sigtrap_restorer, @function\n"
	"tl_sigtrap_restorer:\n"
	"	mov	$15, %rax\n" /* rt_sigreturn */
	"	syscall\n"
	"	.popsection\n");

void tl_signal_regs(struct pt_regs *r, const struct tl_ucontext *uc)
{
	r->r15 = uc->r15;
	r->r14 = uc->r14;
	r->r13 = uc->r13;
	r->r12 = uc->r12;
	r->bp = uc->bp;
	r->bx = uc->bx;
	r->r11 = uc->r11;
	r->r10 = uc->r10;
	r->r9 = uc->r9;
	r->r8 = uc->r8;
	r->ax = uc->ax;
	r->cx = uc->cx;
	r->dx = uc->dx;
	r->si = uc->si;
	r->di = uc->di;
	r->orig_ax = -1UL;
	r->ip = uc->ip;
	r->cs = uc->cs;
	r->flags = uc->eflags;
	r->sp = uc->sp;
	r->ss = uc->ss;
}

void tl_signal_set_regs(struct tl_ucontext *uc, const struct pt_regs *r)
{
	uc->r15 = r->r15;
	uc->r14 = r->r14;
	uc->r13 = r->r13;
	uc->r12 = r->r12;
	uc->bp = r->bp;
	uc->bx = r->bx;
	uc->r11 = r->r11;
	uc->r10 = r->r10;
	uc->r9 = r->r9;
	uc->r8 = r->r8;
	uc->ax = r->ax;
	uc->cx = r->cx;
	uc->dx = r->dx;
	uc->si = r->si;
	uc->di = r->di;
	uc->ip = r->ip;
	uc->eflags = r->flags;
	uc->sp = r->sp;
}

/* ---- handing on -------------------------------------------------------------- */

static void copy(void *dst, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)dst)[i] = ((const uint8_t *)src)[i];
}

static bool on_altstack(const struct tl_ucontext *uc, uintptr_t sp)
{
	return sp - uc->stack_sp < uc->stack_size;
}

/* Bytes of vector state at @fpstate. */
static size_t fpstate_size(uintptr_t fpstate)
{
	const uint32_t *sw = (const uint32_t *)(fpstate + 464);

	return sw[0] == 0x46505853 ? sw[1] : 512; /* FP_XSTATE_MAGIC1 */
}

/* A copy of @f on the stack of the interrupted code. */
static struct frame *move_frame(const struct frame *f)
{
	uintptr_t sp = f->uc.sp - RED_ZONE;
	struct frame *to;
	size_t n;

	if (f->uc.fpstate) {
		n = fpstate_size(f->uc.fpstate);
		sp = (sp - n) & -64UL;
		copy((void *)sp, (void *)f->uc.fpstate, n);
	}
	to = (struct frame *)(((sp - sizeof(*to)) & -16UL) - 8);
	copy(to, f, sizeof(*to));
	if (f->uc.fpstate)
		to->uc.fpstate = sp;
	return to;
}

_Noreturn static void jump_to_frame(uintptr_t handler, int sig, struct frame *f)
{
	register uintptr_t to __asm__("rcx") = handler;

	__asm__ volatile("mov	%[sp], %%rsp\n\t"
			 "xor	%%eax, %%eax\n\t"
			 "jmp	*%[to]"
			 :
			 : [sp] "r"(f), [to] "r"(to), "D"(sig), "S"(&f->info),
			   "d"(&f->uc)
			 : "memory");
	__builtin_unreachable();
}

_Noreturn void tl_signal_jump(uintptr_t handler, int sig,
			      struct tl_siginfo *info, struct tl_ucontext *uc)
{
	(void)info; /* is in the frame */
	jump_to_frame(
		handler, sig,
		(struct frame *)((char *)uc - offsetof(struct frame, uc)));
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
	bool again = info->code == TL_SI_KERNEL;

	dfl.restorer = (uintptr_t)tl_sigtrap_restorer;
	tl_sys4(__NR_rt_sigaction, sig, (long)&dfl, 0, sizeof(dfl.mask));
	if (again) {
		uc->ip--;
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
	struct frame *f =
		(struct frame *)((char *)uc - offsetof(struct frame, uc));
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
	if (!(act->flags & TL_SA_ONSTACK) && on_altstack(uc, (uintptr_t)f) &&
	    !on_altstack(uc, uc->sp))
		f = move_frame(f);
	set_mask(mask);
	jump_to_frame(handler, sig, f);
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

/*
 * A SIGTRAP that was sent, and pending when a breakpoint of ours was executed,
 * takes its place: the kernel keeps one of each signal.
 */
static bool hides_breakpoint(const struct tl_ucontext *uc)
{
	uint8_t code;

	return uc->trapno == TRAP_BP && !tlh_read(&code, uc->ip - 1, 1) &&
	       code == 0xcc;
}

static void handle(int sig, struct tl_siginfo *info, struct tl_ucontext *uc)
{
	if (info->code == TL_SI_KERNEL) {
		if (breakpoint(uc))
			return;
	} else if (info->code == TRAP_PERF) {
		if (tl_sigtrap_debug && tl_sigtrap_debug(info, uc))
			return;
	} else if (info->code <= 0 && hides_breakpoint(uc)) {
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

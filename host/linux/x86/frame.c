/* SPDX-License-Identifier: MIT */
/*
 * frame.c - signal frames of x86-64: their registers, and going on with one
 */
#include "common/home.h"

#define TRAP_BP 3 /* uc->trapno */

_Static_assert(offsetof(struct tl_ucontext, sigmask) == 296, "ucontext");

/* What the kernel puts on the stack; the saved vector state lies above. */
struct frame {
	uintptr_t restorer;
	struct tl_ucontext uc;
	struct tl_siginfo info;
};

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

/* ---- breakpoints ------------------------------------------------------------- */

bool tl_signal_is_trap(const struct tl_siginfo *info)
{
	return info->code == TL_SI_KERNEL;
}

bool tl_signal_hides_breakpoint(const struct tl_ucontext *uc)
{
	uint8_t code;

	return uc->trapno == TRAP_BP && !tlh_read(&code, uc->ip - 1, 1) &&
	       code == 0xcc;
}

void tl_signal_trap_again(struct tl_ucontext *uc)
{
	uc->ip--;
}

/* ---- going on with a frame ----------------------------------------------------- */

static void copy(void *dst, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)dst)[i] = ((const uint8_t *)src)[i];
}

/* Bytes of vector state at @fpstate. */
static size_t fpstate_size(uintptr_t fpstate)
{
	const uint32_t *sw = (const uint32_t *)(fpstate + 464);

	return sw[0] == 0x46505853 ? sw[1] : 512; /* FP_XSTATE_MAGIC1 */
}

static struct frame *frame_of(struct tl_ucontext *uc)
{
	return (struct frame *)((char *)uc - offsetof(struct frame, uc));
}

void tl_signal_move(struct tl_siginfo **info, struct tl_ucontext **uc)
{
	const struct frame *f = frame_of(*uc);
	uintptr_t sp = f->uc.sp - TL_RED_ZONE;
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
	*uc = &to->uc;
	*info = &to->info;
}

_Noreturn void tl_signal_jump(uintptr_t handler, int sig,
			      struct tl_siginfo *info, struct tl_ucontext *uc,
			      const void *restorer)
{
	register uintptr_t to __asm__("rcx") = handler;
	struct frame *f = frame_of(uc);

	f->restorer = (uintptr_t)restorer;
	__asm__ volatile("mov	%[sp], %%rsp\n\t"
			 "xor	%%eax, %%eax\n\t"
			 "jmp	*%[to]"
			 :
			 : [sp] "r"(f), [to] "r"(to), "D"(sig), "S"(info),
			   "d"(uc)
			 : "memory");
	__builtin_unreachable();
}

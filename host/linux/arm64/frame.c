/* SPDX-License-Identifier: MIT */
/*
 * frame.c - signal frames of arm64: their registers, and going on with one
 *
 *     info, ucontext     with the records in it, one after the other:
 *       ...                FPSIMD, mostly ESR, SVE, ...
 *       EXTRA              if they do not all fit: where the rest is
 *       0                  the end
 *     the rest           16 bytes aligned, if there is one
 *     x29, x30           of the interrupted code, where x29 points to
 *
 * What is in the records is the kernel's business: it is left as it is, and so
 * the vector registers are, of whatever length.
 */
#include "common/home.h"

#define SI_BRKPT 1

#define EXTRA_MAGIC 0x45585401u

struct frame {
	struct tl_siginfo info;
	struct tl_ucontext uc;
};

/* The head of a record, and the one that tells of more. */
struct record {
	uint32_t magic;
	uint32_t size;
};

struct extra {
	struct record head;
	uint64_t at;
	uint32_t size;
};

/* What x29 leads to. */
struct link {
	uint64_t x29;
	uint64_t x30;
};

_Static_assert(offsetof(struct tl_ucontext, regs) == 184 &&
		       offsetof(struct tl_ucontext, records) == 464,
	       "ucontext");

/* Unwinders and debuggers know the place by these two instructions. */
__asm__("	.pushsection trapline_text, \"ax\", @progbits\n"
	"	.balign	16\n"
	"	nop\n"
	"	.globl	tl_sigtrap_restorer\n"
	"	.hidden	tl_sigtrap_restorer\n"
	"	.type	tl_sigtrap_restorer, %function\n"
	"tl_sigtrap_restorer:\n"
	"	mov	x8, #139\n" /* rt_sigreturn */
	"	svc	#0\n"
	"	.size	tl_sigtrap_restorer, . - tl_sigtrap_restorer\n"
	"	.popsection\n");

void tl_signal_regs(struct pt_regs *r, const struct tl_ucontext *uc)
{
	for (unsigned int i = 0; i < 31; i++)
		r->regs[i] = uc->regs[i];
	r->sp = uc->sp;
	r->pc = uc->ip;
	r->pstate = uc->pstate;
	r->orig_x0 = -1UL;
	r->syscallno = -1UL;
}

void tl_signal_set_regs(struct tl_ucontext *uc, const struct pt_regs *r)
{
	for (unsigned int i = 0; i < 31; i++)
		uc->regs[i] = r->regs[i];
	uc->sp = r->sp;
	uc->ip = r->pc;
	uc->pstate = r->pstate;
}

/* ---- breakpoints ------------------------------------------------------------- */

bool tl_signal_is_trap(const struct tl_siginfo *info)
{
	return info->code == SI_BRKPT;
}

/* The program counter is at the breakpoint: it is met again. */
bool tl_signal_hides_breakpoint(const struct tl_ucontext *uc)
{
	(void)uc;
	return false;
}

void tl_signal_trap_again(struct tl_ucontext *uc)
{
	(void)uc;
}

/* ---- going on with a frame ----------------------------------------------------- */

/* The record that tells of more, or NULL. */
static struct extra *extra_of(struct tl_ucontext *uc)
{
	size_t at = 0;

	while (at + sizeof(struct extra) <= TL_FRAME_RECORDS) {
		struct record *r = (struct record *)(uc->records + at);

		if (r->magic == EXTRA_MAGIC)
			return (struct extra *)r;
		if (!r->magic || r->size < sizeof(*r))
			break;
		at += r->size;
	}
	return NULL;
}

/* What is behind the frame of @uc. */
static struct link *link_of(struct tl_ucontext *uc)
{
	struct extra *extra = extra_of(uc);

	if (extra)
		return (struct link *)(extra->at + extra->size);
	return (struct link *)(((uintptr_t)(uc + 1) + 15) & -16UL);
}

static struct frame *frame_of(struct tl_ucontext *uc)
{
	return (struct frame *)((char *)uc - offsetof(struct frame, uc));
}

void tl_signal_move(struct tl_siginfo **info, struct tl_ucontext **uc)
{
	const uint64_t *from = (const uint64_t *)frame_of(*uc);
	uintptr_t end = (uintptr_t)(link_of(*uc) + 1);
	size_t size = end - (uintptr_t)from;
	uint64_t *to = (uint64_t *)(((*uc)->sp - size) & -16UL);
	struct extra *extra;

	for (size_t i = 0; i < size / sizeof(*to); i++)
		((volatile uint64_t *)to)[i] = from[i];
	*uc = &((struct frame *)to)->uc;
	*info = &((struct frame *)to)->info;
	extra = extra_of(*uc);
	if (extra)
		extra->at += (uintptr_t)to - (uintptr_t)from;
}

_Noreturn void tl_signal_jump(uintptr_t handler, int sig,
			      struct tl_siginfo *info, struct tl_ucontext *uc,
			      const void *restorer)
{
	struct link *link = link_of(uc);
	uintptr_t fp = uc->regs[29];
	register long x0 __asm__("x0") = sig;
	register struct tl_siginfo *x1 __asm__("x1") = info;
	register struct tl_ucontext *x2 __asm__("x2") = uc;
	register uintptr_t x16 __asm__("x16") = handler;

	if (link->x29 == fp && link->x30 == uc->regs[30])
		fp = (uintptr_t)link;
	/* x29 last: it may be one of the operands. */
	__asm__ volatile("mov	sp, %[sp]\n\t"
			 "mov	x30, %[restorer]\n\t"
			 "mov	x29, %[fp]\n\t"
			 "br	x16"
			 :
			 : [sp] "r"(frame_of(uc)), [fp] "r"(fp),
			   [restorer] "r"(restorer), "r"(x16), "r"(x0), "r"(x1),
			   "r"(x2)
			 : "memory", "x30");
	__builtin_unreachable();
}

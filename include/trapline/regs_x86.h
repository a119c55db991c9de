/* SPDX-License-Identifier: MIT */
/*
 * regs_x86.h - struct pt_regs of x86-64, in the order in which Linux keeps it
 */
#ifndef TRAPLINE_REGS_X86_H
#define TRAPLINE_REGS_X86_H

#ifndef TL_FOREIGN_PT_REGS
#define TL_REG2(a, b)            \
	__extension__ union {    \
		unsigned long a; \
		unsigned long b; \
	}

struct pt_regs {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	TL_REG2(bp, rbp);
	TL_REG2(bx, rbx);
	unsigned long r11;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	TL_REG2(ax, rax);
	TL_REG2(cx, rcx);
	TL_REG2(dx, rdx);
	TL_REG2(si, rsi);
	TL_REG2(di, rdi);
	TL_REG2(orig_ax, orig_rax);
	TL_REG2(ip, rip);
	unsigned long cs;
	TL_REG2(flags, eflags);
	TL_REG2(sp, rsp);
	unsigned long ss;
};

#undef TL_REG2
#endif

static inline unsigned long instruction_pointer(const struct pt_regs *regs)
{
	return regs->rip;
}

static inline void instruction_pointer_set(struct pt_regs *regs,
					   unsigned long ip)
{
	regs->rip = ip;
}

static inline unsigned long user_stack_pointer(const struct pt_regs *regs)
{
	return regs->rsp;
}

static inline unsigned long regs_return_value(const struct pt_regs *regs)
{
	return regs->rax;
}

/* Are @regs those of code in user mode? */
static inline int tl_regs_user(const struct pt_regs *regs)
{
	return (regs->cs & 3) == 3;
}

/* Integer argument @n (0 to 5) of a function that was just entered. */
static inline unsigned long regs_get_kernel_argument(const struct pt_regs *regs,
						     unsigned int n)
{
	switch (n) {
	case 0:
		return regs->rdi;
	case 1:
		return regs->rsi;
	case 2:
		return regs->rdx;
	case 3:
		return regs->rcx;
	case 4:
		return regs->r8;
	case 5:
		return regs->r9;
	}
	return 0;
}

#endif

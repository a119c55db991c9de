/* SPDX-License-Identifier: MIT */
/*
 * regs_arm64.h - struct pt_regs of arm64, in the order in which Linux keeps it
 */
#ifndef TRAPLINE_REGS_ARM64_H
#define TRAPLINE_REGS_ARM64_H

#include <stdint.h>

struct pt_regs {
	uint64_t regs[31];
	uint64_t sp;
	uint64_t pc;
	uint64_t pstate;
	uint64_t orig_x0;
	uint64_t syscallno;
};

static inline unsigned long instruction_pointer(const struct pt_regs *regs)
{
	return regs->pc;
}

static inline void instruction_pointer_set(struct pt_regs *regs,
					   unsigned long ip)
{
	regs->pc = ip;
}

static inline unsigned long user_stack_pointer(const struct pt_regs *regs)
{
	return regs->sp;
}

static inline unsigned long regs_return_value(const struct pt_regs *regs)
{
	return regs->regs[0];
}

/*
 * Are @regs those of code in user mode?  By the half of the addresses that the code
 * is in: where a jump led to a handler, pstate has the flags alone.
 */
static inline int tl_regs_user(const struct pt_regs *regs)
{
	return !(regs->pc >> 55 & 1);
}

/* Integer argument @n (0 to 7) of a function that was just entered. */
static inline unsigned long regs_get_kernel_argument(const struct pt_regs *regs,
						     unsigned int n)
{
	return n < 8 ? regs->regs[n] : 0;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * isa_abi.h - a user task's registers on arm64; included as <kern/isa_abi.h>
 *
 * A system call is svc #0: its number in X8, arguments in X0 to X3, as in a C call;
 * the result, or a negative error, in X0.  All other registers are kept.
 */
#ifndef KERN_ISA_ABI_H
#define KERN_ISA_ABI_H

#include <stdint.h>

/* In the order of struct pt_regs. */
struct user_regs {
	uint64_t regs[31];
	uint64_t sp, ip, pstate;
};

/* The number of the system call that @u makes, and its argument @n, from 0. */
static inline uint64_t user_call(const struct user_regs *u)
{
	return u->regs[8];
}

static inline uint64_t user_arg(const struct user_regs *u, unsigned int n)
{
	return u->regs[n];
}

static inline void user_set_result(struct user_regs *u, uint64_t value)
{
	u->regs[0] = value;
}

static inline uint64_t user_result(const struct user_regs *u)
{
	return u->regs[0];
}

/* Begin at @ip with @arg, on the stack below @sp. */
static inline void user_begin(struct user_regs *u, uint64_t ip, uint64_t sp,
			      uint64_t arg)
{
	u->ip = ip;
	u->sp = sp;
	u->regs[0] = arg;
}

#endif

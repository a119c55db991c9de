/* SPDX-License-Identifier: MIT */
/*
 * isa_abi.h - a user task's registers on x86-64; included as <kern/isa_abi.h>
 *
 * A system call is int 0x80: its number in RAX, arguments in RDI, RSI, RDX and
 * RCX, as in a C call; the result, or a negative error, in RAX.  All other
 * registers are kept.
 */
#ifndef KERN_ISA_ABI_H
#define KERN_ISA_ABI_H

#include <stdint.h>

/* In the order of struct pt_regs. */
struct user_regs {
	uint64_t r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	uint64_t ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

/* The number of the system call that @u makes, and its argument @n, from 0. */
static inline uint64_t user_call(const struct user_regs *u)
{
	return u->ax;
}

static inline uint64_t user_arg(const struct user_regs *u, unsigned int n)
{
	return n == 0 ? u->di : n == 1 ? u->si : n == 2 ? u->dx : u->cx;
}

static inline void user_set_result(struct user_regs *u, uint64_t value)
{
	u->ax = value;
}

static inline uint64_t user_result(const struct user_regs *u)
{
	return u->ax;
}

/* Begin at @ip with @arg, on the stack below @sp. */
static inline void user_begin(struct user_regs *u, uint64_t ip, uint64_t sp,
			      uint64_t arg)
{
	u->ip = ip;
	u->sp = sp;
	u->di = arg;
}

#endif

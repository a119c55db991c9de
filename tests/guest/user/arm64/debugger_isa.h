/* SPDX-License-Identifier: MIT */
/* debugger_isa.h - what a debugger must know of arm64; a part of debugger.c */
#ifndef DEBUGGER_ISA_H
#define DEBUGGER_ISA_H

#define CODE_MASK	0xffffffff
#define CODE_BREAKPOINT 0xd4200000
#define IP_AT_TRAP	0

/* 5 before the loop, 12 a turn with the call, 6 after. */
#define STEPS_LEAST(turns) (5 + 12 * (turns) + 6)
#define STEPS_MOST(turns)  STEPS_LEAST(turns)

static inline uint32_t code_at(const uint8_t *code)
{
	return (uint32_t)code[0] | (uint32_t)code[1] << 8 |
	       (uint32_t)code[2] << 16 | (uint32_t)code[3] << 24;
}

/* The kernel's mode, and everything masked. */
static inline void ask_for_rights(struct user_regs *regs)
{
	regs->pstate = 0x3c5;
}

static inline bool has_none(const struct user_regs *regs,
			    const struct user_regs *before)
{
	return !((regs->pstate | before->pstate) & 0x3cf);
}

static inline bool is_stepped(struct user_regs regs)
{
	return regs.pstate & 1ul << 21;
}

#endif

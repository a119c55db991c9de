/* SPDX-License-Identifier: MIT */
/* debugger_isa.h - what a debugger must know of x86-64; a part of debugger.c */
#ifndef DEBUGGER_ISA_H
#define DEBUGGER_ISA_H

#define CODE_MASK	0xff
#define CODE_BREAKPOINT 0xcc
#define IP_AT_TRAP	1

/*
 * 6 before the loop, 14 a turn with the call, 10 after; the rep among these may be 5
 * steps, and one more where it finds that all is done.
 */
#define STEPS_LEAST(turns) (6 + 14 * (turns) + 10)
#define STEPS_MOST(turns)  (6 + 14 * (turns) + 15)

static inline uint32_t code_at(const uint8_t *code)
{
	return *code;
}

/* All rights to ports, and no interrupts. */
static inline void ask_for_rights(struct user_regs *regs)
{
	regs->cs = 8;
	regs->ss = 16;
	regs->flags = 0x3000;
}

static inline bool has_none(const struct user_regs *regs,
			    const struct user_regs *before)
{
	return regs->cs == before->cs && regs->ss == before->ss &&
	       (regs->flags & 0x3200) == 0x200;
}

static inline bool is_stepped(struct user_regs regs)
{
	return regs.flags & 0x100;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * next.c - where a thread of arm64 comes to behind an instruction
 *
 * The CPU tells of a breakpoint, and of an access that is watched, before the
 * instruction has been executed.
 */
#include "own/own.h"

#define SEQUENCE 32 /* words; longer ones are not allowed to be slow */
#define USER_PC	 ((1ul << 48) - 1)

#pragma GCC visibility push(hidden)

/* The words of an instruction, from bit @low on, @bits of them, as a distance. */
static uintptr_t target(uintptr_t pc, uint32_t insn, unsigned int low,
			unsigned int bits)
{
	int64_t words = (int64_t)((uint64_t)insn << (64 - low - bits)) >>
			(64 - bits);

	return pc + (uintptr_t)words * 4;
}

/* What a branch with a condition leads to; 0: it is none. */
static uintptr_t conditional(uintptr_t pc, uint32_t insn)
{
	if ((insn & 0xff000000) == 0x54000000 || /* b.cond, bc.cond */
	    (insn & 0x7e000000) == 0x34000000)	 /* cbz, cbnz */
		return target(pc, insn, 5, 19);
	if ((insn & 0x7e000000) == 0x36000000) /* tbz, tbnz */
		return target(pc, insn, 5, 14);
	return 0;
}

/* Of those with this form casp is one instruction of its own. */
static bool is_exclusive(uint32_t insn)
{
	return (insn & 0x3f800000) == 0x08000000 &&
	       (insn & 0xbfa00000) != 0x08200000;
}

static bool is_store_exclusive(uint32_t insn)
{
	return is_exclusive(insn) && !(insn & 1u << 22);
}

static uint32_t word_at(uintptr_t pc)
{
	return *(const volatile uint32_t *)pc;
}

/*
 * Whoever is stopped between a load-exclusive and its store begins again, so it may
 * be stopped only behind the store and the branch back to the load, or where a
 * branch leads out.  (Of several such branches the last: who leaves by another one
 * is not watched until it comes by one of the two.)
 */
static unsigned int behind_sequence(uintptr_t pc, uintptr_t at[2])
{
	uintptr_t end = pc, to;
	unsigned int n = 1;

	while (!is_store_exclusive(word_at(end)) && end < pc + 4 * SEQUENCE &&
	       (end & 4095) != 4092)
		end += 4;
	if (!is_store_exclusive(word_at(end))) {
		at[0] = pc + 4;
		return 1;
	}
	to = (end & 4095) == 4092 ? 0 : conditional(end + 4, word_at(end + 4));
	at[0] = to && to <= end ? end + 8 : end + 4;
	for (; pc < end; pc += 4) {
		to = conditional(pc, word_at(pc));
		if (to <= end || to == at[0])
			continue;
		at[1] = to;
		n = 2;
	}
	return n;
}

unsigned int tl_machine_over(const struct pt_regs *regs, uintptr_t at[2])
{
	uint32_t insn = word_at(regs->pc);
	unsigned int from = insn >> 5 & 31;

	if (is_exclusive(insn))
		return behind_sequence(regs->pc, at);
	at[0] = regs->pc + 4;
	if ((insn & 0x7c000000) == 0x14000000) { /* b, bl */
		at[0] = target(regs->pc, insn, 0, 26);
	} else if ((insn & 0xfe000000) == 0xd6000000) { /* br, blr, ret */
		/* With a signature: what is left when that has been checked. */
		if (insn & 0x800)
			at[0] = (from == 31 ? regs->regs[30]
					    : regs->regs[from]) &
				USER_PC;
		else
			at[0] = from == 31 ? 0 : regs->regs[from];
	} else {
		at[1] = conditional(regs->pc, insn);
		return at[1] && at[1] != at[0] ? 2 : 1;
	}
	return 1;
}

bool tl_machine_steps_over(void)
{
	return true;
}

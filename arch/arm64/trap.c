/* SPDX-License-Identifier: MIT */
/*
 * trap.c - the registers of a trap, by the names that the engine knows
 */

#include "code.h"
#include <assert.h>
#include <trapline/regs.h>

static_assert(sizeof(struct pt_regs) == R_SIZE, "the frame of call.S");
static_assert(offsetof(struct pt_regs, regs[30]) == R_X30, "R_X30");
static_assert(offsetof(struct pt_regs, sp) == R_SP, "R_SP");
static_assert(offsetof(struct pt_regs, pc) == R_PC, "R_PC");
static_assert(offsetof(struct pt_regs, pstate) == R_PSTATE, "R_PSTATE");
static_assert(offsetof(struct pt_regs, orig_x0) == R_ORIG_X0, "R_ORIG_X0");

void tl_arch_retry(struct pt_regs *regs, uintptr_t addr)
{
	tl_arch_set_ip(regs, addr);
}

bool tl_arch_has_jprobes(void)
{
	return true;
}

/* The return address is in a register. */
uintptr_t tl_arch_stack_args(const struct pt_regs *regs)
{
	return regs->sp;
}

unsigned long *tl_arch_reference(struct pt_regs *regs, unsigned long *stack,
				 unsigned int i)
{
	return i < TL_JPROBE_REGISTERS ? (unsigned long *)&regs->regs[i]
				       : stack + i - TL_JPROBE_REGISTERS;
}

/* The copy of a vector literal has x16 on the stack: give it back. */
static bool pop_x16(struct pt_regs *regs)
{
	uint64_t x16;

	if (tlh_read(&x16, regs->sp, sizeof(x16)))
		return false;
	regs->regs[16] = x16;
	regs->sp += 16;
	return true;
}

/* As if the instruction was executed, and went on at @ip. */
static bool is_done(struct pt_regs *regs, uintptr_t ip)
{
	tl_arch_set_ip(regs, ip);
	return true;
}

/*
 * At word @k, not the first, of the @n that were made of the instruction at @addr
 * (insn/relocate.c draws them).  *@resume is set only if it is another word.
 */
static bool show_word(const struct tl_plan *plan, uintptr_t addr, size_t k,
		      size_t n, struct pt_regs *regs, uintptr_t *resume)
{
	uint32_t insn = tl_plan_insn(plan);
	uint64_t target = 0;

	if (k == n)
		return is_done(regs, addr + 4);
	(void)a64_place(insn, addr, &target);
	switch (plan->kind) {
	case A64_SIM_B: /* x30 is loaded */
		return is_done(regs, target);
	case A64_SIM_BR:
		return is_done(regs, regs->regs[insn >> 5 & 31]);
	case A64_SIM_B_COND:
	case A64_SIM_CBZ:
	case A64_SIM_TBZ:
		return is_done(regs, k == 1 ? addr + 4 : target);
	case A64_SIM_ADR:
		return is_done(regs, addr + 4);
	case A64_SIM_LITERAL:
		if (k > 1)
			return is_done(regs, addr + 4);
		*resume += 4; /* the address is loaded, and all else is known */
		return tl_arch_simulate(plan, addr, regs);
	case A64_VECTOR_LITERAL:
		if (k == 4)
			return is_done(regs, addr + 4);
		*resume = k == 3 ? *resume + 4 : *resume - 4 * k;
		return pop_x16(regs) && is_done(regs, k == 3 ? addr + 4 : addr);
	default:
		return false;
	}
}

/* The copy of an instruction is one word, or a few; else nothing can be shown. */
bool tl_arch_show(const struct tl_plan *plan, uintptr_t addr,
		  const struct tl_code *code, uintptr_t at, bool detour,
		  struct pt_regs *regs, uintptr_t *resume)
{
	uintptr_t ip = tl_arch_ip(regs), copy = at + code->to[0];
	uint32_t words[A64_RELOCATED_WORDS];
	size_t n;

	(void)detour;
	*resume = ip;
	for (uint32_t i = 0; i < code->n; i++) {
		if (at + code->to[i] != ip)
			continue;
		tl_arch_set_ip(regs, addr + code->from[i]);
		return true;
	}
	if (!code->n || ip < copy || ip >= at + code->len)
		return false;
	n = a64_relocate(tl_plan_insn(plan), addr, copy, words);
	if ((ip - copy) / 4 > n)
		return false;
	return show_word(plan, addr, (ip - copy) / 4, n, regs, resume);
}

bool tl_arch_steps(const struct tl_plan *plan)
{
	return plan->kind == A64_SLOT;
}

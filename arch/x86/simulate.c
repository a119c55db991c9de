/* SPDX-License-Identifier: MIT */
/*
 * simulate.c - what a branch does, done to a struct pt_regs
 *
 * Only branches are ever simulated, and only where post handlers want to see
 * them done, or where no code can stand for them (call *%rsp).  All else runs
 * from a copy.
 */
#include <trapline/regs.h>

#include "code.h"

static unsigned long *reg(struct pt_regs *regs, unsigned int n)
{
	switch (n) {
	case 0:
		return &regs->ax;
	case 1:
		return &regs->cx;
	case 2:
		return &regs->dx;
	case 3:
		return &regs->bx;
	case 4:
		return &regs->sp;
	case 5:
		return &regs->bp;
	case 6:
		return &regs->si;
	case 7:
		return &regs->di;
	case 8:
		return &regs->r8;
	case 9:
		return &regs->r9;
	case 10:
		return &regs->r10;
	case 11:
		return &regs->r11;
	case 12:
		return &regs->r12;
	case 13:
		return &regs->r13;
	case 14:
		return &regs->r14;
	default:
		return &regs->r15;
	}
}

/* 66 makes near branches 16 bits wide, on AMD alone (APM vol. 3, 1.2.2). */
static bool is_narrow(const struct x86_insn *in)
{
	return (in->prefixes & X86_P_66) && !(in->rex & 8);
}

bool tl_x86_can_simulate(const struct x86_insn *in)
{
	switch (in->kind) {
	case X86_JMP:
	case X86_JCC:
	case X86_CALL:
		return true;
	case X86_LOOP:
		/* F2 and F3 change the condition of some CPUs' loope, loopne. */
		return !(in->prefixes & (X86_P_F2 | X86_P_F3));
	case X86_RET:
		return !is_narrow(in);
	case X86_JMP_IND:
	case X86_CALL_IND:
		/* Nobody here knows the bases of segments. */
		return !is_narrow(in) &&
		       (!(in->attrs & X86_A_MEM) ||
			!(in->prefixes & (X86_P_FS | X86_P_GS)));
	}
	return false;
}

static uint64_t operand_addr(const struct x86_insn *in, struct pt_regs *regs)
{
	uint64_t a;

	if (in->attrs & X86_A_RIPREL)
		return in->mem_addr;
	a = (int64_t)in->disp;
	if (in->base != X86_REG_NONE)
		a += *reg(regs, in->base);
	if (in->index != X86_REG_NONE)
		a += *reg(regs, in->index) * in->scale;
	return in->prefixes & X86_P_67 ? (uint32_t)a : a;
}

/* Where an indirect branch goes.  False: it cannot be read. */
static bool indirect(const struct x86_insn *in, struct pt_regs *regs,
		     unsigned long *to)
{
	if (!(in->attrs & X86_A_MEM)) {
		*to = *reg(regs, in->rm);
		return true;
	}
	return !tlh_read(to, operand_addr(in, regs), sizeof(*to));
}

/* loopne, loope, loop and jrcxz: count, and say whether it jumps. */
static bool loop_taken(const struct x86_insn *in, struct pt_regs *regs)
{
	bool narrow = in->prefixes & X86_P_67;
	bool zero = regs->flags & X86_FL_ZF;
	unsigned long n = narrow ? (uint32_t)regs->cx : regs->cx;

	if (in->cond == 3)
		return !n;
	n = narrow ? (uint32_t)(n - 1) : n - 1;
	regs->cx = n;
	if (in->cond == 2)
		return n;
	return n && zero == (in->cond == 1);
}

/* Push @v.  False: there is no stack there. */
static bool push(struct pt_regs *regs, unsigned long v)
{
	unsigned long *at = (unsigned long *)regs->sp - 1;
	unsigned long old;

	if (tlh_read(&old, (uintptr_t)at, sizeof(old)))
		return false;
	*at = v;
	regs->sp = (uintptr_t)at;
	return true;
}

/*
 * A branch to an address that no pointer can have faults where it stands, and
 * nothing of it is done (SDM vol. 1, 3.3.7.1).
 */
static bool is_canonical(unsigned long addr)
{
	return (unsigned long)((long)(addr << 16) >> 16) == addr;
}

/* false: it faults, and nothing has been done. */
static bool branch(const struct x86_insn *in, struct pt_regs *regs)
{
	unsigned long to = in->target;

	switch (in->kind) {
	case X86_JMP:
		break;
	case X86_JCC:
		if (!x86_cond_true(in->cond, regs->flags))
			to = in->next;
		break;
	case X86_LOOP:
		if (!loop_taken(in, regs))
			to = in->next;
		break;
	case X86_JMP_IND:
		if (!indirect(in, regs, &to) || !is_canonical(to))
			return false;
		break;
	case X86_CALL_IND:
		if (!indirect(in, regs, &to) || !is_canonical(to) ||
		    !push(regs, in->next))
			return false;
		break;
	case X86_CALL:
		if (!push(regs, in->next))
			return false;
		break;
	case X86_RET:
		if (tlh_read(&to, regs->sp, sizeof(to)) || !is_canonical(to))
			return false;
		regs->sp += sizeof(to);
		if (in->imm_size)
			regs->sp += in->imm & 0xffff;
		break;
	default:
		return false;
	}
	regs->ip = to;
	return true;
}

bool tl_arch_simulates(const struct tl_plan *plan, bool post)
{
	return plan->no_copy || (post && plan->can_simulate);
}

bool tl_arch_can_simulate(const struct tl_plan *plan)
{
	return tl_arch_simulates(plan, true);
}

bool tl_arch_simulate(const struct tl_plan *plan, uintptr_t addr,
		      struct pt_regs *regs)
{
	struct x86_insn in;

	tl_plan_insn(plan, addr, 0, &in);
	return tl_x86_can_simulate(&in) && branch(&in, regs);
}

/* SPDX-License-Identifier: MIT */
/*
 * trap.c - the registers of a trap, by the names that the engine knows
 */
#include "code.h"
#include <trapline/regs.h>

/* Execute breakpoints at the instruction to be returned to have been reported. */
#define FLAG_RF 0x10000

void tl_arch_retry(struct pt_regs *regs, uintptr_t addr)
{
	regs->flags |= FLAG_RF;
	tl_arch_set_ip(regs, addr);
}

bool tl_arch_has_jprobes(void)
{
	return true;
}

/* Behind the return address. */
uintptr_t tl_arch_stack_args(const struct pt_regs *regs)
{
	return regs->sp + sizeof(long);
}

/* Large structures are on the stack. */
unsigned long *tl_arch_reference(struct pt_regs *regs, unsigned long *stack,
				 unsigned int i)
{
	(void)regs;
	(void)stack;
	(void)i;
	return NULL;
}

/* The last place in @code where the original at @from begins, or -1. */
static int place_of(const struct tl_code *code, unsigned int from)
{
	int to = -1;

	/* A system call has a place for its end as well, which comes before. */
	for (uint32_t i = 0; i < code->n; i++)
		if (code->from[i] == from && (int)code->to[i] > to)
			to = code->to[i];
	return to;
}

/*
 * The instruction of @plan, in @in, whose copy is the last to begin at @ip or
 * before; the place of that copy, or 0.
 */
static uintptr_t copy_before(const struct tl_plan *plan, uintptr_t addr,
			     const struct tl_code *code, uintptr_t at,
			     bool detour, uintptr_t ip, struct x86_insn *in)
{
	unsigned int n = detour ? plan->n_insns : 1;
	uintptr_t found = 0;

	for (unsigned int k = 0; k < n; k++) {
		unsigned int off = k ? plan->off[k] : 0;
		int to = place_of(code, off);

		if (to < 0 || at + to > ip)
			break;
		found = at + to;
		tl_plan_insn(plan, addr, off, in);
	}
	return found;
}

bool tl_arch_show(const struct tl_plan *plan, uintptr_t addr,
		  const struct tl_code *code, uintptr_t at, bool detour,
		  struct pt_regs *regs, uintptr_t *resume)
{
	uint8_t out[64];
	struct x86_insn in;
	uintptr_t ip = regs->ip;
	uintptr_t copy = copy_before(plan, addr, code, at, detour, ip, &in);
	int len;

	if (!copy)
		return false;
	len = x86_relocate(&in, plan->orig + (in.addr - addr), copy, out,
			   sizeof(out));
	if (len < 0)
		return false;
	switch (x86_reloc_where(&in, len, ip - copy)) {
	case X86_AT_START:
		regs->ip = in.addr;
		break;
	case X86_AT_TARGET:
		regs->ip = in.target;
		break;
	case X86_AT_NEXT:
		regs->ip = in.next;
		break;
	case X86_AT_PUSHED:
		regs->ip = in.addr;
		regs->sp += 8;
		*resume = copy;
		return true;
	case X86_AT_RCX:
		regs->ip = in.next;
		regs->cx = in.next;
		break;
	default:
		return false;
	}
	*resume = ip;
	return true;
}

/* A slot always ends in a jump. */
bool tl_arch_steps(const struct tl_plan *plan)
{
	(void)plan;
	return false;
}

/* SPDX-License-Identifier: MIT */
/*
 * trap.c - the invented instruction set: registers in traps, simulation
 */
#include <arch.h>
#include <trapline/regs.h>

const char tl_arch_return_trampoline[32] = { SIM_X_RETURN };

void tl_arch_retry(struct pt_regs *regs, uintptr_t addr)
{
	tl_arch_set_ip(regs, addr);
}

bool tl_arch_has_jprobes(void)
{
	return true;
}

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

/* There are no calls here, so the handler is C, and is told everything. */
void tl_arch_jprobe_call(void *entry, const struct pt_regs *regs, size_t bytes,
			 uintptr_t *frame)
{
	sim_jprobe_fn *handler = (sim_jprobe_fn *)entry;
	uint8_t copy[TL_JPROBE_STACK_MAX];
	void *buf[5];

	__builtin_memcpy(copy, (void *)tl_arch_stack_args(regs), bytes);
	*frame = (uintptr_t)buf;
	if (!__builtin_setjmp(buf))
		handler(regs, copy, bytes);
}

_Noreturn void tl_arch_jprobe_leave(uintptr_t frame)
{
	__builtin_longjmp((void **)frame, 1);
}

bool tl_arch_simulates(const struct tl_plan *plan, bool post)
{
	uint8_t op = plan->orig[0];

	return op == SIM_ONLY ||
	       (post && (op == SIM_JMP || op == SIM_CALL || op == SIM_RET));
}

bool tl_arch_can_simulate(const struct tl_plan *plan)
{
	return tl_arch_simulates(plan, true);
}

bool tl_arch_simulate(const struct tl_plan *plan, uintptr_t addr,
		      struct pt_regs *regs)
{
	uintptr_t next = addr + plan->insn_len;
	int32_t rel;

	switch (plan->orig[0]) {
	case SIM_ONLY:
		if (!regs->si)
			return false;
		regs->ax += 100;
		regs->ip = next;
		return true;
	case SIM_JMP:
		regs->ip = next + (int8_t)plan->orig[1];
		return true;
	case SIM_CALL:
		__builtin_memcpy(&rel, plan->orig + 1, 4);
		regs->sp -= 8;
		*(unsigned long *)regs->sp = next;
		regs->ip = next + rel;
		return true;
	case SIM_RET:
		if (!regs->sp)
			return false;
		regs->ip = *(unsigned long *)regs->sp;
		regs->sp += 8;
		return true;
	}
	return false;
}

/* The copies of one instruction are one each, or nowhere in the middle. */
bool tl_arch_show(const struct tl_plan *plan, uintptr_t addr,
		  const struct tl_code *code, uintptr_t at, bool detour,
		  struct pt_regs *regs, uintptr_t *resume)
{
	uintptr_t ip = tl_arch_ip(regs);

	(void)plan;
	(void)detour;
	for (uint32_t i = 0; i < code->n; i++) {
		if (at + code->to[i] != ip)
			continue;
		*resume = ip;
		tl_arch_set_ip(regs, addr + code->from[i]);
		return true;
	}
	return false;
}

/* A slot always ends in a jump. */
bool tl_arch_steps(const struct tl_plan *plan)
{
	(void)plan;
	return false;
}

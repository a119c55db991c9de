/* SPDX-License-Identifier: MIT */
/*
 * simulate.c - what an instruction does, done to a struct pt_regs
 *
 * Only branches are ever simulated, and only where post handlers want to see
 * them done, or where no code can stand for them (blr x30).  All else runs from a
 * copy.
 */
#include <trapline/regs.h>

#include "code.h"

bool tl_arch_simulates(const struct tl_plan *plan, bool post)
{
	return plan->no_copy ||
	       (post && plan->kind != A64_SIM_ADR &&
		plan->kind != A64_SIM_LITERAL && a64_simulates(plan->kind));
}

/*
 * Branches that authenticate are not among these: with the wrong signature they have
 * to fault, which only a copy does.
 */
bool tl_arch_can_simulate(const struct tl_plan *plan)
{
	return plan->no_copy || plan->kind >= A64_SIM_ADR;
}

static bool read_literal(void *dst, uint64_t src, size_t len)
{
	return !tlh_read(dst, src, len);
}

/* xpaclri */
static uint64_t strip(uint64_t pointer)
{
	register uint64_t x30 __asm__("x30") = pointer;

	__asm__("hint #7" : "+r"(x30));
	return x30;
}

/* pacia1716, pacib1716 */
static uint64_t sign(uint64_t pointer, uint64_t modifier, bool key_b)
{
	register uint64_t x17 __asm__("x17") = pointer;
	register uint64_t x16 __asm__("x16") = modifier;

	if (key_b)
		__asm__("hint #10" : "+r"(x17) : "r"(x16));
	else
		__asm__("hint #8" : "+r"(x17) : "r"(x16));
	return x17;
}

/*
 * Not by authenticating it: where that fails it may fault, and here.  What is
 * authentic is what signing gives once more.  (With the key switched off the CPU
 * does nothing in all of these; without the feature there is no such probe.)
 */
static bool authenticate(uint64_t *pointer, uint64_t modifier, bool key_b)
{
	uint64_t stripped = strip(*pointer);

	if (sign(stripped, modifier, key_b) != *pointer)
		return false;
	*pointer = stripped;
	return true;
}

bool tl_arch_simulate(const struct tl_plan *plan, uintptr_t addr,
		      struct pt_regs *regs)
{
	struct a64_cpu cpu;

	for (unsigned int i = 0; i < 31; i++)
		cpu.x[i] = regs->regs[i];
	cpu.sp = regs->sp;
	cpu.pc = addr;
	cpu.pstate = regs->pstate;
	if (!a64_simulate(tl_plan_insn(plan), &cpu, read_literal, authenticate))
		return false;
	for (unsigned int i = 0; i < 31; i++)
		regs->regs[i] = cpu.x[i];
	regs->pc = cpu.pc;
	regs->pstate = cpu.pstate;
	return true;
}

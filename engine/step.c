/* SPDX-License-Identifier: MIT */
/*
 * step.c - who single-steps on a CPU
 *
 * Where a CPU reports a breakpoint or an access before the instruction, whoever
 * goes on has to execute that one instruction with the register off: by a single
 * step.  A probe's slot can be stepped, too (TL_STEP_ONE).  But there is one step
 * flag, and one owner's step may begin under another's:
 *
 *     a hardware breakpoint at A is stepped over
 *       the instruction there is a probe's breakpoint: handlers run, unstepped
 *         (in one of them a probe is hit: its slot is stepped)
 *       the slot is stepped
 *         it accesses what is watched: that is stepped over
 *
 * So there is a stack of owners for each CPU.
 *
 *   T1  An owner keeps what its code had in the step flag and in what is masked,
 *       and restores that, whatever it was: the outer owner's, or nobody's.
 *   T2  One instruction is one step of everybody who waits for it: when the newest
 *       owner's is done and what it restores is an outer owner's step, that is
 *       done, too.
 *   T3  Interrupts are off for the one instruction, so a CPU does not change
 *       its thread with a step under way.  What is pending comes after the
 *       return.
 */
#include "bp.h"
#include <trapline/trap.h>

bool tl_step_begin(struct tl_bp_cpu *c, struct pt_regs *regs,
		   const struct tl_copy *copy, unsigned int registers)
{
	struct tl_step *s;

	if (!c->steps || c->n_steps == TL_STEPS)
		return false;
	s = &c->steps[c->n_steps];
	s->copy = copy;
	s->registers = registers;
	s->at = copy ? copy->at : tl_arch_ip(regs);
	s->saved = tl_arch_bp->step_begin(regs);
	s->was_on = tl_bp_host()->step(regs, true);
	tl_compiler_fence();
	tl_store(&c->n_steps, c->n_steps + 1);
	return true;
}

/* Take the newest owner away; true: an outer one waited for the same (T2). */
static bool end(struct tl_bp_cpu *c, struct pt_regs *regs, bool done)
{
	struct tl_step *s = &c->steps[c->n_steps - 1];
	unsigned int registers = s->registers;
	bool outer;

	tl_store(&c->n_steps, c->n_steps - 1);
	tl_compiler_fence();
	outer = tl_arch_bp->step_end(regs, s->saved, s->at, done);
	tl_bp_host()->step(regs, s->was_on);
	if (registers)
		tl_bp_step_over(c, registers);
	return outer && done;
}

bool tl_trap_step(struct pt_regs *regs)
{
	struct tl_bp_cpu *c = tl_bp_this_cpu();
	const struct tl_copy *slots[TL_STEPS];
	unsigned int n = 0;
	bool more = true;

	if (!c || !c->n_steps)
		return false;
	while (more && c->n_steps) {
		slots[n++] = c->steps[c->n_steps - 1].copy;
		more = end(c, regs, true);
	}
	/* Post handlers see the registers as they will be. */
	for (unsigned int i = 0; i < n; i++)
		if (slots[i])
			tl_slot_done(slots[i], regs);
	/* Somebody's whom we do not know: he has waited for the same. */
	return !more;
}

void tl_step_done(uintptr_t at, struct pt_regs *regs)
{
	struct tl_bp_cpu *c = tl_bp_this_cpu();

	while (c && c->n_steps && !c->steps[c->n_steps - 1].copy &&
	       c->steps[c->n_steps - 1].at == at && tl_arch_bp->stepped(regs) &&
	       end(c, regs, true))
		;
}

void tl_step_cancel(uintptr_t at, struct pt_regs *regs)
{
	struct tl_bp_cpu *c = tl_bp_this_cpu();

	if (c && c->n_steps && c->steps[c->n_steps - 1].copy &&
	    c->steps[c->n_steps - 1].at == at)
		end(c, regs, false);
}

bool tl_step_slot(const struct tl_copy *copy, struct pt_regs *regs)
{
	struct tl_bp_cpu *c = tl_bp_this_cpu();

	return c && tl_step_begin(c, regs, copy, 0);
}

void tl_trap_user(struct pt_regs *regs)
{
	struct tl_bp_cpu *c = tl_bp_this_cpu();

	while (c && c->n_steps)
		end(c, regs, false);
}

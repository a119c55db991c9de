/* SPDX-License-Identifier: MIT */
/*
 * trap.c - who is asked about an exception
 *
 * An exception is offered to the probe engine first (tl_trap_*), because a
 * breakpoint or a step of a probe is nobody else's; then to the hook; then, if
 * it is a fault, to the table of instructions that may fault.
 */

#include "cpu.h"
#include <kern/debug.h>
#include <kern/panic.h>
#include <kern/printk.h>
#include <kern/smp.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <trapline/trap.h>

/* What came, in the registers of the CPU when it did. */
struct cause_regs {
	unsigned long kind, esr, far;
};

NOPROBE static bool handle_fault(enum trap_kind kind, struct pt_regs *regs,
				 uintptr_t addr)
{
	return tl_trap_fault(regs) || trap_call_hook(kind, regs, addr) ||
	       fixup_fault(regs);
}

/*
 * A task's breakpoint may be hit in the kernel, too, where that copies for it: it
 * hears of that on its way back.
 */
NOPROBE static bool handle_debug(struct pt_regs *regs,
				 const struct cause_regs *c)
{
	unsigned long left = debug_status(c->esr, c->far);

	if (debug_trap(regs, &left))
		signal_force(task_current(), SIGTRAP);
	if (!left)
		return true;
	return (cause_of(c->esr) == EC_STEP && tl_trap_step(regs)) ||
	       trap_call_hook(TRAP_DEBUG, regs, left);
}

NOPROBE static bool handle_sync(struct pt_regs *regs,
				const struct cause_regs *c)
{
	switch (cause_of(c->esr)) {
	case EC_BRK:
		return trap_call_hook(TRAP_BREAKPOINT, regs, 0);
	case EC_BREAKPOINT:
	case EC_STEP:
	case EC_WATCH:
		return handle_debug(regs, c);
	case EC_UNKNOWN:
		return handle_fault(TRAP_UNDEFINED, regs, 0);
	case EC_PC_ALIGN:
	case EC_SP_ALIGN:
	case EC_ILLEGAL:
		return handle_fault(TRAP_PROTECTION, regs, 0);
	case EC_FETCH:
	case EC_DATA:
		return handle_fault(TRAP_PAGE_FAULT, regs, c->far);
	default:
		return false;
	}
}

static void handle_irq(struct pt_regs *regs)
{
	uint32_t taken = gic_take();
	enum irq irq = IRQ_OF(taken);

	switch (irq) {
	case IRQ_CALL:
		gic_end(taken);
		cpu_serve_calls();
		return;
	case IRQ_TIMER:
		timer_again(IRQ_TIMER);
		sched_tick(regs);
		break;
	case IRQ_TICK:
		tick();
		break;
	case IRQ_LOOK:
		sched_look();
		break;
	case IRQ_TEST:
		trap_call_hook(TRAP_TEST, regs, 0);
		break;
	default:
		break;
	}
	if (irq < IRQ_NONE)
		gic_end(taken);
}

/* What is wanted of a CPU that does not answer, or a tick of the first one's. */
NOPROBE static bool handle_fiq(struct pt_regs *regs)
{
	uint32_t taken = gic_take();
	enum irq irq = IRQ_OF(taken);

	if (irq >= IRQ_NONE)
		return true;
	if (irq == IRQ_INTERVAL)
		timer_again(IRQ_INTERVAL);
	gic_end(taken);
	if (irq == IRQ_INTERVAL) {
		gic_raise(IRQ_TICK);
		if (tick_is_watched())
			watchdog_nmi_tick(regs);
		return true;
	}
	if (is_panicking())
		halt();
	if (arch_nmi_was_sent() && watchdog_nmi(regs))
		return true;
	return trap_call_hook(TRAP_NMI, regs, 0);
}

NOPROBE static void dispatch(struct pt_regs *regs, const struct cause_regs *c)
{
	bool done = false;

	if (c->kind == VEC_IRQ) {
		handle_irq(regs);
		return;
	}
	if (c->kind == VEC_SYNC)
		done = handle_sync(regs, c);
	else if (c->kind == VEC_FIQ)
		done = handle_fiq(regs);
	if (!done)
		panic_regs(regs, "exception %lu, esr %lx, far %lx", c->kind,
			   c->esr, c->far);
}

NOPROBE static void dispatch_in_frame(struct pt_regs *regs,
				      const struct cause_regs *c)
{
	struct thread *self = arch_current();
	struct trap_frame frame = {
		.regs = regs,
		.prev = self->frames,
		.exception = c->kind != VEC_IRQ,
	};

	self->frames = &frame;
	dispatch(regs, c);
	if (!frame.exception)
		sched_preempt();
	self->frames = frame.prev;
}

/*
 * A breakpoint is mostly a probe's, and whoever waits for it counts what it
 * costs: the engine is asked before anything else is looked at.
 */
NOPROBE static bool is_probe(struct pt_regs *regs)
{
	struct thread *self = arch_current();
	struct trap_frame frame = {
		.regs = regs,
		.prev = self->frames,
		.exception = true,
	};
	bool ours;

	self->frames = &frame;
	ours = tl_trap_breakpoint(regs);
	self->frames = frame.prev;
	return ours;
}

NOPROBE void trap_dispatch(struct pt_regs *regs, unsigned long kind,
			   unsigned long esr, unsigned long far)
{
	const struct cause_regs c = { kind, esr, far };

	if (kind != VEC_SYNC || cause_of(esr) != EC_BRK || !is_probe(regs))
		dispatch_in_frame(regs, &c);
}

NOPROBE void stack_overflow(struct pt_regs *regs)
{
	panic_regs(regs, "stack overflow, sp %lx", (unsigned long)regs->sp);
}

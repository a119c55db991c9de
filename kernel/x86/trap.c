/* SPDX-License-Identifier: MIT */
/*
 * trap.c - the interrupt table, and who is asked about an exception
 *
 * An exception is offered to the probe engine first (tl_trap_*), because a
 * breakpoint or a step of a probe is nobody else's; then to the hook; then, if
 * it is a fault, to the table of instructions that may fault.
 */

#include "cpu.h"
#include <kern/debug.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/task.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <trapline/trap.h>

#define GATE_INTERRUPT 0x8eull
#define GATE_USER      0x60ull
#define DR6_STEP       (1ul << 14)

extern const uintptr_t vector_table[NR_VECTORS];

struct gate idt[VEC_SYSCALL + 1];

static void set_gate(unsigned int vector, uint64_t addr, uint64_t type)
{
	idt[vector].low = (addr & 0xffff) | SEL_KERNEL_CODE << 16 | type << 40 |
			  (addr >> 16 & 0xffff) << 48;
	idt[vector].high = addr >> 32;
}

/*
 * Only a double fault has a stack of its own.  Not NMIs: who handles one may run into a breakpoint, and the iretq of that lets
 * the next NMI come, which would begin at the top of the same stack.  The kernel's
 * stack pointer is good at every instruction.
 */
void idt_init(void)
{
	for (unsigned int i = 0; i < NR_VECTORS; i++)
		set_gate(i, vector_table[i], GATE_INTERRUPT);
	idt[VEC_BREAKPOINT].low |= GATE_USER << 40;
	idt[VEC_DOUBLE_FAULT].low |= (uint64_t)IST_DOUBLE_FAULT << 32;
	set_gate(VEC_SYSCALL, (uintptr_t)vector_syscall,
		 GATE_INTERRUPT | GATE_USER);
}

void idt_load(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} pointer = { sizeof(idt) - 1, (uint64_t)idt };

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

NOPROBE static uintptr_t read_cr2(void)
{
	uintptr_t addr;

	__asm__ volatile("movq %%cr2, %0" : "=r"(addr));
	return addr;
}

NOPROBE static bool handle_fault(enum trap_kind kind, struct pt_regs *regs,
				 uintptr_t addr)
{
	return tl_trap_fault(regs) || trap_call_hook(kind, regs, addr) ||
	       fixup_fault(regs);
}

/* Not a probe's: what is wanted of a CPU that does not answer. */
NOPROBE static bool handle_nmi(const struct pt_regs *regs)
{
	if (is_panicking())
		halt();
	if (arch_nmi_was_sent())
		return watchdog_nmi(regs);
	watchdog_nmi_tick(regs);
	return true;
}

/*
 * A task's breakpoint may be hit in the kernel, too, where that copies for it: it
 * hears of that on its way back.
 */
NOPROBE static bool handle_debug(struct pt_regs *regs)
{
	unsigned long status = take_debug_status(), left = status;

	if (debug_trap(regs, &left))
		signal_force(task_current(), SIGTRAP);
	if (status & DEBUG_STATUS_BITS && !(left & DEBUG_STATUS_BITS))
		return true;
	return (left & DR6_STEP && tl_trap_step(regs)) ||
	       trap_call_hook(TRAP_DEBUG, regs, left);
}

NOPROBE static bool handle_exception(struct pt_regs *regs, unsigned long vector)
{
	switch (vector) {
	case VEC_BREAKPOINT:
		return trap_call_hook(TRAP_BREAKPOINT, regs, 0);
	case VEC_DEBUG:
		return handle_debug(regs);
	case VEC_NMI:
		return handle_nmi(regs) || trap_call_hook(TRAP_NMI, regs, 0);
	case VEC_UNDEFINED:
		return handle_fault(TRAP_UNDEFINED, regs, 0);
	case VEC_PROTECTION:
		return handle_fault(TRAP_PROTECTION, regs, 0);
	case VEC_PAGE_FAULT:
		return handle_fault(TRAP_PAGE_FAULT, regs, read_cr2());
	default:
		return false;
	}
}

static void handle_interrupt(struct pt_regs *regs, unsigned long vector)
{
	switch (vector) {
	case VEC_TIMER:
		tick();
		break;
	case VEC_CPU_TIMER:
		sched_tick(regs);
		break;
	case VEC_LOOK:
		sched_look();
		break;
	case VEC_TEST:
		trap_call_hook(TRAP_TEST, regs, 0);
		break;
	}
	if (vector <= VEC_PIC_LAST)
		pic_ack((unsigned int)vector);
	else if (vector != VEC_SPURIOUS)
		apic_ack();
}

NOPROBE static void dispatch(struct pt_regs *regs, unsigned long vector)
{
	if (vector == VEC_CALL) {
		apic_ack();
		cpu_serve_calls();
		return;
	}
	if (vector >= VEC_TIMER) {
		handle_interrupt(regs, vector);
		return;
	}
	if (handle_exception(regs, vector))
		return;
	panic_regs(regs, "exception %lu, error code %lx, cr2 %lx", vector,
		   regs->orig_ax, read_cr2());
}

NOPROBE static void dispatch_in_frame(struct pt_regs *regs,
				      unsigned long vector)
{
	struct thread *self = arch_current();
	struct trap_frame frame = {
		.regs = regs,
		.prev = self->frames,
		.exception = vector < VEC_TIMER,
	};

	self->frames = &frame;
	dispatch(regs, vector);
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

NOPROBE void trap_dispatch(struct pt_regs *regs, unsigned long vector)
{
	if (vector != VEC_BREAKPOINT || !is_probe(regs))
		dispatch_in_frame(regs, vector);
}

/* SPDX-License-Identifier: MIT */
/*
 * trap.h - exceptions and who wants them
 *
 * A processor's vectors save all registers as a struct pt_regs and call
 * trap_dispatch().  It asks, in this order: the probe engine, if one is linked
 * in; the hook a driver or a test has set; the table of instructions that may
 * fault.  If nobody wants the exception, it is the end.
 */
#ifndef KERN_TRAP_H
#define KERN_TRAP_H

#include <stdbool.h>
#include <stdint.h>

struct pt_regs;

/* The kinds of exception that somebody may ask for. */
enum trap_kind {
	TRAP_BREAKPOINT,
	TRAP_DEBUG,
	TRAP_UNDEFINED,
	TRAP_PROTECTION,
	TRAP_PAGE_FAULT,
	TRAP_NMI,
	TRAP_TEST, /* the interrupt that arch_send_test() raises */
	TRAP_KINDS,
};

/*
 * A hook returns true if the exception was its own and has been dealt with:
 * execution goes on with @regs.  @info is the fault address of a page fault,
 * the debug status of a debug exception, and otherwise 0.  Context: trap.
 */
typedef bool (*trap_hook)(enum trap_kind kind, struct pt_regs *regs,
			  uintptr_t info);

/* Set the hook of @kind, and return the last one.  NULL: none. */
trap_hook trap_set_hook(enum trap_kind kind, trap_hook hook);

/* Ask the hook of @kind.  Context: trap. */
bool trap_call_hook(enum trap_kind kind, struct pt_regs *regs, uintptr_t info);

/*
 * Is there, behind @start and before @end, an instruction that may fault or one at
 * which execution goes on then?  Context: any.
 */
bool fixup_within(uintptr_t start, uintptr_t end);

/*
 * Does @regs stand at an instruction that may fault?  Then go on at its fixup
 * address.  Context: trap.
 */
bool fixup_fault(struct pt_regs *regs);

/*
 * Code on the way from the vector to a handler.  Whoever places breakpoints
 * keeps out of it: a breakpoint here would be hit on the way to its handler.
 */
#define NOPROBE __attribute__((section(".noprobe.text")))
extern const char noprobe_start[], noprobe_end[];

#endif

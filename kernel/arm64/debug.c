/* SPDX-License-Identifier: MIT */
/*
 * debug.c - the debug registers, as the engine numbers and words them
 *
 * The CPU has breakpoints (DBGBVRn_EL1, DBGBCRn_EL1) and watchpoints (DBGWVRn_EL1,
 * DBGWCRn_EL1).  Of each kind the first four are used, and what the engine calls
 * register n (0 to 3) is one of the one kind or of the other: which, and for whom,
 * says its part of the control word, which is made of four times 16 bits:
 *
 *     1 0     on for the kernel's code (EL1), for the user's (EL0)
 *     3 2     0: a breakpoint; else a watchpoint for loads (1), stores (2)
 *     6 5 4   its length less one
 *
 * What a debug exception has to tell is one word, too:
 *
 *     63 .. 60   1: a single step.  2: a breakpoint.  4: a watchpoint, and then
 *     56         it was a store
 *     55 .. 0    of the address that the CPU reported
 */

#include "cpu.h"
#include <kern/debug.h>
#include <kern/thread.h>
#include <kern/trap.h>

#define CONTROL_ON	  3u
#define CONTROL_TYPE(c)	  ((c) >> 2 & 3)
#define CONTROL_LENGTH(c) (((c) >> 4 & 7) + 1)
#define DBG_ON		  1u
#define BCR_WORD	  (15u << 5)

static uintptr_t address[KERN_MAX_CPUS][DEBUG_PAIRS];
static uint64_t control[KERN_MAX_CPUS];

#define EACH_PAIR(what)  \
	case 0:          \
		what(0); \
		break;   \
	case 1:          \
		what(1); \
		break;   \
	case 2:          \
		what(2); \
		break;   \
	case 3:          \
		what(3); \
		break;

#define WRITE_BREAK(n)                              \
	WRITE_SYSREG(dbgbcr##n##_el1, 0);           \
	WRITE_SYSREG(dbgbvr##n##_el1, addr & -4ul); \
	WRITE_SYSREG(dbgbcr##n##_el1, ctl)
#define WRITE_WATCH(n)                              \
	WRITE_SYSREG(dbgwcr##n##_el1, 0);           \
	WRITE_SYSREG(dbgwvr##n##_el1, addr & -8ul); \
	WRITE_SYSREG(dbgwcr##n##_el1, ctl)
#define BREAK_OFF(n) WRITE_SYSREG(dbgbcr##n##_el1, 0)
#define WATCH_OFF(n) WRITE_SYSREG(dbgwcr##n##_el1, 0)

NOPROBE static void write_break(unsigned int n, uintptr_t addr, uint64_t ctl)
{
	switch (n) {
		EACH_PAIR(WRITE_BREAK)
	}
}

NOPROBE static void write_watch(unsigned int n, uintptr_t addr, uint64_t ctl)
{
	switch (n) {
		EACH_PAIR(WRITE_WATCH)
	}
}

NOPROBE static void break_off(unsigned int n)
{
	switch (n) {
		EACH_PAIR(BREAK_OFF)
	}
}

NOPROBE static void watch_off(unsigned int n)
{
	switch (n) {
		EACH_PAIR(WATCH_OFF)
	}
}

/* Make the pair @n what @c, its part of the control word, says. */
NOPROBE static void write_pair(unsigned int n, uintptr_t addr, uint64_t c)
{
	uint64_t who = (c & 1 ? 1u << 1 : 0) | (c & 2 ? 2u << 1 : 0);
	uint64_t bytes = (1u << CONTROL_LENGTH(c)) - 1;

	if (!(c & CONTROL_ON)) {
		break_off(n);
		watch_off(n);
	} else if (!CONTROL_TYPE(c)) {
		watch_off(n);
		write_break(n, addr, DBG_ON | who | BCR_WORD);
	} else {
		break_off(n);
		write_watch(n, addr,
			    DBG_ON | who | CONTROL_TYPE(c) << 3 |
				    (bytes << (addr & 7) & 0xff) << 5);
	}
}

NOPROBE void arch_debug_write(unsigned int n, unsigned long value)
{
	unsigned int cpu = arch_cpu_id();

	if (n < DEBUG_PAIRS) {
		address[cpu][n] = value;
	} else if (n == DEBUG_CONTROL) {
		for (n = 0; n < DEBUG_PAIRS; n++)
			write_pair(n, address[cpu][n], value >> 16 * n);
		control[cpu] = value;
		isb();
	}
}

NOPROBE unsigned long arch_debug_read(unsigned int n)
{
	unsigned int cpu = arch_cpu_id();

	if (n < DEBUG_PAIRS)
		return address[cpu][n];
	return n == DEBUG_CONTROL ? control[cpu] : 0;
}

NOPROBE unsigned long debug_status(unsigned long esr, unsigned long far)
{
	switch (cause_of(esr)) {
	case EC_STEP:
	case EC_STEP_USER:
		return 1ul << 60;
	case EC_BREAKPOINT:
	case EC_BREAKPOINT_USER:
		return 2ul << 60;
	case EC_WATCH:
	case EC_WATCH_USER:
		return 4ul << 60 | (esr >> 6 & 1) << 56 |
		       (far & 0xfffffffffffffful);
	default:
		return 0;
	}
}

/* Of a task's, its way out of the kernel (vectors.S) sees to it. */
NOPROBE bool arch_debug_step(struct pt_regs *regs, bool on)
{
	uint64_t mdscr = READ_SYSREG(mdscr_el1);
	bool was = arch_regs_kernel(regs) ? mdscr & MDSCR_SS
					  : regs->orig_x0 & USER_STEP_OVER;

	if (!arch_regs_kernel(regs)) {
		regs->orig_x0 &= ~(uint64_t)USER_STEP_OVER;
		regs->orig_x0 |= on ? USER_STEP_OVER : 0;
	} else {
		WRITE_SYSREG(mdscr_el1,
			     on ? mdscr | MDSCR_SS : mdscr & ~MDSCR_SS);
		isb();
	}
	return was;
}

static bool overlaps(uintptr_t addr, size_t len, const void *p, size_t size)
{
	return addr < (uintptr_t)p + size && addr + len > (uintptr_t)p;
}

bool arch_trap_uses(uintptr_t addr, size_t len)
{
	return overlaps(addr, len, cpus, sizeof(cpus)) ||
	       overlaps(addr, len, address, sizeof(address)) ||
	       overlaps(addr, len, control, sizeof(control)) ||
	       overlaps(addr, len, threads, sizeof(threads));
}

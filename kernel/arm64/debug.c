/* SPDX-License-Identifier: MIT */
/*
 * debug.c - the debug registers, by the numbers of host.h
 *
 * From two to sixteen breakpoints, and as many watchpoints; ID_AA64DFR0_EL1 says how
 * many. What was written is kept, since reading a register takes its number, too,
 * which is part of the instruction.
 *
 * What a debug exception has to tell is one word:
 *
 *     63 .. 60   1: a single step.  2: a breakpoint.  4: a watchpoint, and then
 *     56         it was a store
 *     55 .. 0    of the address that the CPU reported
 */

#include "cpu.h"
#include <kern/debug.h>
#include <kern/thread.h>
#include <kern/trap.h>

#define NUMBERS 64 /* address, control; the same of watchpoints */

static uint64_t written[KERN_MAX_CPUS][NUMBERS];

unsigned int arch_debug_count(unsigned int kind)
{
	return (READ_SYSREG(id_aa64dfr0_el1) >> (kind ? 20 : 12) & 15) + 1;
}

unsigned int arch_debug_version(void)
{
	return READ_SYSREG(id_aa64dfr0_el1) & 15;
}

#define CASE(name, n)                               \
	case n:                                     \
		WRITE_SYSREG(name##n##_el1, value); \
		break;

/* Write register @n, below sixteen, of those with this name. */
#define REGISTERS(name)                                                  \
	NOPROBE static void write_##name(unsigned int n, uint64_t value) \
	{                                                                \
		switch (n) {                                             \
			CASE(name, 0)                                    \
			CASE(name, 1)                                    \
			CASE(name, 2)                                    \
			CASE(name, 3)                                    \
			CASE(name, 4)                                    \
			CASE(name, 5)                                    \
			CASE(name, 6)                                    \
			CASE(name, 7)                                    \
			CASE(name, 8)                                    \
			CASE(name, 9)                                    \
			CASE(name, 10)                                   \
			CASE(name, 11)                                   \
			CASE(name, 12)                                   \
			CASE(name, 13)                                   \
			CASE(name, 14)                                   \
			CASE(name, 15)                                   \
		}                                                        \
	}

REGISTERS(dbgbvr)
REGISTERS(dbgbcr)
REGISTERS(dbgwvr)
REGISTERS(dbgwcr)

NOPROBE void arch_debug_write(unsigned int n, unsigned long value)
{
	if (n >= NUMBERS)
		return;
	switch (n / 16) {
	case 0:
		write_dbgbvr(n % 16, value & -4ul);
		break;
	case 1:
		write_dbgbcr(n % 16, value);
		break;
	case 2:
		write_dbgwvr(n % 16, value & -8ul);
		break;
	case 3:
		write_dbgwcr(n % 16, value);
		break;
	}
	isb();
	written[arch_cpu_id()][n] = value;
}

NOPROBE unsigned long arch_debug_read(unsigned int n)
{
	return n < NUMBERS ? written[arch_cpu_id()][n] : 0;
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
	       overlaps(addr, len, written, sizeof(written)) ||
	       overlaps(addr, len, threads, sizeof(threads));
}

/* SPDX-License-Identifier: MIT */
/* debug.c - the debug registers, by their own numbers */

#include "cpu.h"
#include <kern/debug.h>
#include <kern/thread.h>
#include <kern/trap.h>

#define DR6_CLEAR 0xffff0ff0ul
#define EFLAGS_TF (1ul << 8)

/* All serve code and data. */
unsigned int arch_debug_count(unsigned int kind)
{
	return kind ? 0 : 4;
}

unsigned int arch_debug_version(void)
{
	return 0;
}

#define DR_WRITE(n) \
	__asm__ volatile("movq %0, %%db" #n : : "r"(value) : "memory")
#define DR_READ(n) \
	__asm__ volatile("movq %%db" #n ", %0" : "=r"(value) : : "memory")

NOPROBE void arch_debug_write(unsigned int n, unsigned long value)
{
	switch (n) {
	case 0:
		DR_WRITE(0);
		break;
	case 1:
		DR_WRITE(1);
		break;
	case 2:
		DR_WRITE(2);
		break;
	case 3:
		DR_WRITE(3);
		break;
	case 7:
		DR_WRITE(7);
		break;
	}
}

NOPROBE unsigned long arch_debug_read(unsigned int n)
{
	unsigned long value = 0;

	switch (n) {
	case 0:
		DR_READ(0);
		break;
	case 1:
		DR_READ(1);
		break;
	case 2:
		DR_READ(2);
		break;
	case 3:
		DR_READ(3);
		break;
	case 7:
		DR_READ(7);
		break;
	}
	return value;
}

/* The flag is all that it takes. */
NOPROBE bool arch_debug_step(struct pt_regs *regs, bool on)
{
	(void)on;
	return regs->flags & EFLAGS_TF;
}

NOPROBE uintptr_t take_debug_status(void)
{
	uintptr_t dr6;

	__asm__ volatile("movq %%db6, %0" : "=r"(dr6));
	__asm__ volatile("movq %0, %%db6" : : "r"(DR6_CLEAR));
	return dr6;
}

bool arch_trap_uses(uintptr_t addr, size_t len)
{
	uintptr_t end = addr + len;

	return (addr < (uintptr_t)(cpus + KERN_MAX_CPUS) &&
		end > (uintptr_t)cpus) ||
	       (addr < (uintptr_t)(idt + VEC_SYSCALL + 1) &&
		end > (uintptr_t)idt) ||
	       (addr < (uintptr_t)(threads + KERN_MAX_THREADS) &&
		end > (uintptr_t)threads);
}

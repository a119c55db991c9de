/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - one CPU: what it is told when it begins, threads, interrupts, stacks
 *
 * TPIDR_EL1 leads to the thread that runs, which knows the CPU: so both are known at
 * every instruction, and no other thread can be taken for the caller.
 */

#include "cpu.h"
#include <kern/debug.h>
#include <kern/stack.h>
#include <kern/thread.h>
#include <kern/trap.h>

#define CPACR_KERNEL (1ul << 20) /* vector registers, for the kernel alone */
#define CNTKCTL_NONE 0ul

struct cpu cpus[KERN_MAX_CPUS];

/* What assembly knows. */
_Static_assert(offsetof(struct thread, sp) == THREAD_SP, "layout.h");
_Static_assert(KERN_MAX_CPUS == KERN_MAX_CPUS_ASM, "layout.h");
_Static_assert(KERN_MAX_THREADS <= OVERFLOW_SLOT, "layout.h");
_Static_assert(OVERFLOW_STACKS == STACK_BASE + OVERFLOW_SLOT * STACK_STRIDE,
	       "layout.h");
_Static_assert(sizeof(struct pt_regs) == REGS_SIZE, "layout.h");
_Static_assert(offsetof(struct pt_regs, regs[30]) == REGS_X30, "layout.h");
_Static_assert(offsetof(struct pt_regs, sp) == REGS_SP, "layout.h");
_Static_assert(offsetof(struct pt_regs, pc) == REGS_PC, "layout.h");
_Static_assert(offsetof(struct pt_regs, orig_x0) == REGS_ORIG_X0, "layout.h");
_Static_assert(sizeof(struct pt_regs) == USER_FRAME, "layout.h");
_Static_assert(1 << STACK_BIT == STACK_SIZE && STACK_STRIDE == 2 * STACK_SIZE,
	       "layout.h");

/*
 * Where the CPU can tell, the kernel does not touch a user's pages but in
 * user_copy.S.  (Nor does it execute them: they are mapped so.)
 */
static void guard_user(void)
{
	if (!(READ_SYSREG(id_aa64mmfr1_el1) >> 20 & 0xf))
		return;
	WRITE_SYSREG(sctlr_el1, READ_SYSREG(sctlr_el1) & ~(uint64_t)SCTLR_SPAN);
	__asm__ volatile(".inst 0xd500419f"); /* msr pan, #1 */
	isb();
}

/* All off, whoever had them; and debug exceptions in the kernel are possible. */
static void debug_init(void)
{
	WRITE_SYSREG(oslar_el1, 0);
	WRITE_SYSREG(osdlr_el1, 0);
	isb();
	for (unsigned int n = 0; n < arch_debug_count(0); n++)
		arch_debug_write(16 + n, 0);
	for (unsigned int n = 0; n < arch_debug_count(1); n++)
		arch_debug_write(48 + n, 0);
	WRITE_SYSREG(mdscr_el1, MDSCR_MDE | MDSCR_KDE);
	isb();
	__asm__ volatile("msr daifclr, #13" : : : "memory"); /* all but I */
}

void cpu_init(unsigned int id, struct thread *current)
{
	current->cpu = id;
	WRITE_SYSREG(tpidr_el1, (uintptr_t)current);
	WRITE_SYSREG(vbar_el1, (uintptr_t)vectors);
	WRITE_SYSREG(cpacr_el1, CPACR_KERNEL);
	WRITE_SYSREG(cntkctl_el1, CNTKCTL_NONE);
	isb();
	guard_user();
	debug_init();
}

NOPROBE unsigned int arch_cpu_id(void)
{
	return *(volatile unsigned int *)&arch_current()->cpu;
}

NOPROBE bool arch_irqs_on(void)
{
	return !(READ_SYSREG(daif) & PSTATE_I);
}

NOPROBE void arch_irqs_enable(void)
{
	__asm__ volatile("msr daifclr, #2" : : : "memory");
}

NOPROBE struct pt_regs *arch_user_regs(const struct thread *t)
{
	return (struct pt_regs *)(t->stack_high + USER_FRAME) - 1;
}

/* What arch_switch() loads; the first 12 words are registers, X30 the second. */
void arch_thread_prepare(struct thread *t)
{
	uint64_t *sp = (uint64_t *)t->stack_high;

	sp -= 2; /* a frame that ends every backtrace */
	sp[0] = 0;
	sp[1] = 0;
	sp -= 14;
	sp[0] = (uint64_t)(sp + 14);
	sp[1] = (uint64_t)thread_begin;
	sp[12] = PSTATE_I;
	t->sp = (uintptr_t)sp;
}

NOPROBE unsigned long arch_irq_save(void)
{
	unsigned long flags = READ_SYSREG(daif);

	__asm__ volatile("msr daifset, #2" : : : "memory");
	return flags;
}

/* Nothing but what arch_irq_save() has changed. */
NOPROBE void arch_irq_restore(unsigned long flags)
{
	if (flags & PSTATE_I)
		__asm__ volatile("msr daifset, #2" : : : "memory");
	else
		__asm__ volatile("msr daifclr, #2" : : : "memory");
}

/* What is pending ends wfi also while it is masked. */
void arch_wait_for_interrupt(void)
{
	__asm__ volatile("dsb sy\n\twfi\n\tmsr daifclr, #2" : : : "memory");
}

NOPROBE void arch_cpu_relax(void)
{
	__asm__ volatile("yield" : : : "memory");
}

uint64_t arch_counter(void)
{
	return READ_SYSREG(cntvct_el0);
}

NOPROBE static bool within(uintptr_t sp, uintptr_t base, size_t size,
			   uintptr_t *low, uintptr_t *high)
{
	if (sp < base || sp > base + size)
		return false;
	*low = base;
	*high = base + size;
	return true;
}

NOPROBE bool stack_bounds(uintptr_t sp, uintptr_t *low, uintptr_t *high)
{
	uintptr_t slot = (sp - STACK_BASE) / STACK_STRIDE;
	uintptr_t base =
		STACK_BASE + slot * STACK_STRIDE + STACK_STRIDE - STACK_SIZE;

	if (slot < OVERFLOW_SLOT + KERN_MAX_CPUS)
		return within(sp, base, STACK_SIZE - USER_FRAME, low, high);
	return within(sp, (uintptr_t)boot_stack, BOOT_STACK_SIZE, low, high);
}

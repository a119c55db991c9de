/* SPDX-License-Identifier: MIT */
/* cpu.c - one CPU's own block: descriptor tables, task state, stacks */

#include "cpu.h"
#include <kern/stack.h>
#include <kern/thread.h>
#include <kern/trap.h>

#define MSR_GS_BASE	   0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define EFLAGS_ALWAYS	   (1ul << 1)
#define EFLAGS_IF	   (1ul << 9)
#define CR0_EM		   (1ul << 2)
#define CR4_SMEP	   (1ul << 20)
#define CR4_SMAP	   (1ul << 21)
#define CPUID_SMEP	   (1u << 7)
#define CPUID_SMAP	   (1u << 20)

struct cpu cpus[KERN_MAX_CPUS];

/* What assembly knows. */
_Static_assert(offsetof(struct cpu, current) == CPU_CURRENT, "layout.h");
_Static_assert(CPU_CURRENT == KERN_CURRENT_AT, "thread.h");
_Static_assert(offsetof(struct cpu, tss.rsp[0]) == CPU_RSP0, "layout.h");
_Static_assert(offsetof(struct thread, sp) == THREAD_SP, "layout.h");
_Static_assert(offsetof(struct thread, stack_high) == THREAD_STACK_HIGH,
	       "layout.h");
_Static_assert(KERN_MAX_CPUS == KERN_MAX_CPUS_ASM, "layout.h");

struct __attribute__((packed)) table_pointer {
	uint16_t limit;
	uint64_t base;
};

static void gdt_fill(struct cpu *cpu)
{
	uint64_t base = (uint64_t)&cpu->tss;

	cpu->gdt[SEL_KERNEL_CODE / 8] = 0x00af9b000000ffff;
	cpu->gdt[SEL_KERNEL_DATA / 8] = 0x00cf93000000ffff;
	cpu->gdt[SEL_USER_DATA / 8] = 0x00cff3000000ffff;
	cpu->gdt[SEL_USER_CODE / 8] = 0x00affb000000ffff;
	cpu->gdt[SEL_TSS / 8] = (sizeof(struct tss) - 1) |
				(base & 0xffffff) << 16 | 0x89ull << 40 |
				(base >> 24 & 0xff) << 56;
	cpu->gdt[SEL_TSS / 8 + 1] = base >> 32;
}

static void gdt_load(const struct cpu *cpu)
{
	struct table_pointer gdt = {
		.limit = sizeof(cpu->gdt) - 1,
		.base = (uint64_t)cpu->gdt,
	};

	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\tltr %w2"
			 :
			 : "m"(gdt), "i"(SEL_KERNEL_CODE), "r"(SEL_TSS)
			 : "rax", "memory");
}

bool cpu_has_smap;

/*
 * What ring 3 is not to do, and the kernel not to do by mistake: no task uses
 * the floating point unit, whose registers nobody saves; where the CPU can tell,
 * user pages are neither executed nor touched but by user_copy.S.
 */
static void guard_ring_0(void)
{
	uint32_t eax = 0, ebx, ecx = 0, edx;
	uint64_t cr;

	__asm__ volatile("movq %%cr0, %0" : "=r"(cr));
	__asm__ volatile("movq %0, %%cr0" : : "r"(cr | CR0_EM));
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if (eax < 7)
		return;
	eax = 7;
	ecx = 0;
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	__asm__ volatile("movq %%cr4, %0" : "=r"(cr));
	if (ebx & CPUID_SMEP)
		cr |= CR4_SMEP;
	if (ebx & CPUID_SMAP)
		cr |= CR4_SMAP;
	__asm__ volatile("movq %0, %%cr4" : : "r"(cr));
	cpu_has_smap = ebx & CPUID_SMAP;
}

void cpu_init(unsigned int id, struct thread *current)
{
	struct cpu *cpu = &cpus[id];

	cpu->self = cpu;
	cpu->id = id;
	cpu->current = current;
	cpu->tss.io_map = sizeof(struct tss);
	cpu->tss.ist[IST_DOUBLE_FAULT - 1] =
		(uint64_t)(cpu->ist_double_fault + IST_STACK_SIZE);
	gdt_fill(cpu);
	gdt_load(cpu);
	write_msr(MSR_GS_BASE, (uint64_t)cpu);
	write_msr(MSR_KERNEL_GS_BASE, 0); /* the user's, until it swaps them */
	guard_ring_0();
}

NOPROBE unsigned int arch_cpu_id(void)
{
	unsigned int id;

	__asm__ volatile("movl %%gs:%c1, %0"
			 : "=r"(id)
			 : "i"(offsetof(struct cpu, id)));
	return id;
}

NOPROBE bool arch_irqs_on(void)
{
	unsigned long flags;

	__asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags) : : "memory");
	return flags & EFLAGS_IF;
}

NOPROBE void arch_irqs_enable(void)
{
	__asm__ volatile("sti" : : : "memory");
}

NOPROBE struct pt_regs *arch_user_regs(const struct thread *t)
{
	return (struct pt_regs *)(t->stack_high + USER_FRAME) - 1;
}

/* What arch_switch() pops, and where it returns to: thread_begin(). */
void arch_thread_prepare(struct thread *t)
{
	uintptr_t *sp = (uintptr_t *)t->stack_high;

	*--sp = 0; /* as after a call, and the end of every backtrace */
	*--sp = (uintptr_t)thread_begin;
	sp -= 6;
	*--sp = EFLAGS_ALWAYS;
	t->sp = (uintptr_t)sp;
}

NOPROBE unsigned long arch_irq_save(void)
{
	unsigned long flags;

	__asm__ volatile("pushfq\n\tpopq %0\n\tcli" : "=r"(flags) : : "memory");
	return flags;
}

NOPROBE void arch_irq_restore(unsigned long flags)
{
	__asm__ volatile("pushq %0\n\tpopfq" : : "r"(flags) : "memory", "cc");
}

void arch_wait_for_interrupt(void)
{
	__asm__ volatile("sti\n\thlt" : : : "memory");
}

NOPROBE void arch_cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

uint64_t arch_counter(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

NOPROBE static bool within(uintptr_t sp, const void *base, size_t size,
			   uintptr_t *low, uintptr_t *high)
{
	if (sp < (uintptr_t)base || sp > (uintptr_t)base + size)
		return false;
	*low = (uintptr_t)base;
	*high = (uintptr_t)base + size;
	return true;
}

NOPROBE bool stack_bounds(uintptr_t sp, uintptr_t *low, uintptr_t *high)
{
	const struct cpu *cpu = &cpus[arch_cpu_id()];
	uintptr_t slot = (sp - STACK_BASE) / STACK_STRIDE;

	if (slot < KERN_MAX_THREADS)
		return within(sp,
			      (void *)(STACK_BASE + slot * STACK_STRIDE +
				       STACK_STRIDE - STACK_SIZE),
			      STACK_SIZE - USER_FRAME, low, high);
	return within(sp, boot_stack, BOOT_STACK_SIZE, low, high) ||
	       within(sp, cpu->ist_double_fault, IST_STACK_SIZE, low, high);
}

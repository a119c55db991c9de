/* SPDX-License-Identifier: MIT */
/* cpu.h - what the files in this folder share */
#ifndef KERN_X86_CPU_H
#define KERN_X86_CPU_H

#include "layout.h"
#include "regs.h"
#include <kern/arch.h>
#include <kern/mmu.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vector {
	VEC_DIVIDE = 0,
	VEC_DEBUG = 1,
	VEC_NMI = 2,
	VEC_BREAKPOINT = 3,
	VEC_UNDEFINED = 6,
	VEC_NO_FPU = 7,
	VEC_DOUBLE_FAULT = 8,
	VEC_PROTECTION = 13,
	VEC_PAGE_FAULT = 14,
	VEC_ALIGNMENT = 17,
	VEC_MACHINE_CHECK = 18,
	VEC_TIMER = 32,
	VEC_PIC_LAST = 47,
	VEC_CPU_TIMER = 48,
	VEC_CALL = 49,
	VEC_LOOK = 50,
	VEC_TEST = 51,
	VEC_SPURIOUS = 63,
	NR_VECTORS = 64,
	VEC_SYSCALL = 128,
};

enum ist {
	IST_DOUBLE_FAULT = 1,
};

struct __attribute__((packed)) tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
};

/* What belongs to one CPU; GS points to it. */
struct cpu {
	struct cpu *self;
	unsigned int id;
	unsigned int apic_id;
	struct thread *current;
	uint64_t gdt[7];
	struct tss tss;
	_Atomic bool nmi_sent; /* by arch_send_nmi(), not yet seen */
	uint8_t ist_double_fault[IST_STACK_SIZE] __attribute__((aligned(16)));
};

extern struct cpu cpus[KERN_MAX_CPUS];

/* Set up the serial port.  Context: boot. */
void console_init(void);

/*
 * Give CPU @id its descriptor tables and its GS, and let @current be the thread
 * that runs there.  Context: boot.
 */
void cpu_init(unsigned int id, struct thread *current);

/* Turn this CPU's interrupt controller on; acknowledge its interrupt. */
void apic_init(void);
void apic_ack(void);

/* From ap.S.  Context: boot. */
void ap_main(unsigned int id) __attribute__((noreturn));
extern _Atomic uint32_t ap_next;
extern uintptr_t ap_stack[KERN_MAX_CPUS];
extern uint64_t ap_root;

/* The interrupt table. */
struct gate {
	uint64_t low;
	uint64_t high;
};
extern struct gate idt[];

/* Fill in the interrupt table, and load it on this CPU.  Context: boot. */
void idt_init(void);
void idt_load(void);

/* Acknowledge the interrupt at @vector.  Context: trap. */
void pic_ack(unsigned int vector);

/* Where the vectors go: from the kernel, and from user mode.  Context: trap. */
void trap_dispatch(struct pt_regs *regs, unsigned long vector);
void trap_from_user(struct pt_regs *regs, unsigned long vector);

/* The vector of system calls, and the way out to @regs; see vectors.S. */
void vector_syscall(void);
void enter_user(struct pt_regs *regs) __attribute__((noreturn));

/* Read the debug status and clear it: the CPU never does.  Context: trap. */
uintptr_t take_debug_status(void);
#define DEBUG_STATUS_BITS 0xe00ful /* that tell of something */

/* For user_copy.S. */
extern bool cpu_has_smap;

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value),
			   "d"((uint32_t)(value >> 32))
			 : "memory");
}

#endif

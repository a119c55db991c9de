/* SPDX-License-Identifier: MIT */
/* cpu.h - what the files in this folder share */
#ifndef KERN_ARM64_CPU_H
#define KERN_ARM64_CPU_H

#include "layout.h"
#include "regs.h"
#include <kern/arch.h>
#include <kern/mmu.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Interrupts, by their numbers at the controller. */
enum irq {
	IRQ_CALL = 0, /* from CPU to CPU */
	IRQ_LOOK = 1,
	IRQ_TEST = 2,
	IRQ_TICK = 3,	   /* the interval timer's, once it has been an NMI */
	IRQ_NMI = 8,	   /* as an FIQ */
	IRQ_TIMER = 27,	   /* this CPU's: the virtual one */
	IRQ_INTERVAL = 30, /* the first CPU's, as an FIQ: the physical one */
	IRQ_NONE = 1020,   /* from here on: there is none */
};

/* Why a synchronous exception came: bits 31 to 26 of ESR_EL1. */
enum cause {
	EC_UNKNOWN = 0x00,
	EC_FPU = 0x07,
	EC_ILLEGAL = 0x0e,
	EC_SVC = 0x15,
	EC_SYSREG = 0x18,
	EC_FETCH_USER = 0x20,
	EC_FETCH = 0x21,
	EC_PC_ALIGN = 0x22,
	EC_DATA_USER = 0x24,
	EC_DATA = 0x25,
	EC_SP_ALIGN = 0x26,
	EC_BREAKPOINT_USER = 0x30,
	EC_BREAKPOINT = 0x31,
	EC_STEP_USER = 0x32,
	EC_STEP = 0x33,
	EC_WATCH_USER = 0x34,
	EC_WATCH = 0x35,
	EC_BRK = 0x3c,
};

static inline enum cause cause_of(unsigned long esr)
{
	return (enum cause)(esr >> 26 & 0x3f);
}

#define MDSCR_SS  (1ul << 0)
#define MDSCR_KDE (1ul << 13)
#define MDSCR_MDE (1ul << 15)

#define READ_SYSREG(reg)                                                       \
	({                                                                     \
		uint64_t value_;                                               \
		__asm__ volatile("mrs %0, " #reg : "=r"(value_) : : "memory"); \
		value_;                                                        \
	})
#define WRITE_SYSREG(reg, value)                  \
	__asm__ volatile("msr " #reg ", %0"       \
			 :                        \
			 : "r"((uint64_t)(value)) \
			 : "memory")

static inline void isb(void)
{
	__asm__ volatile("isb" : : : "memory");
}

/* What belongs to one CPU. */
struct cpu {
	_Atomic bool nmi_sent; /* by arch_send_nmi(), not yet seen */
};

extern struct cpu cpus[KERN_MAX_CPUS];

/*
 * Let this CPU, number @id, run @current, with its vectors and its debug
 * registers as they are to be.  Context: boot.
 */
void cpu_init(unsigned int id, struct thread *current);

/* Set up the serial port.  Context: boot. */
void console_init(void);

/* Set up the interrupt controller: what is shared, and this CPU's part. */
void gic_init(void);
void gic_cpu_init(void);

/*
 * The interrupt that has come, to be given to gic_end(): its number, and the CPU that
 * sent it.
 */
#define IRQ_OF(taken) ((enum irq)((taken)&0x3ff))
uint32_t gic_take(void);
void gic_end(uint32_t taken);

/* The interval timer, or this CPU's, has come: let it come again. */
void timer_again(enum irq irq);

/* Has the interval timer's NMI to look whether the first CPU makes ticks? */
bool tick_is_watched(void);

/* Raise @irq at this CPU. */
void gic_raise(enum irq irq);

/* Call the firmware, which is the hypervisor.  PSCI's numbers. */
long psci_call(unsigned long fn, unsigned long a, unsigned long b,
	       unsigned long c);

/* From ap.S.  Context: boot. */
void ap_main(unsigned int id) __attribute__((noreturn));
extern const char ap_start[];
extern uintptr_t ap_stack[KERN_MAX_CPUS];
extern uint64_t ap_root;

/* Where the vectors go: from the kernel, and from user mode.  Context: trap. */
void trap_dispatch(struct pt_regs *regs, unsigned long kind, unsigned long esr,
		   unsigned long far);
void trap_from_user(struct pt_regs *regs, unsigned long kind, unsigned long esr,
		    unsigned long far);
void stack_overflow(struct pt_regs *regs) __attribute__((noreturn));
extern const char vectors[];

/* The way out to @regs; see vectors.S. */
void enter_user(struct pt_regs *regs) __attribute__((noreturn));

/* What the debug exception with @esr and @far has to tell: debugreg.c's words. */
unsigned long debug_status(unsigned long esr, unsigned long far);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * irq.c - the interrupt controller (GICv2), timers, and starting the other CPUs
 *
 * Interrupts of group 1 are IRQs, which PSTATE.I masks.  Those of group 0 are
 * FIQs, and the kernel never masks these but for the few instructions in which
 * the vectors save and restore registers: they are what other processors call
 * NMI.  They have a higher priority, so they come while an IRQ is being
 * handled, too.
 *
 * There are two timers: the first CPU's interval timer counts the ticks of all,
 * and comes as an FIQ, which looks whether that CPU still makes ticks and raises the
 * ordinary interrupt; and each CPU has one for its scheduler.
 */

#include "cpu.h"
#include <kern/debug.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <stdatomic.h>

#define GICD_CTLR	0x000
#define GICD_TYPER	0x004
#define GICD_IGROUPR	0x080
#define GICD_ISENABLER	0x100
#define GICD_IPRIORITYR 0x400
#define GICD_SGIR	0xf00
#define GICC_CTLR	0x000
#define GICC_PMR	0x004
#define GICC_IAR	0x00c
#define GICC_EOIR	0x010

#define GICD_ENABLE_BOTH 3u
#define GICC_ENABLE_BOTH 3u
#define GICC_ACK_BOTH	 (1u << 2)
#define GICC_FIQ	 (1u << 3) /* group 0 is an FIQ */
#define PRIORITY_IRQ	 0xa0u
#define PRIORITY_FIQ	 0x40u
#define SGI_OTHERS	 (1u << 24)
#define SGI_SELF	 (2u << 24)
#define SGI_GROUP_1	 (1u << 15)
#define PRIVATE		 32u /* interrupts below are each CPU's own */

#define PSCI_CPU_ON 0xc4000003ul

static uint64_t per_tick; /* of the counter */
static bool watched;

NOPROBE static volatile uint32_t *reg(uint64_t base, unsigned int offset)
{
	return (volatile uint32_t *)(DIRECT_BASE + base + offset);
}

static bool is_fiq(unsigned int irq)
{
	return irq == IRQ_NMI || irq == IRQ_INTERVAL;
}

void gic_init(void)
{
	*reg(GICD_PHYS, GICD_CTLR) = GICD_ENABLE_BOTH;
	gic_cpu_init();
}

void gic_cpu_init(void)
{
	uint32_t groups = 0,
		 enable = 1u << IRQ_TIMER | 1u << IRQ_INTERVAL | 0xffffu;

	for (unsigned int i = 0; i < PRIVATE; i++) {
		uint32_t priority = is_fiq(i) ? PRIORITY_FIQ : PRIORITY_IRQ;
		volatile uint8_t *p =
			(volatile uint8_t *)reg(GICD_PHYS, GICD_IPRIORITYR) + i;

		groups |= is_fiq(i) ? 0 : 1u << i;
		*p = (uint8_t)priority;
	}
	*reg(GICD_PHYS, GICD_IGROUPR) = groups;
	*reg(GICD_PHYS, GICD_ISENABLER) = enable;
	*reg(GICC_PHYS, GICC_PMR) = 0xff;
	*reg(GICC_PHYS, GICC_CTLR) = GICC_ENABLE_BOTH | GICC_ACK_BOTH |
				     GICC_FIQ;
}

NOPROBE uint32_t gic_take(void)
{
	return *reg(GICC_PHYS, GICC_IAR);
}

NOPROBE void gic_end(uint32_t taken)
{
	*reg(GICC_PHYS, GICC_EOIR) = taken;
}

NOPROBE static void send(uint32_t to, enum irq irq)
{
	__asm__ volatile("dsb sy" : : : "memory"); /* what was stored before */
	*reg(GICD_PHYS, GICD_SGIR) = to | (irq == IRQ_NMI ? 0 : SGI_GROUP_1) |
				     irq;
}

NOPROBE void arch_send_call(void)
{
	send(SGI_OTHERS, IRQ_CALL);
}

void arch_send_look(unsigned int cpu)
{
	send(1u << (16 + cpu), IRQ_LOOK);
}

NOPROBE void arch_send_nmi(unsigned int cpu)
{
	cpus[cpu].nmi_sent = true;
	send(1u << (16 + cpu), IRQ_NMI);
}

NOPROBE bool arch_nmi_was_sent(void)
{
	return atomic_exchange(&cpus[arch_cpu_id()].nmi_sent, false);
}

void arch_send_test(void)
{
	send(SGI_SELF, IRQ_TEST);
	isb();
}

NOPROBE void gic_raise(enum irq irq)
{
	send(SGI_SELF, irq);
}

/* ---- timers ------------------------------------------------------------------------ */

void arch_tick_by_nmi(bool on)
{
	watched = on;
}

NOPROBE bool tick_is_watched(void)
{
	return watched;
}

/* From when it was to come last, so that nothing adds up. */
NOPROBE void timer_again(enum irq irq)
{
	uint64_t now, next;

	if (irq == IRQ_INTERVAL) {
		next = READ_SYSREG(cntp_cval_el0) + per_tick;
		now = READ_SYSREG(cntpct_el0);
		WRITE_SYSREG(cntp_cval_el0, next > now ? next : now + per_tick);
	} else {
		next = READ_SYSREG(cntv_cval_el0) + per_tick;
		now = READ_SYSREG(cntvct_el0);
		WRITE_SYSREG(cntv_cval_el0, next > now ? next : now + per_tick);
	}
	isb();
}

void arch_timer_init(void)
{
	per_tick = READ_SYSREG(cntfrq_el0) / TICK_HZ;
	gic_init();
	WRITE_SYSREG(cntp_cval_el0, READ_SYSREG(cntpct_el0) + per_tick);
	WRITE_SYSREG(cntp_ctl_el0, 1);
	isb();
	arch_irqs_enable();
}

void arch_cpu_timer_init(void)
{
	WRITE_SYSREG(cntv_cval_el0, READ_SYSREG(cntvct_el0) + per_tick);
	WRITE_SYSREG(cntv_ctl_el0, 1);
	isb();
}

/* ---- the others ------------------------------------------------------------------ */

uintptr_t ap_stack[KERN_MAX_CPUS];
uint64_t ap_root;

/* The controller knows how many it serves. */
unsigned int arch_nr_cpus(void)
{
	return (*reg(GICD_PHYS, GICD_TYPER) >> 5 & 7) + 1;
}

long psci_call(unsigned long fn, unsigned long a, unsigned long b,
	       unsigned long c)
{
	register unsigned long x0 __asm__("x0") = fn;
	register unsigned long x1 __asm__("x1") = a;
	register unsigned long x2 __asm__("x2") = b;
	register unsigned long x3 __asm__("x3") = c;

	__asm__ volatile("hvc #0"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
			 :
			 : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
			   "x12", "x13", "x14", "x15", "x16", "x17", "memory");
	return (long)x0;
}

/* A CPU that begins has its MMU, and so its caches, off. */
static void write_back(const void *at)
{
	__asm__ volatile("dc civac, %0\n\tdsb sy" : : "r"(at) : "memory");
}

void arch_start_cpus(void)
{
	ap_root = mmu_root();
	write_back(&ap_root);
	for (unsigned int i = 1; i < KERN_MAX_CPUS && i < arch_nr_cpus(); i++) {
		ap_stack[i] = thread_idle(i)->stack_high;
		if (psci_call(PSCI_CPU_ON, i, (uintptr_t)ap_start - KERNEL_BASE,
			      i))
			panic("cpu %u does not start", i);
	}
}

/* The first C code of another CPU, on the stack of its idle thread. */
void ap_main(unsigned int id)
{
	mmu_begin(mmu_root());
	cpu_init(id, thread_idle(id));
	gic_cpu_init();
	arch_current()->running = true;
	arch_cpu_timer_init();
	smp_online();
	debug_cpu_online();
	arch_irqs_enable();
	thread_idle_loop();
}

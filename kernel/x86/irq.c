/* SPDX-License-Identifier: MIT */
/*
 * irq.c - each CPU's own interrupt controller and timer, and starting the others
 *
 * No ACPI: the firmware says how many CPUs there are (QEMU's fw_cfg), and a
 * message to "all but myself" (INIT, then start-up) reaches them whatever their
 * numbers are.  They number themselves as they come (ap.S).
 */

#include "cpu.h"
#include <kern/debug.h>
#include <kern/lock.h>
#include <kern/panic.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/thread.h>
#include <kern/time.h>
#include <kern/trap.h>
#include <stdatomic.h>

#define REG_ID		0x20
#define REG_EOI		0xb0
#define REG_SPURIOUS	0xf0
#define REG_ICR_LOW	0x300
#define REG_ICR_HIGH	0x310
#define REG_LVT_TIMER	0x320
#define REG_LVT_LINT0	0x350
#define REG_TIMER_INIT	0x380
#define REG_TIMER_COUNT 0x390
#define REG_TIMER_DIV	0x3e0

#define APIC_ENABLE    (1u << 8)
#define TIMER_PERIODIC (1u << 17)
#define TIMER_MASKED   (1u << 16)
#define TIMER_DIV_16   0x3
#define LINT_EXTINT    0x700
#define ICR_PENDING    (1u << 12)
#define ICR_ASSERT     (1u << 14)
#define ICR_NMI	       0x400
#define ICR_INIT       0x500
#define ICR_STARTUP    0x600
#define ICR_SELF       (1u << 18)
#define ICR_OTHERS     (3u << 18)

#define IOAPIC_INPUT(n) (0x10 + 2 * (n)) /* two words */
#define IOAPIC_MASKED	(1u << 16)

#define FW_CFG_SELECT  0x510
#define FW_CFG_DATA    0x511
#define FW_CFG_NR_CPUS 5

static uint32_t timer_count; /* for one tick */

NOPROBE static void apic_write(unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(APIC_BASE + reg) = value;
}

NOPROBE static uint32_t apic_read(unsigned int reg)
{
	return *(volatile uint32_t *)(APIC_BASE + reg);
}

/* Interrupts off: the two halves of a message belong together. */
NOPROBE static void send(uint32_t to, uint32_t what)
{
	unsigned long flags = arch_irq_save();

	while (apic_read(REG_ICR_LOW) & ICR_PENDING)
		arch_cpu_relax();
	apic_write(REG_ICR_HIGH, to << 24);
	apic_write(REG_ICR_LOW, what | ICR_ASSERT);
	arch_irq_restore(flags);
}

NOPROBE void arch_send_call(void)
{
	send(0, ICR_OTHERS | VEC_CALL);
}

void arch_send_look(unsigned int cpu)
{
	send(cpus[cpu].apic_id, VEC_LOOK);
}

NOPROBE void arch_send_nmi(unsigned int cpu)
{
	cpus[cpu].nmi_sent = true;
	send(cpus[cpu].apic_id, ICR_NMI);
}

NOPROBE bool arch_nmi_was_sent(void)
{
	return atomic_exchange(&cpus[arch_cpu_id()].nmi_sent, false);
}

/* The shared controller: an index register, and what it selects. */
static void ioapic_write(unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)IOAPIC_BASE = reg;
	*(volatile uint32_t *)(IOAPIC_BASE + 0x10) = value;
}

/* The interval timer is at its input 2; an NMI is not to be acknowledged. */
void arch_tick_by_nmi(bool on)
{
	ioapic_write(IOAPIC_INPUT(2), IOAPIC_MASKED);
	ioapic_write(IOAPIC_INPUT(2) + 1, (uint32_t)cpus[0].apic_id << 24);
	if (on)
		ioapic_write(IOAPIC_INPUT(2), ICR_NMI);
}

void arch_send_test(void)
{
	send(0, ICR_SELF | VEC_TEST);
}

NOPROBE void apic_ack(void)
{
	apic_write(REG_EOI, 0);
}

void apic_init(void)
{
	cpus[arch_cpu_id()].apic_id = apic_read(REG_ID) >> 24;
	apic_write(REG_SPURIOUS, APIC_ENABLE | VEC_SPURIOUS);
	/* The old controllers' interrupts, the PIT's, come to the first CPU. */
	apic_write(REG_LVT_LINT0, arch_cpu_id() ? TIMER_MASKED : LINT_EXTINT);
}

static uint64_t next_tick(void)
{
	uint64_t now = ticks();

	while (ticks() == now)
		arch_cpu_relax();
	return ticks();
}

/* How far does the timer count in one tick of the PIT? */
static void calibrate(void)
{
	uint32_t start = ~0u;

	next_tick();
	apic_write(REG_TIMER_INIT, start);
	next_tick();
	timer_count = start - apic_read(REG_TIMER_COUNT);
}

void arch_cpu_timer_init(void)
{
	apic_write(REG_TIMER_DIV, TIMER_DIV_16);
	apic_write(REG_LVT_TIMER, TIMER_MASKED | VEC_CPU_TIMER);
	if (!timer_count)
		calibrate();
	apic_write(REG_LVT_TIMER, TIMER_PERIODIC | VEC_CPU_TIMER);
	apic_write(REG_TIMER_INIT, timer_count);
}

unsigned int arch_nr_cpus(void)
{
	unsigned int n;

	outw(FW_CFG_SELECT, FW_CFG_NR_CPUS);
	n = inb(FW_CFG_DATA);
	return n | (unsigned int)inb(FW_CFG_DATA) << 8;
}

/* ---- the others ------------------------------------------------------------------ */

extern const char ap_start[], ap_start_end[];

/* Number of the next CPU that comes, the stacks that they take, page tables. */
_Atomic uint32_t ap_next = 1;
uintptr_t ap_stack[KERN_MAX_CPUS];
uint64_t ap_root;

static void wait_ticks(unsigned int n)
{
	while (n--)
		next_tick();
}

void arch_start_cpus(void)
{
	memcpy(arch_phys_to_virt(AP_START), ap_start,
	       (size_t)(ap_start_end - ap_start));
	for (unsigned int i = 1; i < KERN_MAX_CPUS && i < arch_nr_cpus(); i++)
		ap_stack[i] = thread_idle(i)->stack_high - 16;
	ap_root = mmu_root();
	send(0, ICR_OTHERS | ICR_INIT);
	wait_ticks(3);
	send(0, ICR_OTHERS | ICR_STARTUP | AP_START >> 12);
}

/* The first C code of another CPU, on the stack of its idle thread. */
void ap_main(unsigned int id)
{
	cpu_init(id, thread_idle(id));
	idt_load();
	apic_init();
	arch_current()->running = true;
	arch_cpu_timer_init();
	smp_online();
	debug_cpu_online();
	arch_irqs_enable();
	thread_idle_loop();
}

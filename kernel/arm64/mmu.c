/* SPDX-License-Identifier: MIT */
/* mmu.c - arm64's part of the page tables and of changing text */

#include "cpu.h"
#include <kern/memory.h>
#include <kern/panic.h>
#include <kern/pte.h>
#include <kern/trap.h>

/* A user's half with nothing in it. */
static uint64_t no_user[ENTRIES] __attribute__((aligned(KERN_PAGE_SIZE)));

static void map_overflow_stacks(void (*map)(uintptr_t virt, uint64_t phys,
					    uintptr_t end, uint64_t bits))
{
	for (unsigned int i = 0; i < KERN_MAX_CPUS; i++) {
		uintptr_t top = OVERFLOW_STACKS + (i + 1ul) * STACK_STRIDE;
		void *pages = page_alloc(STACK_SIZE / KERN_PAGE_SIZE);

		if (!pages)
			panic("no memory for a stack");
		map(top - STACK_SIZE, arch_virt_to_phys(pages), top, PTE_RW);
	}
}

void mmu_map_machine(void (*map)(uintptr_t virt, uint64_t phys, uintptr_t end,
				 uint64_t bits))
{
	static const uint64_t devices[] = { GICD_PHYS, GICC_PHYS, UART_PHYS };

	for (unsigned int i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		map(DIRECT_BASE + devices[i], devices[i],
		    DIRECT_BASE + devices[i] + KERN_PAGE_SIZE, PTE_DEVICE);
	map_overflow_stacks(map);
}

static uint64_t phys_of(const void *in_kernel)
{
	return (uint64_t)in_kernel - KERNEL_BASE;
}

/* From here on the CPU sees to it, too, that nothing writable is executed. */
void mmu_begin(uint64_t root)
{
	WRITE_SYSREG(ttbr1_el1, root);
	WRITE_SYSREG(ttbr0_el1, phys_of(no_user));
	isb();
	__asm__ volatile("tlbi vmalle1\n\tdsb nsh\n\tisb" : : : "memory");
	WRITE_SYSREG(sctlr_el1, READ_SYSREG(sctlr_el1) | SCTLR_WXN);
	isb();
}

NOPROBE void mmu_use(uint64_t phys)
{
	if (!phys)
		phys = phys_of(no_user);
	if (phys == READ_SYSREG(ttbr0_el1))
		return;
	WRITE_SYSREG(ttbr0_el1, phys);
	isb();
	__asm__ volatile("tlbi aside1, xzr\n\tdsb nsh\n\tisb" : : : "memory");
}

NOPROBE void mmu_flush_page(uintptr_t virt)
{
	__asm__ volatile("dsb ishst\n\ttlbi vaae1is, %0\n\tdsb ish\n\tisb"
			 :
			 : "r"(virt >> 12 & 0xfffffffffffull)
			 : "memory");
}

NOPROBE void mmu_flush_all(void)
{
	__asm__ volatile("dsb ishst\n\ttlbi vmalle1\n\tdsb nsh\n\tisb"
			 :
			 :
			 : "memory");
}

/*
 * Clean the data to where instructions are fetched from, and then let nobody keep
 * what was there: both reach all CPUs.  What this one has fetched is isb's.
 */
NOPROBE void mmu_text_written(uintptr_t alias, uintptr_t text, size_t len)
{
	uint64_t ctr = READ_SYSREG(ctr_el0);
	uintptr_t d = 4ul << (ctr >> 16 & 15), i = 4ul << (ctr & 15);

	for (uintptr_t at = alias & -d; at < alias + len; at += d)
		__asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb ish" : : : "memory");
	for (uintptr_t at = text & -i; at < text + len; at += i)
		__asm__ volatile("ic ivau, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb ish\n\tisb" : : : "memory");
}

NOPROBE void text_sync_cpu(void)
{
	isb();
}

/*
 * There is no word of the CPU's that says so for certain: what boots here is
 * QEMU's machine.
 */
bool text_is_emulated(void)
{
	return true;
}

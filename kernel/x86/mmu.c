/* SPDX-License-Identifier: MIT */
/* mmu.c - x86-64's part of the page tables and of changing text */

#include "cpu.h"
#include <kern/memory.h>
#include <kern/mmu.h>
#include <kern/pte.h>
#include <kern/trap.h>

void mmu_map_machine(void (*map)(uintptr_t virt, uint64_t phys, uintptr_t end,
				 uint64_t bits))
{
	map(APIC_BASE, APIC_PHYS, APIC_BASE + 1, PTE_DEVICE);
	map(IOAPIC_BASE, IOAPIC_PHYS, IOAPIC_BASE + 1, PTE_DEVICE);
}

NOPROBE static uint64_t current(void)
{
	uint64_t phys;

	__asm__ volatile("movq %%cr3, %0" : "=r"(phys));
	return phys;
}

void mmu_begin(uint64_t root)
{
	__asm__ volatile("movq %0, %%cr3" : : "r"(root) : "memory");
}

/* One table has both halves. */
NOPROBE void mmu_use(uint64_t phys)
{
	if (!phys)
		phys = mmu_root();
	if (phys != current())
		__asm__ volatile("movq %0, %%cr3" : : "r"(phys) : "memory");
}

void mmu_flush_page(uintptr_t virt)
{
	__asm__ volatile("invlpg (%0)" : : "r"(virt) : "memory");
}

void mmu_flush_all(void)
{
	__asm__ volatile("movq %0, %%cr3" : : "r"(current()) : "memory");
}

/* Caches are coherent. */
void mmu_text_written(uintptr_t alias, uintptr_t text, size_t len)
{
	(void)alias;
	(void)text;
	(void)len;
}

/* CPUID is serializing: what follows is fetched after it. */
void text_sync_cpu(void)
{
	uint32_t eax = 0, ecx = 0;

	__asm__ volatile("cpuid"
			 : "+a"(eax), "+c"(ecx)
			 :
			 : "ebx", "edx", "memory");
}

/* The name that QEMU's translator gives itself. */
bool text_is_emulated(void)
{
	uint32_t eax = 1, ebx = 0, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if (!(ecx >> 31))
		return false;
	eax = 0x40000000;
	ecx = 0;
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return ebx == 0x54474354 && ecx == 0x43544743 && edx == 0x47435447;
}

/* SPDX-License-Identifier: MIT */
/*
 * isa.h - what the portable part of the kernel must know of x86-64 when it is
 * compiled; it is included as <kern/isa.h>
 */
#ifndef KERN_ISA_H
#define KERN_ISA_H

struct thread;

/* Where physical memory begins. */
#define KERN_PHYS_BASE 0ull

/* Addresses below are user tasks', from the other one up the kernel's. */
#define KERN_USER_END	 0x0000800000000000
#define KERN_KERNEL_BASE 0xffff800000000000

/* The machine in the head of an ELF file. */
#define KERN_ELF_MACHINE 62

/* Text may be changed under running CPUs, a breakpoint first. */
#define KERN_PATCH_STOPPED false

/*
 * The thread that runs this: a word of the CPU's own block, to which GS leads.
 * Context: any.
 */
#define KERN_CURRENT_AT 16

static inline struct thread *arch_current(void)
{
	struct thread *current;

	__asm__ volatile("movq %%gs:%c1, %0"
			 : "=r"(current)
			 : "i"(KERN_CURRENT_AT));
	return current;
}

#endif

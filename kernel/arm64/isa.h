/* SPDX-License-Identifier: MIT */
/*
 * isa.h - what the portable part of the kernel must know of arm64 when it is
 * compiled; it is included as <kern/isa.h>
 */
#ifndef KERN_ISA_H
#define KERN_ISA_H

struct thread;

/* Where physical memory begins. */
#define KERN_PHYS_BASE 0x40000000ull

/* Addresses below are user tasks', from the other one up the kernel's. */
#define KERN_USER_END	 0x0001000000000000
#define KERN_KERNEL_BASE 0xffff000000000000

/* The machine in the head of an ELF file. */
#define KERN_ELF_MACHINE 183

/*
 * Few instructions may be exchanged under running CPUs (Arm ARM, "Concurrent
 * modification and execution of instructions"), and what is probed is mostly another:
 * the others are stopped.
 */
#define KERN_PATCH_STOPPED true

/*
 * The thread that runs this, and nothing of the CPU: one instruction, before and
 * after which it may have been moved.  Context: any.
 */
static inline struct thread *arch_current(void)
{
	struct thread *current;

	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(current));
	return current;
}

#endif

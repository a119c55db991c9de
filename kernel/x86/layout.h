/* SPDX-License-Identifier: MIT */
/*
 * layout.h - the map of addresses; for C, assembly and the linker script
 *
 *     0                       nothing: a null pointer faults
 *     USER_BASE .. USER_END   the user task that runs, if one does
 *     DIRECT_BASE             all physical memory, never executable
 *     KERNEL_BASE + 1 MiB     the kernel: text, read-only data, data
 *     TEXT_AREA_BASE          executable memory that text_alloc() hands out
 *     ALIAS_BASE              TEXT_ALIAS_PAGES a CPU, through which it writes
 *                             text; mapped only during the write
 *     STACK_BASE              the stacks of threads, a guard below each
 *     APIC_BASE               the registers of this CPU's interrupt controller,
 *                             and of the one that all devices share
 *
 * The kernel lives in the last 2 GiB, so that it can be compiled with
 * -mcmodel=kernel: every symbol is a sign-extended 32-bit constant, as cheap
 * as at a low address, and the lower half is left to user tasks.  The text
 * area is 512 MiB away from the text, well within a 32-bit displacement.
 */
#ifndef KERN_X86_LAYOUT_H
#define KERN_X86_LAYOUT_H

#define DIRECT_BASE 0xffff888000000000
#define KERNEL_BASE 0xffffffff80000000
#define KERNEL_PHYS 0x100000

#define TEXT_AREA_BASE	0xffffffffa0000000
#define TEXT_AREA_PAGES 4096

#define ALIAS_BASE	 0xffffffffc0000000
#define TEXT_ALIAS_PAGES 2

#define STACK_BASE   0xffffffffd0000000
#define STACK_STRIDE 0x10000
#define STACK_SIZE   0x8000

#define APIC_BASE   0xffffffffe0000000
#define APIC_PHYS   0xfee00000
#define IOAPIC_BASE 0xffffffffe0001000
#define IOAPIC_PHYS 0xfec00000

/* Where CPUs start that are told to, below 64 KiB; how many there may be. */
#define AP_START	  0x8000
#define KERN_MAX_CPUS_ASM 8

#define BOOT_STACK_SIZE 32768
#define IST_STACK_SIZE	8192

#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_DATA	0x1b /* these two with the privilege level, 3 */
#define SEL_USER_CODE	0x23
#define SEL_TSS		0x28

/*
 * Above the kernel stack of a thread: the registers of its user task, where the
 * CPU and the vectors save them when it leaves ring 3.
 */
#define USER_FRAME 176

#define USER_BASE 0x0000000000400000
#define USER_END  0x00007ffffffff000

/* Offsets in struct cpu and struct thread, for assembly. */
#define CPU_CURRENT	  16
#define CPU_RSP0	  84
#define THREAD_SP	  0
#define THREAD_STACK_HIGH 16

/* Where a stub leaves room below what it interrupted; see vectors.S. */
#define TRAP_STACK_GAP 128

#endif

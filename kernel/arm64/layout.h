/* SPDX-License-Identifier: MIT */
/*
 * layout.h - the map of addresses; for C, assembly and the linker script
 *
 *     0                       nothing: a null pointer faults
 *     USER_BASE .. USER_END   the user task that runs, if one does
 *     DIRECT_BASE             all physical memory and the devices, never executable
 *     KERNEL_BASE + its physical address
 *                             the kernel: text, read-only data, data
 *     TEXT_AREA_BASE          executable memory that text_alloc() hands out
 *     ALIAS_BASE              TEXT_ALIAS_PAGES a CPU, through which it writes
 *                             text; mapped only during the write
 *     STACK_BASE              the stacks of threads, a guard below each; behind
 *                             them one for each CPU whose stack has overflowed
 *
 * The text area is 64 MiB away from where the kernel's memory begins, so that every
 * branch of either reaches all of the other (128 MiB).
 *
 * The part of a stack that is mapped is the upper half of a multiple of
 * STACK_STRIDE: bit 15 of a good stack pointer is set (vectors.S).
 */
#ifndef KERN_ARM64_LAYOUT_H
#define KERN_ARM64_LAYOUT_H

#define DIRECT_BASE 0xffff000000000000
#define KERNEL_BASE 0xffffff8000000000
#define KERNEL_PHYS 0x40080000

#define TEXT_AREA_BASE	0xffffff8044000000
#define TEXT_AREA_PAGES 4096

#define ALIAS_BASE	 0xffffff8050000000
#define TEXT_ALIAS_PAGES 2

#define STACK_BASE	0xffffff8060000000
#define STACK_STRIDE	0x10000
#define STACK_SIZE	0x8000
#define STACK_BIT	15
#define OVERFLOW_SLOT	112 /* behind KERN_MAX_THREADS, a multiple of 16 */
#define OVERFLOW_STACKS 0xffffff8060700000 /* where that begins */

#define GICD_PHYS 0x08000000
#define GICC_PHYS 0x08010000
#define UART_PHYS 0x09000000

#define BOOT_STACK_SIZE	  0x8000
#define KERN_MAX_CPUS_ASM 8

/*
 * Above the kernel stack of a thread: the registers of its user task, where the
 * vectors save them when it leaves EL0.
 */
#define USER_FRAME 288

#define USER_BASE 0x0000000000400000
#define USER_END  0x00007ffffffff000

/* struct pt_regs, for assembly. */
#define REGS_X30     240
#define REGS_SP	     248
#define REGS_PC	     256
#define REGS_ORIG_X0 272
#define REGS_SIZE    288

/* Offsets in struct thread. */
#define THREAD_SP 0

/* What the vectors tell trap_dispatch() and trap_from_user(). */
#define VEC_SYNC  0
#define VEC_IRQ	  1
#define VEC_FIQ	  2
#define VEC_ERROR 3

/* SCTLR_EL1: M C SA SA0 I, SPAN, and what is 1 where a CPU has no bit for it. */
#define SCTLR_BOOT 0x30d0181d
#define SCTLR_SPAN (1 << 23)
#define SCTLR_WXN  (1 << 19)

/*
 * TCR_EL1: both halves 48 bits, pages of 4 KiB, tables in write-back memory that
 * all CPUs share; physical addresses of 40 bits.
 */
#define TCR_BOOT 0x2b5103510

/* MAIR_EL1: 0 device, 1 write-back memory. */
#define MAIR_BOOT 0xff00

#endif

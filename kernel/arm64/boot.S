/* SPDX-License-Identifier: MIT */
/*
 * boot.S - from the head of the image to C
 *
 * The loader (QEMU's -kernel, or any that knows arm64 Linux images) jumps to the
 * head with the MMU off and X0 pointing to the device tree.  The first page
 * tables are constant: the first gigabyte, devices, and the second, memory that can
 * be written and executed; each three times, as one table of the second level
 * stands in all three places.  core/mmu.c replaces them before anything else
 * happens.
 *
 *     TTBR0, entry 0      identity       this code, until it has jumped
 *     TTBR1, entry 0      DIRECT_BASE
 *     TTBR1, entry 511    KERNEL_BASE
 */
#include "layout.h"

#define PHYS(sym) ((sym) - KERNEL_BASE)
#define PTE_TABLE	0x3
#define BLOCK_DEVICE	0x0060000000000401	/* present, accessed; PXN, UXN */
#define BLOCK_MEMORY	0x0000000040000705	/* and shared, MAIR_EL1 1 */

	.section .boot.text, "ax"
	.globl	image_head
	.type	image_head, %function
image_head:
	b	start
	.long	0
	.quad	KERNEL_PHYS & 0x1fffff	/* where it wants to be, after 2 MiB */
	.quad	kernel_end - image_head	/* with what follows the file */
	.quad	2			/* little endian, pages of 4 KiB */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

start:
	mov	x20, x0
	adrp	x1, bss_start
	add	x1, x1, :lo12:bss_start
	adrp	x2, bss_end
	add	x2, x2, :lo12:bss_end
1:	cmp	x1, x2
	b.hs	2f
	stp	xzr, xzr, [x1], #16
	b	1b
2:	adrp	x0, boot_l0
	add	x0, x0, :lo12:boot_l0
	mov	x1, x0
	ldr	x2, =high_start
	b	mmu_on
	.size	image_head, . - image_head

/* Use the tables at X0, and X1 for the kernel's half, and go to X2. */
	.globl	mmu_on
	.type	mmu_on, %function
mmu_on:
	msr	ttbr0_el1, x0
	msr	ttbr1_el1, x1
	ldr	x3, =MAIR_BOOT
	msr	mair_el1, x3
	ldr	x3, =TCR_BOOT
	msr	tcr_el1, x3
	isb
	tlbi	vmalle1
	dsb	nsh
	ic	iallu
	dsb	nsh
	isb
	ldr	x3, =SCTLR_BOOT
	msr	sctlr_el1, x3
	isb
	br	x2
	.size	mmu_on, . - mmu_on
	.ltorg

	.text
	.type	high_start, %function
high_start:
	msr	spsel, #1
	ldr	x0, =boot_stack_top
	mov	sp, x0
	adrp	x0, boot_dtb
	str	x20, [x0, :lo12:boot_dtb]
	mov	x29, xzr
	mov	x30, xzr
	stp	x29, x30, [sp, #-16]!	/* a frame that ends every backtrace */
	mov	x29, sp
	bl	kernel_main
	brk	#0
	.size	high_start, . - high_start
	.ltorg

	.data
	.globl	boot_dtb
	.balign	8
boot_dtb:
	.quad	0

	.balign	4096
	.globl	boot_l0
boot_l0:
	.quad	PHYS(boot_l1) + PTE_TABLE
	.fill	510, 8, 0
	.quad	PHYS(boot_l1) + PTE_TABLE
boot_l1:
	.quad	BLOCK_DEVICE
	.quad	BLOCK_MEMORY
	.fill	510, 8, 0

/* Its bit STACK_BIT is set, as in every good stack pointer. */
	.bss
	.balign	STACK_STRIDE
	.skip	STACK_STRIDE - BOOT_STACK_SIZE
	.globl	boot_stack, boot_stack_top
boot_stack:
	.skip	BOOT_STACK_SIZE
boot_stack_top:

	.section .note.GNU-stack, "", %progbits

/* SPDX-License-Identifier: MIT */
/*
 * ap.S - where every CPU but the first begins: its number in X0, the MMU off
 *
 * It goes the same way as the first one (boot.S), but has the kernel's final
 * tables at once: only there are the stacks mapped.
 */
#include "layout.h"

	.section .boot.text, "ax"
	.globl	ap_start
	.type	ap_start, %function
ap_start:
	mov	x20, x0
	adrp	x0, boot_l0
	add	x0, x0, :lo12:boot_l0
	adrp	x1, ap_root
	ldr	x1, [x1, :lo12:ap_root]
	ldr	x2, =ap_high
	b	mmu_on
	.size	ap_start, . - ap_start
	.ltorg

	.text
	.type	ap_high, %function
ap_high:
	msr	spsel, #1
	adrp	x0, ap_stack
	add	x0, x0, :lo12:ap_stack
	ldr	x0, [x0, x20, lsl #3]
	mov	sp, x0
	mov	x29, xzr
	mov	x30, xzr
	stp	x29, x30, [sp, #-16]!	/* a frame that ends every backtrace */
	mov	x29, sp
	mov	x0, x20
	bl	ap_main
	brk	#0
	.size	ap_high, . - ap_high

	.section .note.GNU-stack, "", %progbits

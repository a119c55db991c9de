/* SPDX-License-Identifier: MIT */
/*
 * switch.S - from one thread to another
 *
 * void arch_switch(struct thread *prev, struct thread *next);
 *
 * What C expects to be kept is pushed on the stack of the one that leaves, and what
 * is masked, and whether it is being stepped, with it.  Who runs here (tpidr_el1) changes together with the stack,
 * so that the code before belongs to one thread and the code after to the other.
 * Interrupts are off.  Vector registers are nobody's: what uses them saves them.
 */
#include "layout.h"

	.text
	.globl	arch_switch
	.type	arch_switch, %function
arch_switch:
	stp	x29, x30, [sp, #-112]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	mrs	x2, daif
	mrs	x3, mdscr_el1
	stp	x2, x3, [sp, #96]
	mov	x2, sp
	str	x2, [x0, #THREAD_SP]
	ldr	x2, [x1, #THREAD_SP]
	mov	sp, x2
	msr	tpidr_el1, x1
	ldp	x2, x4, [sp, #96]
	eor	x4, x4, x3
	tbz	x4, #0, 1f		/* who is stepped is, and nobody else */
	eor	x3, x3, #1
	msr	mdscr_el1, x3
1:	msr	daif, x2
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #112
	ret
	.size	arch_switch, . - arch_switch

	.section .note.GNU-stack, "", %progbits

/* SPDX-License-Identifier: MIT */
/*
 * shapes.S - functions to be probed, each with its own first instruction
 *
 * Each takes two integers.  What it returns depends on every instruction being
 * carried out exactly once, from the right place.
 */

	.text

	.macro	shape name
	.balign	16
	.globl	\name
	.type	\name, %function
\name:
	.endm

	.macro	done name
	.size	\name, . - \name
	.endm

	shape	shape_lea
	add	x0, x0, x1, lsl #1
	add	x0, x0, #5
	ret
	done	shape_lea

	shape	shape_push
	str	x19, [sp, #-16]!
	mov	x19, x0
	add	x0, x19, x1
	ldr	x19, [sp], #16
	ret
	done	shape_push

	shape	shape_rip_relative
	ldr	x2, shape_data
	add	x0, x2, x0
	add	x0, x0, x1
	ret
	done	shape_rip_relative
	.balign	8
shape_data:
	.quad	0x1000

	shape	shape_call
	stp	x29, x30, [sp, #-16]!
	bl	shape_lea
	add	x0, x0, #1
	ldp	x29, x30, [sp], #16
	ret
	done	shape_call

	shape	shape_jump
	b	1f
	brk	#1
1:	sub	x0, x0, x1
	ret
	done	shape_jump

	shape	shape_branch
	cbz	x2, 1f
1:	cmp	x0, x1
	cset	x0, lo
	ret
	done	shape_branch

	shape	shape_pushf
	mrs	x2, nzcv
	and	x2, x2, #0xfffffff
	add	x0, x2, x0
	ret
	done	shape_pushf

	shape	shape_ret
	ret
	done	shape_ret

	shape	shape_loop
	mov	x2, x0
	mov	w3, #3
1:	add	x2, x2, x1
	mov	x0, x2
	subs	w3, w3, #1
	b.ne	1b
	ret
	done	shape_loop

	shape	shape_depth
	mov	x2, x0
	cmp	x2, #0
	b.eq	1f
	stp	x29, x30, [sp, #-16]!
	sub	x0, x0, #1
	bl	shape_depth
	add	x0, x0, #1
	ldp	x29, x30, [sp], #16
1:	ret
	done	shape_depth

/* Interrupts off and on again: 0 if they were off in between and are on after. */
	shape	shape_cli
	mrs	x3, daif
	msr	daifset, #2
	mrs	x1, daif
	msr	daifclr, #2
	nop
	mrs	x2, daif
	msr	daif, x3
	mvn	x1, x1
	orr	x0, x1, x2
	and	x0, x0, #128
	ret
	done	shape_cli

/* A spin that somebody else ends: while (!*x0) yield; *x0. */
	shape	shape_spin
1:	yield
	ldr	x1, [x0]
	cbz	x1, 1b
	mov	x0, x1
	ret
	done	shape_spin

/* Reads *x0; that must not fault. */
	shape	shape_load
	ldr	x0, [x0]
	ret
	done	shape_load

/* Reads *x0; if that faults, the kernel goes on at 2 (kernel/core/trap.c). */
	shape	shape_fault
1:	ldr	x0, [x0]
	ret
2:	mov	x0, #-1
	ret
	done	shape_fault

	.section fixups, "a"
	.quad	1b, 2b

	.section .note.GNU-stack, "", %progbits

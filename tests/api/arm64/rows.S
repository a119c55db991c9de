/* SPDX-License-Identifier: MIT */
/*
 * rows.S - instructions that Linux's kprobes of arm64 refuse
 */
	.arch	armv8.3-a
	.text

	.macro	FUNC name
	.p2align 4
	.globl	\name
	.type	\name, %function
\name:
	.endm

	.macro	PLACE name
	.globl	\name
\name:
	.endm

/* Is never called. */
FUNC row_unused
	nop
PLACE row_svc
	svc	#0
PLACE row_msr
	msr	daifset, #2
PLACE row_hint
	hint	#40
	paciasp
PLACE row_retaa
	retaa
	.size	row_unused, . - row_unused

FUNC row_daif
	nop
PLACE row_mrs_daif
	mrs	x0, daif
	ret
	.size	row_daif, . - row_daif

/* The argument and one, by way of memory. */
FUNC row_exclusive
	str	x0, [sp, #-16]!
	mov	x3, sp
1:	ldxr	x1, [x3]
	add	x1, x1, #1
	stxr	w2, x1, [x3]
	cbnz	w2, 1b
	ldxr	x1, [x3] /* belongs to no store */
	add	x0, x1, #0
	add	sp, sp, #16
	ret
	.size	row_exclusive, . - row_exclusive

	.section .note.GNU-stack, "", %progbits

/* SPDX-License-Identifier: MIT */
/*
 * signed.S - two functions of a C library that sign their return addresses
 */
	.arch	armv8.5-a

	.macro	SIGNED name, to
	.p2align 4
	.globl	\name
	.type	\name, %function
\name:
	paciasp
	stp	x29, x30, [sp, #-16]!
	bl	\to
	ldp	x29, x30, [sp], #16
	autiasp
	ret
	.size	\name, . - \name
	.endm

	.text
	SIGNED	sigaction, really_sigaction
	SIGNED	pthread_sigmask, really_sigmask

	.section .note.GNU-stack, "", %progbits

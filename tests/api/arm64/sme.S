/* SPDX-License-Identifier: MIT */
/*
 * sme.S - streaming mode and the ZA array around a call, for sme.c
 */
	.arch	armv9-a+sme

	.macro	FUNC name
	.p2align 4
	.globl	\name
	.type	\name, %function
\name:
	.endm

	.macro	END name
	.size	\name, . - \name
	.endm

	.text

/* A jump, and a breakpoint. */
FUNC sme_jump
	add	x9, x9, #1
	ret
END sme_jump

FUNC sme_break
	bti	c
	add	x9, x9, #1
	ret
END sme_break

/* The bytes of a Z register in streaming mode. */
FUNC sme_length
	rdsvl	x0, #1
	ret
END sme_length

	.macro	EACH_Z insn
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, \
		18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\insn	z\n, [x10, #\n, mul vl]
	.endr
	.endm

	.macro	EACH_P insn
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\insn	p\n, [x11, #\n, mul vl]
	.endr
	.endm

	/* All rows of ZA, at x10; x11 is their number. */
	.macro	EACH_ROW insn
	mov	w12, #0
1:	\insn	za[w12, #0], [x10]
	add	x10, x10, x11
	add	w12, w12, #1
	cmp	x12, x11
	b.lo	1b
	.endm

/*
 * sme_around(fn, state, after): Z, P and ZA are loaded in streaming mode, fn is
 * called there, and they are stored; returns SVCR as it was behind the call.
 * @state: 32 Z, 16 P in the room of 32, then ZA.
 */
FUNC sme_around
	stp	x29, x30, [sp, #-96]!
	mov	x29, sp
	stp	x1, x2, [sp, #16]
	stp	d8, d9, [sp, #32]
	stp	d10, d11, [sp, #48]
	stp	d12, d13, [sp, #64]
	stp	d14, d15, [sp, #80]
	smstart
	rdsvl	x11, #1
	add	x10, x1, x11, lsl #6
	EACH_ROW ldr
	ldr	x10, [sp, #16]
	add	x11, x10, x11, lsl #5
	EACH_Z	ldr
	EACH_P	ldr
	blr	x0
	ldr	x10, [sp, #24]
	rdsvl	x11, #1
	add	x11, x10, x11, lsl #5
	EACH_Z	str
	EACH_P	str
	mrs	x0, s3_3_c4_c2_2
	tbz	x0, #1, 2f
	ldr	x10, [sp, #24]
	rdsvl	x11, #1
	add	x10, x10, x11, lsl #6
	EACH_ROW str
2:	smstop
	ldp	d8, d9, [sp, #32]
	ldp	d10, d11, [sp, #48]
	ldp	d12, d13, [sp, #64]
	ldp	d14, d15, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret
END sme_around

/* What is illegal in streaming mode, and spoils what it would. */
FUNC sme_clobber
	movi	v0.16b, #0x55
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, \
		26, 27, 28, 29, 30, 31
	cmeq	v\n\().16b, v0.16b, v0.16b
	.endr
	ret
END sme_clobber

	.section .note.GNU-stack, "", %progbits

/* SPDX-License-Identifier: MIT */
/*
 * sve.S - SVE registers around a call, for sve.c
 */
	.arch	armv8-a+sve

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

/* A jump, a breakpoint, and a breakpoint of the program's own. */
FUNC sve_jump
	add	x9, x9, #1
	ret
END sve_jump

FUNC sve_break
	bti	c
	add	x9, x9, #1
	ret
END sve_break

FUNC sve_own_trap
	brk	#7
	ret
END sve_own_trap

/* The bytes of a Z register. */
FUNC sve_length
	cntb	x0
	ret
END sve_length

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

/*
 * sve_around(fn, z, p, z_after, p_after): the registers are loaded, fn is called,
 * and they are stored.  17 predicates: the last is FFR.
 */
FUNC sve_around
	stp	x29, x30, [sp, #-96]!
	mov	x29, sp
	stp	x3, x4, [sp, #16]
	stp	d8, d9, [sp, #32]
	stp	d10, d11, [sp, #48]
	stp	d12, d13, [sp, #64]
	stp	d14, d15, [sp, #80]
	mov	x10, x1
	mov	x11, x2
	ldr	p0, [x11, #16, mul vl]
	wrffr	p0.b
	EACH_Z	ldr
	EACH_P	ldr
	blr	x0
	ldp	x10, x11, [sp, #16]
	EACH_Z	str
	EACH_P	str
	rdffr	p0.b
	str	p0, [x11, #16, mul vl]
	ldp	d8, d9, [sp, #32]
	ldp	d10, d11, [sp, #48]
	ldp	d12, d13, [sp, #64]
	ldp	d14, d15, [sp, #80]
	ldp	x29, x30, [sp], #96
	ret
END sve_around

/* Leave nothing of them as it was. */
FUNC sve_clobber
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, \
		26, 27, 28, 29, 30, 31
	dup	z\n\().b, #0x55
	.endr
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	ptrue	p\n\().s
	.endr
	setffr
	ret
END sve_clobber

	.section .note.GNU-stack, "", %progbits

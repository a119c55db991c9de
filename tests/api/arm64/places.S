/* SPDX-License-Identifier: MIT */
/*
 * places.S - functions with one property each, for the tests of the API
 *
 * Each takes a, b, c.
 */
	.text

	.macro	FUNC name
	.p2align 4
	.globl	\name
	.type	\name, %function
\name:
	.endm

	.macro	END name
	.size	\name, . - \name
	.endm

FUNC place_jump
	add	x0, x0, x1
	ret
END place_jump

/* A landing pad: never a jump. */
FUNC place_break
	bti	c
	add	x0, x0, x1
	ret
END place_break

FUNC place_rip
	adrp	x2, place_value
	ldr	x2, [x2, :lo12:place_value]
	add	x0, x0, x2
	ret
END place_rip

FUNC place_callee
	add	x0, x0, #1000
	ret
END place_callee

/* 1 + 2 + ... + a, by calling itself. */
FUNC place_sum
	stp	x29, x30, [sp, #-32]!
	str	x19, [sp, #16]
	mov	x19, x0
	cbz	x0, 1f
	sub	x0, x0, #1
	bl	place_sum
	add	x0, x0, x19
1:	ldr	x19, [sp, #16]
	ldp	x29, x30, [sp], #32
	ret
END place_sum

/* Calls b(a), between other things. */
FUNC place_call_b
	stp	x29, x30, [sp, #-16]!
	nop
	blr	x1
	ldp	x29, x30, [sp], #16
	ret
END place_call_b

/* Goes on in another function, which returns for both. */
FUNC place_tail
	nop
	nop
	b	place_jump
END place_tail

	.data
	.globl	place_value
	.balign	8
place_value:
	.quad	123456789

	.section .note.GNU-stack, "", %progbits

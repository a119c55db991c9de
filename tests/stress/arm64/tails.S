/* SPDX-License-Identifier: MIT */
/*
 * tails.S - functions that go on to one another: long (*)(long way, void (*leave)())
 *
 * All return 7, unless @leave does not come back.
 */
	.text

.macro FUNC name:req
	.p2align 4
	.globl	\name
	.type	\name, %function
\name:
.endm

.macro END name:req
	.size	\name, . - \name
.endm

/* To tail_c if @way is not 0, else to tail_b. */
FUNC tail_a
	mov	x2, #1
	cbnz	x0, tail_c
	b	tail_b
END tail_a

FUNC tail_b
	mov	x2, #2
	cbz	x1, 1f
	stp	x29, x30, [sp, #-32]!
	str	x1, [sp, #16]
	blr	x1
	ldr	x1, [sp, #16]
	ldp	x29, x30, [sp], #32
1:	b	tail_c
END tail_b

FUNC tail_c
	cbz	x1, 1f
	stp	x29, x30, [sp, #-16]!
	blr	x1
	ldp	x29, x30, [sp], #16
1:	mov	x0, #7
	b	3f
2:	nop
3:	ret
END tail_c

	.section .note.GNU-stack, "", %progbits

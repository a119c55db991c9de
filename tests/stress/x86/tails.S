/* SPDX-License-Identifier: MIT */
/*
 * tails.S - functions that go on to one another: long (*)(long way, void (*leave)())
 *
 * All return 7, unless @leave does not come back.
 */
	.text

.macro FUNC name:req
	.p2align 4, 0xcc
	.globl	\name
	.type	\name, @function
\name:
.endm

.macro END name:req
	.size	\name, . - \name
.endm

/* To tail_c if @way is not 0, else to tail_b. */
FUNC tail_a
	mov	$1, %eax
	test	%rdi, %rdi
	jne	tail_c
	nop
	nop
	jmp	tail_b
END tail_a

FUNC tail_b
	mov	$2, %eax
	test	%rsi, %rsi
	je	1f
	push	%rbx
	call	*%rsi
	pop	%rbx
1:	jmp	tail_c
END tail_b

/* No jump fits at its return, so its own way is by the return address. */
FUNC tail_c
	push	%rbx
	test	%rsi, %rsi
	je	1f
	call	*%rsi
1:	mov	$7, %eax
	pop	%rbx
	jmp	3f
2:	nop
3:	ret
END tail_c
	.globl	tail_behind
	.type	tail_behind, @function
tail_behind:
	jmp	tail_behind
	.size	tail_behind, . - tail_behind

	.section .note.GNU-stack, "", @progbits

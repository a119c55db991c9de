/* SPDX-License-Identifier: MIT */
/*
 * hot.S - functions that threads run while they are probed
 *
 * long f(long a, long b) = a + b + 5, each with another kind of window.
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

/* Five instructions in five bytes: four places inside. */
FUNC hot_bytes
	push	%rbx
	push	%rbp
	push	%rbx
	pop	%rbx
	pop	%rbp
	lea	5(%rdi,%rsi), %rax
	pop	%rbx
	ret
END hot_bytes

FUNC hot_lea
	lea	5(%rdi), %rax
	add	%rsi, %rax
	ret
END hot_lea

/* One instruction covers it all. */
FUNC hot_one
	lea	5(%rdi,%rsi), %rax
	ret
END hot_one

/* A call at the end of the window: its return address is behind it. */
FUNC hot_call
	call	hot_callee
	lea	5(%rax,%rsi), %rax
	ret
END hot_call

FUNC hot_callee
	mov	%rdi, %rax
	ret
END hot_callee

/* A branch in the window, and one to its start. */
FUNC hot_branch
	test	%rdi, %rdi
	js	1f
	lea	5(%rdi,%rsi), %rax
	ret
1:	neg	%rdi
	sub	%rdi, %rsi
	lea	5(%rsi), %rax
	ret
END hot_branch

/* Jumped into: a breakpoint. */
FUNC hot_break
	mov	%rdi, %rax
1:	add	%rsi, %rax
	xor	%esi, %esi
	test	%rsi, %rsi
	jne	1b
	add	$5, %rax
	ret
END hot_break

/* In the middle of a function, the red zone in use. */
FUNC hot_red
	mov	%rdi, -8(%rsp)
	mov	%rsi, -128(%rsp)
	stc
.globl hot_red_at
hot_red_at:
	nop
	mov	-8(%rsp), %rax
	adc	-128(%rsp), %rax
	lea	4(%rax), %rax
	ret
END hot_red

	.section .note.GNU-stack, "", @progbits

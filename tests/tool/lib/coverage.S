/* SPDX-License-Identifier: MIT */
/* coverage.S - a program with one function for each answer of `coverage` */
	.macro FUNC name
	.p2align 4, 0xcc
	.globl	\name
	.type	\name, @function
\name:
	.endm
	.macro END name
	.size	\name, . - \name
	.endm

	.text
FUNC all_jumps
	mov	%rdi, %rax
	add	%rsi, %rax
	ret
END all_jumps
FUNC loops
	mov	%rdi, %rax
1:	add	%rsi, %rax
	dec	%esi
	jne	1b
	ret
END loops
FUNC calls
	call	*%rdi
	mov	$1, %eax
	ret
END calls
FUNC goes_anywhere
	lea	(%rdi,%rsi,4), %rax
	add	%rdx, %rax
	jmp	*%rax
END goes_anywhere
FUNC traps
	mov	%rdi, %rax
	ud2
END traps
FUNC short
	ret
END short
	.globl	_start
	.type	_start, @function
_start:
	jmp	_start
END _start
FUNC entered
	push	%rbp
	mov	%rsp, %rbp
	nop
	.globl	inside
inside:	pop	%rbp
	ret
END entered
	.skip	4096
FUNC far
	jmp	inside - 1
END far
	.section .note.GNU-stack, "", @progbits

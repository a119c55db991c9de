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

/*
 * SET n: one function of each kind, named after the kind and n, and its row of
 * the table: where it is, and what is to be probed.
 */
.macro SET n
/* Five instructions in five bytes: four places inside. */
FUNC hot_bytes\n
	push	%rbx
	push	%rbp
	push	%rbx
	pop	%rbx
	pop	%rbp
	lea	5(%rdi,%rsi), %rax
	pop	%rbx
	ret
END hot_bytes\n

FUNC hot_lea\n
	lea	5(%rdi), %rax
	add	%rsi, %rax
	ret
END hot_lea\n

/* One instruction covers it all. */
FUNC hot_one\n
	lea	5(%rdi,%rsi), %rax
	ret
END hot_one\n

/* A call at the end of the window: its return address is behind it. */
FUNC hot_call\n
	call	hot_callee\n
	lea	5(%rax,%rsi), %rax
	ret
END hot_call\n

FUNC hot_callee\n
	mov	%rdi, %rax
	ret
END hot_callee\n

/* A branch in the window, and one to its start. */
FUNC hot_branch\n
	test	%rdi, %rdi
	js	1f
	lea	5(%rdi,%rsi), %rax
	ret
1:	neg	%rdi
	sub	%rdi, %rsi
	lea	5(%rsi), %rax
	ret
END hot_branch\n

/* Jumped into behind a single byte: a breakpoint. */
FUNC hot_break\n
	push	%rbx
1:	xor	%ebx, %ebx
	test	%rbx, %rbx
	jne	1b
	lea	5(%rdi,%rsi), %rax
	pop	%rbx
	ret
END hot_break\n

/* Behind two instructions: an island, in what follows the function. */
FUNC hot_isle\n
	push	%rbx
	push	%rbp
1:	xor	%ebx, %ebx
	test	%rbx, %rbx
	jne	1b
	lea	5(%rdi,%rsi), %rax
	pop	%rbp
	pop	%rbx
	ret
END hot_isle\n

/* Behind one that is longer than the jump: an island, in the function. */
FUNC hot_nops\n
	mov	%rdi, %rax
1:	xor	%edx, %edx
	test	%rdx, %rdx
	jne	1b
	lea	5(%rax,%rsi), %rax
	jmp	2f
	.p2align 4
2:	ret
END hot_nops\n

/* In the middle of a function, the red zone in use. */
FUNC hot_red\n
	mov	%rdi, -8(%rsp)
	mov	%rsi, -128(%rsp)
	stc
hot_red_at\n\():
	nop
	mov	-8(%rsp), %rax
	adc	-128(%rsp), %rax
	lea	4(%rax), %rax
	ret
END hot_red\n

	.section .data.rel.ro, "aw"
	.quad	hot_bytes\n, hot_bytes\n
	.quad	hot_lea\n, hot_lea\n
	.quad	hot_one\n, hot_one\n
	.quad	hot_call\n, hot_call\n
	.quad	hot_branch\n, hot_branch\n
	.quad	hot_break\n, hot_break\n
	.quad	hot_red\n, hot_red_at\n
	.quad	hot_isle\n, hot_isle\n
	.quad	hot_nops\n, hot_nops\n
	.text
.endm

	.section .data.rel.ro, "aw"
	.globl	hot_table
	.p2align 3
hot_table:
	.text
	SET 0
	SET 1
	SET 2
	SET 3
	SET 4
	SET 5
	SET 6
	SET 7
	SET 8

	.section .data.rel.ro, "aw"
	.globl	hot_table_end
hot_table_end:

	.section .note.GNU-stack, "", @progbits

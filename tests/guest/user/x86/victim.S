/* SPDX-License-Identifier: MIT */
/*
 * victim.S - code that a debugger steps through: loops, calls, strings, flags and
 * system calls
 *
 * long victim(long n); returns what victim_answer() works out in C.
 */
	.text
	.globl	victim, victim_end
	.type	victim, @function
victim:
	pushq	%rbx
	pushq	%rbp
	movq	%rsp, %rbp
	subq	$64, %rsp
	movq	%rdi, %rbx
	xorl	%edx, %edx
1:	movl	$2, %eax		/* SYS_GETPID */
	int	$0x80
	subq	%rsi, %rax
	addq	%rax, %rdx
	call	2f
	pushfq
	popq	%rax
	andl	$1, %eax
	addq	%rax, %rdx
	decq	%rbx
	jnz	1b
	leaq	-64(%rbp), %rdi
	movl	$5, %ecx
	movl	$7, %eax
	cld
	rep stosb
	movzbl	-60(%rbp), %eax
	addq	%rdx, %rax
	leave
	popq	%rbx
	ret
2:	addq	$3, %rdx
	stc
	ret
	.size	victim, . - victim
victim_end:

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT */
/*
 * shapes.S - functions to be probed, each with its own first instruction
 *
 * Each takes two integers.  What it returns depends on every instruction being
 * carried out exactly once, from the right place.
 */

	.text

	.macro	shape name
	.balign	16
	.globl	\name
	.type	\name, @function
\name:
	.endm

	.macro	done name
	.size	\name, . - \name
	.endm

	shape	shape_lea
	leaq	5(%rdi,%rsi,2), %rax
	nopl	(%rax)
	ret
	done	shape_lea

	shape	shape_push
	pushq	%rbx
	movq	%rdi, %rbx
	leaq	(%rbx,%rsi), %rax
	popq	%rbx
	ret
	done	shape_push

	shape	shape_rip_relative
	movq	shape_data(%rip), %rax
	addq	%rdi, %rax
	addq	%rsi, %rax
	ret
	done	shape_rip_relative

	shape	shape_call
	call	shape_lea
	addq	$1, %rax
	ret
	done	shape_call

	shape	shape_jump
	jmp	1f
	ud2
1:	movq	%rdi, %rax
	subq	%rsi, %rax
	ret
	done	shape_jump

	shape	shape_branch
	jrcxz	1f
1:	xorl	%eax, %eax
	cmpq	%rsi, %rdi
	setb	%al
	ret
	done	shape_branch

	shape	shape_pushf
	pushfq
	popq	%rax
	andl	$0x400, %eax		/* DF: clear in C */
	leaq	(%rax,%rdi), %rax
	ret
	done	shape_pushf

	shape	shape_ret
	ret
	done	shape_ret

	shape	shape_loop
	movq	%rdi, %rax
	movl	$3, %ecx
1:	addq	%rsi, %rax
	loop	1b
	ret
	done	shape_loop

	shape	shape_depth
	xorl	%eax, %eax
	testq	%rdi, %rdi
	jz	1f
	decq	%rdi
	call	shape_depth
	incq	%rax
1:	ret
	done	shape_depth

/* Interrupts off and on again: 0 if they were off in between and are on after. */
	shape	shape_cli
	pushfq
	cli
	pushfq
	popq	%rax
	sti
	nop
	pushfq
	popq	%rcx
	popfq
	notq	%rcx
	orq	%rcx, %rax
	andl	$0x200, %eax
	ret
	done	shape_cli

/* A spin that somebody else ends: while (!*rdi) pause; *rdi. */
	shape	shape_spin
1:	pause
	movq	(%rdi), %rax
	testq	%rax, %rax
	jz	1b
	ret
	done	shape_spin

/* Reads *rdi; that must not fault. */
	shape	shape_load
	movq	(%rdi), %rax
	ret
	done	shape_load

/* Reads *rdi; if that faults, the kernel goes on at 2 (kernel/core/trap.c). */
	shape	shape_fault
1:	movq	(%rdi), %rax
	ret
2:	movq	$-1, %rax
	ret
	done	shape_fault

	.section fixups, "a"
	.quad	1b, 2b

	.section .rodata
	.balign	8
shape_data:
	.quad	0x1000

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT */
/*
 * switch.S - from one thread to another
 *
 * void arch_switch(struct thread *prev, struct thread *next);
 *
 * What C expects to be kept, and the flags, since AC may be set in a user copy
 * that was pre-empted, is pushed on the stack of the one that leaves; who
 * runs here (GS) changes together with the stack, so that the code before belongs
 * to one thread and the code after to the other.  There is no moment at which an
 * interrupt could see one changed without the other: they are off.
 */
#include "layout.h"

	.text
	.globl	arch_switch
	.type	arch_switch, @function
arch_switch:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushfq
	movq	%rsp, THREAD_SP(%rdi)
	movq	THREAD_SP(%rsi), %rsp
	movq	%rsi, %gs:CPU_CURRENT
	movq	THREAD_STACK_HIGH(%rsi), %rax
	addq	$USER_FRAME, %rax
	movq	%rax, %gs:CPU_RSP0	/* where traps from ring 3 go */
	popfq
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	.size	arch_switch, . - arch_switch

	.section .note.GNU-stack, "", @progbits

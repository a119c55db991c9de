/* SPDX-License-Identifier: MIT */
/*
 * vectors.S - the first instructions of every exception and interrupt
 *
 * The CPU has pushed ss, sp, flags, cs, ip and perhaps an error code.  A stub
 * completes that to a struct pt_regs and calls trap_dispatch(regs, vector):
 *
 *     +------------------+ high
 *     | ss sp flags cs ip|   by the CPU
 *     | orig_ax          |   the error code, or -1
 *     | di si dx cx ax   |
 *     | r8 r9 r10 r11    |
 *     | bx bp r12 .. r15 |
 *     +------------------+ low = struct pt_regs *
 *
 * Breakpoints and debug exceptions leave a gap of TRAP_STACK_GAP bytes above
 * that when they interrupt the kernel.  Who handles them may have to carry out
 * an instruction that pushes (a call, a push), and what it pushes lies where
 * the CPU has just saved the registers: with the gap, the saved copy is lower
 * and the push overwrites nothing that is still needed.
 *
 * GS.  In the kernel it leads to struct cpu, in user mode it is the task's.  Who
 * was interrupted is known by the saved CS: from ring 3 a stub swaps first thing,
 * and the way back swaps last.  So the kernel's GS is wrong only in .entry.text,
 * the little that lies between the CPU's switch to ring 0 and the swap, and
 * interrupts are off there.  What comes all the same (an NMI, a debug exception
 * held back by a move to SS, a double fault) finds the instruction pointer there
 * and asks the GS base itself: the kernel's is negative.
 *
 * System calls are int 0x80, a vector like the others, and not the syscall
 * instruction, which enters ring 0 on the user's stack: here there is no
 * instruction at which the kernel runs on a stack that is not its own.
 */
#include "layout.h"

#define MSR_GS_BASE 0xc0000101

	.macro	save_registers
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	.endm

	.macro	restore_registers
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	addq	$8, %rsp		/* orig_ax */
	.endm

	.section .entry.text, "ax"

	.macro	stub vector, has_error=0, gap=0, anywhere=0
	.balign	16
	.type	vector_\vector, @function
vector_\vector:
	testb	$3, 8 + 8 * \has_error(%rsp)
	jnz	2f
	.if	\anywhere
	cmpq	$entry_end, 8 * \has_error(%rsp)
	jb	3f
	.endif
	.if	\gap
	subq	$TRAP_STACK_GAP, %rsp
	.rept	5
	pushq	TRAP_STACK_GAP + 32(%rsp)
	.endr
	.endif
	.if	!\has_error
	pushq	$-1
	.endif
	pushq	%rdi
	movl	$\vector, %edi
	jmp	save_and_dispatch
2:	swapgs
	.if	!\has_error
	pushq	$-1
	.endif
	pushq	%rdi
	movl	$\vector, %edi
	jmp	save_from_user
	.if	\anywhere
3:
	.if	!\has_error
	pushq	$-1
	.endif
	pushq	%rdi
	movl	$\vector, %edi
	jmp	save_from_entry
	.endif
	.size	vector_\vector, . - vector_\vector
	.endm

	.section .noprobe.text, "ax"
	.type	save_and_dispatch, @function
save_and_dispatch:
	save_registers
	cld
	movl	%edi, %esi
	movq	%rsp, %rdi
	movq	%rsp, %rbx
	andq	$-16, %rsp
	call	trap_dispatch
	movq	%rbx, %rsp
	restore_registers
	iretq
	.size	save_and_dispatch, . - save_and_dispatch

/*
 * From ring 3, GS swapped; on the stack that the TSS names, whose top is the top
 * of a page.  The task's flags, AC and NT among them, are not the kernel's.
 */
	.type	save_from_user, @function
save_from_user:
	save_registers
	pushq	$2
	popfq
	movl	%edi, %esi
	movq	%rsp, %rdi
	movq	%rsp, %rbx
	andq	$-16, %rsp
	call	trap_from_user
	movq	%rbx, %rdi
	jmp	enter_user
	.size	save_from_user, . - save_from_user

	.section .entry.text, "ax"
/* void enter_user(struct pt_regs *regs); interrupts are off. */
	.globl	enter_user
	.type	enter_user, @function
enter_user:
	movq	%rdi, %rsp
	restore_registers
	swapgs
	iretq
	.size	enter_user, . - enter_user

/* From .entry.text: is GS still, or already, the user's? */
	.type	save_from_entry, @function
save_from_entry:
	save_registers
	cld
	movl	%edi, %esi
	xorl	%r12d, %r12d
	movl	$MSR_GS_BASE, %ecx
	rdmsr
	testl	%edx, %edx
	js	1f
	swapgs
	incl	%r12d
1:	movq	%rsp, %rdi
	movq	%rsp, %rbx
	andq	$-16, %rsp
	call	trap_dispatch
	movq	%rbx, %rsp
	testl	%r12d, %r12d
	jz	1f
	swapgs
1:	restore_registers
	iretq
	.size	save_from_entry, . - save_from_entry

	stub	0
	stub	1, gap=1, anywhere=1
	stub	2, anywhere=1
	stub	3, gap=1
	stub	4
	stub	5
	stub	6
	stub	7
	stub	8, has_error=1, anywhere=1
	stub	9
	stub	10, has_error=1
	stub	11, has_error=1
	stub	12, has_error=1
	stub	13, has_error=1
	stub	14, has_error=1
	stub	15
	stub	16
	stub	17, has_error=1
	stub	18
	stub	19
	stub	20
	stub	21, has_error=1
	.irp	n, 22, 23, 24, 25, 26, 27, 28, 31
	stub	\n
	.endr
	stub	29, has_error=1
	stub	30, has_error=1
	.irp	n, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47
	stub	\n
	.endr
	.irp	n, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63
	stub	\n
	.endr

/* int 0x80, which the kernel itself does not use */
	.balign	16
	.globl	vector_syscall
	.type	vector_syscall, @function
vector_syscall:
	swapgs
	pushq	$-1
	pushq	%rdi
	movl	$128, %edi
	jmp	save_from_user
	.size	vector_syscall, . - vector_syscall

	.section .rodata
	.balign	8
	.globl	vector_table
vector_table:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.quad	vector_\n
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	.quad	vector_\n
	.endr
	.irp	n, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47
	.quad	vector_\n
	.endr
	.irp	n, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63
	.quad	vector_\n
	.endr

	.section .note.GNU-stack, "", @progbits

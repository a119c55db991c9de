/* SPDX-License-Identifier: MIT */
/*
 * wait.S - what a new program runs until its probes are there
 *
 * It is led here from its entry point, and back from wherever it stands here.  If
 * nobody does that in time it goes on by itself, with all registers but the flags
 * as they were.  It uses the stack, which at an entry point is the program's to
 * use.
 */
	.section .rodata
	.globl	tl_wait, tl_wait_end, tl_wait_until, tl_wait_entry
tl_wait:
	pushq	%rax
	pushq	%rdx
again:
	pause
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	cmpq	tl_wait_until(%rip), %rax
	jb	again
	popq	%rdx
	popq	%rax
	jmp	*tl_wait_entry(%rip)
	.balign	8
tl_wait_until: .quad	0
tl_wait_entry: .quad	0
tl_wait_end:

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT */
/*
 * wait.S - what a new program runs until its probes are there
 *
 * The dynamic loader jumps to tl_wait_enter in place of the entry point.  The
 * system call, which changes nothing and which the loader has made as well, is
 * where the follower notices, and leads on to tl_wait; without it the program
 * begins.  From tl_wait it is led back from wherever it stands.  If nobody does
 * that in time it goes on by itself.  It sleeps, unless it has a seccomp filter, whose
 * mind is not known: a CPU is what its probes need now.  It uses the stack, which at an entry point
 * is the program's to use; rdx and the stack pointer are what counts there.
 */
#define NR_brk	     12
#define NR_nanosleep 35

	.section .rodata
	.globl	tl_wait_enter, tl_wait, tl_wait_end, tl_wait_until, tl_wait_entry
	.globl	tl_wait_sleep
tl_wait_enter:
	movl	$NR_brk, %eax
	movl	$0, %edi
	syscall
	jmp	*tl_wait_entry(%rip)

tl_wait:
	pushq	%rax
	pushq	%rdx
again:
	pause
	movq	tl_wait_sleep(%rip), %rax
	testq	%rax, %rax
	jz	awake
	pushq	%rax
	pushq	$0
	movq	%rsp, %rdi
	xorl	%esi, %esi
	movl	$NR_nanosleep, %eax
	syscall
	addq	$16, %rsp
awake:
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
tl_wait_sleep: .quad	0
tl_wait_end:
	/* No more than ENTRANCE_BYTES. */
	.org	tl_wait_enter + 128

	.section .note.GNU-stack, "", @progbits

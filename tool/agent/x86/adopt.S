/* SPDX-License-Identifier: MIT */
/*
 * adopt.S - what a fork child that is followed does first
 *
 * It stands behind its fork, held by the follower (guardian/adopt.c), which
 * leads it here: for each memory that it shares with its parent, a memory file
 * of its own is mapped there.
 *
 *     tl_agent_adopt:       keep the registers
 *     tl_agent_adopt_file:  make a memory file; close it again
 *     tl_agent_adopt_map:   or, if the follower leads it from behind the first
 *                           call to here: map it, which is filled by now; close it
 *     afterwards:           the signal mask and the registers; go on
 *
 * In the end the follower puts back the registers and the mask itself, and opens
 * the gate.  If it dies before, the child comes out by itself, with nothing
 * changed but that, perhaps, the figures are its own; the gate stays closed, and
 * it is a child like others.
 *
 * The child came out of a system call, so rcx is where it goes on, and rcx and
 * r11 are what any system call leaves there.  No flag is changed, and no stack
 * touched.  What is kept is in private memory: each child's own.
 */
#define NR_close	  3
#define NR_mmap		  9
#define NR_rt_sigprocmask 14
#define NR_memfd_create	  319

	.text
	.globl	tl_agent_adopt, tl_agent_adopt_file, tl_agent_adopt_map
	.hidden	tl_agent_adopt, tl_agent_adopt_file, tl_agent_adopt_map
tl_agent_adopt:
	movq	%rax, kept_rax(%rip)
	movq	%rcx, kept_rip(%rip)
	movq	%rdi, kept_rdi(%rip)
	movq	%rsi, kept_rsi(%rip)
	movq	%rdx, kept_rdx(%rip)
	movq	%r8, kept_r8(%rip)
	movq	%r9, kept_r9(%rip)
	movq	%r10, kept_r10(%rip)
	leaq	name(%rip), %rdi

	/* rdi, the name, is the follower's. */
tl_agent_adopt_file:
	movl	$3, %esi		/* MFD_CLOEXEC | MFD_ALLOW_SEALING */
	movl	$NR_memfd_create, %eax
	syscall
	movq	%rax, %rdi
	jmp	put_away

	/* The arguments are the follower's. */
tl_agent_adopt_map:
	movl	$NR_mmap, %eax
	syscall
	movq	%r8, %rdi

put_away:
	movl	$NR_close, %eax
	syscall

	movl	$NR_rt_sigprocmask, %eax
	movl	$2, %edi		/* SIG_SETMASK */
	leaq	tl_agent_adopt_kept(%rip), %rsi
	movl	$0, %edx
	movl	$8, %r10d
	syscall
	movq	kept_rax(%rip), %rax
	movq	kept_rdi(%rip), %rdi
	movq	kept_rsi(%rip), %rsi
	movq	kept_rdx(%rip), %rdx
	movq	kept_r8(%rip), %r8
	movq	kept_r9(%rip), %r9
	movq	kept_r10(%rip), %r10
	movq	kept_rip(%rip), %rcx
	jmp	*kept_rip(%rip)

	.section .rodata
name:	.asciz	"trapline-figures"	/* TL_FIGURES_NAME */

	.data
	.balign	8
	.globl	tl_agent_adopt_kept
	.hidden	tl_agent_adopt_kept
tl_agent_adopt_kept: .quad 0
kept_rax: .quad	0
kept_rip: .quad	0
kept_rdi: .quad	0
kept_rsi: .quad	0
kept_rdx: .quad	0
kept_r8:  .quad	0
kept_r9:  .quad	0
kept_r10: .quad	0

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT */
/*
 * adopt.S - what a fork child that is followed does first
 *
 * As in the other folder of this kind.  A system call changes x0 alone, and to go
 * on where it was the child has the kernel return from a signal: the follower has
 * put a frame of one, with all registers and the signal mask, at
 * tl_agent_adopt_kept, which is in private memory: each child's own.
 */
#define NR_close	57
#define NR_rt_sigreturn 139
#define NR_mmap		222
#define NR_memfd_create 279

	.text
	.globl	tl_agent_adopt, tl_agent_adopt_file, tl_agent_adopt_map
	.hidden	tl_agent_adopt, tl_agent_adopt_file, tl_agent_adopt_map
tl_agent_adopt:
	adr	x0, name

	/* x0, the name, is the follower's. */
tl_agent_adopt_file:
	mov	w1, #3			/* MFD_CLOEXEC | MFD_ALLOW_SEALING */
	mov	w8, #NR_memfd_create
	svc	#0
	b	put_away

	/* The arguments are the follower's; x4 is the file. */
tl_agent_adopt_map:
	mov	w8, #NR_mmap
	svc	#0
	mov	x0, x4

put_away:
	mov	w8, #NR_close
	svc	#0

	adrp	x0, tl_agent_adopt_kept
	add	x0, x0, :lo12:tl_agent_adopt_kept
	mov	sp, x0
	mov	w8, #NR_rt_sigreturn
	svc	#0
	brk	#0
name:	.asciz	"trapline-figures"	/* TL_FIGURES_NAME */

	/* Up to the first record of the frame's, and room for two. */
	.bss
	.balign	16
	.globl	tl_agent_adopt_kept
	.hidden	tl_agent_adopt_kept
tl_agent_adopt_kept:
	.skip	1152

	.section .note.GNU-stack, "", %progbits

/* SPDX-License-Identifier: MIT */
/*
 * entry.S - where a caller begins: rdi has its struct tl_call, below which is its
 * stack.  The note (own/note.S) tells the command of this place.  Right before it
 * is a system call instruction for the command's worker, which needs one in text
 * that is never probed; and before that, in one page, TL_STUB_MAX bytes that are
 * never executed, where the command may write its stub.
 */
	.text
	.balign	512
	.skip	512, 0xcc
	syscall
	.globl	tl_server_entry
	.hidden	tl_server_entry
	.type	tl_server_entry, @function
tl_server_entry:
	cld
	xorl	%ebp, %ebp
	movq	%rdi, %rsp
	andq	$-16, %rsp
	call	tl_server
	ud2
	.size	tl_server_entry, . - tl_server_entry

	.section .note.GNU-stack, "", @progbits

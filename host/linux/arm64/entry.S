/* SPDX-License-Identifier: MIT */
/*
 * entry.S - where a caller begins: x0 has its struct tl_call, below which is its
 * stack.  What is before it is as in the other architectures' entry.S: bytes for a
 * stub of the command's, and a system call instruction.
 */
	.text
	.balign	512
	.rept	128
	brk	#0
	.endr
	svc	#0
	.globl	tl_server_entry
	.hidden	tl_server_entry
	.type	tl_server_entry, %function
tl_server_entry:
	mov	x29, #0
	mov	x30, #0
	and	x1, x0, #-16
	mov	sp, x1
	bl	tl_server
	brk	#0
	.size	tl_server_entry, . - tl_server_entry

	.section .note.GNU-stack, "", %progbits

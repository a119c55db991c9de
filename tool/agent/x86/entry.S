/* SPDX-License-Identifier: MIT */
/*
 * entry.S - where the worker begins, asks, and copies what may not be there
 */
	.text
	/* The image's entry point: what the guardian must find, from here. */
	.globl	tl_agent_table
tl_agent_table:
	.long	tl_agent_entry - tl_agent_table
	.long	tl_agent_ask - tl_agent_table
	.long	tl_agent_syscall - tl_agent_table
	.long	tl_agent_copy - tl_agent_table
	.long	tl_agent_copy_fault - tl_agent_table
	.long	tl_agent_adopt - tl_agent_table
	.long	tl_agent_adopt_file - tl_agent_table
	.long	tl_agent_adopt_map - tl_agent_table
	.long	tl_agent_adopt_kept - tl_agent_table

	/* rdi: struct tl_boot; the stack is ours and aligned to 16. */
tl_agent_entry:
	call	tl_agent_main
	ud2

	/* long tl_agent_ask(long what, long a, long b, long c, long d); */
	.globl	tl_agent_ask
	.hidden	tl_agent_ask
	.type	tl_agent_ask, @function
tl_agent_ask:
	int3
	ret

	/* For system calls that the guardian makes in the worker. */
	.type	tl_agent_syscall, @function
tl_agent_syscall:
	syscall
	int3

	/*
	 * int tl_agent_copy(void *dst, const void *src, size_t n): 0, or, when
	 * the source is not there, -TL_EFAULT: the guardian sees the fault and
	 * leads the worker to tl_agent_copy_fault.
	 */
	.globl	tl_agent_copy
	.hidden	tl_agent_copy
	.type	tl_agent_copy, @function
tl_agent_copy:
	movq	%rdx, %rcx
	rep movsb
	xorl	%eax, %eax
	ret
tl_agent_copy_fault:
	movl	$-14, %eax
	ret

	.section .note.GNU-stack, "", @progbits

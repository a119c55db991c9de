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

	/* x0: struct tl_boot; the stack is ours and aligned to 16. */
tl_agent_entry:
	bl	tl_agent_main
	brk	#0

	/*
	 * long tl_agent_ask(long what, long a, long b, long c, long d);  The
	 * answer is there when it goes on behind the breakpoint.
	 */
	.globl	tl_agent_ask
	.hidden	tl_agent_ask
	.type	tl_agent_ask, %function
tl_agent_ask:
	brk	#0
	ret

	/* For system calls that the guardian makes in the worker. */
	.type	tl_agent_syscall, %function
tl_agent_syscall:
	svc	#0
	brk	#0

	/*
	 * int tl_agent_copy(void *dst, const void *src, size_t n): 0, or, when
	 * the source is not there, -TL_EFAULT: the guardian sees the fault and
	 * leads the worker to tl_agent_copy_fault.
	 */
	.globl	tl_agent_copy
	.hidden	tl_agent_copy
	.type	tl_agent_copy, %function
tl_agent_copy:
	cbz	x2, 2f
1:	ldrb	w3, [x1], #1
	strb	w3, [x0], #1
	subs	x2, x2, #1
	b.ne	1b
2:	mov	w0, #0
	ret
tl_agent_copy_fault:
	mov	w0, #-14
	ret

	.section .note.GNU-stack, "", %progbits

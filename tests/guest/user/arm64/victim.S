/* SPDX-License-Identifier: MIT */
/*
 * victim.S - code that a debugger steps through: loops, calls, flags and system
 * calls
 *
 * long victim(long n, long pid); returns what the debugger's ANSWER says.
 */
	.text
	.globl	victim, victim_end
	.type	victim, %function
victim:
	stp	x29, x30, [sp, #-32]!
	mov	x29, sp
	mov	x3, x0
	mov	x4, #0
	str	xzr, [sp, #16]
1:	mov	x8, #2			/* SYS_GETPID */
	svc	#0
	sub	x0, x0, x1
	add	x4, x4, x0
	bl	2f
	cset	x0, hs
	add	x4, x4, x0
	subs	x3, x3, #1
	b.ne	1b
	mov	w5, #7
	strb	w5, [sp, #20]
	ldrb	w0, [sp, #20]
	add	x0, x0, x4
	ldp	x29, x30, [sp], #32
	ret
2:	add	x4, x4, #3
	cmp	x4, x4
	ret
	.size	victim, . - victim
victim_end:

	.section .note.GNU-stack, "", %progbits

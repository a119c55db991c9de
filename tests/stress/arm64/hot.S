/* SPDX-License-Identifier: MIT */
/*
 * hot.S - functions that threads run while they are probed
 *
 * long f(long a, long b) = a + b + 5, each with another kind of word at the probe.
 */
	.text

.macro FUNC name:req
	.p2align 4
	.globl	\name
	.type	\name, %function
\name:
.endm

.macro END name:req
	.size	\name, . - \name
.endm

/*
 * SET n: one function of each kind, named after the kind and n, and its row of
 * the table: where it is, and what is to be probed.
 */
.macro SET n
/* A word that may not be exchanged while others execute it. */
FUNC hot_add\n
	add	x0, x0, #5
	add	x0, x0, x1
	ret
END hot_add\n

/* Words that may: nop, b, bl. */
FUNC hot_nop\n
	nop
	add	x0, x0, x1
	add	x0, x0, #5
	ret
END hot_nop\n

FUNC hot_jump\n
	b	1f
	brk	#0
1:	add	x0, x0, x1
	add	x0, x0, #5
	ret
END hot_jump\n

FUNC hot_call\n
	stp	x29, x30, [sp, #-16]!
hot_call_at\n\():
	bl	hot_callee\n
	add	x0, x0, #5
	ldp	x29, x30, [sp], #16
	ret
END hot_call\n

FUNC hot_callee\n
	add	x0, x0, x1
	ret
END hot_callee\n

/* The first word of most functions. */
FUNC hot_stack\n
	stp	x29, x30, [sp, #-16]!
	add	x0, x0, x1
	add	x0, x0, #5
	ldp	x29, x30, [sp], #16
	ret
END hot_stack\n

/* A branch that tests, and is taken sometimes. */
FUNC hot_branch\n
	tbnz	x0, #63, 1f
	add	x0, x0, x1
	add	x0, x0, #5
	ret
1:	neg	x0, x0
	sub	x1, x1, x0
	add	x0, x1, #5
	ret
END hot_branch\n

/* A literal, which the copy has elsewhere. */
FUNC hot_load\n
	ldr	x2, 1f
	add	x0, x0, x1
	add	x0, x0, x2
	ret
	.p2align 3
1:	.quad	5
END hot_load\n

/* A landing pad: a breakpoint. */
FUNC hot_break\n
	bti	c
	add	x0, x0, x1
	add	x0, x0, #5
	ret
END hot_break\n

/* The flags in use. */
FUNC hot_flags\n
	cmp	xzr, xzr		/* sets the carry */
hot_flags_at\n\():
	mov	x2, #4
	adc	x0, x0, x1
	add	x0, x0, x2
	ret
END hot_flags\n

	.section .data.rel.ro, "aw"
	.quad	hot_add\n, hot_add\n
	.quad	hot_nop\n, hot_nop\n
	.quad	hot_jump\n, hot_jump\n
	.quad	hot_call\n, hot_call_at\n
	.quad	hot_stack\n, hot_stack\n
	.quad	hot_branch\n, hot_branch\n
	.quad	hot_load\n, hot_load\n
	.quad	hot_break\n, hot_break\n
	.quad	hot_flags\n, hot_flags_at\n
	.text
.endm

	.section .data.rel.ro, "aw"
	.globl	hot_table
	.p2align 3
hot_table:
	.text
	SET 0
	SET 1
	SET 2
	SET 3
	SET 4
	SET 5
	SET 6
	SET 7
	SET 8

	.section .data.rel.ro, "aw"
	.globl	hot_table_end
hot_table_end:

	.section .note.GNU-stack, "", %progbits

/* SPDX-License-Identifier: MIT */
/*
 * jprobe.S - entries that lead to the functions of jprobe.c, with instructions of
 * all kinds at their beginning
 */
	.macro	FUNC name:req
	.p2align 4
	.globl	\name
	.type	\name, %function
\name:
	.endm

	.macro	END name:req
	.size	\name, . - \name
	.endm

/* NAME_jump and NAME_break, whose first is a landing pad, lead to NAME_body. */
	.macro	ENTRIES name:req
FUNC \name\()_jump
	nop
	b	\name\()_body
END \name\()_jump

FUNC \name\()_break
	bti	c
	b	\name\()_body
END \name\()_break
	.endm

	.text
.irp name, args0, args1, args2, args3, args4, args5, args6, args7, args8, \
	args9, args10, args11, args12, small, pair, big, aligned, mixed, behind, huge, \
	hidden, variable, depth, wait
	ENTRIES \name
.endr

/* The first instruction is a branch. */
FUNC args8_branch
	b	args8_body
END args8_branch

/* There are others before it. */
FUNC args8_two
	nop
	nop
	b	args8_body
END args8_two

	.section .note.GNU-stack, "", %progbits

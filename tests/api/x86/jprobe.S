/* SPDX-License-Identifier: MIT */
/*
 * jprobe.S - entries for jprobe.c
 */
#include "jprobe.inc.S"

	.text
.irp name, args0, args1, args2, args3, args4, args5, args6, args7, args8, \
	args9, args10, args11, args12, small, pair, big, aligned, mixed, behind, huge, \
	hidden, variable, depth, wait
	ENTRIES \name
.endr

/* The first instruction is a branch. */
FUNC args8_branch
	jmp	args8_body
END args8_branch

/* The window of the jump has two instructions. */
FUNC args8_two
	nopl	(%rax)
	nopl	(%rax)
	jmp	args8_body
END args8_two

	.section .note.GNU-stack, "", @progbits

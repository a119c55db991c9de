/* SPDX-License-Identifier: MIT */
/*
 * program.S - a user program in the image: the file PROGRAM, and a row for it in
 * the table that exec.c searches
 */
	.section .rodata
	.balign	16
1:	.incbin	PROGRAM
2:
3:	.asciz	NAME

	.section programs, "a"
	.balign	8
	.quad	3b, 1b, 2b

	.section .note.GNU-stack, "", @progbits

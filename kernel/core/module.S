/* SPDX-License-Identifier: MIT */
/*
 * module.S - a module in the image: the object MODULE, and a row for it in the
 * table that module.c searches
 */
	.section .rodata
	.balign	16
1:	.incbin	MODULE
2:
3:	.asciz	NAME

	.section modules, "a"
	.balign	8
	.quad	3b, 1b, 2b

	.section .note.GNU-stack, "", @progbits

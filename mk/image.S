/* SPDX-License-Identifier: MIT */
/*
 * image.S - a file as data: NAME up to NAME_end hold the bytes of IMAGE
 */
#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

	.section .rodata
	.balign 4096
	.globl	NAME
NAME:
	.incbin	IMAGE
	.globl	JOIN(NAME, _end)
JOIN(NAME, _end):

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT */
/*
 * note.S - who uses libtrapline says so, also in a static program
 *
 *     +---+---+---+------------+-------+-------+
 *     | 9 | 8 | 1 | "Trapline" | major | minor |    the library's version
 *     +---+---+---+------------+-------+-------+
 *
 * The command looks for it before it attaches: there cannot be two engines in one
 * memory.
 */
	.section .note.trapline, "a", @note
	.balign	4
	.long	2f - 1f
	.long	4f - 3f
	.long	1
1:	.asciz	"Trapline"
2:	.balign	4
3:	.long	0, 1
4:
	.section .note.GNU-stack, "", @progbits

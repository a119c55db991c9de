/* SPDX-License-Identifier: MIT */
/*
 * note.S - who uses libtrapline says so, also in a static program
 *
 *     +---+----+---+------------+-------+-------+
 *     | 9 | 20 | 1 | "Trapline" | major | minor |    the library's version
 *     +---+----+---+------------+-------+-------+
 *     | major, minor of the protocol | distance from this word to the server |
 *     +------------------------------+---------------------------------------+
 *     | distance from this word to the directory of probes |
 *     +-----------------------------------------------------+
 *
 * The command looks for it before it attaches: there cannot be two engines in one
 * memory, so it talks to this one (session/server.c).  The last three words are
 * TL_MAJOR, TL_MINOR and what struct tl_note of the protocol says.
 */
	.section .note.trapline, "a", @note
	.balign	4
	.long	2f - 1f
	.long	4f - 3f
	.long	1
1:	.asciz	"Trapline"
2:	.balign	4
3:	.long	0, 1
	.short	2, 1
5:	.long	tl_server_entry - 5b
6:	.long	tl_directory - 6b
4:
	.section .note.GNU-stack, "", @progbits

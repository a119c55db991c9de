/* SPDX-License-Identifier: MIT */
/*
 * never.S - what only a watch that has begun is asked: never, on arm64 (nobody.c)
 */
	.text
	.irp	name, pages_are_full, pages_close, pages_cost, pages_ended, \
		pages_fd, pages_gone, pages_killed, pages_lost, pages_next, pages_stop, pages_upto, \
		effect_apply, effect_find
	.globl	\name
	.type	\name, %function
\name:
	.endr
	brk	#1

	.section .note.GNU-stack, "", %progbits

/* SPDX-License-Identifier: MIT */
/*
 * work.S - what is called: in both kernels the same nine instructions
 *
 * (int3 is for what checks modules of Linux: nothing runs into it.)
 */
	.text
	.p2align 4
	.globl	cost_work
	.type	cost_work, @function
cost_work:
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	ret
	int3
	.size	cost_work, . - cost_work

	.section .note.GNU-stack, "", @progbits

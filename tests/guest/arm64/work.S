/* SPDX-License-Identifier: MIT */
/* work.S - what is called: nine instructions */
	.text
	.p2align 4
	.globl	cost_work
	.type	cost_work, %function
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
	.size	cost_work, . - cost_work

	.section .note.GNU-stack, "", %progbits

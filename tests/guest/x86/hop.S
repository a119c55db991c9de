/* SPDX-License-Identifier: MIT */
/*
 * hop.S - a function whose probe jumps by way of padding
 *
 * Its first instruction has three bytes, and something jumps behind it: only a short
 * jump fits there.  The padding has room for islands; nothing leads to it but a
 * test, which runs through it into what follows.
 */

	.text
	.balign	16
	.globl	hop, hop_end, hop_after
	.type	hop, @function
hop:
	incq	%rdi
1:	leaq	(%rdi,%rsi), %rax
	testq	%rdi, %rdi
	js	2f
	ret
2:	negq	%rdi
	jmp	1b
	.size	hop, . - hop
hop_end:
	.skip	20, 0x90
	.type	hop_after, @function
hop_after:
	leaq	7(%rdi), %rax
	ret
	.size	hop_after, . - hop_after

	.section .note.GNU-stack, "", @progbits

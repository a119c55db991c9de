/* SPDX-License-Identifier: MIT */
/*
 * rseq.S - one restartable sequence: add one to the counter of this CPU
 *
 * int rseq_add(struct rseq *area, uint64_t counters[][8]): 0 when done, 1 when
 * the kernel aborted it.  A breakpoint between rseq_start and rseq_end would
 * make it abort for ever.
 */
	.text
	.p2align 4
	.globl	rseq_add, rseq_start, rseq_end, rseq_abort
	.type	rseq_add, @function
rseq_add:
	.cfi_startproc
	lea	descriptor(%rip), %rax
	mov	%rax, 8(%rdi)		/* area->rseq_cs */
rseq_start:
	mov	4(%rdi), %eax		/* area->cpu_id */
	shl	$6, %rax
	incq	(%rsi,%rax)
rseq_end:
	xor	%eax, %eax
	ret

	.byte	0x0f, 0xb9, 0x3d	/* the signature, in front of the abort */
	.long	0x53053053
rseq_abort:
	mov	$1, %eax
	ret
	.cfi_endproc
	.size	rseq_add, . - rseq_add

	.section __rseq_cs, "aw"
	.balign	32
descriptor:
	.long	0, 0
	.quad	rseq_start, rseq_end - rseq_start, rseq_abort

	.section __rseq_cs_ptr_array, "aw"
	.quad	descriptor

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT */
/*
 * vectors.S - vector registers to memory and back, by plain moves
 *
 * For homes whose handlers may use them.  Plain moves cost a tenth of xsave, and
 * keep nothing that C code does not change: no x87 stack, no tiles.
 *
 *     rax      where to, aligned to 64; TL_VECTOR_BYTES
 *     r13d     how much there is: 1 xmm0-15, 2 ymm0-15, 3 zmm0-31 and k0-7
 *
 *        0     registers, 64 bytes each
 *     2048     masks, 8 bytes each
 *     2112     mxcsr
 *
 * No register but flags is changed by saving.
 */
#define MASKS 2048
#define MXCSR 2112

	.text

.macro HIGH insn:req, store:req
.irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
.if \store
	\insn	%zmm\n, 64 * \n(%rax)
.else
	\insn	64 * \n(%rax), %zmm\n
.endif
.endr
.endm

.macro LOW insn:req, kind:req, store:req
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
.if \store
	\insn	%\kind\n, 64 * \n(%rax)
.else
	\insn	64 * \n(%rax), %\kind\n
.endif
.endr
.endm

.macro MOVE_MASKS store:req
.irp n, 0, 1, 2, 3, 4, 5, 6, 7
.if \store
	kmovq	%k\n, MASKS + 8 * \n(%rax)
.else
	kmovq	MASKS + 8 * \n(%rax), %k\n
.endif
.endr
.endm

.macro MOVE store:req
	cmp	$2, %r13d
	ja	3f
	je	2f
	LOW	movaps, xmm, \store
	ret
2:	LOW	vmovaps, ymm, \store
	ret
3:	LOW	vmovaps, zmm, \store
	HIGH	vmovaps, \store
	MOVE_MASKS \store
	ret
.endm

	.p2align 4
	.globl	tl_x86_vectors_save
	.hidden	tl_x86_vectors_save
	.type	tl_x86_vectors_save, @function
tl_x86_vectors_save:
	stmxcsr	MXCSR(%rax)
	MOVE	1
	.size	tl_x86_vectors_save, . - tl_x86_vectors_save

	.p2align 4
	.globl	tl_x86_vectors_load
	.hidden	tl_x86_vectors_load
	.type	tl_x86_vectors_load, @function
tl_x86_vectors_load:
	ldmxcsr	MXCSR(%rax)
	MOVE	0
	.size	tl_x86_vectors_load, . - tl_x86_vectors_load

	.section .note.GNU-stack, "", @progbits

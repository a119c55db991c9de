/* SPDX-License-Identifier: MIT */
/*
 * vectors.S - vector registers to the stack and back
 *
 * For homes whose handlers may use them.  How much there is says w21, which is
 * what tl_arm64_vectors is:
 *
 *     1	Q0 to Q31
 *     2	Z0 to Z31 (whose low parts those are: to write Q clears the rest
 *		of Z), P0 to P15, and FFR
 *     3	the same on a CPU that has streaming mode, in which there is no FFR
 *
 * and FPSR and FPCR in any case.  Handlers run outside of streaming mode, in which most
 * vector instructions are illegal; the ZA array is left alone.  The frame has SVCR
 * 16 bytes below it, and below that x8 points to these in memory:
 *
 *       0	FPSR, FPCR
 *      16	Q, 16 bytes each, or Z, VL bytes each
 *      + 32 VL	P, VL / 8 bytes each
 *      + 34 VL	FFR, VL / 8 bytes
 *
 * VL may be another in each thread, and change; so it is asked for, and what lies
 * below the frame is found again from the frame.  x8 to x11 are changed.
 */
#include "code.h"

	.arch	armv8.2-a+sve

/* Of SME: bit 0 says streaming mode. */
#define SVCR	 s3_3_c4_c2_2
#define SMSTOP_SM  .inst 0xd503427f
#define SMSTART_SM .inst 0xd503437f

	.macro	MOVE_Q insn:req
	\insn	q0, q1, [x8, #16]
	\insn	q2, q3, [x8, #48]
	\insn	q4, q5, [x8, #80]
	\insn	q6, q7, [x8, #112]
	\insn	q8, q9, [x8, #144]
	\insn	q10, q11, [x8, #176]
	\insn	q12, q13, [x8, #208]
	\insn	q14, q15, [x8, #240]
	\insn	q16, q17, [x8, #272]
	\insn	q18, q19, [x8, #304]
	\insn	q20, q21, [x8, #336]
	\insn	q22, q23, [x8, #368]
	\insn	q24, q25, [x8, #400]
	\insn	q26, q27, [x8, #432]
	\insn	q28, q29, [x8, #464]
	\insn	q30, q31, [x8, #496]
	.endm

/* x9: 16 bytes above x8. */
	.macro	MOVE_Z insn:req
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\insn	z\n, [x9, #\n, mul vl]
	.endr
	.endm

/* x9: behind them. */
	.macro	MOVE_P insn:req
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\insn	p\n, [x9, #\n, mul vl]
	.endr
	.endm

/* Jump to \to if there is no FFR now. */
	.macro	UNLESS_FFR to:req
	cmp	w21, #3
	b.ne	.Lffr\@
	mrs	x10, SVCR
	tbnz	x10, #0, \to
.Lffr\@:
	.endm

/* x8: so much below \frame. */
	.macro	BELOW frame:req
	cmp	w21, #1
	b.hi	.Lscalable\@
	sub	x8, \frame, #(16 + 512)
	b	.Lfound\@
.Lscalable\@:
	addvl	x8, \frame, #-32
	addvl	x8, x8, #-3
	sub	x8, x8, #16
.Lfound\@:
	.endm

	.text

/* Keep them below sp, which is moved. */
	.p2align 4
	.globl	tl_arm64_vectors_push
	.hidden	tl_arm64_vectors_push
	.type	tl_arm64_vectors_push, %function
tl_arm64_vectors_push:
	mov	x10, #0
	cmp	w21, #3
	b.ne	0f
	mrs	x10, SVCR
0:	mov	x9, sp
	str	x10, [x9, #-16]!
	BELOW	x9
	mov	sp, x8
	mrs	x9, fpsr
	mrs	x10, fpcr
	stp	x9, x10, [x8]
	b.hi	1f
	MOVE_Q	stp
	ret
1:	add	x9, x8, #16
	MOVE_Z	str
	addvl	x9, x9, #31
	addvl	x9, x9, #1
	MOVE_P	str
	UNLESS_FFR 2f
	rdffr	p0.b
	str	p0, [x9, #16, mul vl]
	ldr	p0, [x9]
	ret
2:	SMSTOP_SM
	ret
	.size	tl_arm64_vectors_push, . - tl_arm64_vectors_push

/* Load them from below x9; x0 is kept. */
	.p2align 4
	.globl	tl_arm64_vectors_load
	.hidden	tl_arm64_vectors_load
	.type	tl_arm64_vectors_load, %function
tl_arm64_vectors_load:
	ldr	x10, [x9, #-16]!
	tbz	x10, #0, 0f
	SMSTART_SM
0:	BELOW	x9
	ldp	x9, x10, [x8]
	msr	fpsr, x9
	msr	fpcr, x10
	b.hi	1f
	MOVE_Q	ldp
	ret
1:	add	x9, x8, #16
	MOVE_Z	ldr
	addvl	x9, x9, #31
	addvl	x9, x9, #1
	UNLESS_FFR 2f
	ldr	p0, [x9, #16, mul vl]
	wrffr	p0.b
2:	MOVE_P	ldr
	ret
	.size	tl_arm64_vectors_load, . - tl_arm64_vectors_load

	.section .note.GNU-stack, "", %progbits

/* SPDX-License-Identifier: MIT */
/*
 * regs.inc.S - a struct pt_regs on the stack, filled and emptied
 *
 * Handlers are ordinary C and may use vector registers, so all of those are
 * kept while one is called, below the frame.  (Where they are switched off, as
 * in some kernels, the host's trap for them has to switch them on.)
 */

/* x2 to x29 of the frame at sp. */
	.macro	SAVE_X2_X29
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	.endm

	.macro	LOAD_X18_X29
	ldp	x18, x19, [sp, #144]
	ldp	x20, x21, [sp, #160]
	ldp	x22, x23, [sp, #176]
	ldp	x24, x25, [sp, #192]
	ldp	x26, x27, [sp, #208]
	ldp	x28, x29, [sp, #224]
	.endm

	.macro	LOAD_X2_X15
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	ldp	x6, x7, [sp, #48]
	ldp	x8, x9, [sp, #64]
	ldp	x10, x11, [sp, #80]
	ldp	x12, x13, [sp, #96]
	ldp	x14, x15, [sp, #112]
	.endm

/* sp and flags of the interrupted code; x2 is used. */
	.macro	SAVE_STATE
	add	x2, sp, #R_SIZE
	str	x2, [sp, #R_SP]
	mrs	x2, nzcv
	str	x2, [sp, #R_PSTATE]
	stp	xzr, xzr, [sp, #R_ORIG_X0]
	.endm

	.macro	LOAD_FLAGS
	ldr	x2, [sp, #R_PSTATE]
	msr	nzcv, x2
	.endm

/* All vector registers and their state, below the frame; x2 and x3 are used. */
	.macro	SAVE_VECTORS
	sub	sp, sp, #V_SIZE
	stp	q0, q1, [sp, #0]
	stp	q2, q3, [sp, #32]
	stp	q4, q5, [sp, #64]
	stp	q6, q7, [sp, #96]
	stp	q8, q9, [sp, #128]
	stp	q10, q11, [sp, #160]
	stp	q12, q13, [sp, #192]
	stp	q14, q15, [sp, #224]
	stp	q16, q17, [sp, #256]
	stp	q18, q19, [sp, #288]
	stp	q20, q21, [sp, #320]
	stp	q22, q23, [sp, #352]
	stp	q24, q25, [sp, #384]
	stp	q26, q27, [sp, #416]
	stp	q28, q29, [sp, #448]
	stp	q30, q31, [sp, #480]
	mrs	x2, fpsr
	mrs	x3, fpcr
	str	x2, [sp, #V_STATE]
	str	x3, [sp, #V_STATE + 8]
	.endm

	.macro	LOAD_VECTORS
	add	x3, sp, #V_STATE
	ldp	x2, x3, [x3]
	msr	fpsr, x2
	msr	fpcr, x3
	ldp	q0, q1, [sp, #0]
	ldp	q2, q3, [sp, #32]
	ldp	q4, q5, [sp, #64]
	ldp	q6, q7, [sp, #96]
	ldp	q8, q9, [sp, #128]
	ldp	q10, q11, [sp, #160]
	ldp	q12, q13, [sp, #192]
	ldp	q14, q15, [sp, #224]
	ldp	q16, q17, [sp, #256]
	ldp	q18, q19, [sp, #288]
	ldp	q20, q21, [sp, #320]
	ldp	q22, q23, [sp, #352]
	ldp	q24, q25, [sp, #384]
	ldp	q26, q27, [sp, #416]
	ldp	q28, q29, [sp, #448]
	ldp	q30, q31, [sp, #480]
	add	sp, sp, #V_SIZE
	.endm

/*
 * Go on at the pc of the frame with all its registers but x16, and but x17 if
 * the stack pointer was changed: no branch reaches any address without a
 * register, and these two are the ones that every call may change.  By ret: br
 * would ask for a landing pad there.
 */
	.macro	LOAD_ALL
	ldr	x16, [sp, #R_SP]
	add	x17, sp, #R_SIZE
	cmp	x16, x17
	b.ne	1f
	LOAD_FLAGS
	LOAD_X2_X15
	LOAD_X18_X29
	ldp	x0, x1, [sp]
	ldr	x30, [sp, #R_X30]
	ldr	x16, [sp, #R_PC]
	ldr	x17, [sp, #136]
	add	sp, sp, #R_SIZE
	ret	x16
1:	LOAD_FLAGS
	LOAD_X2_X15
	LOAD_X18_X29
	ldp	x0, x1, [sp]
	ldr	x30, [sp, #R_X30]
	mov	x17, x16
	ldr	x16, [sp, #R_PC]
	mov	sp, x17
	ret	x16
	.endm

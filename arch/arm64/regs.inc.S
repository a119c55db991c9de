/* SPDX-License-Identifier: MIT */
/*
 * regs.inc.S - a struct pt_regs on the stack, filled and emptied
 */

	.hidden	tl_arm64_vectors
	.hidden	tl_arm64_vectors_push
	.hidden	tl_arm64_vectors_load

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

	.macro	LOAD_X2_X29
	LOAD_X2_X15
	ldp	x16, x17, [sp, #128]
	LOAD_X18_X29
	.endm

	.macro	LOAD_FLAGS
	ldr	x2, [sp, #R_PSTATE]
	msr	nzcv, x2
	.endm

/*
 * \call \fn, with the vector registers kept if the home wants it.  x22 is the
 * frame, which sp is before and afterwards; x21 is changed.
 */
	.macro	CALL_C call:req, fn:req
	mov	x22, sp
	adrp	x21, tl_arm64_vectors
	ldr	w21, [x21, :lo12:tl_arm64_vectors]
	cbz	w21, .Lcall\@
	bl	tl_arm64_vectors_push
	\call	\fn, x22
	mov	x9, x22
	bl	tl_arm64_vectors_load
	mov	sp, x22
	b	.Lcalled\@
.Lcall\@:
	\call	\fn, x22
.Lcalled\@:
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

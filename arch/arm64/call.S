/* SPDX-License-Identifier: MIT */
/*
 * call.S - from detours and slots to the handlers and back
 *
 * The code that calls these is drawn in code.c.  It has made room for a struct
 * pt_regs, stored x0, x1, x30 and the stack pointer; x1 points to its data.  Here
 * the frame is completed, and everything but x0, x1 and x30 is restored before the
 * return.  x19 keeps the return address, x20 the program counter that handlers see, x23 the
 * point.
 *
 * There are two routines each for pre and post handlers.  The plain ones are for
 * homes without a gate whose handlers leave vector registers alone; the others look
 * at both, and keep what tl_arm64_vectors says.
 */
#include "code.h"
#include "regs.inc.S"

	.hidden	tl_detour_pre
	.hidden	tl_detour_post
	.hidden	tl_trap_resume

	.hidden	tlh_context

	.text

/* \fn(context, frame, point) */
	.macro	HIT fn:req, frame:req
	bl	tlh_context
	mov	x1, \frame
	mov	x2, x23
	bl	\fn
	.endm

	.macro	ROUTINE name:req, fn:req, post:req, plain:req
	.p2align 4
	.globl	\name
	.hidden	\name
	.type	\name, %function
\name:
	SAVE_X2_X29
	mrs	x2, nzcv
	ldp	x23, x20, [x1, #DATA_POINT]
	stp	x20, x2, [sp, #R_PC]
	stp	xzr, xzr, [sp, #R_ORIG_X0]
	mov	x19, x30
.if \plain
	HIT	\fn, sp
.else
	ldr	x2, [x1, #DATA_GATE]
	ldrb	w2, [x2]
	cbz	w2, .Lresume\@
	CALL_C	HIT, \fn
.endif
.if \post
	ldr	x0, [sp, #R_PC]
	cmp	x0, x20
	b.ne	.Ldivert
.else
	cbnz	w0, .Lcourse
.endif

/* Go on where the caller goes on, with the registers of the pt_regs. */
.Lresume\@:
	ldr	x0, [sp, #R_SP]
	add	x1, sp, #R_SIZE
	cmp	x0, x1
	b.ne	.Lresume_all
	mov	x30, x19
	LOAD_FLAGS
	LOAD_X2_X29
	ret
	.size	\name, . - \name
	.endm

	ROUTINE	tl_arm64_call_pre, tl_detour_pre, 0, 0
	ROUTINE	tl_arm64_call_post, tl_detour_post, 1, 0
	ROUTINE	tl_arm64_call_pre_plain, tl_detour_pre, 0, 1
	ROUTINE	tl_arm64_call_post_plain, tl_detour_post, 1, 1

/*
 * Go on where the caller goes on, with a stack pointer that was changed; and where
 * the program counter says.
 */
	.type	resume_all, %function
resume_all:
.Lresume_all:
	add	x0, x19, #CALLER_TAIL
	str	x0, [sp, #R_PC]
	b	.Ldivert

/* Where a pre handler wants to go on there may be the inside of a jump. */
.Lcourse:
	ldr	x0, [sp, #R_PC]
	ldr	x1, [sp, #R_SP]
	bl	tl_trap_resume
	str	x0, [sp, #R_PC]
.Ldivert:
	LOAD_ALL
	.size	resume_all, . - resume_all

	.section .rodata
	.globl	tl_arm64_gate_open
	.hidden	tl_arm64_gate_open
tl_arm64_gate_open:
	.byte	1

	.section .note.GNU-stack, "", %progbits

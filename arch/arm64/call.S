/* SPDX-License-Identifier: MIT */
/*
 * call.S - from slots to the post handlers and back
 *
 * The code that calls this is drawn in slot.c.  It has made room for a struct
 * pt_regs and stored x0, x1 and x30; x1 points to its data.  Here the frame is
 * completed, and everything but those three is restored before the return.
 */
#include "code.h"
#include "regs.inc.S"

	.hidden	tl_detour_post

	.text
	.p2align 4
	.globl	tl_arm64_call_post
	.hidden	tl_arm64_call_post
	.type	tl_arm64_call_post, %function
tl_arm64_call_post:
	SAVE_X2_X29
	SAVE_STATE
	ldr	x20, [x1, #DATA_IP]
	str	x20, [sp, #R_PC]
	mov	x19, x30
	ldr	x0, [x1, #DATA_POINT]
	mov	x1, sp
	bl	tl_detour_post

	ldr	x0, [sp, #R_PC]
	ldr	x1, [sp, #R_SP]
	add	x2, sp, #R_SIZE
	cmp	x0, x20
	b.ne	.Ldivert
	cmp	x1, x2
	b.ne	.Ldivert
	mov	x30, x19
	LOAD_FLAGS
	LOAD_X2_X15
	ldp	x16, x17, [sp, #128]
	LOAD_X18_X29
	ret

.Ldivert:
	LOAD_ALL
	.size	tl_arm64_call_post, . - tl_arm64_call_post

	.section .note.GNU-stack, "", %progbits

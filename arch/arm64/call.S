/* SPDX-License-Identifier: MIT */
/*
 * call.S - from detours and slots to the handlers and back
 *
 * The code that calls these is drawn in code.c.  It has made room for a struct
 * pt_regs and stored x0, x1 and x30; x1 points to its data.  Here the frame is
 * completed, and everything but those three is restored before the return.
 * x19 keeps the return address, x20 the program counter that handlers see.
 */
#include "code.h"
#include "regs.inc.S"

	.hidden	tl_detour_pre
	.hidden	tl_detour_post

	.macro	ENTER
	SAVE_X2_X29
	SAVE_STATE
	mov	x19, x30
	ldr	x20, [x1, #DATA_IP]
	str	x20, [sp, #R_PC]
	ldr	x2, [x1, #DATA_GATE]
	ldrb	w2, [x2]
	cbz	w2, .Lresume
	ldr	x0, [x1, #DATA_POINT]
	mov	x1, sp
	SAVE_VECTORS
	.endm

	.text
	.p2align 4
	.globl	tl_arm64_call_pre
	.hidden	tl_arm64_call_pre
	.type	tl_arm64_call_pre, %function
tl_arm64_call_pre:
	ENTER
	bl	tl_detour_pre
	LOAD_VECTORS
	cbnz	x0, .Ldivert

/* Go on where the caller goes on, with the registers of the pt_regs. */
.Lresume:
	ldr	x0, [sp, #R_SP]
	add	x1, sp, #R_SIZE
	cmp	x0, x1
	b.ne	.Lresume_all
	mov	x30, x19
	LOAD_FLAGS
	LOAD_X2_X15
	ldp	x16, x17, [sp, #128]
	LOAD_X18_X29
	ret

/* The same, where the stack pointer was changed. */
.Lresume_all:
	add	x0, x19, #CALLER_TAIL
	str	x0, [sp, #R_PC]
.Ldivert:
	LOAD_ALL
	.size	tl_arm64_call_pre, . - tl_arm64_call_pre

	.p2align 4
	.globl	tl_arm64_call_post
	.hidden	tl_arm64_call_post
	.type	tl_arm64_call_post, %function
tl_arm64_call_post:
	ENTER
	bl	tl_detour_post
	LOAD_VECTORS
	ldr	x0, [sp, #R_PC]
	cmp	x0, x20
	b.ne	.Ldivert
	b	.Lresume
	.size	tl_arm64_call_post, . - tl_arm64_call_post

	.section .rodata
	.globl	tl_arm64_gate_open
	.hidden	tl_arm64_gate_open
tl_arm64_gate_open:
	.byte	1

	.section .note.GNU-stack, "", %progbits

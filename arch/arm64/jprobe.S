/* SPDX-License-Identifier: MIT */
/*
 * jprobe.S - calling a handler with a function's own registers and arguments
 *
 * void tl_arch_jprobe_call(void *entry, const struct pt_regs *regs,
 *			    size_t bytes, uintptr_t *frame)
 *
 *     regs        struct pt_regs, made by call.S; the vectors lie below it
 *     ...         frames of the engine
 *     FRAME       x19 to x30                              <- x19, *frame
 *                 up to 63 bytes, so that the copy is aligned as the original
 *     SP          copy of the stack arguments             <- sp of the handler
 *
 * All registers but x16, x19 and x30 are those of the interrupted code, x29 too,
 * so that a handler's backtrace goes on in the callers of the function.  C code
 * keeps x19.  Vector registers and their state are restored by call.S.
 */
#include "code.h"
#include "regs.inc.S"

#define FRAME 96

	.text
	.p2align 4
	.globl	tl_arch_jprobe_call
	.hidden	tl_arch_jprobe_call
	.type	tl_arch_jprobe_call, %function
tl_arch_jprobe_call:
	stp	x19, x20, [sp, #-FRAME]!
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	mov	x19, sp
	str	x19, [x3]
	mov	x16, x0
	mov	x20, x1

	adrp	x21, tl_arm64_vectors
	ldr	w21, [x21, :lo12:tl_arm64_vectors]
	cbz	w21, .Lcopy
	mov	x9, x20
	bl	tl_arm64_vectors_load

.Lcopy:
	ldr	x1, [x20, #R_SP]
	sub	x4, x19, x2		/* the highest sp there may be */
	sub	x5, x4, x1
	and	x5, x5, #63
	sub	x4, x4, x5
	mov	sp, x4
1:	subs	x2, x2, #8
	b.lo	2f
	ldr	x5, [x1], #8
	str	x5, [x4], #8
	b	1b
2:	adds	x2, x2, #8
	b.eq	4f
3:	ldrb	w5, [x1], #1
	strb	w5, [x4], #1
	subs	x2, x2, #1
	b.ne	3b

4:	ldp	x0, x1, [x20]
	ldp	x2, x3, [x20, #16]
	ldp	x4, x5, [x20, #32]
	ldp	x6, x7, [x20, #48]
	ldp	x8, x9, [x20, #64]
	ldp	x10, x11, [x20, #80]
	ldp	x12, x13, [x20, #96]
	ldp	x14, x15, [x20, #112]
	ldp	x17, x18, [x20, #136]
	ldp	x21, x22, [x20, #168]
	ldp	x23, x24, [x20, #184]
	ldp	x25, x26, [x20, #200]
	ldp	x27, x28, [x20, #216]
	ldr	x29, [x20, #232]
	ldr	x20, [x20, #160]
	blr	x16
	mov	sp, x19

.Lleave:
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	x19, x20, [sp], #FRAME
	ret
	.size	tl_arch_jprobe_call, . - tl_arch_jprobe_call

/* _Noreturn void tl_arch_jprobe_leave(uintptr_t frame) */
	.p2align 4
	.globl	tl_arch_jprobe_leave
	.hidden	tl_arch_jprobe_leave
	.type	tl_arch_jprobe_leave, %function
tl_arch_jprobe_leave:
	mov	sp, x0
	b	.Lleave
	.size	tl_arch_jprobe_leave, . - tl_arch_jprobe_leave

	.section .note.GNU-stack, "", %progbits

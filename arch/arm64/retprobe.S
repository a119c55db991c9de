/* SPDX-License-Identifier: MIT */
/*
 * retprobe.S - where functions that are followed return to
 *
 * The function has left its return address in x30, which is this address; the
 * true one goes there again, as if the function had returned with it.
 */
#include "code.h"
#include "regs.inc.S"

	.hidden	tl_return_hit

	.hidden	tlh_context

	.text

/* \fn(context, frame) */
	.macro	RETURNED fn:req, frame:req
	bl	tlh_context
	mov	x1, \frame
	bl	\fn
	.endm

	.p2align 4
	.globl	tl_arch_return_trampoline
	.hidden	tl_arch_return_trampoline
	.type	tl_arch_return_trampoline, %function
tl_arch_return_trampoline:
	stp	x0, x1, [sp, #-R_SIZE]!
	SAVE_X2_X29
	add	x0, sp, #R_SIZE
	stp	x30, x0, [sp, #R_X30]
	mrs	x2, nzcv
	stp	x30, x2, [sp, #R_PC]
	stp	xzr, xzr, [sp, #R_ORIG_X0]
	CALL_C	RETURNED, tl_return_hit
	mov	x30, x0
	LOAD_FLAGS
	LOAD_X2_X29
	ldp	x0, x1, [sp], #R_SIZE
	ret
	.size	tl_arch_return_trampoline, . - tl_arch_return_trampoline

	.section .note.GNU-stack, "", %progbits

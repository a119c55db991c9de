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

	.text
	.p2align 4
	.globl	tl_arch_return_trampoline
	.hidden	tl_arch_return_trampoline
	.type	tl_arch_return_trampoline, %function
tl_arch_return_trampoline:
	sub	sp, sp, #R_SIZE
	stp	x0, x1, [sp]
	SAVE_X2_X29
	str	x30, [sp, #R_X30]
	str	x30, [sp, #R_PC]
	SAVE_STATE
	mov	x0, sp
	SAVE_VECTORS
	bl	tl_return_hit
	LOAD_VECTORS
	str	x0, [sp, #R_X30]
	LOAD_FLAGS
	ldp	x0, x1, [sp]
	LOAD_X2_X15
	ldp	x16, x17, [sp, #128]
	LOAD_X18_X29
	ldr	x30, [sp, #R_X30]
	add	sp, sp, #R_SIZE
	ret
	.size	tl_arch_return_trampoline, . - tl_arch_return_trampoline

	.section .note.GNU-stack, "", %progbits

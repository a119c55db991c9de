/* SPDX-License-Identifier: MIT */
/*
 * unwind.S - trampolines that unwinders can see through, on arm64
 *
 * The problem and the idea are those of the other architectures' unwind.S.  Here
 * the return address was in x30, so what the unwinder believes to be x30, which it
 * has found where the followed function had saved it, is the trampoline (maybe
 * signed, so bits 48 and up are taken off).  A call is known by its stack pointer,
 * which is the canonical address of the trampoline's virtual frame:
 *
 *     x30                     a trampoline, by its address: whose list?
 *     the canonical address   which call in that list?
 *     that call's ret_addr    is where that frame has saved its return address
 */
#include "own/unwind.h"

	.hidden	tl_arch_return_trampoline
	.hidden	tl_unwind_lists
	.hidden	tl_unwind_personality
	.hidden	tl_unwind_true
	.weak	_Unwind_Resume

#define CFA_EXPRESSION 0x10
#define PCREL_SDATA4 0x1b

#define OP_DEREF 0x06
#define OP_CONST8U 0x0e
#define OP_DUP 0x12
#define OP_DROP 0x13
#define OP_PICK 0x15
#define OP_AND 0x1a
#define OP_PLUS 0x22
#define OP_PLUS_UCONST 0x23
#define OP_BRA 0x28
#define OP_EQ 0x29
#define OP_SKIP 0x2f
#define OP_X30 0x8e

	.text
	.p2align 4
	.globl	tl_unwind_trampolines
	.hidden	tl_unwind_trampolines
	.type	tl_unwind_frame, %function
tl_unwind_frame:
	.cfi_startproc
	.cfi_personality PCREL_SDATA4, tl_unwind_personality
	.cfi_def_cfa sp, 0
	/*
	 * p = x30 + 8; for (ri = **(p + *p); ri; ri = ri->next) if (ri->fp == cfa)
	 * it is at &ri->ret_addr; else at p, which leads nowhere.  (libgcc does not
	 * pick what lies at the bottom: so the first dup.)
	 */
	.cfi_escape CFA_EXPRESSION, 30, 45, \
		OP_DUP, OP_X30, 0, \
		OP_CONST8U, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, OP_AND, \
		OP_PLUS_UCONST, 8, \
		OP_DUP, OP_DUP, OP_DEREF, OP_PLUS, OP_DEREF, OP_DEREF, \
		OP_DUP, OP_BRA, 4, 0, OP_DROP, OP_SKIP, 16, 0, \
		OP_DUP, OP_PLUS_UCONST, TL_RI_FP, OP_DEREF, OP_PICK, 3, OP_EQ, \
		OP_BRA, 4, 0, OP_DEREF, OP_SKIP, 0xea, 0xff, \
		OP_PLUS_UCONST, TL_RI_RET_ADDR
	nop
	.p2align 4
tl_unwind_trampolines:
	.set	n, 0
	.rept	TL_TRAMPOLINES
	b	tl_arch_return_trampoline
	.p2align 3
	.quad	tl_unwind_lists + 8 * n - .
	.set	n, n + 1
	.endr
	.cfi_endproc
	.size	tl_unwind_frame, . - tl_unwind_frame

/*
 * x0: the exception; sp: as after the return of the followed function.  The
 * caller is made to look as if it had called _Unwind_Resume().
 */
	.p2align 4
	.globl	tl_unwind_landing
	.hidden	tl_unwind_landing
	.type	tl_unwind_landing, %function
tl_unwind_landing:
	str	x0, [sp, #-16]!
	add	x0, sp, #16
	bl	tl_unwind_true
	mov	x30, x0
	ldr	x0, [sp], #16
	adrp	x16, :got:_Unwind_Resume
	ldr	x16, [x16, :got_lo12:_Unwind_Resume]
	br	x16
	.size	tl_unwind_landing, . - tl_unwind_landing

	.section .note.GNU-stack, "", %progbits

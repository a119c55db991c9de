/* SPDX-License-Identifier: MIT */
/*
 * unwind.S - trampolines that unwinders can see through
 *
 * Where a return address is replaced, an unwinder comes to a trampoline.  Each
 * thread has one of its own here, which tells where the list of its followed
 * calls is; the unwind information below looks the true address up:
 *
 *     the word in the slot    a trampoline, by its address: whose list?
 *     the slot's address      which call in that list?
 *     that call's ret_addr    is where the virtual frame of the trampoline
 *                             has saved its return address
 *
 * That frame takes no room: its canonical address is that of the function that
 * was followed.  libgcc tells by these addresses where to land, and would take
 * our frame for its caller's, if the exception is caught just there.  So the
 * frame has a personality (unwind.c), which lands here, and from here the
 * exception goes on as if the true caller had resumed it.
 *
 * Unwinders look one byte before a return address, so the information begins
 * before the first trampoline.
 */
#include "own/unwind.h"

	.hidden	tl_arch_return_trampoline
	.hidden	tl_unwind_lists
	.hidden	tl_unwind_personality
	.hidden	tl_unwind_true
	.weak	_Unwind_Resume

#define RSP 7
#define RIP 16

#define CFA_EXPRESSION 0x10
#define PCREL_SDATA4 0x1b

#define OP_DEREF 0x06
#define OP_DUP 0x12
#define OP_DROP 0x13
#define OP_PICK 0x15
#define OP_MINUS 0x1c
#define OP_PLUS 0x22
#define OP_PLUS_UCONST 0x23
#define OP_BRA 0x28
#define OP_EQ 0x29
#define OP_SKIP 0x2f
#define OP_LIT8 0x38

	.text
	.p2align 4
	.globl	tl_unwind_trampolines
	.hidden	tl_unwind_trampolines
	.type	tl_unwind_frame, @function
tl_unwind_frame:
	.cfi_startproc
	.cfi_personality PCREL_SDATA4, tl_unwind_personality
	.cfi_def_cfa RSP, 0
	/*
	 * slot = cfa - 8; p = *slot + 8; for (ri = **(p + *p); ri; ri = ri->next)
	 * if (ri->fp == slot) it is at &ri->ret_addr; else at p, which leads
	 * nowhere.  (libgcc does not pick what lies at the bottom: so the first
	 * dup.)
	 */
	.cfi_escape CFA_EXPRESSION, RIP, 37, \
		OP_DUP, OP_LIT8, OP_MINUS, OP_DUP, OP_DEREF, OP_PLUS_UCONST, 8, \
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
	jmp	tl_arch_return_trampoline
	.p2align 3
	.quad	tl_unwind_lists + 8 * n - .
	.set	n, n + 1
	.endr
	.cfi_endproc
	.size	tl_unwind_frame, . - tl_unwind_frame

/*
 * rax: the exception; rsp: as after the return of the followed function.  The
 * caller is made to look as if it had called _Unwind_Resume().
 */
	.p2align 4
	.globl	tl_unwind_landing
	.hidden	tl_unwind_landing
	.type	tl_unwind_landing, @function
tl_unwind_landing:
	lea	-8(%rsp), %rdi
	push	%rax
	push	%rax
	call	tl_unwind_true
	pop	%rdi
	mov	%rax, (%rsp)
	jmp	*_Unwind_Resume@GOTPCREL(%rip)
	.size	tl_unwind_landing, . - tl_unwind_landing

	.section .note.GNU-stack, "", @progbits

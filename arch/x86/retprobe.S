/* SPDX-License-Identifier: MIT */
/*
 * retprobe.S - where functions that are followed return to
 *
 * The function has popped the trampoline's address, so the word below the stack
 * pointer is the one where its return address was: the true one goes there
 * again.  Everything below that was the function's own and is dead.
 *
 * Until tl_return_hit() has taken the call off the shadow stack, the word must
 * stay what it was, the address of this: a signal that comes before may need an
 * instance, and take a call with another word in its slot for one that is gone
 * (K2).  So nothing is pushed there.  (Without a red zone an interrupt at the
 * very first instruction may push there all the same.)
 *
 * The last jump: a `ret` would take the prediction that belongs to the caller's
 * caller, and every return above it would then be mispredicted too.  A jump
 * through the word below the stack pointer is predicted by its history; where
 * nothing protects that word from interrupts (no red zone) it must be a `ret`.
 */
#include "regs.inc.S"

#define OPS_RED_ZONE 40 /* checked in slot.c */

	.hidden	tl_return_hit
	.hidden	tl_host_ops
	.hidden	tlh_context

	.text

/* \fn(context, frame) */
.macro RETURNED fn:req, frame:req
	call	tlh_context
	mov	%rax, %rdi
	mov	\frame, %rsi
	call	\fn
.endm

	.p2align 4
	.globl	tl_arch_return_trampoline
	.hidden	tl_arch_return_trampoline
	.type	tl_arch_return_trampoline, @function
tl_arch_return_trampoline:
	lea	-8(%rsp), %rsp
	push	%rax
	push	%rbp
	pushfq
	mov	%rsp, %rbp
	PUSH_REGS $0, 16(%rbp)
	lea	32(%rbp), %rbx
	mov	%rbx, R_SP(%rsp)
	C_FLAGS
	CALL_C	RETURNED, tl_return_hit
	mov	%rax, R_IP(%rsp)
	mov	%rax, 24(%rbp)
	CHECK_FLAGS_SP .Lall

	mov	tl_host_ops(%rip), %rcx
	cmpl	$8, OPS_RED_ZONE(%rcx)
	jb	.Lby_ret
	LOAD_STATUS
	mov	R_AX(%rsp), %rax
	POP_REGS (%rbp)
	lea	32(%rbp), %rsp
	mov	8(%rbp), %rbp
	jmp	*-8(%rsp)

/* Nothing that is still needed may be below the stack pointer. */
.Lby_ret:
	LOAD_STATUS
	mov	R_AX(%rsp), %rax
	POP_REGS (%rbp)
	lea	8(%rbp), %rsp
	pop	%rbp
	lea	8(%rsp), %rsp
	ret

.Lall:
	LOAD_ALL
	.size	tl_arch_return_trampoline, . - tl_arch_return_trampoline

	.section .note.GNU-stack, "", @progbits

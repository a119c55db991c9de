/* SPDX-License-Identifier: MIT */
/*
 * call.S - from detours and slots to the handlers and back
 *
 * The code that calls these is drawn in detour.c.  rax points to
 *
 *      0   the routine itself
 *      8   the point
 *     16   the instruction pointer that the handlers see
 *     24   address of the gate
 *     32   size of the red zone, 16 bits
 *     34   bytes of code behind the call that are the call's, 16 bits
 *
 * and the interrupted code's rax is on the stack above the return address,
 * where it is restored by the caller.
 *
 * There are two routines each for pre and post handlers.  The plain ones are for
 * homes without a gate whose handlers leave vector registers alone; the others look at
 * both, and keep what tl_x86_vectors says.
 */
#include "regs.inc.S"

#define DATA_POINT 8
#define DATA_IP 16
#define DATA_GATE 24
#define DATA_RED_ZONE 32
#define DATA_TAIL 34

	.hidden	tl_detour_pre
	.hidden	tl_detour_post
	.hidden	tl_trap_resume

	.hidden	tlh_context

	.text

/* \fn(context, frame, point) */
.macro HIT fn:req, frame:req
	call	tlh_context
	mov	%rax, %rdi
	mov	\frame, %rsi
	mov	R_DATA(\frame), %rdx
	mov	DATA_POINT(%rdx), %rdx
	call	\fn
.endm

/* rbx: the stack pointer of the interrupted code; r12d: its flags. */
.macro ROUTINE name:req, fn:req, post:req, plain:req
	.p2align 4
	.globl	\name
	.hidden	\name
	.type	\name, @function
\name:
	push	%rbp
	pushfq
	mov	%rsp, %rbp
	PUSH_REGS DATA_IP(%rax), 24(%rbp)
	movzwl	DATA_RED_ZONE(%rax), %ebx
	lea	32(%rbp,%rbx), %rbx
	mov	%rbx, R_SP(%rsp)
	C_FLAGS
.if \plain
	HIT	\fn, %rsp
.else
	mov	DATA_GATE(%rax), %rcx
	cmpb	$0, (%rcx)
	je	.Lresume\@
	CALL_C	HIT, \fn
.endif
.if \post
	mov	R_DATA(%rsp), %rax
	mov	DATA_IP(%rax), %rcx
	cmp	%rcx, R_IP(%rsp)
	jne	.Ldivert
.else
	test	%eax, %eax
	jnz	.Lcourse
.endif
.Lresume\@:
	CHECK_FLAGS_SP .Lresume_all
	LOAD_STATUS
.if !\plain
	movq	$0, R_IP(%rsp)	/* else an address in the window stays behind */
.endif
	POP_REGS 24(%rbp)
	lea	8(%rbp), %rsp
	pop	%rbp
	ret
	.size	\name, . - \name
.endm

	ROUTINE	tl_x86_call_pre, tl_detour_pre, 0, 0
	ROUTINE	tl_x86_call_post, tl_detour_post, 1, 0
	ROUTINE	tl_x86_call_pre_plain, tl_detour_pre, 0, 1
	ROUTINE	tl_x86_call_post_plain, tl_detour_post, 1, 1

/*
 * Go on where the caller goes on, with a stack pointer or flags that were
 * changed; and where the instruction pointer says.
 */
	.type	resume_all, @function
resume_all:
.Lresume_all:
	mov	R_DATA(%rsp), %rax
	movzwl	DATA_TAIL(%rax), %ecx
	add	16(%rbp), %rcx
	mov	%rcx, R_IP(%rsp)
	jmp	.Ldivert

/* Where a pre handler wants to go on there may be the inside of a jump. */
.Lcourse:
	mov	R_IP(%rsp), %rdi
	mov	R_SP(%rsp), %rsi
	call	tl_trap_resume
	mov	%rax, R_IP(%rsp)
.Ldivert:
	LOAD_ALL
	.size	resume_all, . - resume_all

	.section .rodata
	.globl	tl_x86_gate_open
	.hidden	tl_x86_gate_open
tl_x86_gate_open:
	.byte	1

	.section .note.GNU-stack, "", @progbits

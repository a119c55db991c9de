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
 *     32   size of the red zone, 32 bits
 *
 * and the interrupted code's rax is on the stack above the return address,
 * where it is restored by the caller.  Vector registers are kept if the home's
 * handlers may use them (tl_x86_vectors), else nothing that runs here does.
 */
#include "regs.inc.S"

#define DATA_POINT 8
#define DATA_IP 16
#define DATA_GATE 24
#define DATA_RED_ZONE 32

/* pop %rax; lea red_zone(%rsp),%rsp: what the caller does after the call. */
#define CALLER_TAIL 9

	.hidden	tl_detour_pre
	.hidden	tl_detour_post

	.text

/* rcx = the stack pointer of the interrupted code; rax: data. */
.macro TRUE_SP
	mov	DATA_RED_ZONE(%rax), %ecx
	lea	32(%rbp,%rcx), %rcx
.endm

.macro ENTER
	pushfq
	push	%rbp
	mov	%rsp, %rbp
	PUSH_REGS DATA_IP(%rax), 24(%rbp)
	TRUE_SP
	mov	%rcx, R_SP(%rsp)
	C_FLAGS
	mov	DATA_GATE(%rax), %rcx
	cmpb	$0, (%rcx)
	je	.Lresume
	mov	DATA_POINT(%rax), %rdi
	mov	%rsp, %rsi
.endm

	.p2align 4
	.globl	tl_x86_call_pre
	.hidden	tl_x86_call_pre
	.type	tl_x86_call_pre, @function
tl_x86_call_pre:
	ENTER
	CALL_C	tl_detour_pre
	test	%rax, %rax
	jnz	.Ldivert

/* Go on where the caller goes on, with the registers of the pt_regs. */
.Lresume:
	CHECK_FLAGS .Lresume_all
	mov	R_DATA(%rsp), %rax
	TRUE_SP
	cmp	%rcx, R_SP(%rsp)
	jne	.Lresume_all
	LOAD_STATUS
	POP_REGS 24(%rbp)
	mov	%rbp, %rsp
	pop	%rbp
	lea	8(%rsp), %rsp
	ret

/* The same, where the stack pointer or another flag was changed. */
.Lresume_all:
	mov	16(%rbp), %rcx
	add	$CALLER_TAIL, %rcx
	mov	%rcx, R_IP(%rsp)
.Ldivert:
	LOAD_ALL
	.size	tl_x86_call_pre, . - tl_x86_call_pre

	.p2align 4
	.globl	tl_x86_call_post
	.hidden	tl_x86_call_post
	.type	tl_x86_call_post, @function
tl_x86_call_post:
	ENTER
	CALL_C	tl_detour_post
	mov	R_DATA(%rsp), %rax
	mov	DATA_IP(%rax), %rcx
	cmp	%rcx, R_IP(%rsp)
	jne	.Ldivert
	jmp	.Lresume
	.size	tl_x86_call_post, . - tl_x86_call_post

	.section .rodata
	.globl	tl_x86_gate_open
	.hidden	tl_x86_gate_open
tl_x86_gate_open:
	.byte	1

	.section .note.GNU-stack, "", @progbits

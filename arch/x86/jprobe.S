/* SPDX-License-Identifier: MIT */
/*
 * jprobe.S - calling a handler with a function's own registers and arguments
 *
 * void tl_arch_jprobe_call(void *entry, const struct pt_regs *regs,
 *			    size_t bytes, uintptr_t *frame)
 *
 *     regs        struct pt_regs, made by call.S; the vectors lie below it
 *     ...         frames of the engine
 *                 rbp rbx r12 r13 r14 r15
 *     FRAME       floating-point environment              <- rbx, *frame
 *                 up to 63 bytes, so that the copy is aligned as the original
 *     SP + 8      copy of the stack arguments
 *     SP          return address                          <- rsp of the handler
 *
 * All registers but rbx and r11 are those of the interrupted code, rbp too, so
 * that a handler's backtrace by frame pointers goes on in the callers of the
 * function.  rbx is kept by C code, and leads back here when the handler returns.
 *
 * Where handlers may use the x87 unit its control and status words are what is
 * compared afterwards: storing and loading them all would cost more than the
 * rest, and C code leaves them alone as long as no exception is raised.
 */
#include "regs.inc.S"

#define ENV_SW 0
#define ENV_CW 2
#define ENV_NEW 4
#define ENV_BYTES 8
#define X87_CW 0 /* of fnstenv's 28 bytes */
#define X87_SW 4
#define X87_BYTES 32

	.text
	.p2align 4
	.globl	tl_arch_jprobe_call
	.hidden	tl_arch_jprobe_call
	.type	tl_arch_jprobe_call, @function
tl_arch_jprobe_call:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	sub	$ENV_BYTES, %rsp
	mov	%rsp, (%rcx)
	mov	%rsp, %rbx
	mov	%rdi, %r11
	mov	%rsi, %r12
	mov	tl_x86_vectors(%rip), %r13d
	test	%r13d, %r13d
	jz	.Lcopy
	fnstsw	ENV_SW(%rbx)
	fnstcw	ENV_CW(%rbx)
	lea	-TL_VECTOR_BYTES(%r12), %rax
	and	$-64, %rax
	call	tl_x86_vectors_load

.Lcopy:
	mov	R_SP(%r12), %rsi
	lea	-8(%rbx), %rax
	sub	%rdx, %rax		/* the highest SP there may be */
	mov	%eax, %ecx
	sub	%esi, %ecx
	and	$63, %ecx
	sub	%rcx, %rax
	lea	8(%rax), %rsp
	mov	%rsp, %rdi
	add	$8, %rsi
	mov	%rdx, %rcx
	rep movsb

	mov	R_R15(%r12), %r15
	mov	R_R14(%r12), %r14
	mov	R_R13(%r12), %r13
	mov	R_BP(%r12), %rbp
	mov	R_R10(%r12), %r10
	mov	R_R9(%r12), %r9
	mov	R_R8(%r12), %r8
	mov	R_AX(%r12), %rax
	mov	R_CX(%r12), %rcx
	mov	R_DX(%r12), %rdx
	mov	R_SI(%r12), %rsi
	mov	R_DI(%r12), %rdi
	mov	R_R12(%r12), %r12
	call	*%r11
	mov	%rbx, %rsp

.Lleave:
	cmpl	$0, tl_x86_vectors(%rip)
	je	.Ldone
	fnstsw	ENV_NEW(%rsp)
	fnstcw	ENV_NEW + 2(%rsp)
	mov	ENV_NEW(%rsp), %eax
	cmp	ENV_SW(%rsp), %eax	/* both words */
	jne	.Lx87
.Ldone:
	add	$ENV_BYTES, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret

.Lx87:
	sub	$X87_BYTES, %rsp
	fnstenv	(%rsp)
	mov	X87_BYTES + ENV_CW(%rsp), %ax
	mov	%ax, X87_CW(%rsp)
	mov	X87_BYTES + ENV_SW(%rsp), %ax
	mov	%ax, X87_SW(%rsp)
	fldenv	(%rsp)
	add	$X87_BYTES, %rsp
	jmp	.Ldone
	.size	tl_arch_jprobe_call, . - tl_arch_jprobe_call

/* _Noreturn void tl_arch_jprobe_leave(uintptr_t frame) */
	.p2align 4
	.globl	tl_arch_jprobe_leave
	.hidden	tl_arch_jprobe_leave
	.type	tl_arch_jprobe_leave, @function
tl_arch_jprobe_leave:
	mov	%rdi, %rsp
	jmp	.Lleave
	.size	tl_arch_jprobe_leave, . - tl_arch_jprobe_leave

	.section .note.GNU-stack, "", @progbits

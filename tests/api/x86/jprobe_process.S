/* SPDX-License-Identifier: MIT */
/*
 * jprobe_process.S - entries for jprobe_process.c, and a call on another stack
 */
#include "jprobe.inc.S"

	.text
.irp name, floats, longs, composite, vfloats, wide, rounding, many
	ENTRIES \name
.endr

/*
 * long call_at(void *sp, long (*fn)(long, long, long, long, long, long, long,
 *		long)): fn(1, ..., 8), with the stack arguments 7 and 8 at @sp
 */
FUNC call_at
	push	%rbx
	mov	%rsp, %rbx
	mov	%rsi, %rax
	mov	%rdi, %rsp
	movq	$7, (%rsp)
	movq	$8, 8(%rsp)
	mov	$1, %edi
	mov	$2, %esi
	mov	$3, %edx
	mov	$4, %ecx
	mov	$5, %r8d
	mov	$6, %r9d
	call	*%rax
	mov	%rbx, %rsp
	pop	%rbx
	ret
END call_at

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT */
/*
 * restorer.S - where the program's signal handlers return, on x86-64
 *
 * The frame of the signal is at the stack pointer, as own/signals.c wants it.
 * Unwinders find the interrupted code's registers by the rules below, in the
 * frame at \reg (rsp: 7, rbx: 3).
 */
	.macro	SAVED dwarf, reg, off
	.cfi_escape 0x10, \dwarf, 3, 0x70 + \reg, ((\off) & 0x7f) | 0x80, (\off) >> 7
	.endm
	.macro	FRAME_AT reg
	.cfi_escape 0x0f, 4, 0x70 + \reg, (160 & 0x7f) | 0x80, 160 >> 7, 6
	SAVED	8, \reg, 40
	SAVED	9, \reg, 48
	SAVED	10, \reg, 56
	SAVED	11, \reg, 64
	SAVED	12, \reg, 72
	SAVED	13, \reg, 80
	SAVED	14, \reg, 88
	SAVED	15, \reg, 96
	SAVED	5, \reg, 104
	SAVED	4, \reg, 112
	SAVED	6, \reg, 120
	SAVED	3, \reg, 128
	SAVED	1, \reg, 136
	SAVED	0, \reg, 144
	SAVED	2, \reg, 152
	SAVED	7, \reg, 160
	SAVED	16, \reg, 168
	.endm

	.hidden	tl_signal_return

	.text
	.balign	16
	.cfi_startproc
	.cfi_signal_frame
	FRAME_AT 7
	nop			/* unwinders look one byte before a return address */
	.globl	tl_signal_restorer
	.hidden	tl_signal_restorer
	.type	tl_signal_restorer, @function
tl_signal_restorer:
	mov	%rsp, %rdi
	mov	%rsp, %rbx
	FRAME_AT 3
	and	$-16, %rsp
	cld
	call	tl_signal_return
	mov	%rbx, %rsp
	mov	$15, %eax	/* rt_sigreturn */
	syscall
	.cfi_endproc
	.size	tl_signal_restorer, . - tl_signal_restorer

	.section .note.GNU-stack, "", @progbits

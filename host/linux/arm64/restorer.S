/* SPDX-License-Identifier: MIT */
/*
 * restorer.S - where the program's signal handlers return, on arm64
 *
 * The frame of the signal is at the stack pointer, and the ucontext 128 bytes into
 * it, as own/signals.c wants it.  Unwinders find the interrupted code's registers
 * by the rules below, in the frame at \reg (sp: 31, x19); the program counter has
 * a column of its own (96), as x30 is one of them.
 */
#define UC 128
#define REGS 312 /* in the frame: x0, up to sp (31) and pc */
#define PC 96

	.macro	SAVED dwarf, reg, n
	.cfi_escape 0x10, \dwarf, 3, 0x70 + \reg, \
		((REGS + 8 * \n) & 0x7f) | 0x80, (REGS + 8 * \n) >> 7
	.endm
	.macro	FRAME_AT reg
	.cfi_escape 0x0f, 4, 0x70 + \reg, ((REGS + 248) & 0x7f) | 0x80, \
		(REGS + 248) >> 7, 6
	.set	n, 0
	.rept	32
	SAVED	n, \reg, n
	.set	n, n + 1
	.endr
	SAVED	PC, \reg, 32
	.endm

	.hidden	tl_signal_return

	.text
	.balign	16
	.cfi_startproc
	.cfi_signal_frame
	.cfi_return_column PC
	FRAME_AT 31
	nop			/* unwinders look one byte before a return address */
	.globl	tl_signal_restorer
	.hidden	tl_signal_restorer
	.type	tl_signal_restorer, %function
tl_signal_restorer:
	add	x0, sp, #UC
	mov	x19, sp
	FRAME_AT 19
	bl	tl_signal_return
	mov	sp, x19
	mov	x8, #139	/* rt_sigreturn */
	svc	#0
	.cfi_endproc
	.size	tl_signal_restorer, . - tl_signal_restorer

	.section .note.GNU-stack, "", %progbits

/* SPDX-License-Identifier: MIT */
/*
 * vectors.S - the first instructions of every exception and interrupt
 *
 * The CPU has saved the program counter and PSTATE in registers of its own, of which
 * there is one set: so the vector stores them, in a struct pt_regs on the stack,
 * before it lets the next exception come, and what the exception was is read in the
 * same breath.
 *
 *     trap_dispatch(regs, kind, esr, far)     from EL1
 *     trap_from_user(regs, kind, esr, far)    from EL0
 *
 * What is masked (PSTATE: D debug exceptions, A errors, I interrupts, F: the
 * interrupts that are this kernel's NMIs):
 *
 *     the CPU sets all four when it takes an exception
 *     A and F are cleared as soon as registers are saved, and set while they
 *     are restored; an NMI is not interrupted by the next
 *     I stays set
 *     D stays set in what handles a synchronous exception or an NMI: a debug
 *     exception is never taken inside of one's handler.  An interrupt has it
 *     as the interrupted code had it; set, if that was about to be stepped
 *
 * On return a stack pointer that a handler has changed is honoured, wherever
 * it leads: everything is loaded by way of X0, and last of all X0 itself.
 *
 * A stack pointer that has left the mapped half of its stride (layout.h) is noticed
 * before anything is stored with it.  Two registers that no program here uses,
 * tpidr_el0 and tpidrro_el0, have room for two others meanwhile.
 */
#include "layout.h"

	.macro	save_registers
	stp	x0, x1, [sp]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	.endm

/*
 * X1 is the stack pointer of the interrupted code.  X19: PSTATE.  No register that C
 * leaves alone may keep the address: another thread would be seen with it
 * (tlh_quiesce()).
 */
	.macro	save_state
	stp	x30, x1, [sp, #REGS_X30]
	mrs	x2, elr_el1
	mrs	x19, spsr_el1
	stp	x2, x19, [sp, #REGS_PC]
	mrs	x2, esr_el1
	mrs	x3, far_el1
	.endm

/* By way of X0; but X0 and X1. */
	.macro	restore_registers
	ldp	x18, x19, [x0, #REGS_PC]
	msr	elr_el1, x18
	msr	spsr_el1, x19
	ldp	x2, x3, [x0, #16]
	ldp	x4, x5, [x0, #32]
	ldp	x6, x7, [x0, #48]
	ldp	x8, x9, [x0, #64]
	ldp	x10, x11, [x0, #80]
	ldp	x12, x13, [x0, #96]
	ldp	x14, x15, [x0, #112]
	ldp	x16, x17, [x0, #128]
	ldp	x18, x19, [x0, #144]
	ldp	x20, x21, [x0, #160]
	ldp	x22, x23, [x0, #176]
	ldp	x24, x25, [x0, #192]
	ldp	x26, x27, [x0, #208]
	ldp	x28, x29, [x0, #224]
	ldp	x30, x1, [x0, #REGS_X30]
	.endm

	.macro	vector label
	.balign	128
	b	\label
	.endm

/* A stack pointer is looked at where it may be bad: nothing was stored yet. */
	.macro	vector_checked label
	.balign	128
	sub	sp, sp, #REGS_SIZE
	add	sp, sp, x0
	sub	x0, sp, x0
	tbz	x0, #STACK_BIT, overflow
	sub	x0, sp, x0
	sub	sp, sp, x0
	b	\label
	.endm

	.section .entry.text, "ax"
	.balign	2048
	.globl	vectors
	.type	vectors, %function
vectors:
	vector	bad_vector		/* EL1 on the stack of EL0: never used */
	vector	bad_vector
	vector	bad_vector
	vector	bad_vector
	vector_checked kernel_sync
	vector_checked kernel_irq
	vector_checked kernel_fiq
	vector_checked kernel_error
	vector	user_sync
	vector	user_irq
	vector	user_fiq
	vector	user_error
	vector	bad_vector		/* 32 bits: there are none */
	vector	bad_vector
	vector	bad_vector
	vector	bad_vector

bad_vector:
	b	.

	.macro	from_kernel name, kind, unmask
	.type	kernel_\name, %function
kernel_\name:
	save_registers
	add	x1, sp, #REGS_SIZE
	save_state
	stp	xzr, xzr, [sp, #REGS_ORIG_X0]
	.if	\unmask
	msr	daifclr, #\unmask
	.endif
	.if	\kind == VEC_IRQ
	tbnz	x19, #9, 1f		/* D */
	mrs	x4, mdscr_el1
	tbnz	x4, #0, 1f		/* a step is under way */
	msr	daifclr, #8
1:
	.endif
	mov	x0, sp
	mov	x1, #\kind
	bl	trap_dispatch
	b	leave_to_kernel
	.size	kernel_\name, . - kernel_\name
	.endm

	from_kernel sync, VEC_SYNC, 5
	from_kernel irq, VEC_IRQ, 5
	from_kernel fiq, VEC_FIQ, 4
	from_kernel error, VEC_ERROR, 0

	.type	leave_to_kernel, %function
leave_to_kernel:
	msr	daifset, #15
	mov	x0, sp
	restore_registers
	mov	sp, x1
	ldp	x0, x1, [x0]
	eret
	.size	leave_to_kernel, . - leave_to_kernel

/*
 * The stack pointer is where the CPU's last way out of the kernel left it: at the end
 * of a page, above it the frame of the task.
 */
	.macro	from_user name, kind, unmask
	.type	user_\name, %function
user_\name:
	sub	sp, sp, #REGS_SIZE
	save_registers
	mrs	x1, sp_el0
	save_state
	mov	x29, xzr		/* the end of every backtrace */
	mrs	x4, mdscr_el1
	tbz	x4, #0, 1f
	bic	x4, x4, #1		/* a step of the task's is not the kernel's */
	msr	mdscr_el1, x4
	isb
1:
	.if	\unmask
	msr	daifclr, #\unmask
	.endif
	mov	x0, sp
	mov	x1, #\kind
	bl	trap_from_user
	mov	x0, sp
	b	enter_user
	.size	user_\name, . - user_\name
	.endm

	from_user sync, VEC_SYNC, 5
	from_user irq, VEC_IRQ, 13
	from_user fiq, VEC_FIQ, 4
	from_user error, VEC_ERROR, 0

/* void enter_user(struct pt_regs *regs); interrupts are off. */
	.globl	enter_user
	.type	enter_user, %function
enter_user:
	msr	daifset, #15
	mov	sp, x0
	ldr	x1, [x0, #REGS_ORIG_X0]
	cbz	x1, 1f			/* not to be stepped */
	mrs	x1, mdscr_el1
	orr	x1, x1, #1
	msr	mdscr_el1, x1
1:	restore_registers
	msr	sp_el0, x1
	ldp	x0, x1, [x0]
	add	sp, sp, #REGS_SIZE
	eret
	.size	enter_user, . - enter_user

/* X0: what the stack pointer would be.  SP: that plus the X0 that was. */
	.type	overflow, %function
overflow:
	sub	x0, sp, x0
	msr	tpidr_el0, x0
	msr	tpidrro_el0, x1
	sub	x1, sp, x0
	add	x1, x1, #REGS_SIZE
	mrs	x0, mpidr_el1
	and	x0, x0, #(KERN_MAX_CPUS_ASM - 1)
	lsl	x0, x0, #16
	msr	spsel, #1
	mov	sp, x0
	ldr	x0, =OVERFLOW_STACKS + STACK_STRIDE
	add	sp, sp, x0
	sub	sp, sp, #REGS_SIZE
	mrs	x0, tpidr_el0
	str	x1, [sp, #REGS_SP]
	mrs	x1, tpidrro_el0
	save_registers
	ldr	x1, [sp, #REGS_SP]
	save_state
	mov	x0, sp
	bl	stack_overflow
	b	.
	.size	overflow, . - overflow
	.ltorg

	.section .note.GNU-stack, "", %progbits

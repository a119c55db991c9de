/* SPDX-License-Identifier: MIT */
/*
 * wait.S - what a new program runs until its probes are there
 *
 * As in the other folder of this kind.  What counts at an entry point is x0 and the
 * stack pointer; a system call has its result in x0, so that is kept in x9.  The
 * loader gets here by a branch to a register, for which a guarded page wants a
 * landing pad.
 */
#define NR_nanosleep 101
#define NR_brk	     214

	.section .rodata
	.globl	tl_wait_enter, tl_wait, tl_wait_end, tl_wait_until, tl_wait_entry
	.globl	tl_wait_sleep
	.balign	8
tl_wait_enter:
	hint	#38			/* bti jc */
	mov	x9, x0
	mov	x8, #NR_brk
	mov	x0, #0
	svc	#0
	b	begin

tl_wait:
	mov	x9, x0
again:
	yield
	ldr	x10, tl_wait_sleep
	cbz	x10, awake
	stp	xzr, x10, [sp, #-16]!
	mov	x0, sp
	mov	x1, #0
	mov	x8, #NR_nanosleep
	svc	#0
	add	sp, sp, #16
awake:
	mrs	x10, cntvct_el0
	ldr	x11, tl_wait_until
	cmp	x10, x11
	b.lo	again
begin:
	mov	x0, x9
	ldr	x16, tl_wait_entry
	br	x16
	.balign	8
tl_wait_until: .quad	0
tl_wait_entry: .quad	0
tl_wait_sleep: .quad	0
tl_wait_end:
	/* No more than ENTRANCE_BYTES. */
	.org	tl_wait_enter + 128

	.section .note.GNU-stack, "", %progbits

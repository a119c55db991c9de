/* SPDX-License-Identifier: MIT */
/*
 * stub.S - what a borrowed thread T runs, to give birth to the worker
 *
 *     T: clone(CLONE_VM | CLONE_VFORK) of I; wait for I
 *     I: clone(CLONE_VM | CLONE_FILES) of W; exit
 *     W: exit, unless the guardian holds it and sets its registers
 *     T: put the signal mask back; put back the registers that system calls
 *        and this code change; go on
 *
 * See the other architecture's.  A way back that needs no register is a branch, which
 * reaches 128 MiB: the cave must be that near.  System calls keep all registers
 * but x0.
 *
 * The call at `back` does nothing, whatever x0 is, which is what T had there: who
 * lets T go on in a call that was interrupted does it behind this one, since the
 * kernel takes the first argument of the call that is made again from where this one
 * has left it (loan.c).
 */
#define CLONE_VM	0x100
#define CLONE_FILES	0x400
#define CLONE_VFORK	0x4000
#define CALL_ALIVE	44	 /* offsetof(struct tl_call, alive) */
#define NR_exit		93
#define NR_rt_sigprocmask 135
#define NR_clone	220
#define NR_wait4	260

	.section .rodata
	.balign	16
	.globl	tl_stub, tl_stub_end, tl_stub_syscall
	.globl	tl_stub_x0, tl_stub_x1, tl_stub_x2, tl_stub_x3, tl_stub_x4
	.globl	tl_stub_x8, tl_stub_return, tl_stub_mask, tl_stub_child
	.globl	tl_stub_caller, tl_stub_call, tl_stub_thread, tl_stub_server
	.globl	tl_stub_worker, tl_stub_still
	.globl	tl_stub_reap, tl_stub_magic, tl_stub_code, tl_stub_figures, tl_stub_root
tl_stub:
	/* Only where there is room for it: have the caller born. */
tl_stub_caller:
	/* VM FS FILES SIGHAND THREAD SYSVSEM SETTLS PARENT_SETTID CHILD_CLEARTID */
	mov	w0, #0x0f00
	movk	w0, #0x3d, lsl #16
	ldr	x1, tl_stub_call
	add	x2, x1, #CALL_ALIVE
	ldr	x3, tl_stub_thread
	mov	x4, x2
	mov	x8, #NR_clone
	svc	#0
	cbz	x0, caller
	b	back
caller:
	mov	x0, sp
	ldr	x16, tl_stub_server
	br	x16
	.balign	8
tl_stub_call:	.quad	0
tl_stub_thread:	.quad	0
tl_stub_server:	.quad	0

	.balign	16
tl_stub_worker:
	mov	x0, #(CLONE_VM | CLONE_VFORK)
	mov	x1, #0
	mov	x2, #0
	mov	x3, #0
	mov	x4, #0
	mov	x8, #NR_clone
	svc	#0
	cbnz	x0, parent

	mov	x0, #(CLONE_VM | CLONE_FILES)
tl_stub_syscall:
	svc	#0
	mov	x0, #0
	mov	x8, #NR_exit
	svc	#0

	/* Or, from here: only wait for a child that is dead already. */
tl_stub_reap:
	ldr	w0, tl_stub_child
	mov	x1, #0
	mov	x3, #0
	mov	w2, #0x40000000		/* __WALL */
	b	wait

	/* Only children that send no signal, so never one of T's own. */
parent:
	mov	w2, #0x80000000		/* __WCLONE */
wait:
	mov	x8, #NR_wait4
	svc	#0

back:
	ldr	x0, tl_stub_x0
	mov	x1, #0
	mov	x2, #0
	mov	x3, #8
	mov	x8, #NR_rt_sigprocmask
	svc	#0
tl_stub_still:
	mov	x0, #2			/* SIG_SETMASK */
	adr	x1, tl_stub_mask
	svc	#0

	ldr	x0, tl_stub_x0
	ldr	x1, tl_stub_x1
	ldr	x2, tl_stub_x2
	ldr	x3, tl_stub_x3
	ldr	x4, tl_stub_x4
	ldr	x8, tl_stub_x8
tl_stub_return:
	b	.

tl_stub_child:	.word	0
	.balign	8
tl_stub_x0:	.quad	0
tl_stub_x1:	.quad	0
tl_stub_x2:	.quad	0
tl_stub_x3:	.quad	0
tl_stub_x4:	.quad	0
tl_stub_x8:	.quad	0
tl_stub_mask:	.quad	0
tl_stub_magic:	.ascii	"trapline's stub\n"
tl_stub_code:	.asciz	"trapline"		/* TL_CODE_NAME */
tl_stub_figures: .asciz	"trapline-figures"	/* TL_FIGURES_NAME */
tl_stub_root:	.asciz	"/"
tl_stub_end:

	.section .note.GNU-stack, "", %progbits

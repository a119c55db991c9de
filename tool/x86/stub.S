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
 * It needs no guardian to come to a good end.  It touches no stack, no flag and
 * no vector register.  The literals 0x…11 and the words at the end are filled
 * in for one thread at one moment; T's signals are all blocked meanwhile, so I
 * and W are born with all blocked, too.
 *
 * Or, from tl_stub_caller, to a thread: the caller, which begins in the target's
 * libtrapline (session/server.c), with the address of its struct tl_call, below
 * which its stack is.  The guardian leads it there itself, if it lives.
 *
 * System calls keep all registers but rax, rcx and r11.
 *
 * The names are for the first system calls that are made in W.
 */
#define CLONE_VM	0x100
#define CALLER_FLAGS	0x3d0f00 /* VM FS FILES SIGHAND THREAD SYSVSEM SETTLS
				    PARENT_SETTID CHILD_CLEARTID */
#define CALL_ALIVE	44	 /* offsetof(struct tl_call, alive) */
#define CLONE_FILES	0x400
#define CLONE_VFORK	0x4000
#define NR_rt_sigprocmask 14
#define NR_clone	56
#define NR_exit		60
#define NR_wait4	61
#define WALL		0x40000000
#define WCLONE		0x80000000

	.section .rodata
	.globl	tl_stub, tl_stub_end, tl_stub_syscall, tl_stub_born
	.globl	tl_stub_rax, tl_stub_rcx, tl_stub_rdx, tl_stub_rsi, tl_stub_rdi
	.globl	tl_stub_r8, tl_stub_r10, tl_stub_r11, tl_stub_rip, tl_stub_mask
	.globl	tl_stub_caller, tl_stub_call, tl_stub_thread, tl_stub_server
	.globl	tl_stub_worker
	.globl	tl_stub_reap, tl_stub_magic, tl_stub_code, tl_stub_figures, tl_stub_root
tl_stub:
	/* Only where there is room for it: have the caller born. */
tl_stub_caller:
tl_stub_call:	movabsq	$0x1111111111111111, %rsi
tl_stub_thread:	movabsq	$0x1111111111111111, %r8
	leaq	CALL_ALIVE(%rsi), %rdx
	movq	%rdx, %r10
	movl	$CALLER_FLAGS, %edi
	movl	$NR_clone, %eax
	syscall
	xchgq	%rax, %rcx
	jrcxz	caller
	jmp	back
caller:
	movq	%rsp, %rdi
	jmp	*tl_stub_server(%rip)
tl_stub_server:	.quad	0

tl_stub_worker:
	movl	$NR_clone, %eax
	movl	$(CLONE_VM | CLONE_VFORK), %edi
	movl	$0, %esi
	movl	$0, %edx
	movl	$0, %r10d
	movl	$0, %r8d
	syscall
	xchgq	%rax, %rcx
	jrcxz	intermediate
	jmp	parent

intermediate:
	movl	$NR_clone, %eax
	movl	$(CLONE_VM | CLONE_FILES), %edi
tl_stub_syscall:
	syscall
tl_stub_born:
	movl	$NR_exit, %eax
	movl	$0, %edi
	syscall

	/* Or, from here: only wait for a child that is dead already. */
tl_stub_reap:
	movl	$0x11111111, %ecx
	movl	$0, %esi
	movl	$0, %r10d
	movl	$WALL, %edx
	jmp	wait

	/* Only children that send no signal, so never one of T's own. */
parent:
	movl	$WCLONE, %edx
wait:
	movq	%rcx, %rdi
	movl	$NR_wait4, %eax
	syscall

back:
	movl	$NR_rt_sigprocmask, %eax
	movl	$2, %edi		/* SIG_SETMASK */
	leaq	tl_stub_mask(%rip), %rsi
	movl	$0, %edx
	movl	$8, %r10d
	syscall

tl_stub_rax:	movabsq	$0x1111111111111111, %rax
tl_stub_rcx:	movabsq	$0x1111111111111111, %rcx
tl_stub_rdx:	movabsq	$0x1111111111111111, %rdx
tl_stub_rsi:	movabsq	$0x1111111111111111, %rsi
tl_stub_rdi:	movabsq	$0x1111111111111111, %rdi
tl_stub_r8:	movabsq	$0x1111111111111111, %r8
tl_stub_r10:	movabsq	$0x1111111111111111, %r10
tl_stub_r11:	movabsq	$0x1111111111111111, %r11
	jmp	*tl_stub_rip(%rip)

tl_stub_rip:	.quad	0
tl_stub_mask:	.quad	0
tl_stub_magic:	.ascii	"trapline's stub\n"
tl_stub_code:	.asciz	"trapline"		/* TL_CODE_NAME */
tl_stub_figures: .asciz	"trapline-figures"	/* TL_FIGURES_NAME */
tl_stub_root:	.asciz	"/"
tl_stub_end:

	.section .note.GNU-stack, "", @progbits

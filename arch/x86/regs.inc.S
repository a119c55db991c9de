/* SPDX-License-Identifier: MIT */
/*
 * regs.inc.S - a struct pt_regs on the stack and back, for call.S and retprobe.S
 *
 * From the head of either to the C function the stack is
 *
 *            true sp ->
 *                        red zone (detours: data tells how large)
 *     F + 24             rax                            slot of the return address
 *     F + 16             return address into the detour rax
 *     F +  8             rbp
 *     F      rbp ->      flags
 *                        up to 8 bytes, so that what follows is aligned to 16
 *     P + 168            data, or nothing
 *     P      rsp ->      struct pt_regs
 */

	.hidden	tl_x86_vectors
	.hidden	tl_x86_cs
	.hidden	tl_x86_ss

#define R_R15 0
#define R_R14 8
#define R_R13 16
#define R_R12 24
#define R_BP 32
#define R_R10 56
#define R_R9 64
#define R_R8 72
#define R_AX 80
#define R_CX 88
#define R_DX 96
#define R_SI 104
#define R_DI 112
#define R_IP 128
#define R_CS 136
#define R_FLAGS 144
#define R_SP 152
#define R_SS 160
#define R_DATA 168

#define FL_DF 0x400
#define FL_AC 0x40000

/* Push the pt_regs, all but sp.  rbp: F; rax: data (kept there). */
.macro PUSH_REGS ip:req, ax:req
	and	$-16, %rsp
	push	%rax
	push	tl_x86_ss(%rip)
	push	%rcx
	push	(%rbp)
	push	tl_x86_cs(%rip)
	push	\ip
	push	$-1
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	\ax
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%rbx
	push	8(%rbp)
	push	%r12
	push	%r13
	push	%r14
	push	%r15
.endm

/*
 * Bring the CPU's flags to what C code expects; r12d: the flags of the
 * interrupted code, but with those that were changed as they now are.  popf is
 * slow, and needed only where DF or AC was set.
 */
.macro C_FLAGS
	mov	(%rbp), %r12d
	test	$(FL_DF | FL_AC), %r12d
	jz	.Lflags\@
	and	$~(FL_DF | FL_AC), %r12d
	push	%r12
	popfq
.Lflags\@:
.endm

/*
 * Jump to \slow unless the flags and the stack pointer in the pt_regs are those
 * of the interrupted code (r12d, rbx), and sahf is enough to load them.
 */
.macro CHECK_FLAGS_SP slow:req
	cmp	%r12d, R_FLAGS(%rsp)
	jne	\slow
	cmp	%rbx, R_SP(%rsp)
	jne	\slow
.endm

/*
 * Load the status flags of r12d.  Clobbers rax; nothing may touch flags
 * from here on.  ah: SF, ZF, AF, PF, CF; al: 8 if OF, and 8 + 0x78 overflows.
 */
.macro LOAD_STATUS
	mov	%r12d, %eax
	rol	$8, %ax
	and	$8, %al
	add	$0x78, %al
	sahf
.endm

/* Pop all registers but bp and \ax, which go where they were found. */
.macro POP_REGS ax:req
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	8(%rbp)
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	\ax
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
.endm

/* Load everything from the pt_regs, whatever it is. */
.macro LOAD_ALL
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
	add	$8, %rsp
	iretq
.endm

/*
 * \call \fn, with the vector registers kept if the home wants it.  r14 is the
 * frame, which rsp is before and afterwards; r13 is changed.
 */
#define TL_VECTOR_BYTES 2176

.macro CALL_C call:req, fn:req
	mov	%rsp, %r14
	mov	tl_x86_vectors(%rip), %r13d
	test	%r13d, %r13d
	jz	.Lcall\@
	sub	$TL_VECTOR_BYTES, %rsp
	and	$-64, %rsp
	mov	%rsp, %rax
	call	tl_x86_vectors_save
	\call	\fn, %r14
	mov	%rax, %rcx
	mov	%rsp, %rax
	call	tl_x86_vectors_load
	mov	%rcx, %rax
	mov	%r14, %rsp
	jmp	.Lcalled\@
.Lcall\@:
	\call	\fn, %r14
.Lcalled\@:
.endm

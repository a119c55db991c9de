/* SPDX-License-Identifier: MIT */
/*
 * preserve.S - run a function from a whole register state, and what is to be run
 *
 * struct state of preserve.c:
 *     0  rax rbx rcx rdx rsi rdi rbp r8 … r15, 15 of them
 *   120  flags
 *   128  rsp, after
 *   136  (unused)
 *   144  mxcsr
 *   160  ymm0 … ymm15
 */
#define S_FLAGS 120
#define S_SP 128
#define S_MXCSR 144
#define S_YMM 160

	.text


.macro LOAD_VECTORS insn:req, reg:req
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\insn	S_YMM + 32 * \n(%rdi), %\reg\n
.endr
.endm

.macro STORE_VECTORS insn:req, reg:req
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\insn	%\reg\n, S_YMM + 32 * \n(%rdi)
.endr
.endm

/* void run_state(struct state *s, fn, void *stack_top, bool avx) */
	.globl	run_state
	.type	run_state, @function
run_state:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, old_sp(%rip)
	mov	%rdi, state(%rip)
	mov	%rsi, target(%rip)
	mov	%ecx, have_avx(%rip)
	mov	%rdx, %rsp
	ldmxcsr	S_MXCSR(%rdi)
	test	%ecx, %ecx
	jz	1f
	LOAD_VECTORS vmovdqu, ymm
	jmp	2f
1:	LOAD_VECTORS movdqu, xmm
2:	lea	.Lback(%rip), %rax
	push	S_FLAGS(%rdi)
	popfq
	mov	%rax, -8(%rsp)
	lea	-8(%rsp), %rsp
	mov	0(%rdi), %rax
	mov	8(%rdi), %rbx
	mov	16(%rdi), %rcx
	mov	24(%rdi), %rdx
	mov	32(%rdi), %rsi
	mov	48(%rdi), %rbp
	mov	56(%rdi), %r8
	mov	64(%rdi), %r9
	mov	72(%rdi), %r10
	mov	80(%rdi), %r11
	mov	88(%rdi), %r12
	mov	96(%rdi), %r13
	mov	104(%rdi), %r14
	mov	112(%rdi), %r15
	mov	40(%rdi), %rdi
	jmp	*target(%rip)

.Lback:
	mov	%rdi, saved_di(%rip)
	mov	state(%rip), %rdi
	mov	%rsp, S_SP(%rdi)
	mov	%rax, 0(%rdi)
	mov	old_sp(%rip), %rsp
	pushfq
	pop	S_FLAGS(%rdi)
	cld
	mov	%rbx, 8(%rdi)
	mov	%rcx, 16(%rdi)
	mov	%rdx, 24(%rdi)
	mov	%rsi, 32(%rdi)
	mov	saved_di(%rip), %rax
	mov	%rax, 40(%rdi)
	mov	%rbp, 48(%rdi)
	mov	%r8, 56(%rdi)
	mov	%r9, 64(%rdi)
	mov	%r10, 72(%rdi)
	mov	%r11, 80(%rdi)
	mov	%r12, 88(%rdi)
	mov	%r13, 96(%rdi)
	mov	%r14, 104(%rdi)
	mov	%r15, 112(%rdi)
	stmxcsr	S_MXCSR(%rdi)
	cmpl	$0, have_avx(%rip)
	je	1f
	STORE_VECTORS vmovdqu, ymm
	vzeroupper
	jmp	2f
1:	STORE_VECTORS movdqu, xmm
2:	pushq	$0x202
	popfq
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.size	run_state, . - run_state

/*
 * The handler of a jprobe: its registers to jprobe_seen, and on to C with the
 * address of its stack arguments.
 */
	.globl	keep_jprobe
	.type	keep_jprobe, @function
keep_jprobe:
	mov	%rax, jprobe_seen(%rip)
	mov	%rcx, 16 + jprobe_seen(%rip)
	mov	%rdx, 24 + jprobe_seen(%rip)
	mov	%rsi, 32 + jprobe_seen(%rip)
	mov	%rdi, 40 + jprobe_seen(%rip)
	mov	%rbp, 48 + jprobe_seen(%rip)
	mov	%r8, 56 + jprobe_seen(%rip)
	mov	%r9, 64 + jprobe_seen(%rip)
	mov	%r10, 72 + jprobe_seen(%rip)
	mov	%r12, 88 + jprobe_seen(%rip)
	mov	%r13, 96 + jprobe_seen(%rip)
	mov	%r14, 104 + jprobe_seen(%rip)
	mov	%r15, 112 + jprobe_seen(%rip)
	lea	jprobe_seen(%rip), %rdi
	stmxcsr	S_MXCSR(%rdi)
	cmpl	$0, have_avx(%rip)
	je	1f
	STORE_VECTORS vmovdqu, ymm
	jmp	2f
1:	STORE_VECTORS movdqu, xmm
2:	lea	8(%rsp), %rdi
	sub	$8, %rsp
	call	jprobe_hit
	add	$8, %rsp
	ret
	.size	keep_jprobe, . - keep_jprobe

/* ---- what is run ------------------------------------------------------------ */

.macro FUNC name:req
	.p2align 4, 0xcc
	.globl	keep_\name
	.type	keep_\name, @function
keep_\name:
.endm

.macro END name:req
	.size	keep_\name, . - keep_\name
.endm

FUNC alu
	adc	%rbx, %rax
	sbb	%r8d, %ecx
	xor	%r9, %r10
	not	%r11
	neg	%r12
	inc	%r13b
	dec	%r14w
	lea	5(%rax,%rcx,4), %r15
	cmovs	%rdx, %rsi
	setbe	%dil
	ret
END alu

FUNC flags
	pushfq
	pop	%rax
	lahf
	seto	%bl
	cmc
	rcl	$3, %rcx
	stc
	rcr	%dl
	sahf
	std
	cld
	ret
END flags

FUNC shifts
	shl	%cl, %rax
	shrd	$7, %rbx, %rdx
	sar	$3, %r8
	ror	%cl, %r9d
	bt	%r10, %r11
	bts	$9, %r12
	bswap	%r13
	popcnt	%r14, %r15
	ret
END shifts

FUNC muldiv
	imul	%rbx, %rax
	mul	%r8
	mov	$0, %edx
	mov	$17, %ecx
	div	%rcx
	cqto
	movsbl	%bl, %esi
	cbtw
	ret
END muldiv

FUNC red_zone
	mov	%rax, -8(%rsp)
	mov	%rbx, -64(%rsp)
	movups	%xmm3, -128(%rsp)
	mov	-8(%rsp), %rcx
	add	-64(%rsp), %rcx
	movups	-128(%rsp), %xmm4
	adc	%rcx, %rdx
	ret
END red_zone

FUNC stack
	push	%rax
	push	$0x12345678
	pushfq
	popfq
	pop	%rbx
	lea	-24(%rsp), %rsp
	mov	%rcx, 8(%rsp)
	xchg	%rdx, 8(%rsp)
	lea	24(%rsp), %rsp
	pop	%rsi
	ret
END stack

FUNC frame
	enter	$32, $0
	mov	%rax, -8(%rbp)
	mov	%rsp, %rdx
	sub	%rbp, %rdx
	leave
	ret
END frame

FUNC string
	lea	keep_buffer(%rip), %rdi
	lea	keep_buffer+64(%rip), %rsi
	mov	$3, %ecx
	cld
	rep movsq
	stosb
	lodsw
	scasb
	lea	keep_buffer(%rip), %rdx
	sub	%rdx, %rdi
	sub	%rdx, %rsi
	ret
END string

FUNC string_back
	std
	lea	keep_buffer+40(%rip), %rdi
	lea	keep_buffer+104(%rip), %rsi
	mov	$2, %ecx
	rep movsq
	lea	keep_buffer(%rip), %rdx
	sub	%rdx, %rdi
	sub	%rdx, %rsi
	ret
END string_back

FUNC atomic
	lea	keep_buffer(%rip), %r8
	lock xadd %rax, (%r8)
	lock cmpxchg %rbx, 8(%r8)
	lock incl 16(%r8)
	xchg	%cl, 24(%r8)
	lock cmpxchg16b 32(%r8)
	mov	$0, %r8d
	ret
END atomic

FUNC rip
	mov	keep_buffer+128(%rip), %rax
	add	%rbx, keep_buffer+136(%rip)
	cmpl	$0x1234, keep_buffer+144(%rip)
	movb	$7, keep_buffer+152(%rip)
	movups	keep_buffer+160(%rip), %xmm7
	ret
END rip

FUNC branches
	test	%rax, %rax
	js	1f
	inc	%rbx
1:	cmp	%rcx, %rdx
	jb	2f
	jmp	3f
2:	xchg	%rcx, %rdx
3:	and	$3, %ecx
	inc	%ecx
4:	rol	$5, %rsi
	loop	4b
	jrcxz	5f
	ud2
5:	call	6f
	add	%rax, %rdi
	ret
6:	lea	7(%rax), %rax
	ret
END branches

FUNC indirect
	lea	1f(%rip), %r11
	call	*%r11
	lea	2f(%rip), %r11
	push	%r11
	lea	8(%rsp), %r11
	jmp	*-8(%r11)
1:	adc	$3, %rax
	ret
2:	lea	8(%rsp), %rsp
	lea	keep_table(%rip), %r11
	and	$1, %ebx
	mov	(%r11,%rbx,8), %r10
	lea	3f(%rip), %r11
	xor	%r11d, %r11d
	xor	%r10d, %r10d
3:	ret
END indirect

FUNC sse
	paddd	%xmm1, %xmm0
	addps	%xmm3, %xmm2
	pshufb	%xmm5, %xmm4
	movq	%xmm6, %rax
	cvtsi2sd %rbx, %xmm7
	ucomisd	%xmm8, %xmm9
	movups	keep_buffer+64(%rip), %xmm10
	ret
END sse

FUNC avx
	vpaddd	%xmm1, %xmm2, %xmm3
	vxorps	%ymm4, %ymm5, %ymm6
	vmovdqu	keep_buffer+64(%rip), %ymm7
	vpbroadcastq %xmm8, %ymm9
	vextracti128 $1, %ymm10, %xmm11
	andn	%rax, %rbx, %rcx
	rorx	$9, %rdx, %rsi
	ret
END avx

FUNC x87
	fldl	keep_buffer+64(%rip)
	fadd	%st(0), %st(0)
	fstpl	keep_buffer+72(%rip)
	ret
END x87
	.fill	16, 1, 0xcc

	.data
	.p2align 6
	.globl	keep_buffer
keep_buffer:
	.fill	256, 1, 0x5a
keep_table:
	.quad	0, 1

	.bss
	.p2align 3
old_sp:	.skip	8
state:	.skip	8
target:	.skip	8
saved_di:
	.skip	8
have_avx:
	.skip	8

	.section .note.GNU-stack, "", @progbits

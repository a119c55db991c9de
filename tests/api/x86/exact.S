/* SPDX-License-Identifier: MIT */
/*
 * exact.S - instructions that probes get wrong, each in two functions
 *
 * EXACT name: exact_name has a size, so that a jump may take the place of what
 * is at exact_name_at; exact_name_plain has none, so that it is a breakpoint.
 * Both return a number that says what the instruction did; `self` is the name.
 */
	.text

.macro EXACT name
	.p2align 4
	.globl	exact_\name, exact_\name\()_at
	.type	exact_\name, @function
exact_\name:
	body_\name exact_\name
	nop
	nop
	nop
	nop
	nop
	.size	exact_\name, . - exact_\name
	.p2align 4
	.globl	exact_\name\()_plain, exact_\name\()_plain_at
	.byte	0xcc
exact_\name\()_plain:
	body_\name exact_\name\()_plain
	nop
	nop
	nop
	nop
	nop
.endm

/* How often it went round, and what is left of rcx. */
.macro body_loop self
	mov	$3, %ecx
	xor	%eax, %eax
1:	inc	%rax
\self\()_at:
	loop	1b
	shl	$32, %rcx
	or	%rcx, %rax
	ret
.endm
EXACT loop

.macro body_loop32 self
	movabs	$0xf00000003, %rcx
	xor	%eax, %eax
1:	inc	%rax
\self\()_at:
	addr32 loop 1b
	shl	$4, %rcx
	or	%rcx, %rax
	ret
.endm
EXACT loop32

/* With a prefix that is not for it: what comes out is the CPU's own affair. */
.macro body_loope_f2 self
	mov	%rdi, %rcx
	push	%rsi
	popfq
	.byte	0xf2
\self\()_at_not:
	loope	2f
	xor	%eax, %eax
	lea	(%rax,%rcx,2), %rax
	ret
2:	lea	1(,%rcx,2), %rax
	ret
.set \self\()_at, \self\()_at_not - 1
.endm
EXACT loope_f2

.macro body_loopne_f3 self
	mov	%rdi, %rcx
	push	%rsi
	popfq
	.byte	0xf3
\self\()_at_not:
	loopne	2f
	lea	(,%rcx,2), %rax
	ret
2:	lea	1(,%rcx,2), %rax
	ret
.set \self\()_at, \self\()_at_not - 1
.endm
EXACT loopne_f3

/* How far the stack is from where it was. */
.macro body_ret16 self
	mov	%rsp, %r8
	sub	$0x110, %rsp
	call	3f
	mov	%r8, %rax
	sub	%rsp, %rax
	mov	%r8, %rsp
	ret
3:
\self\()_at:
	ret	$0x110
.endm
EXACT ret16

.macro body_lret self
	mov	%rsp, %r8
	jmp	3f
2:	mov	%r8, %rax
	sub	%rsp, %rax
	mov	%r8, %rsp
	ret
3:	mov	%cs, %eax
	push	%rax
	lea	2b(%rip), %rax
	push	%rax
\self\()_at:
	lretq
.endm
EXACT lret

.macro body_pushfw self
	mov	%rsp, %r8
\self\()_at:
	pushfw
	mov	%r8, %rax
	sub	%rsp, %rax
	mov	%r8, %rsp
	ret
.endm
EXACT pushfw

.macro body_popfw self
	push	$0x246
	mov	%rsp, %r8
\self\()_at:
	popfw
	mov	%rsp, %rax
	lea	8(%r8), %rsp
	lea	(%rax), %rax
	sub	%r8, %rax
	ret
.endm
EXACT popfw

/* The trap flag and the interrupt flag in what is pushed. */
.macro body_pushf self
\self\()_at:
	pushfq
	pop	%rax
	and	$0x300, %eax
	ret
.endm
EXACT pushf

/* Calls: how far the return address is from where it should be, and + 1000. */
.macro CALLEE
3:	mov	(%rsp), %rax
	lea	2b(%rip), %rdx
	sub	%rdx, %rax
	ret
.endm

.macro body_cs_call self
\self\()_at:
	.byte	0x2e, 0xe8
	.long	3f - . - 4
2:	add	$1000, %rax
	ret
	CALLEE
.endm
EXACT cs_call

.macro body_call self
\self\()_at:
	call	3f
2:	add	$1000, %rax
	ret
	CALLEE
.endm
EXACT call

.macro body_call_reg self
	lea	3f(%rip), %r10
	nop
	nop
	nop
\self\()_at:
	call	*%r10
2:	add	$1000, %rax
	ret
	CALLEE
.endm
EXACT call_reg

.macro body_call_mem self
	.pushsection .data
	.p2align 3
\self\()_to: .quad \self\()_callee
\self\()_back: .quad \self\()_behind
	.popsection
\self\()_at:
	call	*\self\()_to(%rip)
\self\()_behind:
	add	$1000, %rax
	ret
\self\()_callee:
	mov	(%rsp), %rax
	sub	\self\()_back(%rip), %rax
	ret
.endm
EXACT call_mem

/* The operand is on the stack that the return address is pushed to. */
.macro body_call_stack self
	lea	3f(%rip), %r10
	push	%r10
	push	$0
\self\()_at:
	call	*8(%rsp)
2:	lea	16(%rsp), %rsp
	add	$1000, %rax
	ret
	CALLEE
.endm
EXACT call_stack

.macro body_jmp_mem self
	.pushsection .data
	.p2align 3
\self\()_to: .quad \self\()_there
	.popsection
\self\()_at:
	jmp	*\self\()_to(%rip)
	xor	%eax, %eax
	ret
\self\()_there:
	mov	$77, %eax
	ret
.endm
EXACT jmp_mem

/* The same by a table's ninth entry; the second is where 8 bytes lead to. */
.macro body_jmp_index self
	.pushsection .data
	.p2align 3
\self\()_table: .quad 0, \self\()_else, 0, 0, 0, 0, 0, 0, \self\()_there
	.popsection
	lea	\self\()_table(%rip), %r9
	mov	$8, %ecx
\self\()_at:
	jmp	*(%r9,%rcx,8)
\self\()_else:
	xor	%eax, %eax
	ret
\self\()_there:
	mov	$77, %eax
	ret
.endm
EXACT jmp_index

/* rdi: where to, from the base of fs. */
.macro body_call_fs self
	push	%rbx
	lea	3f(%rip), %r10
	mov	%r10, %fs:(%rdi)
\self\()_at:
	call	*%fs:(%rdi)
2:	pop	%rbx
	add	$1000, %rax
	ret
	CALLEE
.endm
EXACT call_fs

/* getpid: how far rcx is from the next address. */
.macro body_system_call self
	mov	$39, %eax
\self\()_at:
	syscall
2:	lea	2b(%rip), %rdx
	mov	%rcx, %rax
	sub	%rdx, %rax
	ret
.endm
EXACT system_call

/* The same, last in a window of five bytes.  rdi is 0. */
.macro body_system_call_last self
\self\()_at:
	lea	39(%rdi), %eax
	syscall
2:	lea	2b(%rip), %rdx
	mov	%rcx, %rax
	sub	%rdx, %rax
	ret
.endm
EXACT system_call_last

/* Divides by 0, with flags rdi; the signal handler goes on at the label. */
.macro body_divide self
	push	%rdi
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$1, %eax
	popfq
\self\()_at:
	div	%ecx
	test	%eax, %eax
	xor	%eax, %eax
	ret
.endm
EXACT divide

	.section .note.GNU-stack, "", @progbits

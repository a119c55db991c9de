/* SPDX-License-Identifier: MIT */
/*
 * branches.S - every branch that may have to be simulated
 *
 * long f(flags, rcx, table): runs a branch with the flags and the counter given;
 * returns 1 if it was taken, plus 4 times what is left in rcx.  Each row of
 * branch_table is a function, the branch in it, and what that reads like.
 */
	.text

.macro ROW_OF fn:req, at:req, name:vararg
	.section .rodata.str1.1, "aMS", @progbits, 1
9:	.asciz	"\name"
	.section .data.rel.ro, "aw"
	.quad	\fn, \at, 9b
	.text
.endm

.macro BRANCH insn:req
	.p2align 4, 0xcc
1:	mov	%rsi, %rcx
	push	%rdi
	popfq
2:	\insn	3f
	lea	(,%rcx,4), %rax
	ret
3:	lea	1(,%rcx,4), %rax
	ret
	ROW_OF	1b, 2b, \insn
.endm

/* The same with a displacement of 32 bits. */
.macro FAR insn:req
	.p2align 4, 0xcc
1:	mov	%rsi, %rcx
	push	%rdi
	popfq
2:	\insn	3f
	lea	(,%rcx,4), %rax
	ret
	.fill	200, 1, 0x90
3:	lea	1(,%rcx,4), %rax
	ret
	ROW_OF	1b, 2b, \insn
.endm

/* An indirect jump through @operand, which leads to 3. */
.macro INDIRECT insn:req, operand:req
	.p2align 4, 0xcc
1:	mov	%rsi, %rcx
	lea	3f(%rip), %rax
	mov	%rax, branch_to(%rip)
	mov	$2, %r9d
	lea	branch_to-24(%rip), %r10
	push	%rdi
	popfq
2:	\insn	*\operand
	lea	(,%rcx,4), %rax
	ret
3:	lea	1(,%rcx,4), %rax
	ret
	ROW_OF	1b, 2b, \insn *\operand
.endm

/* A call: 1 if the return address is right. */
.macro CALLED operand:req
	.p2align 4, 0xcc
1:	mov	%rsi, %rcx
	lea	3f(%rip), %rax
	mov	%rax, branch_to(%rip)
	mov	$2, %r9d
	lea	branch_to-24(%rip), %r10
	push	%rdi
	popfq
2:	call	\operand
4:	ud2
3:	pop	%rax
	lea	4b(%rip), %r11
	cmp	%r11, %rax
	sete	%al
	movzbl	%al, %eax
	lea	(%rax,%rcx,4), %rax
	ret
	ROW_OF	1b, 2b, call \operand
.endm

.macro RETURN insn:req, extra:req
	.p2align 4, 0xcc
1:	lea	3f(%rip), %rax
	mov	%rsp, %r11
	lea	-\extra(%rsp), %rsp
	push	%rax
	push	%rdi
	popfq
2:	\insn
	.fill	8, 1, 0x90 /* so that no jump covers what is returned to */
3:	mov	%r11, %rax
	sub	%rsp, %rax
	mov	%r11, %rsp
	lea	1(%rax,%rsi,4), %rax
	ret
	ROW_OF	1b, 2b, \insn
.endm

	.section .data.rel.ro, "aw"
	.globl	branch_table
	.p2align 3
branch_table:
	.text

.irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
	BRANCH	j\cc
	FAR	j\cc
.endr
	BRANCH	jmp
	FAR	jmp
	BRANCH	loop
	BRANCH	loope
	BRANCH	loopne
	BRANCH	jrcxz
	BRANCH	jecxz
	INDIRECT jmp, %rax
	INDIRECT jmp, branch_to(%rip)
	INDIRECT jmp, 24(%r10)
	INDIRECT jmp, "8(%r10,%r9,8)"
	CALLED	*%rax
	CALLED	*branch_to(%rip)
	CALLED	"*8(%r10,%r9,8)"
	CALLED	3f
	RETURN	ret, 0
	RETURN	"ret $16", 16

	.section .data.rel.ro, "aw"
	.globl	branch_table_end
branch_table_end:

	.bss
	.p2align 3
branch_to:
	.skip	8

	.section .note.GNU-stack, "", @progbits

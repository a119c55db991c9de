/* SPDX-License-Identifier: MIT */
/*
 * branches.S - every branch that may have to be simulated
 *
 * long f(flags, counter): runs a branch with the flags given (in NZCV) and the
 * counter in x9; returns 1 if it was taken, plus 4 times what is left in x9.  Each
 * row of branch_table is a function, the branch in it, and what that reads like.
 */
	.text

.macro ROW_OF fn:req, at:req, name:vararg
	.section .rodata.str1.1, "aMS", %progbits, 1
9:	.asciz	"\name"
	.section .data.rel.ro, "aw"
	.quad	\fn, \at, 9b
	.text
.endm

.macro BEGIN
	.balignl 16, 0xd4200000
1:	mov	x9, x1
	msr	nzcv, x0
.endm

/* What is returned, where the branch was not taken, and at 3 where it was. */
.macro ENDS between=0
	lsl	x0, x9, #2
	ret
	.fill	\between, 4, 0xd503201f
3:	lsl	x0, x9, #2
	add	x0, x0, #1
	ret
.endm

.macro BRANCH insn:req, operands:vararg
	BEGIN
2:	\insn	\operands 3f
	ENDS
	ROW_OF	1b, 2b, \insn \operands
.endm

/* The same over some hundred instructions, and backwards. */
.macro FAR insn:req, operands:vararg
	BEGIN
2:	\insn	\operands 3f
	ENDS	200
	ROW_OF	1b, 2b, \insn \operands far
.endm
.macro BACK insn:req, operands:vararg
	.balignl 16, 0xd4200000
3:	lsl	x0, x9, #2
	add	x0, x0, #1
	ret
	BEGIN
2:	\insn	\operands 3b
	lsl	x0, x9, #2
	ret
	ROW_OF	1b, 2b, \insn \operands back
.endm

/* A jump to where \reg leads. */
.macro INDIRECT insn:req, reg:req
	BEGIN
	mov	x10, x30
	adr	\reg, 3f
2:	\insn	\reg
	lsl	x0, x9, #2
	ret
3:	lsl	x0, x9, #2
	add	x0, x0, #1
	ret	x10
	ROW_OF	1b, 2b, \insn \reg
.endm

/* A call: 1 if the return address is right. */
.macro CALLED insn:req, reg
	BEGIN
	mov	x10, x30
	adr	x30, 3f
.ifnb \reg
	adr	\reg, 3f
2:	\insn	\reg
.else
2:	\insn	3f
.endif
4:	brk	#3
3:	adr	x11, 4b
	cmp	x11, x30
	cset	x0, eq
	add	x0, x0, x9, lsl #2
	ret	x10
	ROW_OF	1b, 2b, \insn \reg
.endm

	.section .data.rel.ro, "aw"
	.globl	branch_table
	.balign	8
branch_table:
	.text

.irp cc, eq, ne, hs, lo, mi, pl, vs, vc, hi, ls, ge, lt, gt, le, al, nv
	BRANCH	b.\cc
	FAR	b.\cc
	BACK	b.\cc
.endr
.irp insn, cbz, cbnz
.irp reg, x9, w9, xzr, wzr
	BRANCH	\insn, \reg,
.endr
	FAR	\insn, x9,
	BACK	\insn, w9,
.endr
.irp insn, tbz, tbnz
.irp bit, 0, 1, 31, 32, 63
	BRANCH	\insn, x9, #\bit,
.endr
	BACK	\insn, x9, #2,
.endr
	BRANCH	b
	FAR	b
	BACK	b
	INDIRECT br, x11
	INDIRECT br, x30
	INDIRECT ret, x11
	INDIRECT ret, x30
	CALLED	bl
	CALLED	blr, x12
	CALLED	blr, x30

	.section .data.rel.ro, "aw"
	.globl	branch_table_end
branch_table_end:

	.section .note.GNU-stack, "", %progbits

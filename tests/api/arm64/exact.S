/* SPDX-License-Identifier: MIT */
/*
 * exact.S - instructions that probes get wrong, each in two functions
 *
 * EXACT name: exact_name has a size and exact_name_plain has none.  (Here that makes no
 * difference to jumps; elsewhere it does.)  Both return a number that says what the
 * instruction did; `self` is the name.
 */
	.text

.macro EXACT name
	.balignl 16, 0xd4200000
	.globl	exact_\name, exact_\name\()_at
	.type	exact_\name, %function
exact_\name:
	body_\name exact_\name
	.size	exact_\name, . - exact_\name
	.balignl 16, 0xd4200000
	.globl	exact_\name\()_plain, exact_\name\()_plain_at
	brk	#0
exact_\name\()_plain:
	body_\name exact_\name\()_plain
.endm

/* How far the address is from the right one. */
.macro body_adr self
\self\()_at:
	adr	x0, 1f
	b	2f
	nop
1:	nop
2:	adr	x1, 1b
	sub	x0, x0, x1
	ret
.endm
EXACT adr

/* The page of the instruction, and where in it something is. */
.macro body_adrp self
\self\()_at:
	adrp	x0, \self\()_there
	add	x0, x0, :lo12:\self\()_there
	adr	x1, \self\()_there
	sub	x0, x0, x1
	ret
\self\()_there:
	nop
.endm
EXACT adrp

/* Literals: of 64 bits, of 32 with zeros or a sign above. */
.macro LITERAL self, insn, reg
\self\()_at:
	\insn	\reg, 1f
	ret
	.balign	8
1:	.quad	0x11223344d5667788
.endm
.macro body_literal self
	LITERAL	\self, ldr, x0
.endm
EXACT literal
.macro body_literal32 self
	mov	x0, #-1
	LITERAL	\self, ldr, w0
.endm
EXACT literal32
.macro body_literal_signed self
	LITERAL	\self, ldrsw, x0
.endm
EXACT literal_signed

/* To vector registers: what is above the literal is zero, too. */
.macro VECTOR self, reg, high
	stp	d8, d9, [sp, #-16]!
	movi	v8.16b, #0xff
\self\()_at:
	ldr	\reg, 1f
	mov	x0, v8.d[0]
	mov	x1, v8.d[1]
	eor	x0, x0, x1
	ldp	d8, d9, [sp], #16
	ret
	.balign	16
1:	.quad	0x11223344d5667788, 0x0123456789abcdef
.endm
.macro body_vector32 self
	VECTOR	\self, s8
.endm
EXACT vector32
.macro body_vector64 self
	VECTOR	\self, d8
.endm
EXACT vector64
.macro body_vector128 self
	VECTOR	\self, q8
.endm
EXACT vector128

/* Touches nothing that can be seen. */
.macro body_prefetch_literal self
	mov	x0, #5
\self\()_at:
	prfm	pldl1keep, 1f
	ret
	.balign	8
1:	.quad	0
.endm
EXACT prefetch_literal

/* Calls: how far the return address is from where it should be, and + 1000. */
.macro CALL self, insn, operand
	mov	x10, x30
	adr	x30, 3f
	adr	x9, 3f
\self\()_at:
	\insn	\operand
2:	add	x0, x0, #1000
	ret	x10
3:	adr	x1, 2b
	sub	x0, x30, x1
	br	x30
.endm
.macro body_call self
	CALL	\self, bl, 3f
.endm
EXACT call
.macro body_call_reg self
	CALL	\self, blr, x9
.endm
EXACT call_reg
.macro body_call_link self
	CALL	\self, blr, x30
.endm
EXACT call_link

/* Goes back by another register; the usual one stays. */
.macro body_ret_reg self
	mov	x9, x30
	mov	x30, #3
	adr	x10, 2f
\self\()_at:
	ret	x10
	mov	x30, #0
2:	mov	x0, x30
	ret	x9
.endm
EXACT ret_reg

/* x0: how often it goes round; + 100 if the flags are still those given, x1. */
.macro body_loop self
	mov	x9, x0
	mov	x0, #0
	msr	nzcv, x1
1:	add	x0, x0, #1
	sub	x9, x9, #1
\self\()_at:
	cbnz	x9, 1b
	mrs	x2, nzcv
	cmp	x1, x2
	add	x3, x0, #100
	csel	x0, x3, x0, eq
	ret
.endm
EXACT loop

/* A bit above 31, of a register that has it. */
.macro body_test_bit self
	mov	x9, #1 << 37
\self\()_at:
	tbnz	x9, #37, 1f
	mov	x0, #1
	ret
1:	mov	x0, #2
	ret
.endm
EXACT test_bit

/* The flags as they were put there. */
.macro body_flags self
	msr	nzcv, x0
\self\()_at:
	mrs	x0, nzcv
	ret
.endm
EXACT flags
.macro body_set_flags self
\self\()_at:
	msr	nzcv, x0
	mrs	x0, nzcv
	ret
.endm
EXACT set_flags

/* Hints that older CPUs take for nothing: an address is what it was. */
.macro body_sign self
	mov	x9, x30
\self\()_at:
	hint	#25 /* paciasp */
	hint	#29 /* autiasp */
	sub	x0, x30, x9
	ret	x9
.endm
EXACT sign

/* The stack pointer is the program's. */
.macro body_stack self
	mov	x9, sp
\self\()_at:
	stp	x29, x30, [sp, #-32]!
	mov	x10, sp
	ldp	x29, x30, [sp], #32
	sub	x0, x9, x10
	mov	x11, sp
	sub	x11, x11, x9
	add	x0, x0, x11
	ret
.endm
EXACT stack

	.section .note.GNU-stack, "", %progbits

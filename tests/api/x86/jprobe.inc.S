/* SPDX-License-Identifier: MIT */
/*
 * jprobe.inc.S - the same C function behind a jump and behind a breakpoint
 *
 * No register, flag or byte of the stack is changed on the way to the body.
 */
	.text

.macro FUNC name:req
	.p2align 4, 0xcc
	.globl	\name
	.type	\name, @function
\name:
.endm

.macro END name:req
	.size	\name, . - \name
.endm

/* NAME_jump and NAME_break lead to NAME_body. */
.macro ENTRIES name:req
FUNC \name\()_jump
	nopl	0(%rax,%rax,1)
	jmp	\name\()_body
END \name\()_jump

/* A branch to the second byte: never a jump. */
FUNC \name\()_break
	nop
1:	jmp	\name\()_body
	jmp	1b
END \name\()_break
.endm

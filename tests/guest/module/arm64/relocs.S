/* SPDX-License-Identifier: MIT */
/*
 * relocs.S - a module with a relocation of each type, which looks at itself
 *
 * Every function below comes to the address of relocs_there by another type of
 * relocation.  init_module() returns 0, or -201 for the first of the table that does
 * not, -202 for the second and so on.  IN_A_PROCESS: the loader makes tables of
 * addresses, and vectors may be used.
 */

.macro FUNC name:req
	.globl	\name
	.type	\name, %function
\name:
.endm

.macro END name:req
	.size	\name, . - \name
.endm

	.weak	relocs_nobody /* 0, so that what is added to it is the value */

	.section .text.there, "ax"
	.p2align 3
FUNC relocs_there
	adr	x0, relocs_there
	ret
END relocs_there
	.p2align 3
relocs_word:
	.xword	relocs_there

	.section .rodata
	.p2align 4
relocs_bytes:
	.byte	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16

	.section .text.here, "ax"
	.p2align 3
relocs_data:
	.xword	relocs_there
	.xword	relocs_there - .
	.word	relocs_there - .
	.hword	relocs_there - .
	.hword	relocs_nobody + 0x1234
	.word	relocs_nobody + 0x12345678
	.p2align 2

FUNC reloc_abs
	adr	x1, relocs_data
	ldr	x0, [x1]
	ldrh	w2, [x1, #22]
	ldr	w3, [x1, #24]
	mov	w4, #0x1234
	sub	x2, x2, x4
	mov	w4, #0x5678
	movk	w4, #0x1234, lsl #16
	sub	x3, x3, x4
	add	x0, x0, x2
	add	x0, x0, x3
	ret
END reloc_abs

FUNC reloc_prel64
	adr	x1, relocs_data + 8
	ldr	x0, [x1]
	add	x0, x0, x1
	ret
END reloc_prel64

FUNC reloc_prel32
	adr	x1, relocs_data + 16
	ldrsw	x0, [x1]
	add	x0, x0, x1
	ret
END reloc_prel32

FUNC reloc_prel16
	adr	x1, relocs_data + 20
	ldrsh	x0, [x1]
	add	x0, x0, x1
	ret
END reloc_prel16

FUNC reloc_movw
	movz	x0, #:abs_g3:relocs_there
	movk	x0, #:abs_g2_nc:relocs_there
	movk	x0, #:abs_g1_nc:relocs_there
	movk	x0, #:abs_g0_nc:relocs_there
	ret
END reloc_movw

/* Those that are checked: nothing of a value may be above them. */
FUNC reloc_movw_checked
	movz	x0, #:abs_g0:relocs_nobody + 0x1234
	movz	x1, #:abs_g1:relocs_nobody + 0x12345678
	movz	x2, #:abs_g2:relocs_nobody + 0x123456789abc
	sub	x0, x0, #0x234
	sub	x0, x0, #1, lsl #12
	lsr	x1, x1, #16
	sub	x1, x1, #0x234
	sub	x1, x1, #1, lsl #12
	lsr	x2, x2, #32
	sub	x2, x2, #0x234
	sub	x2, x2, #1, lsl #12
	orr	x0, x0, x1
	orr	x0, x0, x2
	adrp	x1, relocs_there
	add	x1, x1, :lo12:relocs_there
	add	x0, x0, x1
	ret
END reloc_movw_checked

FUNC reloc_literal
	ldr	x0, relocs_word
	ret
END reloc_literal

FUNC reloc_adr
	adr	x0, relocs_there
	ret
END reloc_adr

FUNC reloc_page
	adrp	x0, relocs_there
	add	x0, x0, :lo12:relocs_there
	ret
END reloc_page

FUNC reloc_page_nc
	adrp	x0, :pg_hi21_nc:relocs_there
	add	x0, x0, :lo12:relocs_there
	ret
END reloc_page_nc

/* 15, 14:15, 9 to 12, 1 to 8, and all: each from its place. */
FUNC reloc_low
	adrp	x1, relocs_bytes
	ldrb	w2, [x1, :lo12:relocs_bytes + 14]
	ldrh	w3, [x1, :lo12:relocs_bytes + 14]
	ldr	w4, [x1, :lo12:relocs_bytes + 8]
	ldr	x5, [x1, :lo12:relocs_bytes + 8]
#ifdef IN_A_PROCESS
	ldr	q0, [x1, :lo12:relocs_bytes]
	mov	x6, v0.d[1]
	sub	x6, x6, x5
#else
	mov	x6, #0
#endif
	ubfx	x7, x5, #48, #8
	sub	x2, x2, x7
	lsr	x7, x5, #48
	sub	x3, x3, x7
	mov	w7, w5
	sub	x4, x4, x7
	orr	x2, x2, x3
	orr	x2, x2, x4
	orr	x2, x2, x6
	adrp	x0, relocs_there
	add	x0, x0, :lo12:relocs_there
	add	x0, x0, x2
	ret
END reloc_low

FUNC reloc_tbz
	mov	w0, #0
	tbz	w0, #3, relocs_there
	ret
END reloc_tbz

FUNC reloc_tbnz
	mov	w0, #8
	tbnz	w0, #3, relocs_there
	ret
END reloc_tbnz

FUNC reloc_cbz
	mov	w0, #0
	cbz	w0, relocs_there
	ret
END reloc_cbz

FUNC reloc_cond
	mov	x0, #0
	cmp	x0, #0
	b.eq	relocs_there
	ret
END reloc_cond

FUNC reloc_jump
	b	relocs_there
END reloc_jump

FUNC reloc_call
	mov	x9, x30
	bl	relocs_there
	ret	x9
END reloc_call

#ifdef IN_A_PROCESS
FUNC reloc_got
	adrp	x0, :got:relocs_there
	ldr	x0, [x0, :got_lo12:relocs_there]
	ret
END reloc_got
#endif

	.text
FUNC init_module
	stp	x29, x30, [sp, #-48]!
	mov	x29, sp
	stp	x19, x20, [sp, #16]
	str	x21, [sp, #32]
	adrp	x19, relocs_table
	add	x19, x19, :lo12:relocs_table
	mov	w20, #-200
	bl	relocs_there
	mov	x21, x0
1:	ldr	x1, [x19], #8
	cbz	x1, 2f
	sub	w20, w20, #1
	blr	x1
	cmp	x0, x21
	b.eq	1b
	b	3f
2:	mov	w20, #0
3:	mov	w0, w20
	ldp	x19, x20, [sp, #16]
	ldr	x21, [sp, #32]
	ldp	x29, x30, [sp], #48
	ret
END init_module

FUNC cleanup_module
	ret
END cleanup_module

	.section .data.rel.ro, "aw"
	.p2align 3
relocs_table:
	.xword	reloc_abs, reloc_prel64, reloc_prel32, reloc_prel16
	.xword	reloc_movw, reloc_movw_checked, reloc_literal, reloc_adr
	.xword	reloc_page, reloc_page_nc, reloc_low, reloc_tbz, reloc_tbnz
	.xword	reloc_cbz, reloc_cond, reloc_jump, reloc_call
#ifdef IN_A_PROCESS
	.xword	reloc_got
#endif
	.xword	0
	.section .note.GNU-stack, "", %progbits

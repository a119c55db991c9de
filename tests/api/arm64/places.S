/* SPDX-License-Identifier: MIT */
/*
 * places.S - functions with one property each, for the tests of the API
 *
 * Those that return long (*)(long a, long b, long c) are named in places.h, and those
 * of this processor alone in places_isa.h.  Between them are breakpoints.
 */
	.text

.macro FUNC name:req
	.balignl 16, 0xd4200000
	.globl	\name
	.type	\name, %function
\name:
.endm

.macro END name:req
	.size	\name, . - \name
.endm

/* Two instructions, the last of them ret. */
FUNC place_jump
	add	x0, x0, x1
	ret
END place_jump

/* A landing pad: never a jump. */
FUNC place_break
	bti	c
	add	x0, x0, x1
	ret
END place_break

/* One instruction, and right behind it another function. */
FUNC place_one
	ret
END place_one
	.globl	place_after_one
	.type	place_after_one, %function
place_after_one:
	add	x0, x0, #7
	ret
END place_after_one

FUNC place_padded
	mov	x2, x0
	ret
END place_padded
	.balignl 16, 0xd503201f

FUNC place_pad
	bti	c
	add	x0, x0, x1, lsl #1
	ret
END place_pad

FUNC place_rip
	adrp	x2, place_value
	ldr	x2, [x2, :lo12:place_value]
	add	x0, x0, x2
	ret
END place_rip

FUNC place_call_first
	stp	x29, x30, [sp, #-32]!
	str	x1, [sp, #16]
	.globl	place_call_first_at
place_call_first_at:
	bl	place_callee
	ldr	x1, [sp, #16]
	add	x0, x0, x1
	ldp	x29, x30, [sp], #32
	ret
END place_call_first

FUNC place_callee
	add	x0, x0, #1000
	ret
END place_callee

FUNC place_call_ind
	stp	x29, x30, [sp, #-32]!
	str	x1, [sp, #16]
	adr	x9, place_callee
	.globl	place_call_ind_at
place_call_ind_at:
	blr	x9
	ldr	x1, [sp, #16]
	add	x0, x0, x1
	ldp	x29, x30, [sp], #32
	ret
END place_call_ind

FUNC place_cbz
	cbz	x0, 1f
	add	x0, x0, x1
	ret
1:	add	x0, x1, #5
	ret
END place_cbz

FUNC place_tbz
	tbz	x0, #33, 1f
	add	x0, x1, #1
	ret
1:	add	x0, x1, #2
	ret
END place_tbz

/* The larger of two. */
FUNC place_jcc
	cmp	x0, x1
	b.lt	1f
	ret
1:	mov	x0, x1
	ret
END place_jcc

FUNC place_jmp
	b	1f
	nop
	nop
1:	add	x0, x0, #3
	ret
END place_jmp

/* A branch of its own at the probed address, for post handlers. */
FUNC place_loop
	mov	x9, #0
	add	x10, x0, #1
	.globl	place_loop_body
place_loop_body:
	add	x9, x9, #2
	sub	x10, x10, #1
	.globl	place_loop_at
place_loop_at:
	cbnz	x10, place_loop_body
	mov	x0, x9
	ret
END place_loop

/*
 * In the middle every status flag is alive: returns a + b, and 1 << 32 more for each
 * flag that was changed.
 */
FUNC place_flags
	add	x0, x0, x1
	mov	x9, #0x70000000
	msr	nzcv, x9
	.globl	place_flags_at
place_flags_at:
	nop
	mrs	x10, nzcv
	eor	x9, x9, x10
	lsr	x9, x9, #28
	and	x10, x9, #1
	add	x10, x10, x9, lsr #1
	add	x0, x0, x10, lsl #32
	ret
END place_flags

/* The flags are set, unread before. */
FUNC place_flags_dead
	adds	x0, x0, x1
	cmp	x0, #0
	ret
END place_flags_dead

/* read(a, b, c). */
FUNC place_read
	mov	x8, #63
	nop
	svc	#0
	ret
END place_read

/* 1 + 2 + ... + a, by calling itself. */
FUNC place_sum
	stp	x29, x30, [sp, #-32]!
	str	x19, [sp, #16]
	mov	x19, x0
	cbz	x0, 1f
	sub	x0, x0, #1
	bl	place_sum
	add	x0, x0, x19
1:	ldr	x19, [sp, #16]
	ldp	x29, x30, [sp], #32
	ret
END place_sum

/* Calls b(a), between other things. */
FUNC place_call_b
	stp	x29, x30, [sp, #-16]!
	nop
	blr	x1
	ldp	x29, x30, [sp], #16
	ret
END place_call_b

/* Goes on in another function, which returns for both. */
FUNC place_tail
	nop
	nop
	b	place_jump
END place_tail

/* A breakpoint of the program's own, in the middle. */
FUNC place_own_trap
	add	x0, x0, x1
	.globl	place_own_trap_at
place_own_trap_at:
	brk	#7
	ret
END place_own_trap

/* An address in the middle of an instruction. */
FUNC place_bad
	movz	x0, #0x1122
	ret
END place_bad

FUNC place_ud
	udf	#0
	ret
END place_ud

/* What is behind the first instruction is where a loop begins. */
FUNC place_behind
	mov	w3, #3
1:	add	x1, x1, x0
	subs	w3, w3, #1
	b.ne	1b
	mov	x0, x1
	ret
END place_behind

/* A literal. */
FUNC place_rip_second
	ldr	x2, 1f
	add	x0, x0, x2
	ret
	.balign	8
1:	.quad	123456789
END place_rip_second

/* What a compiler splits off a function has its name and a suffix. */
FUNC place_split
	add	x0, x0, #1
	ret
END place_split
FUNC place_split.cold
	add	x0, x0, #2
	ret
END place_split.cold

/* *a + b, or -1 if a cannot be read: the fault goes on at place_mend. */
FUNC place_fault
	ldr	x0, [x0]
	add	x0, x0, x1
	ret
	nop
	.globl	place_mend
place_mend:
	mov	x0, #-1
	ret
END place_fault
#ifdef TL_TEST_LINUX
	.section __ex_table, "a"
	.p2align 2
	.long	place_fault - ., place_mend - .
	.short	3, 0x3ff /* to go on, with an error in no register */
#elif defined(NO_RED_ZONE)
	.section fixups, "a"
	.quad	place_fault, place_mend
#endif
	.text

/* Vector registers in and out: d0 = d0 + d1. */
FUNC place_xmm
	fadd	d0, d0, d1
	nop
	ret
END place_xmm

/* ---- what cannot be probed ---- */

FUNC place_refused
	.globl	refused_brk, refused_hlt, refused_dcps, refused_eret
	.globl	refused_drps, refused_elr, refused_spsel, refused_unallocated
	.globl	refused_inside, accepted_nop, accepted_hint
refused_brk:
	brk	#0x800
refused_hlt:
	hlt	#1
refused_dcps:
	dcps1
refused_eret:
	eret
refused_drps:
	drps
refused_elr:
	mrs	x0, elr_el1
refused_spsel:
	msr	spsel, #0
refused_unallocated:
	.inst	0xffffffff
1:	ldxr	x0, [x1]
refused_inside:
	add	x0, x0, #1
	stxr	w2, x0, [x1]
	cbnz	w2, 1b
accepted_nop:
	nop
accepted_hint:
	hint	#63
	ret
END place_refused

	.section .rodata
	.globl	place_has_red_zone
place_has_red_zone:
	.byte	0

	.data
	.globl	place_value
	.balign	8
place_value:
	.quad	123456789

	.section .note.GNU-stack, "", %progbits

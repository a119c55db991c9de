/* SPDX-License-Identifier: MIT */
/*
 * flows.S - functions whose control flow is hard to see
 *
 * Each takes a number from 0 to 3 and returns it, times 100, plus the number of
 * its own, by a way of its own for each.  flow_list names them.
 */
	.text

	.macro FLOW name
	.p2align 4
	.globl	flow_\name
	.type	flow_\name, @function
flow_\name:
	xor	%r8d, %r8d
	.endm

	.macro END name
	.size	flow_\name, . - flow_\name
9999:	.pushsection .data.rel.ro, "aw"
	.quad	flow_\name, flow_\name\()_text, 9999b - flow_\name
	.popsection
	.pushsection .rodata
flow_\name\()_text:
	.asciz	"flow_\name"
	.popsection
	.endm

	.pushsection .data.rel.ro, "aw"
	.p2align 3
	.globl	flow_list
flow_list:
	.popsection

	/*
	 * The four ways: each falls into the next, so that nothing shows where
	 * one begins.  \n is the number of the function.
	 */
	.macro WAYS n
13:	add	$100, %r8d
12:	add	$100, %r8d
11:	add	$100, %r8d
10:	lea	\n(%r8), %eax
	ret
	.endm

	.macro OFFSETS from
	.long	10b - \from, 11b - \from, 12b - \from, 13b - \from
	.endm

/* ---- what compilers write --------------------------------------------------- */

/* gcc and clang, position-independent. */
FLOW pic
	lea	1f(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	add	%rdx, %rax
	notrack jmp *%rax
	WAYS 1
	.pushsection .rodata
	.p2align 2
1:	OFFSETS 1b
	.popsection
END pic

/* The table's address waits on the stack. */
FLOW slot
	sub	$24, %rsp
	lea	1f(%rip), %rdx
	mov	%rdx, 8(%rsp)
	xor	%edx, %edx
	mov	8(%rsp), %rcx
	movslq	(%rcx,%rdi,4), %rax
	add	%rcx, %rax
	add	$24, %rsp
	jmp	*%rax
	WAYS 2
	.pushsection .rodata
	.p2align 2
1:	OFFSETS 1b
	.popsection
END slot

/* It is added from there. */
FLOW slot_sum
	lea	1f(%rip), %rdx
	mov	%rdx, -16(%rsp)
	movslq	(%rdx,%rdi,4), %rax
	xor	%edx, %edx
	add	-16(%rsp), %rax
	jmp	*%rax
	WAYS 3
	.pushsection .rodata
	.p2align 2
1:	OFFSETS 1b
	.popsection
END slot_sum

/* Two tables: a byte chooses the offset. */
FLOW two_level
	lea	2f(%rip), %rdx
	movzbl	(%rdx,%rdi), %eax
	lea	1f(%rip), %rdx
	movslq	(%rdx,%rax,4), %rax
	add	%rdx, %rax
	jmp	*%rax
	WAYS 4
	.pushsection .rodata
	.p2align 2
1:	.long	13b - 1b, 11b - 1b, 10b - 1b, 12b - 1b
2:	.byte	2, 1, 3, 0
	.popsection
END two_level

/* Addresses, as computed gotos and Go have them. */
FLOW pointers
	lea	1f(%rip), %rcx
	jmp	*(%rcx,%rdi,8)
	WAYS 5
	.pushsection .data.rel.ro.flows, "aw"
	.p2align 3
1:	.quad	10b, 11b, 12b, 13b
	.popsection
END pointers

/* -mcmodel=large */
FLOW wide
	lea	1f(%rip), %rdx
	mov	%rdx, %rax
	add	(%rdx,%rdi,8), %rax
	jmp	*%rax
	WAYS 6
	.pushsection .rodata
	.p2align 3
1:	.quad	10b - 1b, 11b - 1b, 12b - 1b, 13b - 1b
	.popsection
END wide

/* The switch is in the cold part, the ways are not. */
FLOW cold
	cmp	$3, %edi
	jbe	flow_cold_part
	ret
	WAYS 7
	.pushsection .text.unlikely, "ax"
	.skip	5000, 0x90
	.p2align 4
	.type	flow_cold_part, @function
flow_cold_part:
	lea	1f(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	add	%rdx, %rax
	jmp	*%rax
	.size	flow_cold_part, . - flow_cold_part
	.popsection
	.pushsection .rodata
	.p2align 2
1:	OFFSETS 1b
	.popsection
END cold

/* Jumped into from far away, as glibc's assembly does. */
FLOW entered
	mov	%rdi, %rcx
	jmp	flow_entered_part
	WAYS 8
20:	test	%ecx, %ecx
	je	10b
	dec	%ecx
21:	je	11b
	dec	%ecx
	nop
22:	je	12b
	jmp	13b
	.pushsection .text.unlikely, "ax"
	.skip	5000, 0x90
	.type	flow_entered_part, @function
flow_entered_part:
	cmp	$1, %ecx
	jb	20b
	jne	1f
	dec	%ecx
	jmp	21b
1:	sub	$2, %ecx
	jmp	22b
	.size	flow_entered_part, . - flow_entered_part
	.popsection
END entered

/* ---- what nobody writes ------------------------------------------------------ */

/* The addresses in data are scrambled, by the function itself. */
FLOW scrambled
	lea	10f(%rip), %rax
	xor	flow_key(%rip), %rax
	mov	%rax, flow_scrambled_table(%rip)
	lea	11f(%rip), %rax
	xor	flow_key(%rip), %rax
	mov	%rax, 8+flow_scrambled_table(%rip)
	lea	12f(%rip), %rax
	xor	flow_key(%rip), %rax
	mov	%rax, 16+flow_scrambled_table(%rip)
	lea	13f(%rip), %rax
	xor	flow_key(%rip), %rax
	mov	%rax, 24+flow_scrambled_table(%rip)
	lea	flow_scrambled_table(%rip), %rdx
	mov	(%rdx,%rdi,8), %rax
	xor	flow_key(%rip), %rax
	jmp	*%rax
	WAYS 9
	.local	flow_scrambled_table
	.comm	flow_scrambled_table, 32, 8
END scrambled

/* … or they are no addresses at all but what becomes one. */
FLOW xored
	lea	flow_xored(%rip), %rdx
	lea	1f(%rip), %rcx
	mov	$0x1234567, %eax
	sub	(%rcx,%rdi,8), %rax
	add	%rdx, %rax
	jmp	*%rax
	WAYS 10
	.pushsection .rodata
	.p2align 3
1:	.quad	0x1234567 - (10b - flow_xored), 0x1234567 - (11b - flow_xored)
	.quad	0x1234567 - (12b - flow_xored), 0x1234567 - (13b - flow_xored)
	.popsection
END xored

/* A table in writable data, filled when it is first used, by arithmetic. */
FLOW filled
	lea	flow_filled_table(%rip), %rdx
	cmpq	$0, (%rdx)
	jne	1f
	lea	flow_filled(%rip), %rax
	lea	10f-flow_filled(%rax), %rcx
	mov	%rcx, (%rdx)
	lea	11f-flow_filled(%rax), %rcx
	mov	%rcx, 8(%rdx)
	lea	12f-flow_filled(%rax), %rcx
	mov	%rcx, 16(%rdx)
	lea	13f-flow_filled(%rax), %rcx
	mov	%rcx, 24(%rdx)
1:	jmp	*(%rdx,%rdi,8)
	WAYS 11
	.local	flow_filled_table
	.comm	flow_filled_table, 32, 8
END filled

/* Where to go is what a function says. */
FLOW told
	call	flow_tell
	jmp	*%rax
	WAYS 12
	.pushsection .text.unlikely, "ax"
	.type	flow_tell, @function
flow_tell:
	lea	1f(%rip), %rdx
	mov	(%rdx,%rdi,8), %rax
	lea	flow_told(%rip), %rdx
	add	%rdx, %rax
	ret
	.size	flow_tell, . - flow_tell
	.popsection
	.pushsection .rodata
	.p2align 3
1:	.quad	10b - flow_told, 11b - flow_told, 12b - flow_told
	.quad	13b - flow_told
	.popsection
END told

/* A return that does not return. */
FLOW returned
	lea	1f(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	lea	flow_returned(%rip), %rdx
	add	%rdx, %rax
	push	%rax
	ret
	WAYS 13
	.pushsection .rodata
	.p2align 2
1:	OFFSETS flow_returned
	.popsection
END returned

/* The same by a call whose return address is written over. */
FLOW retpoline
	lea	1f(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	lea	flow_retpoline(%rip), %rdx
	add	%rdx, %rax
	call	2f
3:	pause
	jmp	3b
2:	mov	%rax, (%rsp)
	ret
	WAYS 14
	.pushsection .rodata
	.p2align 2
1:	OFFSETS flow_retpoline
	.popsection
END retpoline

/* … and by somebody else's. */
FLOW thunk
	lea	1f(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	lea	flow_thunk(%rip), %rdx
	add	%rdx, %rax
	jmp	flow_thunk_rax
	WAYS 15
	.pushsection .text.unlikely, "ax"
	.type	flow_thunk_rax, @function
flow_thunk_rax:
	call	2f
3:	pause
	jmp	3b
2:	mov	%rax, (%rsp)
	ret
	.size	flow_thunk_rax, . - flow_thunk_rax
	.popsection
	.pushsection .rodata
	.p2align 2
1:	OFFSETS flow_thunk
	.popsection
END thunk

/* Offsets from a label, as gcc's manual has them. */
FLOW label
	lea	10f(%rip), %rdx
	lea	1f(%rip), %rcx
	movslq	(%rcx,%rdi,4), %rax
	add	%rdx, %rax
	jmp	*%rax
	WAYS 16
	.pushsection .rodata
	.p2align 2
1:	OFFSETS 10b
	.popsection
END label

/* The ways are equally long. */
FLOW stride
	lea	13f(%rip), %rdx
	mov	$3, %eax
	sub	%edi, %eax
	lea	(%rdx,%rax,4), %rdx
	jmp	*%rdx
	WAYS 17
END stride

/* One table is seen; the other comes in a register, and is filled elsewhere. */
FLOW second
	lea	1f(%rip), %rdx
	movslq	(%rdx,%rdi,4), %rax
	add	%rdx, %rax
	jmp	*%rax
30:	mov	%edi, %ecx
	jmp	flow_second_part
31:	movslq	(%rsi,%rdi,4), %rax
	add	%rsi, %rax
	jmp	*%rax
	WAYS 18
	.pushsection .rodata
	.p2align 2
1:	.long	30b - 1b, 30b - 1b, 30b - 1b, 30b - 1b
2:	OFFSETS 2b
	.popsection
	.pushsection .text.unlikely, "ax"
	.type	flow_second_part, @function
flow_second_part:
	lea	flow_second_table(%rip), %rsi
	lea	2b(%rip), %rdx
	mov	%rdx, %rax
	sub	%rsi, %rax
	.irp	i, 0, 4, 8, 12
	mov	\i(%rdx), %edi
	add	%eax, %edi
	mov	%edi, \i(%rsi)
	.endr
	mov	%rcx, %rdi
	jmp	31b
	.size	flow_second_part, . - flow_second_part
	.popsection
	.local	flow_second_table
	.comm	flow_second_table, 16, 8
END second

/* The table is the caller's. */
FLOW given
	lea	1f(%rip), %rsi
	jmp	flow_given_part
	.pushsection .text.unlikely, "ax"
	.p2align 4
	.type	flow_given_part, @function
flow_given_part:
	movslq	(%rsi,%rdi,4), %rax
	add	%rsi, %rax
	jmp	*%rax
	WAYS 19
	.size	flow_given_part, . - flow_given_part
	.popsection
	.pushsection .rodata
	.p2align 2
1:	OFFSETS 1b
	.popsection
END given

/* An indirect call, not a jump. */
FLOW called
	lea	10f(%rip), %rdx
	lea	1f(%rip), %rcx
	movslq	(%rcx,%rdi,4), %rax
	add	%rdx, %rax
	sub	$8, %rsp
	call	*%rax
	add	$8, %rsp
	ret
	WAYS 20
	.pushsection .rodata
	.p2align 2
1:	OFFSETS 10b
	.popsection
END called

/* From where it is to where it goes. */
FLOW popped
	lea	1f(%rip), %rcx
	movslq	(%rcx,%rdi,4), %rcx
	call	2f
2:	pop	%rax
	add	%rcx, %rax
	jmp	*%rax
	WAYS 21
	.pushsection .rodata
	.p2align 2
1:	OFFSETS 2b
	.popsection
END popped

/*
 * As in glibc's printf: several tables of offsets from one label, jumps that
 * ways share, and registers that hold labels and are calculated with elsewhere.
 */
FLOW printf
	mov	%rdi, %rcx
	add	$8, %rcx
	sub	%rdi, %rcx
	lea	1f(%rip), %rsi
	test	$1, %dil
	jnz	2f
	lea	9f(%rip), %rcx
	movslq	(%rsi,%rdi,4), %rax
	add	%rcx, %rax
	jmp	*%rax
2:	cmp	$2, %edi
	ja	4f
	lea	3f(%rip), %rsi
	movslq	(%rsi,%rdi,4), %rax
	lea	9f(%rip), %rsi
	add	%rsi, %rax
	jmp	5f
4:	lea	13f(%rip), %rax
	nop
5:	test	%edi, %edi
	jmp	*%rax
9:	mov	%rdi, %rsi
	add	$1, %rsi
	ud2
	WAYS 22
	.pushsection .rodata
	.p2align 2
1:	OFFSETS 9b
3:	OFFSETS 9b
	.popsection
END printf

/* What a jump has left in a register is moved, and jumped to. */
FLOW stale
	lea	1f(%rip), %rsi
	lea	9f(%rip), %rcx
	movslq	(%rsi,%rdi,4), %rax
	add	%rcx, %rax
	jmp	*%rax
9:	shl	$2, %edi
	add	$10f - 9b, %rcx
	sub	%rdi, %rcx
	jmp	8f
	nop
8:	jmp	*%rcx
	WAYS 23
	.pushsection .rodata
	.p2align 2
1:	.long	0, 0, 0, 0
	.popsection
END stale

/* A byte of an address is changed: 12 at least by the alignment. */
FLOW byte
	lea	10f(%rip), %rax
	shl	$2, %edi
	sub	%dil, %al
	jmp	8f
	nop
8:	jmp	*%rax
	.p2align 5
	WAYS 24
END byte

/* The second byte, which has another register's number. */
FLOW high_byte
	lea	9f(%rip), %rdx
	mov	%edi, %eax
	sub	%al, %dh
	jmp	8f
	nop
8:	jmp	*%rdx
	.p2align 8
	jmp	13f
	.p2align 8
	jmp	12f
	.p2align 8
	jmp	11f
	.p2align 8
9:	jmp	10f
	WAYS 25
END high_byte

/* The label goes by way of the stack, and is moved there. */
FLOW moved_slot
	sub	$24, %rsp
	lea	10f(%rip), %rax
	mov	%rax, 8(%rsp)
	shl	$2, %edi
	sub	%rdi, 8(%rsp)
	mov	8(%rsp), %rax
	add	$24, %rsp
	jmp	8f
	nop
8:	jmp	*%rax
	WAYS 26
END moved_slot

/* The label's register is one thing on one way and another on the other. */
FLOW either
	lea	1f(%rip), %rsi
	lea	9f(%rip), %rcx
	cmp	$2, %edi
	jb	2f
	lea	10f(%rip), %rcx
2:	movslq	(%rsi,%rdi,4), %rax
	add	%rcx, %rax
	jmp	*%rax
9:	ud2
	WAYS 27
	.pushsection .rodata
	.p2align 2
1:	.long	10b - 9b, 11b - 9b, 12b - 10b, 13b - 10b
	.popsection
END either

/* The label changes places with another register, without being named. */
FLOW exchanged
	lea	10f(%rip), %rax
	xor	%ecx, %ecx
	shl	$2, %edi
	xchg	%rax, %rcx
	sub	%rdi, %rcx
	jmp	8f
	nop
8:	jmp	*%rcx
	WAYS 28
END exchanged

/* A call leaves it where it is, which only its author knows. */
FLOW kept
	lea	10f(%rip), %rsi
	shl	$2, %edi
	call	7f
	sub	%rdi, %rsi
	jmp	8f
7:	ret
8:	jmp	*%rsi
	WAYS 29
END kept

/* It is moved in a vector register. */
FLOW vector
	lea	10f(%rip), %rax
	shl	$2, %edi
	movq	%rax, %xmm0
	movq	%rdi, %xmm1
	psubq	%xmm1, %xmm0
	movq	%xmm0, %rcx
	jmp	8f
	nop
8:	jmp	*%rcx
	WAYS 30
END vector

/* A call leaves an address of the function on its stack. */
FLOW pushed
	shl	$2, %edi
	call	2f
2:	pop	%rax
	add	$10f - 2b, %rax
	sub	%rdi, %rax
	jmp	8f
	nop
8:	jmp	*%rax
	WAYS 31
END pushed

/* So does one of a function that gives it back. */
FLOW answered
	shl	$2, %edi
	call	7f
9:	add	$10f - 9b, %rax
	sub	%rdi, %rax
	jmp	8f
7:	mov	(%rsp), %rax
	ret
8:	jmp	*%rax
	WAYS 32
END answered

/* The label is loaded, and then moved. */
FLOW loaded
	mov	1f(%rip), %rax
	shl	$2, %edi
	sub	%rdi, %rax
	jmp	8f
	nop
8:	jmp	*%rax
	WAYS 33
	.pushsection .data.rel.ro.1, "aw"
1:	.quad	10b
	.popsection
END loaded

	.pushsection .data.rel.ro, "aw"
	.quad	0, 0, 0
	.popsection

	.data
	.p2align 3
flow_key:
	.quad	0x0123456789abcdef

	.section .note.GNU-stack, "", @progbits

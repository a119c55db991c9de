/* SPDX-License-Identifier: MIT */
/*
 * torture.S - functions that are hard to patch, one difficulty each
 *
 * torture.c calls every one in a loop and knows what it must return.  The byte
 * counts in the comments are the point of each function: do not let them move.
 */
	.macro	begin name
	.p2align 4, 0xcc
	.globl	t_\name
	.type	t_\name, @function
t_\name:
	.cfi_startproc
	.endm

	.macro	end name
	.cfi_endproc
	.size	t_\name, . - t_\name
	.endm

	.text

/* 1 + 2 + ... + n: the loop jumps back to byte 2, inside a jump at byte 0. */
	begin	target_in_window
	xor	%eax, %eax		/* 2 */
1:	add	%edi, %eax		/* 2 */
	dec	%edi			/* 2 */
	jnz	1b			/* 2 */
	ret
	end	target_in_window

/* One byte, and the next function starts right behind it. */
	begin	one_byte
	ret
	end	one_byte
	.globl	t_after_one_byte
	.type	t_after_one_byte, @function
t_after_one_byte:
	.cfi_startproc
	lea	7(%rdi), %rax		/* 4 */
	ret
	end	after_one_byte

/* Three bytes, then padding. */
	begin	three_bytes
	mov	%edi, %eax		/* 2 */
	ret
	end	three_bytes
	.p2align 4, 0x90

/* A value lives below the stack pointer across the middle; probe +5 .. +12. */
	begin	red_zone
	mov	%rdi, -8(%rsp)		/* 5 */
	lea	1(%rdi,%rdi), %rax	/* 5 */
	xor	-8(%rsp), %rax		/* 5 */
	mov	%rax, -128(%rsp)	/* 8 */
	add	-8(%rsp), %rax		/* 5 */
	sub	-128(%rsp), %rax	/* 8 */
	ret
	end	red_zone

/* Branches that have no long form stand in the window. */
	begin	jrcxz
	mov	%rdi, %rcx		/* 3 */
	jrcxz	1f			/* 2 */
	lea	5(%rcx), %rax
	ret
1:	mov	$11, %eax
	ret
	end	jrcxz

	begin	loop
	mov	%edi, %ecx		/* 2 */
	xor	%eax, %eax		/* 2 */
1:	inc	%eax			/* 2 */
	loop	1b			/* 2 */
	ret
	end	loop

	begin	jcc
	test	%edi, %edi		/* 2 */
	je	1f			/* 2 */
	lea	9(%rdi), %rax
	ret
1:	mov	$13, %eax
	ret
	end	jcc

	begin	jmp_first
	jmp	1f			/* 2 */
	.byte	0x0f, 0x0b, 0x0f, 0x0b
1:	lea	2(%rdi), %rax
	ret
	end	jmp_first

/* The first instruction is a call: its return address must be the real one. */
	begin	call_first
	call	t_where_from		/* 5 */
1:	lea	1b(%rip), %rdx
	sub	%rdx, %rax
	add	%rdi, %rax
	ret
	end	call_first

/* Return the caller's address. */
	begin	where_from
	mov	(%rsp), %rax
	ret
	end	where_from

/* A call of two bytes: the address it returns to lies in the window. */
	begin	call_short
	call	*%rsi			/* 2 */
	inc	%eax			/* 2 */
	add	%edi, %eax		/* 2 */
	ret
	end	call_short

	begin	rip_relative
	mov	number(%rip), %rax	/* 7 */
	add	%rdi, %rax
	cmpl	$0x12345678, number_32(%rip)
	jne	1f
	ret
1:	xor	%eax, %eax
	ret
	end	rip_relative

	begin	endbr
	endbr64				/* 4 */
	lea	3(%rdi), %rax		/* 4 */
	ret
	end	endbr

	begin	tail_call
	add	$1, %rdi		/* 4 */
	jmp	t_endbr
	end	tail_call

/* Instructions that show or use the stack pointer. */
	begin	push_rsp
	push	%rsp			/* 1 */
	pop	%rax			/* 1 */
	sub	%rsp, %rax		/* 3: 0 */
	add	%rdi, %rax
	ret
	end	push_rsp

	begin	enter_leave
	push	%rbp			/* 1 */
	mov	%rsp, %rbp		/* 3 */
	sub	$32, %rsp		/* 4 */
	mov	%rdi, -8(%rbp)
	mov	-8(%rbp), %rax
	leave
	ret
	end	enter_leave

	begin	ret_imm
	mov	8(%rsp), %rax		/* 5: the argument on the stack */
	ret	$8
	end	ret_imm

/* Call t_ret_imm() as its convention asks for. */
	.globl	call_ret_imm
	.type	call_ret_imm, @function
call_ret_imm:
	push	%rdi
	call	t_ret_imm
	ret
	.size	call_ret_imm, . - call_ret_imm

	begin	rep_movs
	mov	%rdx, %rcx		/* 3 */
	mov	%rdi, %rax		/* 3 */
	rep movsb			/* 2 */
	ret
	end	rep_movs

	begin	jump_table
	lea	table(%rip), %rax	/* 7 */
	and	$3, %edi
	movslq	(%rax,%rdi,4), %rdi
	add	%rdi, %rax
	jmp	*%rax
1:	mov	$100, %eax
	ret
2:	mov	$101, %eax
	ret
3:	mov	$102, %eax
	ret
4:	mov	$103, %eax
	ret
	end	jump_table
	.section .rodata
	.balign	4
table:	.long	1b - table, 2b - table, 3b - table, 4b - table
	.text

	begin	cmpxchg16b
	push	%rbx			/* 1 */
	mov	%rsi, %rbx
	mov	%rdx, %rcx
	mov	(%rdi), %rax
	mov	8(%rdi), %rdx
	lock cmpxchg16b (%rdi)		/* 5 */
	setz	%al
	movzbl	%al, %eax
	pop	%rbx
	ret
	end	cmpxchg16b

/* The status flags as they are on entry. */
	begin	flags
	pushf				/* 1 */
	pop	%rax			/* 1 */
	nopw	0(%rax,%rax)
	ret
	end	flags

/* Sets flags that the caller looks at, between the parts of a long sum. */
	begin	carry_chain
	add	%rdx, %rdi		/* 3 */
	adc	%rcx, %rsi		/* 3 */
	mov	%rsi, %rax
	ret
	end	carry_chain

/* Asleep in read() with the address it returns to inside the window. */
	begin	read
	xor	%eax, %eax		/* 2 */
	syscall				/* 2 */
	nop				/* 1 */
	nop
	ret
	end	read

	begin	ymm
	vaddpd	%ymm1, %ymm0, %ymm0	/* 4 */
	vmovapd	%ymm0, %ymm0		/* 4 */
	ret
	end	ymm

	begin	zmm
	vpaddq	%zmm1, %zmm0, %zmm0{%k1} /* 6 */
	ret
	end	zmm

/* What a hot toggle is done to. */
	begin	toggle
	lea	(%rdi,%rsi), %rax	/* 4 */
	add	$3, %rax		/* 4 */
	xor	%rdi, %rax		/* 3 */
	ret
	end	toggle

/* Does nothing: whatever the caller holds in any register has to survive. */
	begin	nothing
	nopl	8(%rax,%rax,1)		/* 5 */
	ret
	end	nothing

/*
 * uint64_t check_registers(uint64_t seed): call t_nothing() with seed + n + 1 in
 * register n and every status flag set, the direction flag too; return a set
 * bit n for each register that came back changed, bit 16 for the flags.
 */
	.macro	give reg, n
	.ifnc	\reg, rdi
	mov	%rdi, %\reg
	.endif
	add	$\n + 1, %\reg
	.endm

	/* %rdx holds the seed, %eax collects the bits; flags do not matter. */
	.macro	compare reg, n
	add	$\n + 1, %rdx
	cmp	\reg, %rdx
	je	9f
	or	$1 << \n, %eax
9:	sub	$\n + 1, %rdx
	.endm

	.globl	check_registers
	.type	check_registers, @function
check_registers:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	give	rax, 0
	give	rcx, 1
	give	rdx, 2
	give	rbx, 3
	give	rbp, 5
	give	rsi, 6
	give	r8, 8
	give	r9, 9
	give	r10, 10
	give	r11, 11
	give	r12, 12
	give	r13, 13
	give	r14, 14
	give	r15, 15
	give	rdi, 7
	pushq	$0xcd5			/* CF PF AF ZF SF DF OF */
	popf
	call	t_nothing
	pushf
	cld
	push	%rax
	push	%rdx
	mov	24(%rsp), %rdx		/* the stack: rdx, rax, flags, seed */
	mov	$0, %eax
	compare	8(%rsp), 0
	compare	(%rsp), 2
	compare	%rcx, 1
	compare	%rbx, 3
	compare	%rbp, 5
	compare	%rsi, 6
	compare	%rdi, 7
	compare	%r8, 8
	compare	%r9, 9
	compare	%r10, 10
	compare	%r11, 11
	compare	%r12, 12
	compare	%r13, 13
	compare	%r14, 14
	compare	%r15, 15
	mov	16(%rsp), %rdx
	and	$0xcd5, %edx
	cmp	$0xcd5, %edx
	je	1f
	or	$1 << 16, %eax
1:	add	$32, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.size	check_registers, . - check_registers

	.data
	.balign	8
number:		.quad	1000
number_32:	.long	0x12345678

	.section .note.GNU-stack, "", @progbits

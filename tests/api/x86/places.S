/* SPDX-License-Identifier: MIT */
/*
 * places.S - functions to be probed, to the byte
 *
 * Those that return long (*)(long a, long b, long c) are tabled in places.h with
 * what they compute.
 */
	.text

.macro FUNC name:req, align=16
	.p2align 4, 0xcc
	.globl	\name
	.type	\name, @function
\name:
.endm

.macro END name:req
	.size	\name, . - \name
.endm

/* Five bytes in two instructions, the last of them ret. */
FUNC place_jump
	lea	(%rdi,%rsi), %rax
	ret
END place_jump

/* A loop into the first five bytes: never a jump. */
FUNC place_break
	mov	%rdi, %rax
.Lbreak:
	add	%rsi, %rax
	xor	%esi, %esi
	test	%rsi, %rsi
	jne	.Lbreak
	ret
END place_break

/* One byte, and right behind it another function. */
	.p2align 4
	.globl	place_one
	.type	place_one, @function
place_one:
	ret
	.size	place_one, 1
	.globl	place_after_one
	.type	place_after_one, @function
place_after_one:
	lea	7(%rdi), %rax
	ret
END place_after_one

/* Four bytes with padding behind. */
FUNC place_padded
	mov	%rdi, %rax
	ret
END place_padded
	.p2align 4, 0x90

FUNC place_pad
	endbr64
	lea	(%rdi,%rsi,2), %rax
	ret
END place_pad

FUNC place_rip
	mov	place_value(%rip), %rax
	add	%rdi, %rax
	ret
END place_rip

FUNC place_call_first
	call	place_callee
	add	%rsi, %rax
	ret
END place_call_first

FUNC place_callee
	lea	1000(%rdi), %rax
	ret
END place_callee

FUNC place_call_ind
	lea	place_callee(%rip), %rax
.globl place_call_ind_at
place_call_ind_at:
	call	*%rax
	add	%rsi, %rax
	ret
END place_call_ind

/* jrcxz and jcc among the first five bytes. */
FUNC place_jrcxz
	mov	%rdi, %rcx
	jrcxz	1f
	lea	(%rdi,%rsi), %rax
	ret
1:	lea	5(%rsi), %rax
	ret
END place_jrcxz

FUNC place_jcc
	cmp	%rsi, %rdi
	jl	1f
	mov	%rdi, %rax
	ret
1:	mov	%rsi, %rax
	ret
END place_jcc

FUNC place_jmp
	jmp	1f
	nop
	nop
	nop
1:	lea	3(%rdi), %rax
	ret
END place_jmp

/* A branch of its own at the probed address, for post handlers. */
FUNC place_loop
	xor	%eax, %eax
	lea	1(%rdi), %rcx
.globl place_loop_body
place_loop_body:
.Lloop_body:
	add	$2, %rax
.globl place_loop_at
place_loop_at:
	loop	.Lloop_body
	ret
END place_loop

/*
 * In the middle, a value in the red zone and every status flag are alive:
 * returns a + b, and 1 << 32 more for each flag that was changed.
 */
FUNC place_red_zone
	lea	(%rdi,%rsi), %rax
	mov	%rax, -8(%rsp)
	mov	%rdi, -128(%rsp)
	mov	$0x7f, %edx
	add	$1, %dl
	stc
.globl place_red_zone_at
place_red_zone_at:
	mov	$0, %ecx
	lea	(%rcx), %rcx
	mov	$0, %edx
	setno	%dl
	mov	$0, %r8d
	setnc	%r8b
	setns	%r9b
	movzbl	%r9b, %r9d
	mov	-8(%rsp), %rax
	cmp	%rdi, -128(%rsp)
	mov	$1, %ecx
	mov	$0, %r10d
	cmove	%r10, %rcx
	add	%rdx, %rcx
	add	%r8, %rcx
	add	%r9, %rcx
	shl	$32, %rcx
	add	%rcx, %rax
	ret
END place_red_zone

/* The same for the flags alone. */
FUNC place_flags
	lea	(%rdi,%rsi), %rax
	mov	$0x7f, %edx
	add	$1, %dl
	stc
.globl place_flags_at
place_flags_at:
	mov	$0, %ecx
	lea	(%rcx), %rcx
	mov	$0, %edx
	setno	%dl
	mov	$0, %r8d
	setnc	%r8b
	setns	%r9b
	movzbl	%r9b, %r9d
	add	%rdx, %rcx
	add	%r8, %rcx
	add	%r9, %rcx
	shl	$32, %rcx
	add	%rcx, %rax
	ret
END place_flags

/* The flags are set, unread before, by what the jump covers. */
FUNC place_flags_dead
	xor	%eax, %eax
	add	%rdi, %rax
	add	%rsi, %rax
	ret
END place_flags_dead

/* read(a, b, c), with the system call in the last bytes of a jump. */
FUNC place_read
	xor	%eax, %eax
	nop
	syscall
	ret
END place_read

FUNC place_ret_imm
	lea	(%rdi,%rsi), %rax
	ret	$0
END place_ret_imm

/* Recursive: a + (a - 1) + … + 1. */
FUNC place_sum
	push	%rbx
	mov	%rdi, %rbx
	xor	%eax, %eax
	test	%rdi, %rdi
	je	1f
	lea	-1(%rdi), %rdi
	call	place_sum
	add	%rbx, %rax
1:	pop	%rbx
	ret
END place_sum

/* Calls b(a), between other things. */
FUNC place_call_b
	sub	$8, %rsp
	nop
	call	*%rsi
	add	$8, %rsp
	ret
END place_call_b

/* Goes on in another function, which returns for both. */
FUNC place_tail
	nop
	nop
	jmp	place_jump
END place_tail

/* A breakpoint of the program's own, in the middle. */
FUNC place_own_trap
	lea	(%rdi,%rsi), %rax
.globl place_own_trap_at
place_own_trap_at:
	int3
	ret
END place_own_trap

/* An address in the middle of an instruction, and bytes that are none. */
FUNC place_bad
	movabs	$0x1122334455667788, %rax
	ret
END place_bad

FUNC place_ud
	ud2
	ret
END place_ud

/* rcx is set in the first five bytes; right behind them a loop begins. */
FUNC place_behind
	mov	$3, %ecx
.Lbehind:
	add	%rdi, %rsi
	dec	%ecx
	jne	.Lbehind
	mov	%rsi, %rax
	ret
END place_behind

/* An operand by rip in the second instruction of a jump. */
FUNC place_rip_second
	push	%rdi
	mov	place_value(%rip), %rax
	pop	%rdi
	add	%rdi, %rax
	ret
END place_rip_second

/* What a compiler splits off a function has its name and a suffix. */
FUNC place_split
	lea	1(%rdi), %rax
	ret
END place_split
	.p2align 4
	.globl	place_split.cold
	.type	place_split.cold, @function
place_split.cold:
	lea	2(%rdi), %rax
	ret
	.size	place_split.cold, . - place_split.cold

/* *a + b, or -1 if a cannot be read: the fault goes on at place_mend. */
FUNC place_fault
	mov	(%rdi), %rax
	lea	(%rax,%rsi), %rax
	ret
	nop
.globl place_mend
place_mend:
	mov	$-1, %rax
	ret
END place_fault
#ifdef TL_TEST_LINUX
	.section __ex_table, "a"
	.p2align 2
	.long	place_fault - ., place_mend - ., 1
#elif defined(NO_RED_ZONE)
	.section fixups, "a"
	.quad	place_fault, place_mend
#endif
	.text

/* Vector registers in and out: xmm0 = xmm0 + xmm1. */
FUNC place_xmm
	addsd	%xmm1, %xmm0
	nop
	ret
END place_xmm

/* ---- what cannot be probed ---- */

FUNC place_refused
.globl refused_int80, refused_icebp, refused_ud1, refused_iretq, refused_far
.globl refused_vmcall, refused_movss, accepted_nop, refused_emulated
refused_int80:
	int	$0x80
refused_icebp:
	.byte	0xf1
refused_ud1:
	ud1	%eax, %eax
refused_iretq:
	iretq
refused_far:
	ljmp	*(%rax)
refused_vmcall:
	vmcall
refused_movss:
	mov	%eax, %ss
accepted_nop:
	nop
	ret
	.p2align 4
refused_emulated:
	ud2
	.ascii	"xen"
	cpuid
	ret
END place_refused

	.section .rodata
	.globl	place_has_red_zone
place_has_red_zone:
#ifdef NO_RED_ZONE
	.byte	0
#else
	.byte	1
#endif

	.data
	.globl	place_value
	.p2align 3
place_value:
	.quad	123456789

	.section .note.GNU-stack, "", @progbits

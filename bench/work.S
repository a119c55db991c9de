/* SPDX-License-Identifier: MIT */
/*
 * work.S - the functions that the benchmarks probe
 *
 * long f(long a, long b): a little work, in one page for each, so that one
 * kind of probe cannot slow down another.
 */
	.text

.macro WORK name:req
	.p2align 12, 0xcc
	.globl	\name
	.type	\name, @function
\name:
.endm

.macro END name:req
	.size	\name, . - \name
.endm

.macro LEA_WORK name:req
WORK \name
	lea	(%rdi,%rsi), %rax
	add	%rdi, %rax
	ret
END \name
.endm

LEA_WORK work_bare
LEA_WORK work_count
LEA_WORK work_handler
LEA_WORK work_vectors
LEA_WORK work_pair
LEA_WORK work_pair_vectors
LEA_WORK work_jprobe
LEA_WORK work_jprobe_return
LEA_WORK work_jprobe_stack
LEA_WORK work_jprobe_vectors
LEA_WORK work_uprobe_lea
LEA_WORK work_uret_lea
LEA_WORK work_bpf_lea
LEA_WORK work_bpf_pair
LEA_WORK work_bpf_hist
LEA_WORK work_perf
LEA_WORK work_time
LEA_WORK work_event
LEA_WORK work_event_args

/* The flags come from before the function and are read in it. */
WORK work_count_flags
	lea	(%rdi,%rsi), %rax
	nopw	(%rax)
	ret
END work_count_flags

WORK work_uprobe_push
	push	%rbp
	lea	(%rdi,%rsi), %rax
	pop	%rbp
	ret
END work_uprobe_push

WORK work_uret_push
	push	%rbp
	lea	(%rdi,%rsi), %rax
	pop	%rbp
	ret
END work_uret_push

.macro NOP_WORK name:req
WORK \name
	.byte	0x0f, 0x1f, 0x44, 0x00, 0x00
	lea	(%rdi,%rsi), %rax
	ret
END \name
.endm

NOP_WORK work_uprobe_nop5
NOP_WORK work_uret_nop5
NOP_WORK work_bpf_nop5
NOP_WORK work_bpf_program
NOP_WORK work_bpf_pair_nop5
NOP_WORK work_uftrace
NOP_WORK work_gdb_count
NOP_WORK work_gdb_regs

/* A branch into the first bytes: a breakpoint. */
WORK work_breakpoint
	lea	(%rdi,%rsi), %rax
1:	test	%rsp, %rsp
	je	1b
	ret
END work_breakpoint

WORK work_int3
	int3
	lea	(%rdi,%rsi), %rax
	ret
END work_int3

	.p2align 12, 0xcc
	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT */
/*
 * probe_read.S - a copy that may fault
 *
 * size_t copy_or_fault(void *dst, const void *src, size_t len);
 *
 * If the string move faults, the entry in the fixup table sends it to label 2,
 * where RCX still counts the bytes that were not moved.
 */
	.section .noprobe.text, "ax"
	.globl	copy_or_fault
	.type	copy_or_fault, @function
copy_or_fault:
	movq	%rdx, %rcx
1:	rep movsb
2:	movq	%rcx, %rax
	ret
	.size	copy_or_fault, . - copy_or_fault

/* The same of a user's pages, where the CPU guards these against the kernel. */
	.globl	copy_user_or_fault
	.type	copy_user_or_fault, @function
copy_user_or_fault:
	testb	$1, cpu_has_smap
	jz	copy_or_fault
	movq	%rdx, %rcx
	stac
7:	rep movsb
8:	clac
	movq	%rcx, %rax
	ret
	.size	copy_user_or_fault, . - copy_user_or_fault

	.section fixups, "a"
	.quad	7b, 8b
	.quad	1b, 2b

	.section .note.GNU-stack, "", @progbits

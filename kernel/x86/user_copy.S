/* SPDX-License-Identifier: MIT */
/*
 * user_copy.S - the one place where the kernel touches a user's memory
 *
 * size_t user_copy(void *dst, const void *src, size_t len);
 *
 * Returns the bytes that were not copied, as copy_or_fault() does.  Where the CPU
 * guards user pages against the kernel, the guard is off in between: stac sets
 * the AC flag, which an interrupt saves and its end restores.
 */
	.text
	.globl	user_copy
	.type	user_copy, @function
user_copy:
	movq	%rdx, %rcx
	testb	$1, cpu_has_smap
	jnz	3f
1:	rep movsb
2:	movq	%rcx, %rax
	ret
3:	stac
4:	rep movsb
5:	clac
	movq	%rcx, %rax
	ret
	.size	user_copy, . - user_copy

	.section fixups, "a"
	.quad	1b, 2b
	.quad	4b, 5b

	.section .note.GNU-stack, "", @progbits

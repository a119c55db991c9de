/* SPDX-License-Identifier: MIT */
/*
 * user_copy.S - the one place where the kernel touches a user's memory
 *
 * size_t user_copy(void *dst, const void *src, size_t len);
 *
 * Returns the bytes that were not copied, as copy_or_fault() does.  The user's side,
 * whose addresses have bit 55 clear, is accessed as the user would: where the CPU
 * guards its pages against the kernel (PAN), that is what is let through.
 */
	.text
	.globl	user_copy
	.type	user_copy, %function
user_copy:
	cbz	x2, 4f
	tbnz	x0, #55, 2f
1:	ldrb	w3, [x1], #1
5:	sttrb	w3, [x0]
	add	x0, x0, #1
	subs	x2, x2, #1
	b.ne	1b
	b	4f
2:	ldtrb	w3, [x1]
6:	strb	w3, [x0], #1
	add	x1, x1, #1
	subs	x2, x2, #1
	b.ne	2b
4:	mov	x0, x2
	ret
	.size	user_copy, . - user_copy

	.section fixups, "a"
	.quad	1b, 4b
	.quad	5b, 4b
	.quad	2b, 4b
	.quad	6b, 4b

	.section .note.GNU-stack, "", %progbits

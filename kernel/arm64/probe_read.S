/* SPDX-License-Identifier: MIT */
/*
 * probe_read.S - a copy that may fault
 *
 * size_t copy_or_fault(void *dst, const void *src, size_t len);
 * size_t copy_user_or_fault(void *dst, const void *src, size_t len);
 *
 * The second reads as the user would: where the CPU guards the user's pages against
 * the kernel (PAN), the first is not let through.
 *
 * If a load or a store faults, the entry in the fixup table sends it to label 4, where
 * X2 still counts the bytes that were not copied.
 */
	.section .noprobe.text, "ax"
	.globl	copy_or_fault
	.type	copy_or_fault, %function
copy_or_fault:
	cbz	x2, 4f
	cmp	x2, #4			/* mostly an instruction */
	b.ne	1f
	orr	x3, x0, x1
	tst	x3, #3
	b.ne	1f
5:	ldr	w3, [x1]
6:	str	w3, [x0]
	mov	x0, #0
	ret
1:	ldrb	w3, [x1], #1
2:	strb	w3, [x0], #1
	subs	x2, x2, #1
	b.ne	1b
4:	mov	x0, x2
	ret
	.size	copy_or_fault, . - copy_or_fault

	.globl	copy_user_or_fault
	.type	copy_user_or_fault, %function
copy_user_or_fault:
	cbz	x2, 9f
7:	ldtrb	w3, [x1]
8:	strb	w3, [x0], #1
	add	x1, x1, #1
	subs	x2, x2, #1
	b.ne	7b
9:	mov	x0, x2
	ret
	.size	copy_user_or_fault, . - copy_user_or_fault

	.section fixups, "a"
	.quad	1b, 4b
	.quad	2b, 4b
	.quad	5b, 4b
	.quad	6b, 4b
	.quad	7b, 9b
	.quad	8b, 9b

	.section .note.GNU-stack, "", %progbits

/* SPDX-License-Identifier: MIT */
/*
 * last.S - where the list of the tests ends; linked last
 */
	.section tl_tests, "a"
	.p2align 3
	.globl	__stop_tl_tests
	.hidden	__stop_tl_tests
__stop_tl_tests:

	.section .note.GNU-stack, "", @progbits

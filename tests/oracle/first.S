/* SPDX-License-Identifier: MIT */
/*
 * first.S - where the list of the tests begins; linked first
 *
 * A program's linker sets these marks by itself, a module's does not.
 */
	.section tl_tests, "a"
	.p2align 3
	.globl	__start_tl_tests
	.hidden	__start_tl_tests
__start_tl_tests:

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: MIT */
/* wants_got.S - a module whose relocations want a table of addresses */
	.text
	.globl	init_module
	.type	init_module, %function
init_module:
	adrp	x0, :got:memcpy
	ldr	x0, [x0, :got_lo12:memcpy]
	ret
	.size	init_module, . - init_module
	.section .note.GNU-stack, "", %progbits

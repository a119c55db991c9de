/* SPDX-License-Identifier: MIT */
/* module_image.S - a module's file as data: module_image, module_image_end */
	.section .rodata
	.globl	module_image, module_image_end
module_image:
	.incbin	IMAGE
module_image_end:
	.section .note.GNU-stack, "", %progbits

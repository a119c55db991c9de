/* SPDX-License-Identifier: MIT */
/*
 * ap.S - from the start-up message to C, on every CPU but the first
 *
 * A CPU begins in real mode at AP_START, where arch_start_cpus() has copied what
 * lies between ap_start and ap_start_end.  It goes the same way as the first one
 * (boot.S), takes a number, and the stack that belongs to that.
 */
#include "layout.h"

#define PHYS(sym) ((sym) - KERNEL_BASE)
#define HERE(sym) ((sym) - ap_start + AP_START)

#define CR0_PE (1 << 0)
#define CR0_WP (1 << 16)
#define CR0_NW (1 << 29)
#define CR0_CD (1 << 30)
#define CR0_PG (1 << 31)
#define CR4_PAE (1 << 5)
#define MSR_EFER 0xc0000080
#define EFER_LME (1 << 8)
#define EFER_NXE (1 << 11)

	.section .rodata
	.balign	16
	.globl	ap_start, ap_start_end
	.code16
ap_start:
	cli
	cld
	xorw	%ax, %ax
	movw	%ax, %ds
	lgdtl	HERE(ap_gdt_pointer)
	movl	%cr0, %eax
	orl	$CR0_PE, %eax
	movl	%eax, %cr0
	ljmpl	$0x18, $HERE(ap_start32)

	.code32
ap_start32:
	movl	$SEL_KERNEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %ss
	movl	%cr4, %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$PHYS(boot_pml4), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$(EFER_LME | EFER_NXE), %eax
	wrmsr
	movl	%cr0, %eax
	andl	$~(CR0_CD | CR0_NW), %eax
	orl	$(CR0_PG | CR0_WP | CR0_PE), %eax
	movl	%eax, %cr0
	ljmp	$SEL_KERNEL_CODE, $HERE(ap_start64)

	.code64
ap_start64:
	movabsq	$ap_high, %rax
	jmp	*%rax

	.balign	8
ap_gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* SEL_KERNEL_CODE: 64 bit */
	.quad	0x00cf93000000ffff	/* SEL_KERNEL_DATA */
	.quad	0x00cf9b000000ffff	/* 32 bit code, on the way */
ap_gdt_pointer:
	.word	31
	.long	HERE(ap_gdt)
ap_start_end:

	.text
	.type	ap_high, @function
ap_high:
	movl	$SEL_KERNEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	movq	ap_root, %rax		/* the stacks are mapped there alone */
	movq	%rax, %cr3
	movl	$1, %edi
	lock xaddl %edi, ap_next
	cmpl	$KERN_MAX_CPUS_ASM, %edi
	jae	1f
	movq	ap_stack(, %rdi, 8), %rsp
	xorl	%ebp, %ebp
	pushq	%rbp			/* a frame that ends every backtrace */
	pushq	%rbp
	call	ap_main
1:	cli
	hlt
	jmp	1b
	.size	ap_high, . - ap_high

	.section .note.GNU-stack, "", @progbits

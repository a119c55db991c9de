/* SPDX-License-Identifier: MIT */
/*
 * boot.S - from the PVH entry to C
 *
 * The loader (QEMU's -kernel) finds the entry in an ELF note and comes here in
 * 32-bit protected mode, paging off, with EBX pointing to its start_info.  The
 * first page tables are constant: the first gigabyte, three times, everything
 * writable and executable.  mmu.c replaces them before anything else happens.
 *
 *     boot_pml4[0]    identity       this code, until it has jumped
 *     boot_pml4[273]  DIRECT_BASE
 *     boot_pml4[511]  KERNEL_BASE    by entry 510 of boot_pdpt_high
 */
#include "layout.h"

#define PHYS(sym) ((sym) - KERNEL_BASE)
#define PTE_TABLE 0x3	/* present, write */
#define PDE_LARGE 0x83	/* present, write, 2 MiB */

#define CR0_PE (1 << 0)
#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)
#define CR4_PAE (1 << 5)
#define MSR_EFER 0xc0000080
#define EFER_LME (1 << 8)
#define EFER_NXE (1 << 11)

	.section .note.pvh, "a", @note
	.balign	4
	.long	4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	PHYS(pvh_start)

	.section .boot.text, "ax"
	.code32
	.globl	pvh_start
	.type	pvh_start, @function
pvh_start:
	cli
	cld
	movl	$PHYS(boot_stack_top), %esp
	movl	%ebx, PHYS(boot_start_info)

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
	orl	$(CR0_PG | CR0_WP | CR0_PE), %eax
	movl	%eax, %cr0

	lgdt	PHYS(boot_gdt_pointer)
	ljmp	$SEL_KERNEL_CODE, $PHYS(long_start)
	.size	pvh_start, . - pvh_start

	.code64
	.type	long_start, @function
long_start:
	movabsq	$high_start, %rax
	jmp	*%rax
	.size	long_start, . - long_start

	.text
	.type	high_start, @function
high_start:
	movl	$SEL_KERNEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	movq	$boot_stack_top, %rsp
	xorl	%ebp, %ebp
	pushq	%rbp			/* a frame that ends every backtrace */
	pushq	%rbp
	call	kernel_main
	ud2
	.size	high_start, . - high_start

	.section .rodata
	.balign	8
boot_gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* SEL_KERNEL_CODE: 64 bit */
	.quad	0x00cf93000000ffff	/* SEL_KERNEL_DATA */
boot_gdt_end:
boot_gdt_pointer:
	.word	boot_gdt_end - boot_gdt - 1
	.long	PHYS(boot_gdt)

	.data
	.globl	boot_start_info
	.balign	8
boot_start_info:
	.quad	0

	.balign	4096
	.globl	boot_pml4
boot_pml4:
	.quad	PHYS(boot_pdpt) + PTE_TABLE
	.fill	272, 8, 0
	.quad	PHYS(boot_pdpt) + PTE_TABLE
	.fill	237, 8, 0
	.quad	PHYS(boot_pdpt_high) + PTE_TABLE
boot_pdpt:
	.quad	PHYS(boot_pd) + PTE_TABLE
	.fill	511, 8, 0
boot_pdpt_high:
	.fill	510, 8, 0
	.quad	PHYS(boot_pd) + PTE_TABLE
	.quad	0
boot_pd:
	.set	page, 0
	.rept	512
	.quad	(page << 21) + PDE_LARGE
	.set	page, page + 1
	.endr

	.bss
	.balign	4096
	.globl	boot_stack, boot_stack_top
boot_stack:
	.skip	BOOT_STACK_SIZE
boot_stack_top:

	.section .note.GNU-stack, "", @progbits

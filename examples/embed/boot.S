/* SPDX-License-Identifier: MIT */
/* boot.S - from the PVH entry to C, the page tables, and the vectors */

	.section .note.pvh, "a", @note
	.balign	4
	.long	4, 4, 18
	.asciz	"Xen"
	.long	start

	.section .boot, "ax"
	.code32
	.globl	start
start:
	cli
	movl	$stack_top, %esp
	movl	$pml4, %eax
	movl	%eax, %cr3
	movl	%cr4, %eax
	orl	$1 << 5, %eax			/* PAE */
	movl	%eax, %cr4
	movl	$0xc0000080, %ecx		/* EFER: long mode, no-execute */
	rdmsr
	orl	$(1 << 8 | 1 << 11), %eax
	wrmsr
	movl	%cr0, %eax
	orl	$(1 << 31 | 1 << 16 | 1), %eax	/* paging, write protection */
	movl	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$8, $start64

	.code64
start64:
	movl	$16, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movq	$stack_top, %rsp
	call	kernel_main
	ud2

/*
 * The vectors.  What a probed call or push writes lies below the interrupted
 * stack pointer, where the CPU has put its frame: so move that down by 128 bytes.
 */
	.macro	vector n, has_error
	.globl	vector_\n
vector_\n:
	.if	\has_error
	popq	saved_error(%rip)
	.endif
	subq	$128, %rsp
	.rept	5
	pushq	128 + 32(%rsp)
	.endr
	pushq	$-1				/* orig_ax */
	pushq	%rdi
	movl	$\n, %edi
	jmp	save
	.endm

	/* No probe may be on the way to the engine. */
	.section trapline_text, "ax"
	vector	3, 0
	vector	13, 1
	vector	14, 1

save:
	.irp	r, rsi, rdx, rcx, rax, r8, r9, r10, r11, rbx, rbp, r12, r13, r14, r15
	pushq	%\r
	.endr
	movl	%edi, %esi
	movq	%rsp, %rdi			/* struct pt_regs */
	movq	%rsp, %rbx
	andq	$-16, %rsp
	cld
	call	trap
	movq	%rbx, %rsp
	.irp	r, r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi
	popq	%\r
	.endr
	addq	$8, %rsp
	iretq

	.globl	copy_or_fault, copy_insn, copy_fixup
copy_or_fault:
	movq	%rdx, %rcx
copy_insn:
	rep movsb
copy_fixup:
	movq	%rcx, %rax
	ret

/* The first gigabyte, as kernel.lds divides it; the last entry is the alias. */
	.data
	.balign	4096
pml4:	.quad	pdpt + 3
	.fill	511, 8, 0
pdpt:	.quad	pd + 3
	.fill	511, 8, 0
	.set	NX, 1 << 63
pd:	.quad	0x000000 + 0x83 + NX		/* read, write */
	.quad	0x200000 + 0x81			/* text */
	.quad	0x400000 + 0x81			/* slots */
	.set	page, 0x600000
	.rept	508
	.quad	page + 0x83 + NX
	.set	page, page + 0x200000
	.endr
	.globl	alias_entry
alias_entry:
	.quad	0

gdt:	.quad	0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word	23
	.long	gdt
saved_error:
	.quad	0

	.bss
	.balign	16
	.skip	32768
stack_top:
	.section .note.GNU-stack, "", @progbits

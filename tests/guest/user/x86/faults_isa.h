/* SPDX-License-Identifier: MIT */
/* faults_isa.h - what a task must not do on x86-64; a part of faults.c */
#ifndef FAULTS_ISA_H
#define FAULTS_ISA_H

#define CODE_RET      0xc3
#define KERNEL_DIRECT 0xffff888000100000
#define NOWHERE	      0x0000800000000000

static void privileged(void)
{
	__asm__ volatile("hlt");
}

static void interrupts_off(void)
{
	__asm__ volatile("cli");
}

static void another_gate(void)
{
	__asm__ volatile("int $0x30");
}

static void no_gate(void)
{
	__asm__ volatile("int $0x50");
}

static void syscall_instruction(void)
{
	__asm__ volatile("syscall" : : "a"(SYS_GETPID) : "rcx", "r11");
}

static void swap_gs(void)
{
	__asm__ volatile("swapgs");
}

static void write_gs_base(void)
{
	__asm__ volatile("wrgsbase %0" : : "r"(KERNEL_TEXT));
}

static void model_register(void)
{
	__asm__ volatile("rdmsr" : : "c"(0xc0000101) : "eax", "edx");
}

static void port(void)
{
	__asm__ volatile("inb $0x80, %%al" : : : "eax");
}

static void page_tables(void)
{
	__asm__ volatile("movq %%cr3, %%rax" : : : "rax");
}

static void debug_register(void)
{
	__asm__ volatile("movq %%db7, %%rax" : : : "rax");
}

static void undefined(void)
{
	__asm__ volatile("ud2");
}

static void vector_register(void)
{
	__asm__ volatile("movd %eax, %xmm0");
}

static void floating_point(void)
{
	__asm__ volatile("fninit");
}

static void divide(void)
{
	__asm__ volatile("xorl %%ecx, %%ecx\n\tdivl %%ecx"
			 :
			 :
			 : "eax", "ecx", "edx");
}

static void breakpoint(void)
{
	__asm__ volatile("int3");
}

/* The two-byte form, whose last byte is no 0xcc. */
static void long_breakpoint(void)
{
	__asm__ volatile(".byte 0xcd, 0x03");
}

static void single_step(void)
{
	__asm__ volatile("pushfq\n\torq $0x100, (%rsp)\n\tpopfq\n\tnop");
}

static void bad_stack_for_a_handler(void)
{
	signal(SIGUSR1, (void (*)(int))read_null);
	__asm__ volatile("movl $16, %%esp\n\t"
			 "int $0x80\n\tud2"
			 :
			 : "a"(SYS_KILL), "D"(getpid()), "S"(SIGUSR1));
}

static void user_gs(void)
{
	/* What it loads there is its own affair, and the kernel's is safe. */
	__asm__ volatile("movw %w0, %%gs\n\tmovw %w0, %%fs" : : "r"(0x1b));
	getpid();
	*(volatile char *)0;
}

#define CASES                                                               \
	{ privileged, SIGSEGV }, { interrupts_off, SIGSEGV },               \
		{ another_gate, SIGSEGV }, { no_gate, SIGSEGV },            \
		{ undefined, SIGILL }, { vector_register, SIGILL },         \
		{ floating_point, SIGILL }, { divide, SIGFPE },             \
		{ breakpoint, SIGTRAP }, { long_breakpoint, SIGTRAP },      \
		{ single_step, SIGTRAP },                                   \
		{ bad_stack_for_a_handler, SIGSEGV }, { user_gs, SIGSEGV }, \
		{ syscall_instruction, SIGILL }, { swap_gs, SIGSEGV },      \
		{ write_gs_base, SIGILL }, { model_register, SIGSEGV },     \
		{ port, SIGSEGV }, { page_tables, SIGSEGV },                \
		{ debug_register, SIGSEGV },

#endif

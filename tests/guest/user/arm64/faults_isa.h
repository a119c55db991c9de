/* SPDX-License-Identifier: MIT */
/* faults_isa.h - what a task must not do on arm64; a part of faults.c */
#ifndef FAULTS_ISA_H
#define FAULTS_ISA_H

/* The emulator does not check that a stack pointer is aligned. */

#define CODE_RET      0xd65f03c0
#define KERNEL_DIRECT 0xffff000040100000
#define NOWHERE	      0x0001000000000000

static void interrupts_off(void)
{
	__asm__ volatile("msr daifset, #15");
}

static void another_level(void)
{
	__asm__ volatile("hvc #0");
}

static void page_tables(void)
{
	__asm__ volatile("mrs x0, ttbr1_el1" : : : "x0");
}

static void debug_register(void)
{
	__asm__ volatile("msr mdscr_el1, %0" : : "r"(0ul));
}

static void thread_register(void)
{
	__asm__ volatile("mrs x0, tpidr_el1" : : : "x0");
}

static void exception_return(void)
{
	__asm__ volatile("eret");
}

static void undefined(void)
{
	__asm__ volatile("udf #0");
}

static void vector_register(void)
{
	__asm__ volatile("fmov d0, #1.0");
}

static void breakpoint(void)
{
	__asm__ volatile("brk #1");
}

static void halt_instruction(void)
{
	__asm__ volatile("hlt #1");
}

static void misaligned_program_counter(void)
{
	__asm__ volatile("br %0" : : "r"((uintptr_t)read_null + 2));
}

static void bad_stack_for_a_handler(void)
{
	signal(SIGUSR1, (void (*)(int))read_null);
	__asm__ volatile("mov x8, %0\n\tmov x0, %1\n\tmov x1, %2\n\t"
			 "mov x2, #16\n\tmov sp, x2\n\t"
			 "svc #0\n\tudf #0"
			 :
			 : "r"((long)SYS_KILL), "r"((long)getpid()),
			   "r"((long)SIGUSR1)
			 : "x0", "x1", "x2", "x8");
}

/* A tagged pointer is none here. */
static void tag(void)
{
	*(volatile char *)((uintptr_t)&variable | 1ul << 56);
}

#define CASES                                                              \
	{ interrupts_off, SIGILL }, { another_level, SIGILL },             \
		{ page_tables, SIGILL }, { debug_register, SIGILL },       \
		{ thread_register, SIGILL }, { exception_return, SIGILL }, \
		{ undefined, SIGILL }, { vector_register, SIGILL },        \
		{ breakpoint, SIGTRAP }, { halt_instruction, SIGILL },     \
		{ misaligned_program_counter, SIGBUS },                    \
                                                                           \
		{ bad_stack_for_a_handler, SIGSEGV }, { tag, SIGSEGV },

#endif

/* SPDX-License-Identifier: MIT */
/* tl_isa.h - what tests call the registers of arm64 in struct pt_regs */
#ifndef TL_TEST_ISA_H
#define TL_TEST_ISA_H

#include <stdbool.h>
#include <stdint.h>

#define REG_IP	   pc
#define REG_RESULT regs[0]
#define REG_ARG0   regs[0]
#define REG_ARG1   regs[1]
#define REG_ARG2   regs[2]

/* What a pre handler finds in REG_IP, and a breakpoint's trap, less the address. */
#define IP_AT_HIT 0

/* Is there a breakpoint, a jump at @code? */
static inline bool is_breakpoint_at(const void *code)
{
	return (*(const volatile uint32_t *)code & 0xffe0001f) == 0xd4200000;
}

static inline bool is_jump_at(const void *code)
{
	return (*(const volatile uint32_t *)code & 0xfc000000) == 0x14000000;
}

/* Linux has optimized probes. */
#define LINUX_HAS_JUMPS false

/* Where a function returns to, at whose entry @regs are. */
#define RETURN_ADDRESS(r) ((r)->regs[30])

/* The stack pointer. */
#define READ_SP(to) __asm__ volatile("mov %0, sp" : "=r"(to))

/* Are interrupts on?  For kernels. */
static inline bool interrupts_are_on(void)
{
	unsigned long daif;

	__asm__ volatile("mrs %0, daif" : "=r"(daif));
	return !(daif >> 7 & 1);
}

/* The instruction pointer in a ucontext_t. */
#define UC_IP(uc) ((uc)->uc_mcontext.pc)

/* Let @regs, at a function's entry, be behind its return. */
#define LEAVE_FUNCTION(r) ((r)->pc = (r)->regs[30])

/* *@here: an address just behind what came before. */
#define SAY_HERE(here) __asm__ volatile("adr %0, ." : "=r"(*(here)))

/* What a return takes from the stack. */
#define RETURN_POPS 0

/* Where a function, at whose entry @regs are, keeps its return address. */
#define RETURN_SLOT(regs) ((unsigned long *)(uintptr_t)((regs)->sp - 8))

/* A jump covers more than one instruction. */
#define JUMP_COVERS_TWO false

/* A watch is hit when the access has been made. */
#define ACCESS_IS_DONE false

/* *@p + 1, as one access; here by a load-exclusive and a store-exclusive. */
static inline void increment(uint64_t *p)
{
	uint64_t value;
	uint32_t failed;

	__asm__ volatile("1:	ldxr %0, [%2]\n"
			 "	add %0, %0, #1\n"
			 "	stxr %w1, %0, [%2]\n"
			 "	cbnz %w1, 1b"
			 : "=&r"(value), "=&r"(failed)
			 : "r"(p)
			 : "memory");
}

/* Some of Linux's rules are of this processor. */
#define ON_ARM64 true

/*
 * Six integers fill the registers, the seventh is on the stack, and so is a structure,
 * whatever its size.  (Else eight, and what is large is handed over by its address.)
 */
#define STACK_HAS_ARGUMENTS false

/* Are calls followed by exits wherever these are certain, or only where they must be? */
#define EXITS_ARE_PREFERRED false

/* So many times shorter are loops that stop other threads: an emulator runs them. */
#define EMULATED 100u

#endif

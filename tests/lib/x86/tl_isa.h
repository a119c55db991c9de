/* SPDX-License-Identifier: MIT */
/* tl_isa.h - what tests call the registers of x86-64 in struct pt_regs */
#ifndef TL_TEST_ISA_H
#define TL_TEST_ISA_H

#include <stdbool.h>
#include <stdint.h>

#define REG_IP	   ip
#define REG_RESULT ax
#define REG_ARG0   di
#define REG_ARG1   si
#define REG_ARG2   dx

/* What a pre handler finds in REG_IP, and a breakpoint's trap, less the address. */
#define IP_AT_HIT 1

/* Is there a breakpoint, a jump at @code? */
static inline bool is_breakpoint_at(const void *code)
{
	return *(const volatile uint8_t *)code == 0xcc;
}

static inline bool is_jump_at(const void *code)
{
	return *(const volatile uint8_t *)code == 0xe9;
}

/* Linux has optimized probes. */
#define LINUX_HAS_JUMPS true

/* Where a function returns to, at whose entry @regs are. */
#define RETURN_ADDRESS(regs) (*(unsigned long *)(uintptr_t)(regs)->sp)

/* The stack pointer. */
#define READ_SP(sp) __asm__ volatile("mov %%rsp, %0" : "=r"(sp))

/* Are interrupts on?  For kernels. */
static inline bool interrupts_are_on(void)
{
	unsigned long flags;

	__asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags));
	return flags >> 9 & 1;
}

/* The instruction pointer in a ucontext_t. */
#define UC_IP(uc) ((uc)->uc_mcontext.gregs[REG_RIP])

/* Let @regs, at a function's entry, be behind its return. */
#define LEAVE_FUNCTION(regs)                                          \
	do {                                                          \
		(regs)->ip = *(unsigned long *)(uintptr_t)(regs)->sp; \
		(regs)->sp += 8;                                      \
	} while (0)

/* *@here: an address just behind what came before. */
#define SAY_HERE(here) __asm__ volatile("lea 0(%%rip), %0" : "=r"(*(here)))

/* What a return takes from the stack. */
#define RETURN_POPS 8

/* Where a function, at whose entry @regs are, keeps its return address. */
#define RETURN_SLOT(regs) ((unsigned long *)(uintptr_t)(regs)->sp)

/* A jump covers more than one instruction. */
#define JUMP_COVERS_TWO true

/* A watch is hit when the access has been made. */
#define ACCESS_IS_DONE true

/* *@p + 1, as one access. */
static inline void increment(uint64_t *p)
{
	__asm__ volatile("lock incq %0" : "+m"(*p));
}

/* Some of Linux's rules are of this processor. */
#define ON_ARM64 false

/*
 * Six integers fill the registers, the seventh is on the stack, and so is a structure,
 * whatever its size.  (Else eight, and what is large is handed over by its address.)
 */
#define STACK_HAS_ARGUMENTS true

/* Are calls followed by exits wherever these are certain, or only where they must be? */
#define EXITS_ARE_PREFERRED true

/* So many times shorter are loops that stop other threads: an emulator runs them. */
#define EMULATED 1u

#endif

/* SPDX-License-Identifier: MIT */
/* tl_isa.h - what tests call the registers of x86-64 in struct pt_regs */
#ifndef TL_TEST_ISA_H
#define TL_TEST_ISA_H

#define REG_IP	   ip
#define REG_RESULT ax
#define REG_ARG0   di
#define REG_ARG1   si
#define REG_ARG2   dx

/* What a pre handler finds in REG_IP, and a breakpoint's trap, less the address. */
#define IP_AT_HIT 1

/* Let @regs, at a function's entry, be behind its return. */
#define LEAVE_FUNCTION(regs)                                          \
	do {                                                          \
		(regs)->ip = *(unsigned long *)(uintptr_t)(regs)->sp; \
		(regs)->sp += 8;                                      \
	} while (0)

#endif

/* SPDX-License-Identifier: MIT */
/* tl_isa.h - what tests call the registers of arm64 in struct pt_regs */
#ifndef TL_TEST_ISA_H
#define TL_TEST_ISA_H

#define REG_IP	   pc
#define REG_RESULT regs[0]
#define REG_ARG0   regs[0]
#define REG_ARG1   regs[1]
#define REG_ARG2   regs[2]

/* What a pre handler finds in REG_IP, and a breakpoint's trap, less the address. */
#define IP_AT_HIT 0

/* Let @regs, at a function's entry, be behind its return. */
#define LEAVE_FUNCTION(r) ((r)->pc = (r)->regs[30])

#endif

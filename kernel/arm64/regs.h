/* SPDX-License-Identifier: MIT */
/*
 * regs.h - what the vectors save: all registers, in the order Linux uses
 *
 * orig_x0 of a user task's says whether it is to be stepped, and who wants it.
 */
#ifndef KERN_ARM64_REGS_H
#define KERN_ARM64_REGS_H

#include <stdint.h>

struct pt_regs {
	uint64_t regs[31];
	uint64_t sp;
	uint64_t pc;
	uint64_t pstate;
	uint64_t orig_x0;
	uint64_t syscallno;
};

#define USER_STEP      1ul /* its debugger */
#define USER_STEP_OVER 2ul /* what watches over a breakpoint */

#define PSTATE_MODE 0xful /* 0: EL0, 5: EL1 on its own stack */
#define PSTATE_F    (1ul << 6)
#define PSTATE_I    (1ul << 7)
#define PSTATE_A    (1ul << 8)
#define PSTATE_D    (1ul << 9)
#define PSTATE_IL   (1ul << 20)
#define PSTATE_SS   (1ul << 21)
#define PSTATE_NZCV (15ul << 28)

#endif

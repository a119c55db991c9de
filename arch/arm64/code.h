/* SPDX-License-Identifier: MIT */
/*
 * code.h - between the files of arch/arm64
 */
#ifndef TL_ARM64_CODE_H
#define TL_ARM64_CODE_H

/*
 * struct pt_regs, for assembly; checked in trap.c.  The frame that call.S and
 * retprobe.S build on the stack is one of these.
 */
#define R_X30	  240
#define R_SP	  248
#define R_PC	  256
#define R_PSTATE  264
#define R_ORIG_X0 272
#define R_SIZE	  288

/* What a slot hands to tl_arm64_call_post; drawn in slot.c. */
#define DATA_POINT 8
#define DATA_IP	   16

#ifndef __ASSEMBLER__

#include <arch.h>

#include "insn/insn.h"

/* The number in our breakpoints: it is for people, the engine looks at none. */
#define TL_BRK_NUMBER 0x544c

/* The probed instruction of @plan. */
static inline uint32_t tl_plan_insn(const struct tl_plan *plan)
{
	return (uint32_t)plan->orig[0] | (uint32_t)plan->orig[1] << 8 |
	       (uint32_t)plan->orig[2] << 16 | (uint32_t)plan->orig[3] << 24;
}

/* Store @word at @out, the lowest byte first, as all instructions are. */
static inline void tl_put_word(uint8_t *out, uint32_t word)
{
	for (unsigned int i = 0; i < 4; i++)
		out[i] = (uint8_t)(word >> 8 * i);
}

/* call.S: from slots to the post handlers and back. */
extern const char tl_arm64_call_post[];

#endif
#endif

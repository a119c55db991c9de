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

/* What the call of a handler finds; drawn in code.c. */
#define DATA_POINT 0
#define DATA_IP	   8
#define DATA_GATE  16

/* What the caller does after the call: ldr, ldp. */
#define CALLER_TAIL 8

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

/* Code being written, to run at @at. */
struct tl_out {
	uint8_t *buf;
	uint32_t len;
	uintptr_t at;
};

/* Append a word, or two.  There is room: see the sizes in isa.h. */
void tl_put(struct tl_out *o, uint32_t word);
void tl_put64(struct tl_out *o, uint64_t value);

/*
 * Make the instruction at offset @at (an ldr literal, an adr or a cbz, whose
 * own offset is 0) refer to what is appended next.
 */
void tl_put_here(struct tl_out *o, uint32_t at);

/*
 * Append the copy of the instruction of @plan, with @post to be followed by
 * the call of post handlers.  0 and an entry in the map of @code; -TL_ERANGE;
 * -TL_EOPNOTSUPP: it may not come to its end.
 */
int tl_put_copy(struct tl_out *o, const struct tl_plan *plan, uintptr_t addr,
		bool post, struct tl_code *code);

/* Append a branch to @target: 0 or -TL_ERANGE. */
int tl_put_branch(struct tl_out *o, uintptr_t target);

/*
 * Append a call of the routine in call.S for pre or @post handlers; its data is
 * appended by tl_put_call_data() at the end of the code.  @ip: what handlers see.
 * Returns what tl_put_call_data() wants to know.
 */
uint32_t tl_put_call(struct tl_out *o, bool post);
void tl_put_call_data(struct tl_out *o, uint32_t call, bool post,
		      const struct tl_emit *emit, uintptr_t ip);

/* call.S: from detours and slots to the handlers and back. */
extern const char tl_arm64_call_pre[];
extern const char tl_arm64_call_post[];
extern const char tl_arm64_call_pre_plain[];
extern const char tl_arm64_call_post_plain[];
/* A byte that is not zero, for hosts without a gate. */
extern const char tl_arm64_gate_open[];

/* cpu.c: which vector registers are kept (vectors.S); 0: none. */
extern unsigned int tl_arm64_vectors;

/* Find that out, before there is the first probe. */
void tl_arm64_look_at_cpu(void);

/*
 * Is @insn one that might be simulated, and undefined on this CPU: a branch that
 * authenticates without FEAT_PAuth, bc.cond without FEAT_HBC?
 */
bool tl_arm64_lacks(enum a64_plan kind, uint32_t insn);

#endif
#endif

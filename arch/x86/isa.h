/* SPDX-License-Identifier: MIT */
/*
 * isa.h - x86-64: what the engine must know of it (sizes and the plan)
 */
#ifndef TL_ISA_H
#define TL_ISA_H

#include <stdbool.h>
#include <stdint.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#define TL_BREAKPOINT_BYTES 1

/* A copy (48), calls of handlers (27 and 36 each), a jump back (14). */
#define TL_SLOT_BYTES	192
#define TL_DETOUR_BYTES 384

/* jmp rel32, with room for the detour itself and operands near the probe. */
#define TL_JUMP_REACH 0x7ff00000L

#define TL_JUMP_BYTES	5
#define TL_ORIG_BYTES	20 /* 4 bytes of other instructions and one of 15 */
#define TL_WINDOW_INSNS 5

/* A short jump to an island, which is a jump to the detour. */
#define TL_SHORT_BYTES	2
#define TL_ISLAND_BYTES 5
#define TL_PADS		6

/* Debug registers, and control registers for them: arch.h. */
#define TL_BP_MAX      4
#define TL_BP_CONTROLS 1

struct tl_plan {
	/*
	 * The original bytes: all that the jump displaces, or the one
	 * instruction where no jump is possible.
	 */
	uint8_t orig[TL_ORIG_BYTES];
	uint8_t orig_len;
	uint8_t insn_len;   /* of the first instruction */
	uint8_t window_len; /* orig_len, or 0: no jump is possible */
	enum tl_why why;
	bool island; /* the window is too short: the jump needs an island */

	/* The architecture's own. */
	uint8_t n_insns;  /* instructions in the window; 1 without one */
	uint8_t copy_len; /* their bytes: the code goes on behind them */
	uint8_t off[TL_WINDOW_INSNS]; /* where each begins in orig */
	uint8_t kind;		      /* of the first: enum x86_kind */
	bool flags_dead;   /* the window sets all status flags unread */
	bool no_copy;	   /* no code can stand for it: always simulated */
	bool can_simulate; /* tl_arch_simulate() knows it */
	uint8_t n_pads;	   /* with island: runs of padding, from addr + at */
	struct {
		int16_t at;
		uint8_t len;
	} pad[TL_PADS];
};

/* ---- the registers of a trap, as arch.h has them --------------------------- */

static inline uintptr_t tl_arch_breakpoint_addr(const struct pt_regs *regs)
{
	return regs->ip - 1;
}

static inline void tl_arch_set_handler_ip(struct pt_regs *regs, uintptr_t addr)
{
	regs->ip = addr + 1;
}

static inline void tl_arch_set_ip(struct pt_regs *regs, uintptr_t ip)
{
	regs->ip = ip;
}

static inline uintptr_t tl_arch_ip(const struct pt_regs *regs)
{
	return regs->ip;
}

static inline uintptr_t tl_arch_sp(const struct pt_regs *regs)
{
	return regs->sp;
}

static inline void tl_arch_set_sp(struct pt_regs *regs, uintptr_t sp)
{
	regs->sp = sp;
}

static inline unsigned long *tl_arch_return_slot(struct pt_regs *regs)
{
	return (unsigned long *)regs->sp;
}

#endif

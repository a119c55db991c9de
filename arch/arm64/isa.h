/* SPDX-License-Identifier: MIT */
/*
 * isa.h - arm64: what the engine must know of it (sizes and the plan)
 */
#ifndef TL_ISA_H
#define TL_ISA_H

#include <stdbool.h>
#include <stdint.h>

#include <trapline/kprobes.h>
#include <trapline/regs.h>

#define TL_BREAKPOINT_BYTES 4

/* What they are made of is drawn in slot.c and detour.c. */
#define TL_SLOT_BYTES	168
#define TL_DETOUR_BYTES 344

/* b: 128 MiB, with room for the slot itself. */
#define TL_JUMP_REACH 0x7ff0000L

#define TL_ORIG_BYTES 4

#define TL_ISLAND_BYTES 4 /* there are none: every window is long enough */

/* Debug registers, and control registers for them: arch.h. */
#define TL_BP_MAX      32
#define TL_BP_CONTROLS 32

struct tl_plan {
	uint8_t orig[TL_ORIG_BYTES]; /* the instruction */
	uint8_t orig_len;
	uint8_t insn_len;
	uint8_t window_len; /* 4, or 0: no jump is possible */
	enum tl_why why;
	bool island; /* never */

	/* The architecture's own. */
	uint8_t kind; /* enum a64_plan */
	bool no_copy; /* no code can stand for it: always simulated */
};

/* ---- the registers of a trap, as arch.h has them --------------------------- */

static inline uintptr_t tl_arch_breakpoint_addr(const struct pt_regs *regs)
{
	return regs->pc;
}

static inline void tl_arch_set_handler_ip(struct pt_regs *regs, uintptr_t addr)
{
	regs->pc = addr;
}

/*
 * Going there is no branch of the program's: PSTATE.BTYPE, with which a trap at
 * a landing pad was entered, must ask for none elsewhere.
 */
static inline void tl_arch_set_ip(struct pt_regs *regs, uintptr_t ip)
{
	regs->pc = ip;
	regs->pstate &= ~0xc00ul;
}

static inline uintptr_t tl_arch_ip(const struct pt_regs *regs)
{
	return regs->pc;
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
	return (unsigned long *)&regs->regs[30];
}

#endif

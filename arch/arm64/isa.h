/* SPDX-License-Identifier: MIT */
/*
 * isa.h - arm64: what the engine must know of it (sizes and the plan)
 */
#ifndef TL_ISA_H
#define TL_ISA_H

#include <stdbool.h>
#include <stdint.h>

#include <trapline/kprobes.h>

#define TL_BREAKPOINT_BYTES 4

/* A copy (28), the call of the post handlers (32 and 28), a branch back (4). */
#define TL_SLOT_BYTES	96
#define TL_DETOUR_BYTES 96

/* b: 128 MiB, with room for the slot itself. */
#define TL_JUMP_REACH 0x7ff0000L

#define TL_ORIG_BYTES 4

struct tl_plan {
	uint8_t orig[TL_ORIG_BYTES]; /* the instruction */
	uint8_t orig_len;
	uint8_t insn_len;
	uint8_t window_len; /* 0: probes are reached by their breakpoint */
	enum tl_why why;

	/* The architecture's own. */
	uint8_t kind; /* enum a64_plan */
};

#endif

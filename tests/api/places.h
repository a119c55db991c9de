/* SPDX-License-Identifier: MIT */
/*
 * places.h - the functions of places.S
 */
#ifndef PLACES_H
#define PLACES_H

#include <stdbool.h>

#include <trapline/kprobes.h>

#include "tl_isa.h"
#include "tl_test.h"

/* Rows of docs/linux.md that more than one file of tests names. */
#define ROW_BOOST    "a jump only over boostable instructions"
#define ROW_FAILED   "after a failed registration"
#define ROW_DISABLED "`unregister_kprobe()` leaves `DISABLED` set"
#define ROW_SYMBOL   "a structure that was registered by its symbol"
#define ROW_FLAG     "`OPTIMIZED` is not set"
#define ROW_RUNNING  "`kprobe_running()` and `get_kprobe()`"
#define ROW_TEXT     "`register_kprobe()` and its like"
#define ROW_INT	     "`int3`, `int n`, `int1` and `ud`"
#define ROW_LOOP     "`loop`, `loope`, `loopne`"
#define ROW_RET	     "`ret n`"
#define ROW_MEMORY   "`call`, `jmp` through memory"

typedef long place_fn(long a, long b, long c);

place_fn place_jump, place_break, place_one, place_after_one, place_padded,
	place_pad, place_rip, place_call_first, place_callee, place_call_ind,
	place_jcc, place_jmp, place_loop, place_flags, place_flags_dead,
	place_read, place_sum, place_call_b, place_tail, place_own_trap,
	place_bad, place_ud, place_behind, place_rip_second, place_split,
	place_fault;

extern const char place_call_ind_at[], place_loop_at[], place_loop_body[],
	place_flags_at[], place_own_trap_at[], place_mend[];
extern const char place_split_cold[] __asm__("place_split.cold");
extern long place_value;

/* Is memory below the stack pointer a function's own?  Not in a kernel. */
extern const bool place_has_red_zone;

double place_xmm(double a, double b);

/* @bytes behind the beginning of @fn, whatever a kprobe_opcode_t is. */
static inline kprobe_opcode_t *place_plus(place_fn *fn, unsigned long bytes)
{
	return (kprobe_opcode_t *)((uintptr_t)fn + bytes);
}

/* What would be a jump is none, where Linux has none. */
#define ROW_NO_JUMPS "arm64: no optimized probes"
#define JUMP(yes)                                                         \
	((yes) && !LINUX_HAS_JUMPS ? TL_EITHER(ROW_NO_JUMPS, true, false) \
				   : (yes))

/* Is @p a jump, now that nothing is pending? */
static inline bool is_jump(const struct kprobe *p)
{
	wait_for_kprobe_optimizer();
	return trapline_kprobe_why(p) == TL_WHY_NONE;
}

/* @p is a jump, if @why is NONE, or is none for this reason (Linux has no words). */
#define CHECK_WHY(p, why)                                         \
	do {                                                      \
		CHECK_EQ(is_jump(p), JUMP((why) == TL_WHY_NONE)); \
		if (!TL_ON_LINUX)                                 \
			CHECK_EQ(trapline_kprobe_why(p), (why));  \
	} while (0)

/* What handlers of probes are compiled with: they may not touch vectors. */
#define HANDLER __attribute__((target("general-regs-only"))) static

#include "places_isa.h"

#endif

/* SPDX-License-Identifier: MIT */
/*
 * places.h - the functions of places.S
 */
#ifndef PLACES_H
#define PLACES_H

#include <stdbool.h>

typedef long place_fn(long a, long b, long c);

place_fn place_jump, place_break, place_one, place_after_one, place_padded,
	place_endbr, place_rip, place_call_first, place_callee, place_call_ind,
	place_jrcxz, place_jcc, place_jmp, place_loop, place_red_zone,
	place_flags_dead, place_read, place_ret_imm, place_sum, place_call_b,
	place_tail, place_own_int3, place_bad, place_ud;

extern const char place_call_ind_at[], place_loop_at[], place_loop_body[],
	place_red_zone_at[], place_own_int3_at[];
extern long place_value;

/* Is memory below the stack pointer a function's own?  Not in a kernel. */
extern const bool place_has_red_zone;

double place_xmm(double a, double b);

/* What handlers of probes are compiled with: they may not touch vectors. */
#define HANDLER __attribute__((target("general-regs-only"))) static

#endif

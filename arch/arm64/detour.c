/* SPDX-License-Identifier: MIT */
/*
 * detour.c - there are none on arm64 yet
 *
 * tl_arch_plan() gives every instruction a window of 0 bytes, so nobody asks;
 * every probe is reached by its breakpoint.
 */

#include "code.h"

int tl_arch_emit_detour(const struct tl_plan *plan, const struct tl_emit *emit,
			uint8_t *out, struct tl_code *code)
{
	(void)plan;
	(void)emit;
	(void)out;
	(void)code;
	return -TL_EOPNOTSUPP;
}

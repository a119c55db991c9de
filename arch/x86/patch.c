/* SPDX-License-Identifier: MIT */
/*
 * patch.c - the bytes that are written over program text
 *
 *      cc                      breakpoint      1
 *      e9 <rel32>              jump            5
 *      eb <rel8>               jump to an      2
 *      e9 <rel32>              island          5, in padding
 *
 * A window may be longer than its jump.  What is left behind the jump stays as
 * it was: nobody arrives there, and a thread that stood there finds its code.
 */
#include "code.h"

void tl_arch_edit_breakpoint(const struct tl_plan *plan, uintptr_t addr,
			     struct tl_edit *edit)
{
	(void)plan;
	edit->addr = addr;
	edit->len = 1;
	edit->bytes[0] = 0xcc;
}

int tl_arch_edit_island(uintptr_t at, uintptr_t target, struct tl_edit *edit)
{
	edit->addr = at;
	edit->len = TL_JUMP_BYTES;
	return x86_write_jmp(edit->bytes, at, target) ? -TL_ERANGE : 0;
}

static int edit_short(const struct tl_plan *plan, uintptr_t addr,
		      uintptr_t target, struct tl_edit *edit)
{
	int64_t rel = (int64_t)(target - (addr + TL_SHORT_BYTES));

	if (rel != (int8_t)rel || plan->window_len < TL_SHORT_BYTES)
		return -TL_ERANGE;
	edit->addr = addr;
	edit->len = TL_SHORT_BYTES;
	edit->bytes[0] = 0xeb;
	edit->bytes[1] = (uint8_t)rel;
	return 0;
}

int tl_arch_edit_jump(const struct tl_plan *plan, uintptr_t addr,
		      uintptr_t target, struct tl_edit *edit)
{
	if (plan->island)
		return edit_short(plan, addr, target, edit);
	if (plan->window_len < TL_JUMP_BYTES)
		return -TL_ERANGE;
	return tl_arch_edit_island(addr, target, edit);
}

uintptr_t tl_arch_jump_target(uintptr_t at, const uint8_t *code)
{
	int32_t rel;

	if (code[0] != 0xe9)
		return 0;
	__builtin_memcpy(&rel, code + 1, sizeof(rel));
	return at + TL_JUMP_BYTES + (uintptr_t)(intptr_t)rel;
}

bool tl_arch_exchangeable(const struct tl_plan *plan)
{
	(void)plan;
	return false;
}

bool tl_arch_is_breakpoint(const uint8_t *code)
{
	return code[0] == 0xcc;
}

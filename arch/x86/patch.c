/* SPDX-License-Identifier: MIT */
/*
 * patch.c - the bytes that are written over program text
 *
 *      cc                      breakpoint      1
 *      e9 <rel32>              jump            5
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

int tl_arch_edit_jump(const struct tl_plan *plan, uintptr_t addr,
		      uintptr_t target, struct tl_edit *edit)
{
	if (plan->window_len < TL_JUMP_BYTES)
		return -TL_ERANGE;
	edit->addr = addr;
	edit->len = TL_JUMP_BYTES;
	return x86_write_jmp(edit->bytes, addr, target) ? -TL_ERANGE : 0;
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

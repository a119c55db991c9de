/* SPDX-License-Identifier: MIT */
/*
 * slot.c - the copy of one instruction, behind a breakpoint
 *
 *     copy of the instruction                         at most 28
 *     call of the post handlers, if there are any     36
 *     b  probe + 4                                    4
 *     data of the call                                32
 */

#include "code.h"

int tl_arch_emit_slot(const struct tl_plan *plan, const struct tl_emit *emit,
		      uint8_t *out, struct tl_code *code)
{
	struct tl_out o = { out, 0, emit->at };
	bool post = emit->what & TL_EMIT_POST;
	uintptr_t next = emit->addr + 4;
	uint32_t call = 0;
	int err;

	err = tl_put_copy(&o, plan, emit->addr, post, code);
	if (err)
		return err;
	if (post)
		call = tl_put_call(&o);
	err = tl_put_branch(&o, next);
	if (err)
		return err;
	if (post)
		tl_put_call_data(&o, call, tl_arm64_call_post, emit, next);
	code->len = o.len;
	return 0;
}

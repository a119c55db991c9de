/* SPDX-License-Identifier: MIT */
/*
 * slot.c - the copy of one instruction, behind a breakpoint
 *
 *     call of the pre handlers, if asked for          32
 *     copy of the instruction                         at most 28
 *     call of the post handlers, if there are any     32
 *     b  probe + 4                                    4
 *     data of the calls                               at most 32 each
 */

#include "code.h"

/* What a step, or the breakpoint behind it, ends; nothing is moved. */
static int put_stepped(const struct tl_plan *plan, const struct tl_emit *emit,
		       struct tl_out *o, struct tl_code *code)
{
	code->n = 1;
	code->from[0] = 0;
	code->to[0] = 0;
	tl_put(o, tl_plan_insn(plan));
	if (emit->what & TL_EMIT_BREAK)
		tl_put(o, A64_BRK(TL_BRK_NUMBER));
	code->len = o->len;
	return 0;
}

int tl_arch_emit_slot(const struct tl_plan *plan, const struct tl_emit *emit,
		      uint8_t *out, struct tl_code *code)
{
	struct tl_out o = { out, 0, emit->at };
	bool pre = emit->what & TL_EMIT_PRE, post = emit->what & TL_EMIT_POST;
	uintptr_t next = emit->addr + 4;
	uint32_t pre_call = 0, post_call = 0;
	int err;

	if (emit->what & (TL_EMIT_ONE | TL_EMIT_BREAK))
		return put_stepped(plan, emit, &o, code);
	if (pre)
		pre_call = tl_put_call(&o, false);
	err = tl_put_copy(&o, plan, emit->addr, post, code);
	if (err)
		return err;
	if (post)
		post_call = tl_put_call(&o, true);
	err = tl_put_branch(&o, next);
	if (err)
		return err;
	if (pre)
		tl_put_call_data(&o, pre_call, false, emit, emit->addr);
	if (post)
		tl_put_call_data(&o, post_call, true, emit, next);
	code->len = o.len;
	return 0;
}

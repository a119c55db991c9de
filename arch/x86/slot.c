/* SPDX-License-Identifier: MIT */
/*
 * slot.c - the copy of one instruction, behind a breakpoint
 *
 *      call of the pre handlers, if asked for          27
 *      copy of the instruction                         at most 48
 *      call of the post handlers, if there are any     27
 *      jump back                                       5, or 14 if far
 *      data of the calls                               36 each
 *
 * The copy is what x86_relocate() makes of the instruction: it has exactly its
 * effect, so nothing has to be fixed up afterwards, and no trap is needed to
 * come back.  A branch leaves the copy before post handlers could be called;
 * where there are some it is simulated in the trap instead.
 */
#include "code.h"

/* retprobe.S reads it by its offset. */
_Static_assert(offsetof(struct tl_host_ops, red_zone) == 40,
	       "OPS_RED_ZONE in retprobe.S");

static bool falls_through(const struct x86_insn *in)
{
	switch (in->kind) {
	case X86_NORMAL:
	case X86_SYSCALL:
	case X86_INT:
	case X86_HLT:
		return !(in->attrs & X86_A_NOFALL);
	}
	return false;
}

int tl_put_first(struct tl_out *o, const struct tl_plan *plan,
		 const struct tl_emit *emit, struct tl_code *code, size_t *post)
{
	bool post_here = (emit->what & (TL_EMIT_POST | TL_EMIT_LATE)) ==
			 TL_EMIT_POST;
	struct x86_insn in;
	size_t start = o->len;
	unsigned int asleep;

	*post = 0;
	tl_plan_insn(plan, emit->addr, 0, &in);
	if (post_here && !falls_through(&in))
		return -TL_EOPNOTSUPP;
	tl_map_add(code, 0, start);
	tl_put_copy(o, plan, emit->addr, 0);
	asleep = x86_reloc_syscall_end(&in);
	if (asleep)
		tl_map_add(code, in.len, start + asleep);
	if (post_here)
		*post = tl_put_call(o);
	return o->err;
}

int tl_arch_emit_slot(const struct tl_plan *plan, const struct tl_emit *emit,
		      uint8_t *out, struct tl_code *code)
{
	struct tl_out o = { out, TL_SLOT_BYTES, 0, emit->at, 0 };
	uintptr_t next = emit->addr + plan->insn_len;
	size_t pre = 0, post;
	int err;

	tl_x86_look_at_cpu();
	code->n = 0;
	if (plan->no_copy)
		return -TL_EOPNOTSUPP;
	if (emit->what & TL_EMIT_PRE)
		pre = tl_put_call(&o);
	err = tl_put_first(&o, plan, emit, code, &post);
	if (err)
		return err;
	tl_put_jump(&o, next);
	if (pre)
		tl_put_call_data(&o, pre, false, emit, emit->addr + 1);
	if (post)
		tl_put_call_data(&o, post, true, emit, next);
	code->len = o.len;
	return o.err;
}

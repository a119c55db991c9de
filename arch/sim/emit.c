/* SPDX-License-Identifier: MIT */
/*
 * emit.c - the invented instruction set: slots and detours
 */
#include <arch.h>

struct out {
	uint8_t *buf;
	unsigned int len;
};

static void put(struct out *o, uint8_t op, const uint64_t *operands,
		unsigned int n)
{
	o->buf[o->len++] = op;
	__builtin_memcpy(o->buf + o->len, operands, n * 8);
	o->len += n * 8;
}

static void put1(struct out *o, uint8_t op, uint64_t v)
{
	put(o, op, &v, 1);
}

static bool is_branch(uint8_t op)
{
	return op == SIM_JMP || op == SIM_CALL || op == SIM_RET;
}

/* The copy of one instruction; -TL_ERANGE and the like. */
static int put_copy(struct out *o, const uint8_t *insn, uintptr_t addr)
{
	uintptr_t next = addr + sim_len(insn[0]);
	int32_t rel;

	switch (insn[0]) {
	case SIM_JMP:
		put1(o, SIM_X_GOTO, next + (int8_t)insn[1]);
		return 0;
	case SIM_CALL:
		__builtin_memcpy(&rel, insn + 1, 4);
		put(o, SIM_X_CALL, (uint64_t[]){ next, next + rel }, 2);
		return 0;
	case SIM_WHERE:
		put1(o, SIM_X_BX, next);
		return 0;
	case SIM_FAR:
		return -TL_ERANGE;
	case SIM_ONLY:
		return -TL_EOPNOTSUPP;
	}
	for (unsigned int i = 0; i < sim_len(insn[0]); i++)
		o->buf[o->len++] = insn[i];
	return 0;
}

static int put_first(struct out *o, const struct tl_plan *plan,
		     const struct tl_emit *emit, struct tl_code *code)
{
	uint64_t post[] = { (uintptr_t)emit->point,
			    emit->addr + plan->insn_len };
	int err;

	if ((emit->what & TL_EMIT_POST) && is_branch(plan->orig[0]))
		return -TL_EOPNOTSUPP;
	code->from[0] = 0;
	code->to[0] = o->len;
	code->n = 1;
	err = put_copy(o, plan->orig, emit->addr);
	if (!err && (emit->what & TL_EMIT_POST))
		put(o, SIM_X_POST, post, 2);
	return err;
}

int tl_arch_emit_slot(const struct tl_plan *plan, const struct tl_emit *emit,
		      uint8_t *out, struct tl_code *code)
{
	struct out o = { out, 0 };
	int err;

	if (emit->what & TL_EMIT_PRE)
		put1(&o, SIM_X_PRE, (uintptr_t)emit->point);
	err = put_first(&o, plan, emit, code);
	if (err)
		return err;
	put1(&o, SIM_X_GOTO, emit->addr + plan->insn_len);
	code->len = o.len;
	return 0;
}

int tl_arch_emit_detour(const struct tl_plan *plan, const struct tl_emit *emit,
			uint8_t *out, struct tl_code *code)
{
	struct out o = { out, 0 };
	unsigned int at;
	int err;

	for (unsigned int i = 0; i < emit->n_counters; i++)
		put1(&o, SIM_X_COUNT, (uintptr_t)emit->counter[i]);
	if (emit->what & TL_EMIT_PRE)
		put1(&o, SIM_X_PRE, (uintptr_t)emit->point);
	err = put_first(&o, plan, emit, code);
	if (err)
		return err;
	for (at = plan->insn_len; at < plan->window_len;
	     at += sim_len(plan->orig[at])) {
		code->from[code->n] = at;
		code->to[code->n++] = o.len;
		err = put_copy(&o, plan->orig + at, emit->addr + at);
		if (err)
			return err;
	}
	put1(&o, SIM_X_GOTO, emit->addr + plan->window_len);
	code->len = o.len;
	return 0;
}

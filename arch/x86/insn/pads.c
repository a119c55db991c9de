/* SPDX-License-Identifier: MIT */
/*
 * pads.c - bytes that nothing executes
 *
 * Compilers fill up with nops, or int3, in front of what they align.  Such a
 * run is never executed if
 *
 *   1. it comes behind an instruction that never goes on with the next one;
 *   2. nothing of what scan.c reports leads to any of its bytes;
 *   3. the function is one whose windows are sure: all of it is instructions,
 *      and no indirect jump could go anywhere.
 *
 * Behind the function the same is asked of the bytes up to where the next one
 * begins, at a multiple of 16 at the latest.  Who else leads there is for the
 * caller to know, as with windows.
 *
 * A run is of one kind.  An int3 among nops is somebody's breakpoint.
 */
#include "flow.h"

static bool bit(const uint8_t *bits, uint64_t i)
{
	return bits[i / 8] & 1 << i % 8;
}

/* What compilers fill up with; other hints may mean something. */
bool x86_is_filler(const struct x86_insn *in)
{
	if (in->kind == X86_INT3)
		return true;
	return (in->attrs & X86_A_NOP) && in->enc == X86_LEGACY &&
	       ((in->map == 0 && in->opcode == 0x90) ||
		(in->map == 1 && in->opcode == 0x1f));
}

/* Does something lead to one of the bytes of @in? */
static bool led_into(const struct x86_flow *flow, const struct x86_insn *in)
{
	const struct x86_facts *f = flow->facts;

	for (uint64_t at = in->addr; at < in->next; at++)
		if (at < flow->end ? bit(f->targets, at - flow->start)
				   : at - flow->end >= X86_BEYOND ||
					     f->beyond & 1u << (at - flow->end))
			return true;
	return x86_known_target(flow, in->addr, in->next);
}

struct walk {
	struct x86_pads *pads;
	uint64_t run; /* where it begins; 0: there is none */
	bool int3;    /* it is one of these */
	bool dead;    /* nothing comes here from above */
};

static void end_run(struct walk *w, uint64_t at)
{
	if (w->run && w->run < at)
		w->pads->fn(w->pads->arg, w->run, at);
	w->run = 0;
}

static void visit(struct walk *w, const struct x86_flow *flow,
		  const struct x86_insn *in)
{
	bool int3 = in->kind == X86_INT3;

	if (!w->dead || !x86_is_filler(in) || led_into(flow, in) ||
	    (w->run && int3 != w->int3)) {
		end_run(w, in->addr);
		/* A run that is cut short is no run any more. */
		w->dead = in->attrs & X86_A_NOFALL;
		return;
	}
	if (!w->run) {
		w->run = in->addr;
		w->int3 = int3;
	}
}

/* In the function; true: its end is not come to from above. */
static bool walk_function(struct walk *w, const struct x86_flow *flow)
{
	const struct x86_pads *p = w->pads;
	struct x86_reader r = { .flow = flow };
	uint64_t at = flow->start;
	struct x86_insn in;

	/* A run may begin before @low, and what is before it comes first. */
	if (p->low > at + X86_PADS_BACK)
		at = p->low - X86_PADS_BACK;
	while (at < flow->end && !bit(flow->facts->starts, at - flow->start))
		at++;
	for (; at < flow->end && (at < p->high || w->run); at = in.next) {
		if (x86_read_insn(&r, &in, at, flow->end))
			return false;
		visit(w, flow, &in);
	}
	end_run(w, at);
	return at == flow->end && w->dead;
}

static void walk_behind(struct walk *w, const struct x86_flow *flow)
{
	struct x86_reader r = { .flow = flow };
	uint64_t at = flow->end, limit = (at + 15) & ~15ull;
	struct x86_insn in;

	if (limit > w->pads->behind)
		limit = w->pads->behind;
	for (; at < limit; at = in.next) {
		if (x86_read_insn(&r, &in, at, limit) || !x86_is_filler(&in))
			break;
		visit(w, flow, &in);
	}
	end_run(w, at);
}

void x86_flow_pads(const struct x86_flow *flow, struct x86_pads *pads)
{
	struct walk w = { .pads = pads };

	if (x86_flow_sure(flow) && walk_function(&w, flow))
		walk_behind(&w, flow);
}

bool x86_is_padding(const uint8_t *code, size_t len, uint64_t addr)
{
	struct x86_insn in;
	int kind = -1;
	size_t at = 0;

	while (at < len) {
		if (x86_decode(&in, code + at, len - at, addr + at) ||
		    !x86_is_filler(&in) ||
		    (kind >= 0 && kind != (in.kind == X86_INT3)))
			return false;
		kind = in.kind == X86_INT3;
		at += in.len;
	}
	return true;
}

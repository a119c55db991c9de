/* SPDX-License-Identifier: MIT */
/*
 * exits.c - where does a function return?
 *
 * At its return instructions, and nowhere else, if control flow is certain:
 *
 *   1. All of the function decodes, and every indirect jump goes through a
 *      table that was found.  (scan.c)
 *   2. No jump leaves the function and its parts (foo.cold): it would be a tail
 *      call, whose callee returns for both.  And no part has a return.  Or what
 *      is called so is a part, and its returns count (flow->tails): it has the
 *      same frame, so they are told from those of its other calls by the stack
 *      pointer.
 *   3. No jump leads to the function's start: that would be the entry of a call
 *      that nobody has made.  (Unless calls begin further on, as in Go.)
 *   4. No call leads to its inside: the return would be no return of it.  (A part
 *      that is a function may be called.)
 *   5. No other instruction takes control away: far transfers and their like.
 *   6. Control does not run out at the end, but behind a call, which is one that
 *      never returns.
 *
 * Before each return stands some code that runs straight into it.  A jump that
 * does not fit at the return itself may begin there, if no other jump leads to
 * behind it.
 */
#include "flow.h"

#define JUMP_BYTES 5
#define RUN	   8 /* instructions before a return that are remembered */

struct walk {
	const struct x86_flow *flow;
	struct {
		uint64_t at;
		bool nop;
	} run[RUN]; /* the last instructions in a straight line */
	unsigned int nr_run;
	bool tables;	   /* there are indirect jumps */
	unsigned int part; /* which is walked, from 1; 0: the function itself */
	bool runs_on;	   /* from the last instruction to the next */
	uint64_t outside;  /* where a jump leaves */
	struct x86_exit *exits;
	unsigned int max;
	unsigned int nr;
};

/* Does a part begin at @addr? */
static bool begins_part(const struct x86_flow *flow, uint64_t addr)
{
	for (unsigned int i = 0; i < flow->nr_parts; i++)
		if (flow->parts[i].start == addr)
			return true;
	return false;
}

/* Rules 2 to 4. */
static bool stays(struct walk *w, const struct x86_insn *in)
{
	const struct x86_flow *flow = w->flow;
	bool inside = x86_in_function(flow, in->target);

	if (in->kind == X86_CALL)
		return !inside || in->target == flow->start ||
		       (flow->tails && begins_part(flow, in->target));
	if (!inside)
		w->outside = in->target;
	return inside && (in->target != flow->start || flow->restarts);
}

/* The @i-th instruction before the return at @in; 0: that one. */
static uint64_t before(const struct walk *w, const struct x86_insn *in,
		       unsigned int i)
{
	return i ? w->run[(w->nr_run - i) % RUN].at : in->addr;
}

/* Where nothing but nops is left to be done before the return at @in. */
static uint64_t calm_before(const struct walk *w, const struct x86_insn *in,
			    unsigned int n)
{
	uint64_t calm = in->addr;

	for (unsigned int i = 1; i <= n && w->run[(w->nr_run - i) % RUN].nop;
	     i++)
		calm = before(w, in, i);
	return calm;
}

/*
 * Find the nearest place before the return at @in for a jump.  What it displaces
 * ends where nothing but nops is left, or behind that: these may be more
 * instructions than it needs.
 */
static void find_lead(const struct walk *w, const struct x86_insn *in,
		      struct x86_exit *e)
{
	unsigned int n = w->nr_run < RUN ? w->nr_run : RUN, i = 1, k;
	uint64_t calm = calm_before(w, in, n), at;

	while (i <= n && in->next - before(w, in, i) < JUMP_BYTES)
		i++;
	if (i > n)
		return;
	at = before(w, in, i);
	for (k = i; k && (before(w, in, k) - at < JUMP_BYTES ||
			  before(w, in, k) < calm);)
		k--;
	if (before(w, in, k) - at > X86_NEED_MAX || i - k > X86_WINDOW_INSNS)
		return;
	e->ret = before(w, in, k);
	e->lead = (unsigned int)(e->ret - at);
}

static bool add_exit(struct walk *w, const struct x86_insn *in)
{
	if ((w->part && !w->flow->tails) || w->nr == w->max)
		return false;
	w->exits[w->nr] = (struct x86_exit){
		.ret = in->addr,
		.last = in->addr,
		.pops = (uint16_t)in->imm,
		.part = w->part,
	};
	find_lead(w, in, &w->exits[w->nr++]);
	return true;
}

static bool visit(struct walk *w, const struct x86_insn *in)
{
	switch (in->kind) {
	case X86_NORMAL:
		w->run[w->nr_run % RUN].at = in->addr;
		w->run[w->nr_run++ % RUN].nop = in->attrs & X86_A_NOP;
		return true;
	case X86_RET:
		if (!add_exit(w, in))
			return false;
		break;
	case X86_JMP:
	case X86_JCC:
	case X86_LOOP:
	case X86_CALL:
	case X86_XBEGIN:
		if (!stays(w, in))
			return false;
		break;
	case X86_JMP_IND:
		w->tables = true;
		break;
	case X86_CALL_IND:
	case X86_SYSCALL:
	case X86_INT3:
	case X86_INT:
	case X86_UD:
	case X86_HLT:
		break;
	default:
		return false;
	}
	w->nr_run = 0;
	return true;
}

/* Somebody comes to @target: not to be between a lead and its return. */
static void comes_to(void *arg, uint64_t target)
{
	const struct walk *w = arg;

	for (unsigned int i = 0; i < w->nr; i++) {
		struct x86_exit *e = &w->exits[i];

		if (target <= e->ret - e->lead || target > e->last)
			continue;
		e->ret = e->last;
		e->lead = 0;
	}
}

/* Rule 1, and rule 2 for indirect jumps. */
static bool tables_are_complete(struct walk *w)
{
	struct x86_scan scan = {
		.flow = w->flow,
		.fn = comes_to,
		.arg = w,
		.reader = { .flow = w->flow },
	};

	return x86_scan(&scan) == X86_FLOW_OK && !scan.may_leave;
}

static bool look_at_jump(struct walk *w, const struct x86_insn *in)
{
	if (in->target && in->kind != X86_CALL)
		comes_to(w, in->target);
	return true;
}

static bool walk(struct walk *w, uint64_t at, uint64_t end,
		 bool (*fn)(struct walk *w, const struct x86_insn *in))
{
	struct x86_reader reader = { .flow = w->flow };
	struct x86_insn in;

	if (at >= end || end - at > X86_FUNCTION_MAX)
		return false;
	w->nr_run = 0;
	w->runs_on = true;
	for (; at < end; at = in.next) {
		if (x86_read_insn(&reader, &in, at, end) || !fn(w, &in))
			return false;
		if (!x86_is_filler(&in))
			w->runs_on = !(in.attrs & X86_A_NOFALL) &&
				     in.kind != X86_CALL &&
				     in.kind != X86_CALL_IND &&
				     in.kind != X86_SYSCALL;
	}
	return !w->runs_on; /* rule 6 */
}

/* The function, and then its parts. */
static bool walk_all(struct walk *w,
		     bool (*fn)(struct walk *w, const struct x86_insn *in))
{
	const struct x86_flow *flow = w->flow;
	bool complete;

	w->part = 0;
	complete = walk(w, flow->start, flow->end, fn);
	for (unsigned int i = 0; complete && i < flow->nr_parts; i++) {
		w->part = i + 1;
		complete =
			walk(w, flow->parts[i].start, flow->parts[i].end, fn);
	}
	return complete;
}

int x86_flow_exits(const struct x86_flow *flow, struct x86_exit *exits,
		   unsigned int max, uint64_t *outside)
{
	struct walk w = { .flow = flow, .exits = exits, .max = max };
	bool complete = flow->read && walk_all(&w, visit);

	*outside = w.outside;
	if (!complete || !walk_all(&w, look_at_jump))
		return -X86_EOPNOTSUPP;
	if (w.tables && !tables_are_complete(&w))
		return -X86_EOPNOTSUPP;
	return (int)w.nr;
}

/* ---- functions that keep their return address ---- */

#define HOPS  4
#define STEPS 64

/* pop %reg, or mov (%rsp),%reg */
static bool takes_top(const struct x86_insn *in)
{
	if (in->enc != X86_LEGACY || in->map != 0)
		return false;
	if ((in->opcode & 0xf8) == 0x58)
		return true;
	return in->opcode == 0x8b && (in->attrs & X86_A_MEM) &&
	       in->base == X86_REG_RSP && in->index == X86_REG_NONE &&
	       !in->disp;
}

static bool moves_stack(const struct x86_insn *in)
{
	bool by_operand = (in->attrs & X86_A_MEM) && in->base == X86_REG_RSP;

	if (!(in->attrs & X86_A_RSP))
		return false;
	return !by_operand || in->reg == X86_REG_RSP || in->opcode == 0xff ||
	       in->opcode == 0x8f;
}

bool x86_flow_takes_return(const struct x86_flow *flow)
{
	struct x86_reader reader = { .flow = flow };
	uint64_t at = flow->start, limit = flow->end;
	unsigned int hops = 0;
	struct x86_insn in;

	for (unsigned int i = 0; i < STEPS; i++) {
		if (x86_read_insn(&reader, &in, at, limit))
			return false;
		if (takes_top(&in))
			return true;
		if (in.kind == X86_JMP && hops++ < HOPS) {
			at = in.target;
			limit = UINT64_MAX;
			continue;
		}
		if (in.kind != X86_NORMAL || moves_stack(&in))
			return false;
		at = in.next;
	}
	return false;
}

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
 *      that nobody has made.
 *   4. No call leads to its inside: the return would be no return of it.  (A part
 *      that is a function may be called.)
 *   5. No other instruction takes control away: far transfers and their like.
 *   6. Control does not run out at the end, but behind a call, which is one that
 *      never returns.
 *
 * Before each return stands some code that runs straight into it.  A jump that
 * does not fit at the return itself may begin there.
 */
#include "flow.h"

#define JUMP_BYTES 5
#define RUN	   8 /* instructions before a return that are remembered */

struct walk {
	const struct x86_flow *flow;
	uint64_t run[RUN]; /* the last instructions in a straight line */
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
	return inside && in->target != flow->start;
}

/* The @i-th instruction before the return at @in; the return itself is the 0th. */
static uint64_t before(const struct walk *w, const struct x86_insn *in,
		       unsigned int i)
{
	return i ? w->run[(w->nr_run - i) % RUN] : in->addr;
}

/*
 * The nearest place before the return at @in where a jump ends at the return's
 * end or later, or, if all before the return is as long as a jump, just there.
 * What the jump displaces are no more instructions than it needs: if these end
 * before the return, so they do for all places that are farther.
 */
static unsigned int lead_of(const struct walk *w, const struct x86_insn *in)
{
	unsigned int n = w->nr_run < RUN ? w->nr_run : RUN, i = 1, last;
	uint64_t at;

	while (i <= n && in->next - before(w, in, i) < JUMP_BYTES)
		i++;
	if (i > n)
		return 0;
	at = before(w, in, i);
	for (last = i - 1; last && before(w, in, last) - at < JUMP_BYTES;)
		last--;
	return last ? 0 : in->addr - at;
}

static bool add_exit(struct walk *w, const struct x86_insn *in)
{
	if ((w->part && !w->flow->tails) || w->nr == w->max)
		return false;
	w->exits[w->nr++] = (struct x86_exit){
		.ret = in->addr,
		.lead = lead_of(w, in),
		.pops = (uint16_t)in->imm,
		.part = w->part,
	};
	return true;
}

static bool visit(struct walk *w, const struct x86_insn *in)
{
	switch (in->kind) {
	case X86_NORMAL:
		w->run[w->nr_run++ % RUN] = in->addr;
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

static void ignore(void *arg, uint64_t target)
{
	(void)arg;
	(void)target;
}

/* Rule 1, and rule 2 for indirect jumps. */
static bool tables_are_complete(const struct x86_flow *flow)
{
	struct x86_scan scan = {
		.flow = flow,
		.fn = ignore,
		.reader = { .flow = flow },
	};

	return x86_scan(&scan) == X86_FLOW_OK && !scan.may_leave;
}

static bool walk(struct walk *w, uint64_t at, uint64_t end)
{
	struct x86_reader reader = { .flow = w->flow };
	struct x86_insn in;

	if (at >= end || end - at > X86_FUNCTION_MAX)
		return false;
	w->nr_run = 0;
	w->runs_on = true;
	for (; at < end; at = in.next) {
		if (x86_read_insn(&reader, &in, at, end) || !visit(w, &in))
			return false;
		if (!x86_is_filler(&in))
			w->runs_on = !(in.attrs & X86_A_NOFALL) &&
				     in.kind != X86_CALL &&
				     in.kind != X86_CALL_IND &&
				     in.kind != X86_SYSCALL;
	}
	return !w->runs_on; /* rule 6 */
}

int x86_flow_exits(const struct x86_flow *flow, struct x86_exit *exits,
		   unsigned int max, uint64_t *outside)
{
	struct walk w = { .flow = flow, .exits = exits, .max = max };
	bool complete = flow->read && walk(&w, flow->start, flow->end);

	for (unsigned int i = 0; complete && i < flow->nr_parts; i++) {
		w.part = i + 1;
		complete = walk(&w, flow->parts[i].start, flow->parts[i].end);
	}
	*outside = w.outside;
	if (!complete)
		return -X86_EOPNOTSUPP;
	if (w.tables && !tables_are_complete(flow))
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

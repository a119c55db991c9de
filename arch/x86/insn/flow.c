/* SPDX-License-Identifier: MIT */
/*
 * flow.c - may one jump take the place of these instructions?
 *
 * A window is a run of whole instructions that a jump will cover.  It is safe
 * if control can only come to it at its first byte:
 *
 *   1. It lies in the function, up to a last instruction that does not fall
 *      through, after which the jump may cover padding.
 *   2. No call or system call but at its end: a return address, or the address
 *      of a sleeping thread, would point into it.
 *   3. No instruction after one that never falls through, unless it is padding:
 *      something must lead there, be it an exception's landing pad.
 *   4. Every instruction can be relocated.  An x87 instruction that records its
 *      address is not, if the function stores that address.
 *   5. Nothing that scan.c reports leads to an inner byte.
 *   6. No jump leads to the inside of an instruction anywhere in the function,
 *      unless it is to skip a prefix; else the bytes would also be other
 *      instructions, which nobody has looked at.
 */
#include "flow.h"

/* ---- the window itself: rules 1 to 4 ---- */

static bool stops_threads(const struct x86_insn *in)
{
	switch (in->kind) {
	case X86_CALL:
	case X86_CALL_IND:
	case X86_CALL_FAR:
	case X86_SYSCALL:
	case X86_SYSENTER:
	case X86_INT:
		return true;
	}
	return false;
}

static bool is_padding(const struct x86_insn *in)
{
	return (in->attrs & X86_A_NOP) || in->kind == X86_INT3;
}

struct builder {
	struct x86_reader reader;
	const struct x86_flow *flow;
	struct x86_window *win;
	struct x86_insn last;
	bool fip;
};

static bool relocatable(const struct x86_insn *in, const uint8_t *code)
{
	uint8_t scratch[X86_RELOC_MAX];

	return x86_relocate(in, code, in->addr, scratch, sizeof(scratch)) >= 0;
}

static enum x86_flow_result add_insn(struct builder *b)
{
	struct x86_window *win = b->win;
	uint64_t at = win->addr + win->len;
	struct x86_insn in;

	if (at >= b->flow->end)
		return X86_FLOW_PAST_END;
	if (x86_read_insn(&b->reader, &in, at, b->flow->end))
		return X86_FLOW_UNDECODABLE;
	if (win->nr && stops_threads(&b->last))
		return X86_FLOW_CALL_INSIDE;
	if (x86_read_data(&b->reader, win->code + win->len, at, in.len))
		return X86_FLOW_NO_BOUNDS;
	if (!relocatable(&in, win->code + win->len))
		return X86_FLOW_NOT_RELOCATABLE;
	win->off[win->nr++] = win->len;
	win->len += in.len;
	b->fip |= !!(in.attrs & X86_A_FIP_SET);
	b->last = in;
	return X86_FLOW_OK;
}

/*
 * The bytes from @at up to @until come after an instruction that never falls
 * through.  In the function they may be padding, or else something unseen leads
 * there (rule 3).  Behind it (rule 1) the next function begins at a multiple of
 * 16 at the latest.
 */
static enum x86_flow_result check_padding(struct builder *b, uint64_t at,
					  uint64_t until)
{
	const struct x86_flow *flow = b->flow;
	uint64_t next_function = (flow->end + 15) & ~15ull;
	struct x86_insn in;
	uint8_t byte;

	while (at < until) {
		uint64_t limit = at < flow->end ? flow->end : at + X86_INSN_MAX;

		if (at >= flow->end &&
		    (until > flow->pad_end || until > next_function))
			return X86_FLOW_PAST_END;
		if (x86_read_data(&b->reader, &byte, at, 1))
			return X86_FLOW_PAST_END;
		if (at >= flow->end && byte == 0) {
			at++;
			continue;
		}
		if (x86_read_insn(&b->reader, &in, at, limit) ||
		    !is_padding(&in))
			return at < flow->end ? X86_FLOW_TARGET_INSIDE
					      : X86_FLOW_PAST_END;
		at = in.next;
	}
	return X86_FLOW_OK;
}

static enum x86_flow_result build(struct builder *b, unsigned int need)
{
	struct x86_window *win = b->win;
	enum x86_flow_result res;

	while (win->len < need) {
		if (win->nr && (b->last.attrs & X86_A_NOFALL))
			break;
		/* Only a need of more than 5 meets this and the next. */
		if (win->nr == X86_WINDOW_INSNS)
			return X86_FLOW_NOT_RELOCATABLE;
		res = add_insn(b);
		if (res != X86_FLOW_OK)
			return res;
		if (win->len > X86_WINDOW_MAX)
			return X86_FLOW_NOT_RELOCATABLE;
	}
	win->span = win->len;
	if (win->len >= need)
		return X86_FLOW_OK;
	res = check_padding(b, win->addr + win->len, win->addr + need);
	if (res != X86_FLOW_OK)
		return res;
	win->span = need;
	return x86_read_data(&b->reader, win->code + win->len,
			     win->addr + win->len, need - win->len)
		       ? X86_FLOW_PAST_END
		       : X86_FLOW_OK;
}

/* ---- what leads into it: rules 5 and 6 ---- */

struct check {
	struct x86_scan scan;
	struct x86_facts *facts;
	bool int3; /* there is one */
};

static bool bit(const uint8_t *bits, uint64_t i)
{
	return bits[i / 8] & 1 << i % 8;
}

static void set_bit(uint8_t *bits, uint64_t i)
{
	bits[i / 8] = (uint8_t)(bits[i / 8] | 1 << i % 8);
}

static void note_target(struct check *c, uint64_t target)
{
	const struct x86_flow *flow = c->scan.flow;

	if (target >= flow->end && target - flow->end < X86_BEYOND)
		c->facts->beyond |= 1u << (target - flow->end);
	if (target < flow->start || target >= flow->end)
		return;
	set_bit(c->facts->targets, target - flow->start);
	if (c->scan.sum)
		set_bit(c->facts->sums, target - flow->start);
	else if (!c->scan.direct && !c->scan.guess)
		set_bit(c->facts->entries, target - flow->start);
}

/* Mark where instructions begin; false: not all are instructions. */
static bool mark_starts(struct check *c)
{
	const struct x86_flow *flow = c->scan.flow;
	uint64_t at = flow->start;
	struct x86_insn in;

	while (at < flow->end) {
		set_bit(c->facts->starts, at - flow->start);
		if (x86_read_insn(&c->scan.reader, &in, at, flow->end))
			return false;
		c->int3 |= in.kind == X86_INT3;
		/* Data among code, which may look like anything. */
		if (in.attrs & X86_A_RIPREL)
			note_target(c, in.mem_addr);
		at = in.next;
	}
	set_bit(c->facts->starts, at - flow->start);
	return true;
}

/*
 * Behind what never goes on with the next instruction an int3 is padding, or
 * keeps a CPU from guessing; unless something leads there.
 */
static uint64_t find_breakpoint(struct check *c)
{
	const struct x86_flow *flow = c->scan.flow;
	uint64_t at = flow->start;
	struct x86_insn in;
	bool reached = true;

	for (; at < flow->end && c->int3; at = in.next) {
		if (x86_read_insn(&c->scan.reader, &in, at, flow->end))
			break;
		if (in.kind != X86_INT3)
			reached = !(in.attrs & X86_A_NOFALL);
		else if (reached || bit(c->facts->targets, at - flow->start))
			return at;
	}
	return UINT64_MAX;
}

/* Rule 6: a branch to the inside of an instruction. */
static void check_odd_target(struct check *c, uint64_t target)
{
	const struct x86_flow *flow = c->scan.flow;
	struct x86_insn in;

	if (x86_read_insn(&c->scan.reader, &in, target, flow->end) ||
	    in.kind == X86_JMP_IND ||
	    !bit(c->facts->starts, in.next - flow->start))
		c->facts->overlap = true;
	else
		note_target(c, in.target);
}

static void check_target(void *arg, uint64_t target)
{
	struct check *c = arg;
	const struct x86_flow *flow = c->scan.flow;

	note_target(c, target);
	if (c->scan.direct && target >= flow->start && target < flow->end &&
	    !bit(c->facts->starts, target - flow->start))
		check_odd_target(c, target);
}

/*
 * Functions jump into each other: glibc's mempcpy() goes on behind the first
 * instruction of memcpy().  Nothing in memcpy() shows that, so the code around a
 * function is swept for jumps into it: so far as a short jump goes, and some
 * bytes more in which decoding falls into step.
 */
#define AROUND	      1024
#define AROUND_CLOSED 256

static void see_jump(void *arg, uint64_t from, uint64_t target)
{
	(void)from;
	note_target(arg, target);
}

static void check_around(struct check *c)
{
	const struct x86_flow *flow = c->scan.flow;
	uint64_t by = flow->closed ? AROUND_CLOSED : AROUND;

	x86_sweep(&c->scan.reader, flow->start > by ? flow->start - by : 0,
		  flow->start, see_jump, c);
	x86_sweep(&c->scan.reader, flow->end,
		  flow->end < UINT64_MAX - by ? flow->end + by : flow->end,
		  see_jump, c);
}

bool x86_known_target(const struct x86_flow *flow, uint64_t from, uint64_t to)
{
	size_t lo = 0, hi = flow->nr_targets;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (flow->targets[mid] < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < flow->nr_targets && flow->targets[lo] < to;
}

/* Find out all about the function, once. */
static void learn(const struct x86_flow *flow)
{
	struct x86_facts *f = flow->facts;
	struct check c = {
		.scan = {
			.flow = flow,
			.fn = check_target,
			.arg = &c,
			.reader = { .flow = flow },
			.facts = f,
		},
		.facts = f,
	};

	f->known = true;
	f->result = X86_FLOW_UNDECODABLE;
	f->decodes = mark_starts(&c);
	if (f->decodes) {
		f->result = x86_scan(&c.scan);
		check_around(&c);
		f->fip_get = c.scan.fip_get;
	}
	f->breakpoint = find_breakpoint(&c);
}

static enum x86_flow_result check_facts(const struct x86_facts *f,
					const struct x86_flow *flow,
					const struct x86_window *win, bool fip)
{
	uint64_t first = win->addr - flow->start;

	for (unsigned int i = 1;
	     f->decodes && i < win->span && win->addr + i < flow->end; i++)
		if (bit(f->targets, first + i))
			return X86_FLOW_TARGET_INSIDE;
	if (f->result != X86_FLOW_OK)
		return f->result;
	if (f->overlap || f->breakpoint != UINT64_MAX)
		return X86_FLOW_UNDECODABLE;
	return fip && f->fip_get ? X86_FLOW_NOT_RELOCATABLE : X86_FLOW_OK;
}

bool x86_flow_sure(const struct x86_flow *flow)
{
	const struct x86_facts *f = flow->facts;

	return f && f->known && f->decodes && f->result == X86_FLOW_OK &&
	       !f->overlap && f->breakpoint == UINT64_MAX;
}

bool x86_flow_bounded(const struct x86_flow *flow)
{
	if (!flow->read || flow->start >= flow->end ||
	    flow->end - flow->start > X86_FUNCTION_MAX)
		return false;
	for (unsigned int i = 0; i < flow->nr_parts; i++) {
		const struct x86_range *p = &flow->parts[i];

		if (p->start > p->end || p->end - p->start > X86_FUNCTION_MAX)
			return false;
	}
	return true;
}

bool x86_flow_learn(const struct x86_flow *flow)
{
	if (!flow->facts || !x86_flow_bounded(flow))
		return false;
	if (!flow->facts->known)
		learn(flow);
	return true;
}

enum x86_flow_result x86_flow_window(const struct x86_flow *flow, uint64_t addr,
				     unsigned int need, struct x86_window *out)
{
	struct builder b = {
		.reader = { .flow = flow },
		.flow = flow,
		.win = out,
	};
	enum x86_flow_result res;

	if (addr < flow->start || addr >= flow->end || need < 1 ||
	    need > X86_NEED_MAX || !x86_flow_learn(flow))
		return X86_FLOW_NO_BOUNDS;
	if (!x86_facts_start(flow, addr))
		return flow->facts->decodes ? X86_FLOW_NOT_A_BOUNDARY
					    : X86_FLOW_UNDECODABLE;
	*out = (struct x86_window){ .addr = addr };
	res = build(&b, need);
	if (res != X86_FLOW_OK)
		return res;
	if (x86_known_target(flow, addr + 1, addr + out->span))
		return X86_FLOW_TARGET_INSIDE;
	return check_facts(flow->facts, flow, out, b.fip);
}

enum x86_flow_result x86_flow_targets(const struct x86_flow *flow,
				      void (*fn)(void *arg, uint64_t target),
				      void *arg)
{
	struct x86_scan scan = {
		.flow = flow,
		.fn = fn,
		.arg = arg,
		.reader = { .flow = flow },
	};

	return x86_flow_bounded(flow) ? x86_scan(&scan) : X86_FLOW_NO_BOUNDS;
}

const char *x86_flow_text(enum x86_flow_result r)
{
	switch (r) {
	case X86_FLOW_OK:
		return "ok";
	case X86_FLOW_NOT_A_BOUNDARY:
		return "not the start of an instruction";
	case X86_FLOW_UNDECODABLE:
		return "function does not decode";
	case X86_FLOW_TARGET_INSIDE:
		return "jump target inside the window";
	case X86_FLOW_PAST_END:
		return "function ends inside the window";
	case X86_FLOW_INDIRECT:
		return "unresolved indirect jump";
	case X86_FLOW_CALL_INSIDE:
		return "call inside the window";
	case X86_FLOW_NOT_RELOCATABLE:
		return "instruction cannot be relocated";
	case X86_FLOW_NO_BOUNDS:
		return "function bounds unknown";
	}
	return "unknown";
}

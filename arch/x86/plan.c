/* SPDX-License-Identifier: MIT */
/*
 * plan.c - what can be done about the instruction at an address
 *
 * insn/ knows instructions and control flow; this file asks it, with the
 * program's text as if no probe were in it, and keeps the answer in a form that
 * needs no second look: the original bytes and where their instructions begin.
 */
#include <arch.h>

#include "code.h"
#include "text.h"

static void copy(void *dst, const uint8_t *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)dst)[i] = src[i];
}

/* As many bytes as there are at @addr, up to @max; 0: none. */
static size_t read_some(uint8_t *dst, uintptr_t addr, size_t max)
{
	size_t n = max;

	while (n && tl_text_read(dst, addr, n))
		n--;
	return n;
}

/* 0 if decoding from the function's start arrives at @addr. */
static int check_boundary(const struct x86_flow *flow, uintptr_t addr)
{
	uint8_t code[X86_INSN_MAX];
	uintptr_t at = flow->start;
	struct x86_insn in;
	bool reached = true;

	if (flow->facts)
		return x86_facts_start(flow, addr) ? 0 : -TL_EILSEQ;
	while (at < addr) {
		size_t avail = sizeof(code);

		while (avail && tl_text_bytes(flow->ctx, code, at, avail))
			avail--;
		if (x86_decode(&in, code, avail, at))
			return -TL_EILSEQ;
		/* Somebody's breakpoint: what it hides is not known. */
		if (in.kind == X86_INT3 && reached)
			return -TL_EILSEQ;
		if (in.kind != X86_INT3)
			reached = !(in.attrs & X86_A_NOFALL);
		at = in.next;
	}
	return at == addr ? 0 : -TL_EILSEQ;
}

static enum tl_why why_of(enum x86_flow_result r)
{
	switch (r) {
	case X86_FLOW_OK:
		return TL_WHY_NONE;
	case X86_FLOW_TARGET_INSIDE:
		return TL_WHY_TARGET;
	case X86_FLOW_PAST_END:
		return TL_WHY_PAST_END;
	case X86_FLOW_INDIRECT:
		return TL_WHY_INDIRECT;
	case X86_FLOW_CALL_INSIDE:
		return TL_WHY_CALL;
	case X86_FLOW_NOT_RELOCATABLE:
		return TL_WHY_NOT_RELOCATABLE;
	case X86_FLOW_NO_BOUNDS:
		return TL_WHY_NO_BOUNDS;
	case X86_FLOW_NOT_A_BOUNDARY:
	case X86_FLOW_UNDECODABLE:
		break;
	}
	return TL_WHY_UNDECODABLE;
}

/* What of [@end, @end + @n), behind a function, is known to be nobody's? */
static uintptr_t padding_end(uintptr_t end, unsigned int n)
{
	uintptr_t s, e;

	if (!tl_host_ops->function)
		return 0;
	for (uintptr_t at = end; at < end + n; at++)
		if (!tl_host_ops->function(at, &s, &e))
			return at == end ? 0 : at;
	return end + n;
}

/* Does @inroads, as the host's answer, say so of a byte behind the first? */
static bool led_into(uint32_t inroads, const struct x86_window *win)
{
	return inroads & ((1u << win->span) - 1) & ~1u;
}

static bool may_fault(const struct x86_window *win);

/* @need: bytes of the jump. */
static enum x86_flow_result find_window(struct x86_flow *flow, uintptr_t addr,
					unsigned int need,
					struct x86_window *win)
{
	enum x86_flow_result r;
	uint32_t inroads = 0;

	if (flow->closed)
		inroads = tl_host_ops->inroads(addr);
	if (inroads & 1)
		return X86_FLOW_NO_BOUNDS;
	r = x86_flow_window(flow, addr, need, win);
	if (r == X86_FLOW_PAST_END) {
		flow->pad_end = padding_end(flow->end, TL_JUMP_BYTES - 1);
		if (flow->pad_end)
			r = x86_flow_window(flow, addr, need, win);
	}
	if (r == X86_FLOW_OK && led_into(inroads, win))
		return X86_FLOW_TARGET_INSIDE;
	if (r == X86_FLOW_OK && tl_host_ops->own_faults && may_fault(win))
		return X86_FLOW_NOT_RELOCATABLE;
	return r;
}

void tl_plan_insn(const struct tl_plan *plan, uintptr_t addr, unsigned int off,
		  struct x86_insn *in)
{
	(void)x86_decode(in, plan->orig + off, plan->orig_len - off,
			 addr + off);
}

static bool is_in(unsigned int v, unsigned int first, unsigned int last)
{
	return v >= first && v <= last;
}

/*
 * Integer instructions that, on registers, never fault: SDM vol. 2, tables A-2
 * and A-3.  Not div (#DE), nor anything of x87 or SSE (#MF, #XM).
 */
static bool cannot_fault(const struct x86_insn *i)
{
	unsigned int op = i->opcode, reg = i->modrm >> 3 & 7;

	if (i->kind != X86_NORMAL || i->enc != X86_LEGACY ||
	    (i->attrs & (X86_A_RSP | X86_A_PRIV | X86_A_PUSHF | X86_A_LOCK)))
		return false;
	if (i->attrs & X86_A_NOP)
		return true;
	if ((i->attrs & X86_A_MEM) && !(i->map == 0 && op == 0x8d))
		return false; /* lea alone does not look */
	if (i->map == 0)
		return op < 0x40 || op == 0x63 || op == 0x69 || op == 0x6b ||
		       is_in(op, 0x80, 0x8b) || op == 0x8d ||
		       is_in(op, 0x90, 0x99) || is_in(op, 0xa8, 0xa9) ||
		       is_in(op, 0xb0, 0xc1) || is_in(op, 0xc6, 0xc7) ||
		       is_in(op, 0xd0, 0xd3) ||
		       (is_in(op, 0xf6, 0xf7) && reg < 6) || op == 0xf5 ||
		       is_in(op, 0xf8, 0xf9) || (op >= 0xfe && reg < 2);
	return i->map == 1 &&
	       (is_in(op, 0x40, 0x4f) || is_in(op, 0x90, 0x9f) || op == 0xa3 ||
		op == 0xa4 || op == 0xa5 || op == 0xab ||
		is_in(op, 0xac, 0xad) || op == 0xaf || op == 0xb3 ||
		op == 0xb6 || op == 0xb7 || is_in(op, 0xba, 0xbf) ||
		is_in(op, 0xc8, 0xcf));
}

/*
 * What makes frames and takes them down: push, pop, and moves and sums of the
 * stack pointer, a frame pointer and what lies there; moves of vector registers
 * to it; and what leaves the function.  So may be variables of the program's.
 */
static bool is_of_frame(const struct x86_insn *i)
{
	unsigned int op = i->opcode, reg = i->modrm >> 3 & 7;
	bool there = i->base == X86_REG_RSP || i->base == X86_REG_RBP ||
		     (i->attrs & X86_A_RIPREL);

	if (i->kind == X86_RET || i->kind == X86_JMP || i->kind == X86_JCC ||
	    i->kind == X86_CALL)
		return true;
	if (i->kind != X86_NORMAL || i->enc != X86_LEGACY ||
	    (i->attrs & (X86_A_PRIV | X86_A_PUSHF | X86_A_LOCK)) ||
	    ((i->attrs & X86_A_MEM) && (!there || i->index != X86_REG_NONE)))
		return false;
	if (i->map == 0)
		return op < 0x40 || is_in(op, 0x50, 0x5f) || op == 0x63 ||
		       is_in(op, 0x80, 0x85) || is_in(op, 0x88, 0x8b) ||
		       op == 0x8d || is_in(op, 0xc6, 0xc7) ||
		       (op == 0xff && reg < 2);
	return i->map == 1 &&
	       (is_in(op, 0x10, 0x11) || op == 0x57 || op == 0x6e ||
		op == 0x7e || is_in(op, 0xb6, 0xb7) || is_in(op, 0xbe, 0xbf) ||
		op == 0xef);
}

/* Is there anything in it that may fault, other than at the stack's end? */
static bool may_fault(const struct x86_window *win)
{
	struct x86_insn in;

	for (unsigned int i = 0; i < win->nr; i++) {
		unsigned int off = win->off[i];

		if (x86_decode(&in, win->code + off, win->len - off,
			       win->addr + off) ||
		    (!cannot_fault(&in) && !is_of_frame(&in)))
			return true;
	}
	return false;
}

/*
 * Is every status flag overwritten by the window before anything could read it
 * or see it?  Whatever may fault, branch or enter the kernel could show it.
 */
static bool flags_are_dead(const struct tl_plan *plan, uintptr_t addr)
{
	unsigned int live = X86_FL_STATUS;
	struct x86_insn in;

	for (unsigned int i = 0; i < plan->n_insns; i++) {
		unsigned int off = plan->off[i];

		if (x86_decode(&in, plan->orig + off, plan->orig_len - off,
			       addr + off))
			return false;
		if ((in.flags_read & live) || !cannot_fault(&in))
			return false;
		live &= ~in.flags_set;
		if (!live)
			return true;
	}
	return false;
}

static void take_window(struct tl_plan *plan, const struct x86_window *win)
{
	uint8_t n = win->span > win->len ? win->span : win->len;

	if (n > sizeof(plan->orig)) {
		plan->why = TL_WHY_NOT_RELOCATABLE;
		return;
	}
	plan->why = TL_WHY_NONE;
	plan->window_len = n;
	plan->orig_len = n;
	plan->copy_len = win->len;
	plan->n_insns = win->nr;
	for (unsigned int i = 0; i < win->nr; i++)
		plan->off[i] = win->off[i];
	copy(plan->orig, win->code, n);
}

/* ---- islands ---- */

/*
 * Where a whole jump does not fit, a short one may: to an island, in padding
 * that is near enough.  A run of padding is cut into places from its end, since
 * windows use its beginning.
 */
struct pads {
	struct tl_plan *plan;
	uintptr_t addr;
	unsigned int span; /* of the window */
	bool closed;
};

/* How far islands may be from @addr. */
static uintptr_t lowest(uintptr_t addr)
{
	return addr + TL_SHORT_BYTES > 128 ? addr + TL_SHORT_BYTES - 128 : 0;
}

static uintptr_t highest(uintptr_t addr)
{
	return addr + TL_SHORT_BYTES + 127;
}

/*
 * The @i-th place in [@start, @end) that is in reach of @addr and not in the
 * window of @span bytes there, or 0.
 */
static uintptr_t place_in(uintptr_t addr, unsigned int span, uintptr_t start,
			  uintptr_t end, unsigned int i)
{
	while (end - start >= TL_ISLAND_BYTES) {
		end -= TL_ISLAND_BYTES;
		if (end < lowest(addr) || end > highest(addr) ||
		    (end < addr + span && end + TL_ISLAND_BYTES > addr))
			continue;
		if (!i--)
			return end;
	}
	return 0;
}

/* Does the host know of anything that leads to [@start, @end)? */
static bool has_inroad(uintptr_t start, uintptr_t end)
{
	uint32_t mask;

	for (uintptr_t at = start - 1; at + 1 < end; at += 31) {
		mask = tl_host_ops->inroads(at);
		if (end - at < 32)
			mask &= (1u << (end - at)) - 1;
		if (mask)
			return true;
	}
	return false;
}

static void note_pad(void *arg, uint64_t start, uint64_t end)
{
	const struct pads *p = arg;
	struct tl_plan *plan = p->plan;

	if (plan->n_pads == TL_PADS || end - start > UINT8_MAX ||
	    !place_in(p->addr, p->span, start, end, 0) ||
	    (p->closed && has_inroad(start, end)))
		return;
	plan->pad[plan->n_pads].at = (int16_t)(start - p->addr);
	plan->pad[plan->n_pads++].len = (uint8_t)(end - start);
}

static void find_pads(struct tl_plan *plan, const struct x86_flow *flow,
		      uintptr_t addr, unsigned int span)
{
	struct pads p = { plan, addr, span, flow->closed };
	struct x86_pads pads = {
		.low = lowest(addr),
		.high = highest(addr) + 1,
		.behind = flow->end,
		.fn = note_pad,
		.arg = &p,
	};

	if (flow->end <= highest(addr))
		pads.behind = padding_end(flow->end, -flow->end & 15);
	x86_flow_pads(flow, &pads);
}

/* @why there is no window for a whole jump; is there one for a short one? */
static void plan_island(struct tl_plan *plan, struct x86_flow *flow,
			uintptr_t addr, enum tl_why why)
{
	struct x86_window win;

	if (why != TL_WHY_TARGET && why != TL_WHY_PAST_END &&
	    why != TL_WHY_CALL &&
	    !(why == TL_WHY_NOT_RELOCATABLE && tl_host_ops->own_faults))
		return;
	if (find_window(flow, addr, TL_SHORT_BYTES, &win) != X86_FLOW_OK)
		return;
	find_pads(plan, flow, addr, win.span > win.len ? win.span : win.len);
	if (plan->n_pads)
		take_window(plan, &win);
	plan->island = plan->window_len;
	plan->why = why;
}

/* The start of pad @i, and its end. */
static uintptr_t pad_of(const struct tl_plan *plan, uintptr_t addr,
			unsigned int i, uintptr_t *end)
{
	uintptr_t start = addr + (uintptr_t)(intptr_t)plan->pad[i].at;

	*end = start + plan->pad[i].len;
	return start;
}

uintptr_t tl_arch_island(const struct tl_plan *plan, uintptr_t addr,
			 unsigned int i)
{
	uintptr_t start, end, at;

	for (unsigned int k = 0; k < plan->n_pads; k++) {
		start = pad_of(plan, addr, k, &end);
		for (unsigned int n = 0;
		     (at = place_in(addr, plan->window_len, start, end, n));
		     n++)
			if (!i--)
				return at;
	}
	return 0;
}

bool tl_arch_is_padding(const struct tl_plan *plan, uintptr_t addr,
			uintptr_t at)
{
	uint8_t code[UINT8_MAX];
	uintptr_t start, end;

	for (unsigned int k = 0; k < plan->n_pads; k++) {
		start = pad_of(plan, addr, k, &end);
		if (at >= start && at < end)
			return !tl_text_read(code, start, end - start) &&
			       x86_is_padding(code, end - start, start);
	}
	return false;
}

/* What the instruction at @addr is, alone.  0 or Linux's code. */
static int plan_insn(struct tl_plan *plan, uintptr_t addr, size_t avail)
{
	uint8_t scratch[X86_RELOC_MAX];
	struct x86_insn in;
	int err;

	if (x86_decode(&in, plan->orig, avail, addr))
		return -TL_EILSEQ;
	err = x86_can_probe(&in);
	if (err)
		return err;
	plan->insn_len = in.len;
	plan->orig_len = in.len;
	plan->copy_len = in.len;
	plan->kind = in.kind;
	plan->can_simulate = tl_x86_can_simulate(&in);
	/* At its own address everything is within reach. */
	plan->no_copy = x86_relocate(&in, plan->orig, addr, scratch,
				     sizeof(scratch)) < 0;
	if (!plan->no_copy)
		return 0;
	plan->why = TL_WHY_NOT_RELOCATABLE;
	return plan->can_simulate ? 0 : -TL_EOPNOTSUPP;
}

int tl_arch_plan(struct tl_plan *plan, uintptr_t addr, uintptr_t start,
		 uintptr_t end, unsigned int least)
{
	struct tl_text t = { .any = false };
	struct x86_flow flow = {
		.start = start,
		.end = end,
		.read = tl_text_bytes,
		.ctx = &t,
		.closed = tl_host_ops->inroads,
	};
	enum x86_flow_result r;
	struct x86_window win;
	size_t avail;
	int err;

	*plan = (struct tl_plan){ .n_insns = 1 };
	avail = read_some(plan->orig, addr, X86_INSN_MAX);
	if (!avail)
		return -TL_ENOENT;
	err = 0;
	if (start != end) {
		(void)tl_text_learn(&t, &flow);
		err = check_boundary(&flow, addr);
	}
	if (!err)
		err = plan_insn(plan, addr, avail);
	if (err || plan->no_copy)
		return err;
	plan->why = TL_WHY_NO_BOUNDS;
	if (start == end)
		return 0;

	r = find_window(&flow, addr,
			least > TL_JUMP_BYTES ? least : TL_JUMP_BYTES, &win);
	plan->why = why_of(r);
	if (r == X86_FLOW_OK)
		take_window(plan, &win);
	else
		plan_island(plan, &flow, addr, plan->why);
	if (plan->window_len)
		plan->flags_dead = flags_are_dead(plan, addr);
	return 0;
}

/* Nothing here minds a trap between two of its instructions. */
uintptr_t tl_arch_near(uintptr_t addr, uintptr_t start, uintptr_t end)
{
	(void)addr;
	(void)start;
	(void)end;
	return 0;
}

/* ---- exits ---- */

#define PARTS 8

/*
 * The piece of code that a jump leads to: a part of the function that was split
 * off, which goes nowhere but back, or a function that is called at the end.
 */
static bool find_part(uintptr_t addr, struct x86_range *part)
{
	uintptr_t start, end;
	bool found = tl_host_ops->function &&
		     !tl_host_ops->function(addr, &start, &end);

	if (!found)
		found = tl_host_ops->piece &&
			!tl_host_ops->piece(addr, &start, &end);
	if (found)
		*part = (struct x86_range){ start, end };
	return found;
}

int tl_arch_exits(uintptr_t start, uintptr_t end, uintptr_t entry,
		  struct tl_exit *exits, int max, bool tails)
{
	struct x86_range parts[PARTS];
	struct x86_exit found[TL_EXITS_MAX];
	uint64_t outside = 0;
	struct tl_text t = { .any = false };
	struct x86_flow flow = {
		.start = start,
		.end = end,
		.read = tl_text_bytes,
		.ctx = &t,
		.parts = parts,
		.tails = tails && entry == start,
		.restarts = entry != start,
	};
	int n;

	max = max < TL_EXITS_MAX ? max : TL_EXITS_MAX;
	while ((n = x86_flow_exits(&flow, found, max, &outside)) < 0) {
		if (!outside || flow.nr_parts == PARTS ||
		    !find_part(outside, &parts[flow.nr_parts]))
			break;
		flow.nr_parts++;
	}
	for (int i = 0; i < n; i++) {
		exits[i].ret = found[i].ret;
		exits[i].lead = found[i].lead;
		exits[i].pops = found[i].pops;
		exits[i].tail = found[i].part;
		exits[i].start = start;
		exits[i].end = end;
		if (!found[i].part)
			continue;
		exits[i].start = parts[found[i].part - 1].start;
		exits[i].end = parts[found[i].part - 1].end;
	}
	return n < 0 ? -TL_EOPNOTSUPP : n;
}

bool tl_arch_takes_return(uintptr_t start)
{
	struct tl_text t = { .any = false };
	struct x86_flow flow = {
		.start = start,
		.end = start + 1024,
		.read = tl_text_bytes,
		.ctx = &t,
	};

	return x86_flow_takes_return(&flow);
}

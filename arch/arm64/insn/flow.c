/* SPDX-License-Identifier: MIT */
/*
 * flow.c - where control may come from, where exclusives are, where it returns
 *
 * A store-exclusive succeeds if the monitor that its load-exclusive has opened
 * is still open, and any exception and any store in between may close it (Arm
 * ARM, "Load-Exclusive and Store-Exclusive instruction usage restrictions").  Two bits for each word of a function tell where that would hurt:
 *
 *     OPEN   a load-exclusive may have been executed before it, and no
 *            store-exclusive or clrex since
 *     WANTED a store-exclusive may follow before another load-exclusive or a
 *            clrex
 *
 * A place with both is inside a sequence.  The load-exclusive is not: what opens
 * the monitor does not care how it was.
 */
#include "insn.h"

#define OPEN   1u
#define WANTED 2u

#define CLREX(insn) (((insn)&0xfffff0ff) == 0xd503305f)

#define BUFFER 64

/* The words of the function, a few at a time. */
struct words {
	const struct a64_flow *flow;
	uint64_t at;
	size_t n;
	uint32_t word[BUFFER];
};

static void start_words(struct words *w, const struct a64_flow *flow)
{
	w->flow = flow;
	w->at = 0;
	w->n = 0;
}

/* Fill the buffer from word @i on.  What cannot be read is udf. */
static void fill(struct words *w, size_t i)
{
	const struct a64_flow *flow = w->flow;
	size_t left = a64_flow_words(flow) - i;

	w->at = i;
	w->n = left < BUFFER ? left : BUFFER;
	if (!flow->read(flow->ctx, w->word, flow->start + 4 * i, 4 * w->n))
		return;
	for (size_t k = 0; k < w->n; k++)
		if (flow->read(flow->ctx, &w->word[k],
			       flow->start + 4 * (i + k), 4))
			w->word[k] = 0;
}

static uint32_t word(struct words *w, size_t i)
{
	if (i < w->at || i >= w->at + w->n)
		fill(w, i & ~(size_t)(BUFFER - 1));
	return w->word[i - w->at];
}

static unsigned int fact(const struct a64_flow *flow, size_t i)
{
	return flow->facts[i / 4] >> i % 4 * 2 & 3;
}

/* Is it news? */
static bool note(const struct a64_flow *flow, size_t i, unsigned int bit)
{
	if (fact(flow, i) & bit)
		return false;
	flow->facts[i / 4] |= (uint8_t)(bit << i % 4 * 2);
	return true;
}

/* Could it be one of them?  A quick look for all of a function. */
static bool maybe_exclusive(uint32_t insn)
{
	return (insn & 0x3f800000) == 0x08000000;
}

/* Where a direct branch at word @i leads, as a word; -1: it is none, or a call. */
static int64_t target_of(enum a64_plan plan, uint32_t insn, size_t i)
{
	uint64_t place;

	if (plan < A64_SIM_B || (plan == A64_SIM_B && insn >> 31) ||
	    !a64_place(insn, 4 * (uint64_t)i, &place))
		return -1;
	return (int64_t)place / 4;
}

/* Does control go on behind it? */
static bool falls_through(enum a64_plan plan, uint32_t insn)
{
	switch (plan) {
	case A64_UNALLOCATED:
	case A64_ERET:
	case A64_BR_AUTH:
		return false;
	case A64_SIM_B:
		return insn >> 31;
	case A64_SIM_BR:
		return (insn >> 21 & 3) == 1;
	default:
		return true;
	}
}

struct step {
	enum a64_plan plan;
	bool clears;
	bool falls;
	int64_t target;
};

static struct step look(struct words *w, size_t i)
{
	uint32_t insn = word(w, i);
	enum a64_plan plan = a64_match(insn)->plan;
	size_t n = a64_flow_words(w->flow);
	struct step s = { .plan = plan,
			  .clears = plan == A64_STORE_EX || CLREX(insn),
			  .falls = falls_through(plan, insn) && i + 1 < n,
			  .target = target_of(plan, insn, i) };

	if (s.target >= (int64_t)n)
		s.target = -1;
	return s;
}

/* One round forward; is there news that an earlier word has to hear? */
static bool spread_open(struct words *w, bool *any)
{
	const struct a64_flow *flow = w->flow;
	bool again = false;

	for (size_t i = 0; i < a64_flow_words(flow); i++) {
		bool open = fact(flow, i) & OPEN;
		struct step s;

		if (!open && !maybe_exclusive(word(w, i)))
			continue;
		s = look(w, i);
		if (s.plan == A64_LOAD_EX)
			open = *any = true;
		if (!open || s.clears)
			continue;
		if (s.falls)
			(void)note(flow, i + 1, OPEN);
		if (s.target >= 0 && note(flow, (size_t)s.target, OPEN))
			again |= (size_t)s.target <= i;
	}
	return again;
}

/* One round backward, of the words that are open. */
static bool spread_wanted(struct words *w)
{
	const struct a64_flow *flow = w->flow;
	bool news = false;

	for (size_t i = a64_flow_words(flow); i-- > 0;) {
		struct step s;
		bool wanted;

		if (fact(flow, i) != OPEN)
			continue;
		s = look(w, i);
		wanted = s.plan == A64_STORE_EX;
		if (!s.clears && s.plan != A64_LOAD_EX) {
			if (s.falls)
				wanted |= fact(flow, i + 1) == (OPEN | WANTED);
			if (s.target >= 0)
				wanted |= fact(flow, (size_t)s.target) ==
					  (OPEN | WANTED);
		}
		if (wanted)
			news |= note(flow, i, WANTED);
	}
	return news;
}

bool a64_flow_learn(struct a64_flow *flow)
{
	struct words w;
	size_t n = a64_flow_words(flow), bytes = a64_flow_bytes(flow);
	bool any = false;

	start_words(&w, flow);
	for (size_t i = 0; i < n && !any; i++)
		any = maybe_exclusive(word(&w, i)) &&
		      a64_match(word(&w, i))->plan == A64_LOAD_EX;
	if (!any)
		return false;
	for (size_t i = 0; i < bytes; i++)
		((volatile uint8_t *)flow->facts)[i] = 0;
	while (spread_open(&w, &any))
		;
	while (spread_wanted(&w))
		;
	return true;
}

bool a64_flow_in_exclusive(const struct a64_flow *flow, uint64_t addr)
{
	if (addr < flow->start || addr >= flow->end)
		return false;
	return fact(flow, (addr - flow->start) / 4) == (OPEN | WANTED);
}

uint64_t a64_flow_near(const struct a64_flow *flow, uint64_t addr)
{
	uint64_t far = flow->end - flow->start;

	for (uint64_t off = 0; off <= far; off += 4) {
		if (addr - flow->start >= off && addr - off < flow->end &&
		    !a64_flow_in_exclusive(flow, addr - off))
			return addr - off;
		if (addr + off >= flow->start && addr + off < flow->end &&
		    !a64_flow_in_exclusive(flow, addr + off))
			return addr + off;
	}
	return 0;
}

/* ---- where a function returns ---- */

#define NOP 0xd503201fu

/* ret x30, retaa, retab */
static bool is_return(uint32_t insn)
{
	return insn == 0xd65f03c0 || (insn & 0xfffffbff) == 0xd65f0bff;
}

/* br, braa: to where nobody knows, or a return by another register. */
static bool goes_anywhere(enum a64_plan plan, uint32_t insn)
{
	return plan == A64_BR_AUTH ||
	       (plan == A64_SIM_BR && (insn >> 21 & 3) != 1);
}

/* Is @addr in the function, or in a part of it? */
static bool is_inside(const struct a64_flow *flow, uint64_t addr)
{
	for (unsigned int i = 0; i < flow->nr_parts; i++)
		if (addr >= flow->parts[i].start && addr < flow->parts[i].end)
			return true;
	return addr >= flow->start && addr < flow->end;
}

static bool begins_part(const struct a64_flow *flow, uint64_t addr)
{
	for (unsigned int i = 0; i < flow->nr_parts; i++)
		if (addr == flow->parts[i].start)
			return true;
	return false;
}

/* A branch to @place: not out of the function, nor to its start. */
static bool stays(const struct a64_flow *flow, uint64_t place,
		  uint64_t *outside)
{
	if (!is_inside(flow, place))
		*outside = place;
	return !*outside && place != flow->start;
}

/* May @insn at @addr be in a function whose exits are certain? */
static bool is_certain(const struct a64_flow *flow, enum a64_plan plan,
		       uint32_t insn, uint64_t addr, uint64_t *outside)
{
	uint64_t place;

	if (plan == A64_UNALLOCATED || plan == A64_ERET ||
	    goes_anywhere(plan, insn))
		return false;
	if (!a64_place(insn, addr, &place))
		return true;
	switch (plan) {
	case A64_SIM_B:
		if (insn >> 31)
			return !is_inside(flow, place) ||
			       place == flow->start || begins_part(flow, place);
		return stays(flow, place, outside);
	case A64_SIM_B_COND:
	case A64_SIM_CBZ:
	case A64_SIM_TBZ:
		return stays(flow, place, outside);
	case A64_SIM_ADR: /* adrp names a page, which is no part of it */
		return insn >> 31 || !is_inside(flow, place);
	default:
		return !is_inside(flow, place);
	}
}

/* Does control run on to the next word, as far as anybody can tell? */
static bool runs_on(enum a64_plan plan, uint32_t insn)
{
	bool call = (plan == A64_SIM_B && insn >> 31) || plan == A64_SIM_BR ||
		    plan == A64_BLR_AUTH || plan == A64_CALL;

	return !call && plan != A64_TRAP && insn >> 16 &&
	       falls_through(plan, insn);
}

/* The exits of one part of @whole, or of itself: how many, or -1. */
static int exits_of(const struct a64_flow *whole, unsigned int part,
		    struct a64_exit *exits, unsigned int max, uint64_t *outside)
{
	struct a64_flow flow = *whole;
	struct words w;
	unsigned int n = 0;
	bool on = true;

	if (part) {
		flow.start = whole->parts[part - 1].start;
		flow.end = whole->parts[part - 1].end;
	}
	if (flow.end - flow.start > 4 * A64_FUNCTION_MAX)
		return -1;
	start_words(&w, &flow);
	for (size_t i = 0; i < a64_flow_words(&flow); i++) {
		uint32_t insn = word(&w, i);
		enum a64_plan plan = a64_match(insn)->plan;
		uint64_t addr = flow.start + 4 * i;

		if (insn == NOP)
			continue;
		if (is_return(insn)) {
			if (n == max)
				return -1;
			exits[n++] = (struct a64_exit){ addr, part };
			on = false;
			continue;
		}
		if (!is_certain(whole, plan, insn, addr, outside))
			return -1;
		on = runs_on(plan, insn);
	}
	return on ? -1 : (int)n;
}

int a64_flow_exits(const struct a64_flow *flow, struct a64_exit *exits,
		   unsigned int max, uint64_t *outside)
{
	unsigned int n = 0;

	*outside = 0;
	for (unsigned int part = 0; part <= flow->nr_parts; part++) {
		int some = exits_of(flow, part, exits + n, max - n, outside);

		if (some < 0)
			return -1;
		n += (unsigned int)some;
	}
	return (int)n;
}

/* ---- functions that keep their return address ---- */

#define SP		31
#define STRAIGHT	64
#define FRAME_REG	29
#define LINK_REG	30
#define IS_BR_X30(insn) ((insn) == 0xd61f03c0)

/* stp or str of x30, but not into the stack. */
static bool stores_link(uint32_t insn)
{
	uint32_t rn = insn >> 5 & 31;
	bool pair = (insn & 0xfe400000) == 0xa8000000;
	bool one = (insn & 0xfec00000) == 0xf8000000;

	if (rn == SP || rn == FRAME_REG)
		return false;
	return (pair &&
		((insn & 31) == LINK_REG || (insn >> 10 & 31) == LINK_REG)) ||
	       (one && (insn & 31) == LINK_REG);
}

/* eor of x30: how setjmp hides what it keeps. */
static bool hides_link(uint32_t insn)
{
	return (insn & 0xff200000) == 0xca000000 &&
	       ((insn >> 5 & 31) == LINK_REG || (insn >> 16 & 31) == LINK_REG);
}

/* mov x0, #CLONE_VM | CLONE_VFORK | SIGCHLD: the child returns here, too. */
#define MOV_X0_VFORK 0xd2882220u

bool a64_flow_takes_return(const struct a64_flow *flow, uint64_t *next)
{
	struct words w;
	size_t n = a64_flow_words(flow);
	bool vfork = false;

	*next = 0;
	start_words(&w, flow);
	for (size_t i = 0; i < n && i < STRAIGHT; i++) {
		uint32_t insn = word(&w, i);
		enum a64_plan plan = a64_match(insn)->plan;

		vfork |= insn == MOV_X0_VFORK;
		if (stores_link(insn) || hides_link(insn) ||
		    (vfork && plan == A64_CALL) || IS_BR_X30(insn))
			return true;
		if (plan == A64_SIM_B && !(insn >> 31))
			a64_place(insn, flow->start + 4 * i, next);
		if (!falls_through(plan, insn) || plan == A64_BLR_AUTH ||
		    plan >= A64_SIM_B)
			return false;
	}
	return false;
}

/* SPDX-License-Identifier: MIT */
/*
 * plan.c - what can be done about the instruction at an address
 *
 * Every instruction is a word, and so is a jump: there are no boundaries to
 * find, and nobody can be inside what a jump covers.  What the words around it
 * have to say is little: a probe between a load-exclusive and its store would make
 * the store fail for ever, and pacm is one with the instruction behind it.
 */
#include "text.h"

static enum tl_why why_refused(enum a64_plan kind)
{
	switch (kind) {
	case A64_TRAP:
	case A64_ERET:
		return TL_WHY_TRAP;
	case A64_STATE:
		return TL_WHY_STATE;
	default:
		return TL_WHY_UNDECODABLE;
	}
}

/* Is the instruction at @addr one with the word before it? */
static bool follows_pacm(uintptr_t addr, uintptr_t start)
{
	uint32_t insn;

	return addr != start && !tl_text_read(&insn, addr - 4, sizeof(insn)) &&
	       insn == A64_PACM;
}

/* 0, or why not: what the words around @addr say. */
static int check_around(struct tl_plan *plan, uintptr_t addr, uintptr_t start,
			uintptr_t end)
{
	struct a64_flow flow = tl_text_flow(addr, start, end);
	int err = tl_text_learn(&flow);

	if (err)
		return err;
	if (flow.facts && a64_flow_in_exclusive(&flow, addr)) {
		plan->why = TL_WHY_EXCLUSIVE;
		return -TL_EINVAL;
	}
	if (follows_pacm(addr, start)) {
		plan->why = TL_WHY_STATE;
		return -TL_EINVAL;
	}
	return 0;
}

/* A load that is rewritten must not fault: it cannot do it well. */
static bool literal_is_readable(uint32_t insn, uintptr_t addr)
{
	uint8_t literal[16];
	uint64_t place;

	return a64_place(insn, addr, &place) &&
	       !tlh_read(literal, place, a64_literal_size(insn));
}

static bool is_literal(enum a64_plan kind)
{
	return kind == A64_SIM_LITERAL || kind == A64_VECTOR_LITERAL;
}

/* What the instruction is, alone.  0 or Linux's code. */
static int plan_insn(struct tl_plan *plan, uint32_t insn, uintptr_t addr)
{
	uint32_t words[A64_RELOCATED_WORDS];
	enum a64_plan kind = a64_match(insn)->plan;

	if (a64_refused(kind) || tl_arm64_lacks(kind, insn)) {
		plan->why = why_refused(kind);
		return -TL_EINVAL;
	}
	if (is_literal(kind) && !literal_is_readable(insn, addr)) {
		plan->why = TL_WHY_UNDECODABLE;
		return -TL_EINVAL;
	}
	tl_put_word(plan->orig, insn);
	plan->orig_len = 4;
	plan->insn_len = 4;
	plan->kind = (uint8_t)kind;
	/* At its own address everything is within reach. */
	plan->no_copy = !a64_relocate(insn, addr, addr, words);
	/* What is not authentic has to fault as the CPU does it: in a copy. */
	if (plan->no_copy && kind == A64_BLR_AUTH) {
		plan->why = TL_WHY_NOT_RELOCATABLE;
		return -TL_EINVAL;
	}
	return 0;
}

int tl_arch_plan(struct tl_plan *plan, uintptr_t addr, uintptr_t start,
		 uintptr_t end, unsigned int least)
{
	uint32_t insn;
	int err;

	(void)least; /* exits are not looked at */
	tl_arm64_look_at_cpu();
	*plan = (struct tl_plan){ .why = TL_WHY_NONE };
	if (addr % 4)
		return -TL_EINVAL;
	if (tl_text_read(&insn, addr, sizeof(insn)))
		return -TL_ENOENT;
	err = plan_insn(plan, insn, addr);
	if (!err)
		err = check_around(plan, addr, start, end);
	if (err)
		return err;

	/*
	 * A branch would not do for a landing pad.  How far away the copy will
	 * be does not matter here: that is seen when it is made.
	 */
	if (plan->no_copy || a64_is_landing_pad(insn))
		plan->why = TL_WHY_NOT_RELOCATABLE;
	else
		plan->window_len = 4;
	return 0;
}

uintptr_t tl_arch_near(uintptr_t addr, uintptr_t start, uintptr_t end)
{
	struct a64_flow flow = tl_text_flow(addr, start, end);

	if (tl_text_learn(&flow) || !flow.facts)
		return 0;
	return a64_flow_near(&flow, addr);
}

/* ---- exits ---- */

#define PARTS 8

/* What a branch leads to: a function that is gone on to, or a piece that was split off. */
static bool find_part(uintptr_t addr, struct a64_range *part)
{
	uintptr_t start, end;
	bool found = tl_host_ops->function &&
		     !tl_host_ops->function(addr, &start, &end);

	if (!found)
		found = tl_host_ops->piece &&
			!tl_host_ops->piece(addr, &start, &end);
	if (!found || start % 4)
		return false;
	*part = (struct a64_range){ start, end & -4ul };
	return true;
}

/*
 * To replace an address that is in a register costs less than a second probe, so
 * that is done wherever it may be.
 */
int tl_arch_exits(uintptr_t start, uintptr_t end, uintptr_t entry,
		  struct tl_exit *exits, int max, bool tails)
{
	struct a64_range parts[PARTS];
	struct a64_exit found[TL_EXITS_MAX];
	uint64_t outside;
	struct a64_flow flow = { .start = start,
				 .end = end & -4ul,
				 .read = tl_text_bytes,
				 .parts = parts };
	int n;

	if (!tails || start % 4 || entry != start)
		return -TL_EOPNOTSUPP;
	max = max < TL_EXITS_MAX ? max : TL_EXITS_MAX;
	while ((n = a64_flow_exits(&flow, found, max, &outside)) < 0) {
		if (!outside || flow.nr_parts == PARTS ||
		    !find_part(outside, &parts[flow.nr_parts]))
			break;
		flow.nr_parts++;
	}
	for (int i = 0; i < n; i++) {
		exits[i] = (struct tl_exit){ .ret = found[i].ret,
					     .start = start,
					     .end = end,
					     .tail = found[i].part };
		if (!found[i].part)
			continue;
		exits[i].start = parts[found[i].part - 1].start;
		exits[i].end = parts[found[i].part - 1].end;
	}
	return n < 0 ? -TL_EOPNOTSUPP : n;
}

/* Behind paciasp the return address is signed, and another one would not be. */
static bool is_signed_before(uintptr_t start)
{
	uint32_t insn;

	return !tl_text_read(&insn, start - 4, sizeof(insn)) &&
	       a64_is_paciasp(insn);
}

/* So many jumps are followed from a function to its straight code. */
#define MAX_HOPS 4

bool tl_arch_takes_return(uintptr_t start)
{
	uint64_t at = start, next = 0;

	if (is_signed_before(start))
		return true;
	for (int i = 0; at && i < MAX_HOPS; i++, at = next) {
		struct a64_flow flow = { .start = at,
					 .end = at + 1024,
					 .read = tl_text_bytes };

		if (a64_flow_takes_return(&flow, &next))
			return true;
	}
	return false;
}

/* A jump takes the place of one instruction: no island is ever needed. */
uintptr_t tl_arch_island(const struct tl_plan *plan, uintptr_t addr,
			 unsigned int i)
{
	(void)plan;
	(void)addr;
	(void)i;
	return 0;
}

bool tl_arch_is_padding(const struct tl_plan *plan, uintptr_t addr,
			uintptr_t at)
{
	(void)plan;
	(void)addr;
	(void)at;
	return false;
}

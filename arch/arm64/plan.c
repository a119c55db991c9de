/* SPDX-License-Identifier: MIT */
/*
 * plan.c - how an instruction of arm64 can be probed
 *
 * Every instruction is a word, and so is a jump: there are no boundaries to
 * find, and nobody can be inside what a jump covers.  But an instruction that
 * stands between a load-exclusive and its store cannot be probed, and for
 * that the words before it are looked at.
 */

#include "code.h"

/* Read up to @n words before @addr, not before @start; returns how many. */
static size_t read_before(uint32_t *words, size_t n, uintptr_t addr,
			  uintptr_t start)
{
	size_t have = 0;

	while (have < n && addr - 4 * have > start) {
		uintptr_t at = addr - 4 * (have + 1);

		if (tl_text_read(&words[n - have - 1], at, 4))
			break;
		have++;
	}
	return have;
}

static bool in_exclusive(uintptr_t addr, uintptr_t start)
{
	uint32_t words[A64_EXCLUSIVE_REACH];
	size_t have = read_before(words, A64_EXCLUSIVE_REACH, addr, start);

	return a64_in_exclusive(words + A64_EXCLUSIVE_REACH - have, have);
}

/* A load that is simulated or rewritten must not fault: it cannot do it well. */
static bool literal_is_readable(uint32_t insn, uintptr_t addr)
{
	uint8_t literal[16];

	return !tlh_read(literal, a64_literal_address(insn, addr),
			 a64_literal_size(insn));
}

/*
 * May a branch stand in its place?  Not where it has to be a landing pad.  How
 * far away the copy will be does not matter here: that is seen when it is made.
 */
static bool may_be_jump(uint32_t insn, uintptr_t addr)
{
	uint32_t words[A64_RELOCATED_WORDS];

	return !a64_is_landing_pad(insn) &&
	       a64_relocate(insn, addr, addr, words) != 0;
}

int tl_arch_plan(struct tl_plan *plan, uintptr_t addr, uintptr_t start,
		 uintptr_t end)
{
	enum a64_plan kind;
	uint32_t insn;

	(void)end;
	if (addr % 4)
		return -TL_EINVAL;
	if (tl_text_read(&insn, addr, sizeof(insn)))
		return -TL_ENOENT;
	kind = a64_match(insn)->plan;
	if (kind == A64_REFUSE || in_exclusive(addr, start))
		return -TL_EINVAL;
	if ((kind == A64_SIM_LITERAL || kind == A64_VECTOR_LITERAL) &&
	    !literal_is_readable(insn, addr))
		return -TL_EINVAL;

	tl_put_word(plan->orig, insn);
	plan->orig_len = 4;
	plan->insn_len = 4;
	plan->window_len = may_be_jump(insn, addr) ? 4 : 0;
	plan->why = plan->window_len ? TL_WHY_NONE : TL_WHY_NOT_RELOCATABLE;
	plan->kind = (uint8_t)kind;
	return 0;
}

/* Control flow is not looked at here: return addresses are replaced. */
int tl_arch_exits(uintptr_t start, uintptr_t end, struct tl_exit *exits,
		  int max)
{
	(void)start;
	(void)end;
	(void)exits;
	(void)max;
	return -TL_EOPNOTSUPP;
}

bool tl_arch_takes_return(uintptr_t start)
{
	(void)start;
	return false;
}

void tl_arch_forget(void)
{
}

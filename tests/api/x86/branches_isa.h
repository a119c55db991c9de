/* SPDX-License-Identifier: MIT */
/*
 * branches_isa.h - the branches of branches.S on x86-64: flags, and what Linux does
 */
#ifndef BRANCHES_ISA_H
#define BRANCHES_ISA_H

#define N_BRANCHES 47
#define N_FLAGS	   32 /* CF, PF, ZF, SF, OF in every combination */

static unsigned long flags_of(unsigned int i)
{
	return 0x202 | (i & 1) | (i & 2) << 1 | (i & 4) << 4 | (i & 8) << 4 |
	       (i & 16) << 7;
}

static bool begins(const char *name, const char *with)
{
	while (*with && *name == *with)
		name++, with++;
	return !*with;
}

static bool has(const char *name, char c)
{
	while (*name && *name != c)
		name++;
	return *name;
}

/* Is @b one of those through memory, which Linux refuses? */
static bool through_memory(const struct branch *b)
{
	return has(b->name, '*') && has(b->name, '(');
}

/* How many results were @wrong is as it is to be. */
static void check_results(const struct branch *b, unsigned long wrong,
			  bool simulated)
{
	if (begins(b->name, "loop"))
		CHECK_EQ(wrong > 0, TL_EITHER(ROW_LOOP, false, true));
	else if (begins(b->name, "ret $") && simulated)
		CHECK_EQ(wrong > 0, TL_EITHER(ROW_RET, false, true));
	else if (!begins(b->name, "ret $") || !TL_ON_LINUX)
		CHECK_EQ(wrong, 0); /* there, it may be a jump or not */
}

#endif

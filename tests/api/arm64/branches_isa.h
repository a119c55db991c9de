/* SPDX-License-Identifier: MIT */
/*
 * branches_isa.h - the branches of branches.S on arm64: flags, and what Linux does
 */
#ifndef BRANCHES_ISA_H
#define BRANCHES_ISA_H

#define N_BRANCHES 70
#define N_FLAGS	   16 /* N, Z, C, V in every combination */

static unsigned long flags_of(unsigned int i)
{
	return (unsigned long)i << 28;
}

/* None is refused by Linux because of memory: there are no such branches. */
static bool through_memory(const struct branch *b)
{
	(void)b;
	return false;
}

static void check_results(const struct branch *b, unsigned long wrong,
			  bool simulated)
{
	(void)b;
	(void)simulated;
	CHECK_EQ(wrong, 0);
}

#endif

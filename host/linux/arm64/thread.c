/* SPDX-License-Identifier: MIT */
/*
 * thread.c - caches of instructions, and what watches over threads, on arm64
 */
#include "common/sys.h"

#pragma GCC visibility push(hidden)

void tl_machine_init(void)
{
}

bool tl_machine_checks_returns(void)
{
	return false;
}

/*
 * Arm Architecture Reference Manual (DDI 0487), B2.4.4 and D4.4.11: what was
 * stored is made visible to fetches by cleaning the data cache to the point of
 * unification, then invalidating the instruction cache, each followed by DSB.
 * Both reach all CPUs.  CTR_EL0 tells the lengths of the lines, and says by its
 * bits IDC and DIC that the one or the other need not be done.  What is left to
 * each CPU is an ISB (tlh_sync_cores()).
 */
void tl_text_written(uintptr_t at, size_t len)
{
	uintptr_t end = at + len, dline, iline;
	uint64_t ctr;

	__asm__ volatile("mrs %0, ctr_el0" : "=r"(ctr));
	dline = 4ul << (ctr >> 16 & 15);
	iline = 4ul << (ctr & 15);
	if (!(ctr >> 28 & 1))
		for (uintptr_t p = at & -dline; p < end; p += dline)
			__asm__ volatile("dc cvau, %0" : : "r"(p) : "memory");
	__asm__ volatile("dsb ish" : : : "memory");
	if (!(ctr >> 29 & 1)) {
		for (uintptr_t p = at & -iline; p < end; p += iline)
			__asm__ volatile("ic ivau, %0" : : "r"(p) : "memory");
		__asm__ volatile("dsb ish" : : : "memory");
	}
	__asm__ volatile("isb" : : : "memory");
}

#pragma GCC visibility pop

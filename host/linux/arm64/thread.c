/* SPDX-License-Identifier: MIT */
/*
 * thread.c - caches of instructions, and what watches over threads, on arm64
 */
#include "common/home.h"

#define CMD_GLOBAL 1

#pragma GCC visibility push(hidden)

void tl_machine_init(void)
{
}

bool tl_machine_checks_returns(void)
{
	return false;
}

/*
 * Arm Architecture Reference Manual (DDI 0487), "Concurrent modification and
 * execution of instructions", "Cache maintenance": what was stored is made visible to fetches by cleaning the data cache to the point of
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

static uint32_t word_at(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/* B, BL; SVC, HVC, SMC, BRK; ISB; NOP. */
static bool is_exchangeable(uint32_t insn)
{
	return (insn & 0x7c000000) == 0x14000000 ||
	       ((insn & 0xffe0001c) == 0xd4000000 && (insn & 3)) ||
	       (insn & 0xffe0001f) == 0xd4200000 ||
	       (insn & 0xfffff0ff) == 0xd50330df || insn == 0xd503201f;
}

/*
 * Arm Architecture Reference Manual (DDI 0487), "Concurrent modification and
 * execution of instructions": a CPU executes the old one or the new one if both are of these;
 * else it may do anything.
 */
bool tl_text_exchangeable(uintptr_t at, const uint8_t *bytes, size_t len)
{
	uint8_t now[4];

	return len == 4 && !tlh_read(now, at, 4) &&
	       is_exchangeable(word_at(now)) && is_exchangeable(word_at(bytes));
}

/*
 * Kernels before 4.16.  Every CPU passes the end of an RCU grace period, in user
 * mode by an interrupt; coming back from that synchronizes.  (The way of x86 would
 * not do: here a CPU learns of a page's permission without being interrupted.)
 */
bool tl_machine_sync(void)
{
	return !tl_sys3(__NR_membarrier, CMD_GLOBAL, 0, 0);
}

#pragma GCC visibility pop

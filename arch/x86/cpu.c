/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - what the trampolines want to know about the CPU
 */
#include "code.h"

unsigned int tl_x86_vectors;
unsigned long tl_x86_cs, tl_x86_ss;

#define OSXSAVE	    (1u << 27)
#define XCR0_AVX    0x6u
#define XCR0_AVX512 0xe6u
#define AVX512BW    (1u << 30)

struct leaf {
	uint32_t a, b, c, d;
};

static struct leaf cpuid(uint32_t n)
{
	struct leaf l;

	__asm__("cpuid"
		: "=a"(l.a), "=b"(l.b), "=c"(l.c), "=d"(l.d)
		: "a"(n), "c"(0));
	return l;
}

static uint32_t xcr0(void)
{
	uint32_t low, high;

	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

static unsigned int level(void)
{
	uint32_t on;

	if (!(cpuid(1).c & OSXSAVE))
		return 1;
	on = xcr0();
	if ((on & XCR0_AVX512) == XCR0_AVX512 && cpuid(0).a >= 7 &&
	    (cpuid(7).b & AVX512BW))
		return 3;
	return (on & XCR0_AVX) == XCR0_AVX ? 2 : 1;
}

void tl_x86_look_at_cpu(void)
{
	if (tl_x86_cs)
		return;
	__asm__("mov %%cs, %k0; mov %%ss, %k1"
		: "=r"(tl_x86_cs), "=r"(tl_x86_ss));
	if (tl_host_ops->vectors)
		tl_x86_vectors = level();
}

/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - what the trampolines want to know about the CPU
 */
#include "code.h"

unsigned int tl_arm64_vectors;

/* Fields of ID_AA64PFR0_EL1 and ID_AA64PFR1_EL1, which a kernel shows its programs. */
#define PFR0_SVE 32
#define PFR1_SME 24

static unsigned int level(void)
{
	unsigned long pfr0, pfr1;

	__asm__("mrs %0, id_aa64pfr0_el1" : "=r"(pfr0));
	__asm__("mrs %0, id_aa64pfr1_el1" : "=r"(pfr1));
	if (!(pfr0 >> PFR0_SVE & 15))
		return 1;
	return pfr1 >> PFR1_SME & 15 ? 3 : 2;
}

void tl_arm64_look_at_cpu(void)
{
	if (tl_host_ops->vectors && !tl_arm64_vectors)
		tl_arm64_vectors = level();
}

/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - what the trampolines, and plans, want to know about the CPU
 */
#include "code.h"

unsigned int tl_arm64_vectors;

/* Fields of ID registers, which a kernel shows its programs. */
#define PFR0_SVE   32
#define PFR1_SME   24
#define ISAR1_APA  4
#define ISAR1_API  8
#define ISAR2_APA3 12
#define ISAR2_BC   20

static unsigned int level(void)
{
	unsigned long pfr0, pfr1;

	__asm__("mrs %0, id_aa64pfr0_el1" : "=r"(pfr0));
	__asm__("mrs %0, id_aa64pfr1_el1" : "=r"(pfr1));
	if (!(pfr0 >> PFR0_SVE & 15))
		return 1;
	return pfr1 >> PFR1_SME & 15 ? 3 : 2;
}

static bool has(unsigned long id, unsigned int field)
{
	return id >> field & 15;
}

bool tl_arm64_lacks(enum a64_plan kind, uint32_t insn)
{
	bool authenticates = kind == A64_BR_AUTH || kind == A64_BLR_AUTH;
	unsigned long isar1, isar2;

	if (!authenticates && !a64_is_bc(insn))
		return false;
	__asm__("mrs %0, id_aa64isar1_el1" : "=r"(isar1));
	__asm__("mrs %0, s3_0_c0_c6_2" : "=r"(isar2)); /* id_aa64isar2_el1 */
	if (!authenticates)
		return !has(isar2, ISAR2_BC);
	return !has(isar1, ISAR1_APA) && !has(isar1, ISAR1_API) &&
	       !has(isar2, ISAR2_APA3);
}

void tl_arm64_look_at_cpu(void)
{
	if (tl_host_ops->vectors && !tl_arm64_vectors)
		tl_arm64_vectors = level();
}

/* SPDX-License-Identifier: MIT */
/*
 * tables.h - how the tables of instructions are laid out
 *
 * Bits 28 to 25 of a word choose a group, and each group has a
 * table.  A row is a set of words: those with (word & mask) == value.  The first
 * one that fits counts, so what is reserved within a larger set stands before
 * it, with the plan A64_UNALLOCATED; a word that no row fits is not an
 * instruction, or not one that is known here.
 *
 * What is known: Armv8.0 to v8.8 and v9.3 with all their extensions, SVE2 and the
 * first SME included, and FEAT_CSSC.  An instruction that is newer may use its place, so it is
 * refused until it has a row.
 */
#ifndef A64_TABLES_H
#define A64_TABLES_H

#include "insn.h"

struct a64_table {
	const struct a64_rule *rules;
	unsigned int nr;
};

/*
 * The table of each group.  By value, as a table of pointers would need
 * relocating.
 */
struct a64_table a64_branch_table(void);
struct a64_table a64_data_table(void);
struct a64_table a64_memory_table(void);
struct a64_table a64_vector_table(void);
struct a64_table a64_sve_table(void);
struct a64_table a64_sme_table(void);

#define A64_TABLE(rules) \
	((struct a64_table){ (rules), sizeof(rules) / sizeof((rules)[0]) })

#endif

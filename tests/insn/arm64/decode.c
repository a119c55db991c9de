/* SPDX-License-Identifier: MIT */
/* link: arm64-insn */
/*
 * decode.c - what is decided about arm64 instructions, rule by rule
 *
 * The words were made by an assembler (GNU as 2.40) from the text beside them,
 * but for those that are newer than it.
 */
#include <stdio.h>
#include <string.h>

#include "insn.h"
#include "tl_test.h"

/* clang-format off */
static const struct a64_case {
	const char *text;
	uint32_t insn;
	enum a64_plan plan;
} cases[] = {
	{ "b .+8",			0x14000002, A64_SIM_B },
	{ "bl .-4",			0x97ffffff, A64_SIM_B },
	{ "b.ne .+16",			0x54000081, A64_SIM_B_COND },
	{ "bc.eq .+8",			0x54000050, A64_SIM_B_COND },
	{ "cbz w1, .+8",		0x34000041, A64_SIM_CBZ },
	{ "cbnz x30, .-8",		0xb5ffffde, A64_SIM_CBZ },
	{ "tbz x3, #63, .+12",		0xb6f80063, A64_SIM_TBZ },
	{ "tbnz w3, #1, .+12",		0x37080063, A64_SIM_TBZ },
	{ "br x17",			0xd61f0220, A64_SIM_BR },
	{ "blr x30",			0xd63f03c0, A64_SIM_BR },
	{ "ret",			0xd65f03c0, A64_SIM_BR },
	{ "ret x1",			0xd65f0020, A64_SIM_BR },
	{ "braa x1, x2",		0xd71f0822, A64_BR_AUTH },
	{ "blraaz x1",			0xd63f083f, A64_BLR_AUTH },
	{ "retaa",			0xd65f0bff, A64_BR_AUTH },
	{ "eret",			0xd69f03e0, A64_ERET },
	{ "drps",			0xd6bf03e0, A64_ERET },
	{ "svc #0",			0xd4000001, A64_CALL },
	{ "hvc #0",			0xd4000002, A64_CALL },
	{ "smc #0",			0xd4000003, A64_CALL },
	{ "brk #0x5450",		0xd42a8a00, A64_TRAP },
	{ "hlt #0",			0xd4400000, A64_TRAP },
	{ "nop",			0xd503201f, A64_SLOT },
	{ "yield",			0xd503203f, A64_SLOT },
	{ "wfe",			0xd503205f, A64_SLOT },
	{ "wfi",			0xd503207f, A64_SLOT },
	{ "sev",			0xd503209f, A64_SLOT },
	{ "xpaclri",			0xd50320ff, A64_SLOT },
	{ "pacia1716",			0xd503211f, A64_SLOT },
	{ "pacib1716",			0xd503215f, A64_SLOT },
	{ "autia1716",			0xd503219f, A64_SLOT },
	{ "paciaz",			0xd503231f, A64_SLOT },
	{ "paciasp",			0xd503233f, A64_SLOT },
	{ "pacibsp",			0xd503237f, A64_SLOT },
	{ "autiasp",			0xd50323bf, A64_SLOT },
	{ "bti",			0xd503241f, A64_SLOT },
	{ "bti c",			0xd503245f, A64_SLOT },
	{ "bti jc",			0xd50324df, A64_SLOT },
	{ "esb",			0xd503221f, A64_SLOT },
	{ "isb",			0xd5033fdf, A64_SLOT },
	{ "dmb ish",			0xd5033bbf, A64_SLOT },
	{ "clrex",			0xd5033f5f, A64_SLOT },
	{ "wfet x0",			0xd5031000, A64_SLOT },
	{ "wfit x0",			0xd5031020, A64_SLOT },
	{ "msr daifset, #2",		0xd50342df, A64_SLOT },
	{ "cfinv",			0xd500401f, A64_SLOT },
	{ "dc zva, x0",			0xd50b7420, A64_SLOT },
	{ "tlbi vmalle1",		0xd508871f, A64_SLOT },
	{ "sysl x0, #3, c7, c1, #2",	0xd52b7140, A64_SLOT },
	{ "mrs x0, daif",		0xd53b4220, A64_SLOT },
	{ "mrs x3, cntvct_el0",		0xd53be043, A64_SLOT },
	{ "mrs x0, tpidr_el0",		0xd53bd040, A64_SLOT },
	{ "msr tpidr_el0, x0",		0xd51bd040, A64_SLOT },
	{ "compare and branch, v9.6",	0x74000041, A64_UNALLOCATED },

	{ "ldxr x0, [x1]",		0xc85f7c20, A64_LOAD_EX },
	{ "stlxrb w2, w0, [x1]",	0x0802fc20, A64_STORE_EX },
	{ "ldaxp x0, x1, [x2]",		0xc87f8440, A64_LOAD_EX },
	{ "stxp w3, w0, w1, [x2]",	0x88230440, A64_STORE_EX },
	{ "casp x0, x1, x2, x3, [x4]",	0x48207c82, A64_SLOT },
	{ "cas x0, x1, [x2]",		0xc8a07c41, A64_SLOT },
	{ "ldar x0, [x1]",		0xc8dffc20, A64_SLOT },
	{ "stlrb w0, [x1]",		0x089ffc20, A64_SLOT },
	{ "ldr w1, .+8",		0x18000041, A64_SIM_LITERAL },
	{ "ldr x1, .+8",		0x58000041, A64_SIM_LITERAL },
	{ "ldrsw x1, .+8",		0x98000041, A64_SIM_LITERAL },
	{ "prfm pldl1keep, .+8",	0xd8000040, A64_PREFETCH },
	{ "ldr s1, .+8",		0x1c000041, A64_VECTOR_LITERAL },
	{ "ldr d1, .+8",		0x5c000041, A64_VECTOR_LITERAL },
	{ "ldr q1, .+8",		0x9c000041, A64_VECTOR_LITERAL },
	{ "cpyfp [x0]!, [x1]!, x2!",	0x19010440, A64_SLOT },
	{ "setp [x0]!, x1!, x2",	0x19c20420, A64_SLOT },
	{ "cpyfm [x0]!, [x1]!, x2!",	0x19410440, A64_MOPS },
	{ "setm [x0]!, x1!, x2",	0x19c24420, A64_MOPS },
	{ "ldr x0, [x1, #8]!",		0xf8408c20, A64_SLOT },
	{ "stp x29, x30, [sp, #-16]!",	0xa9bf7bfd, A64_SLOT },
	{ "ldadd x0, x1, [x2]",		0xf8200041, A64_SLOT },
	{ "ldapur x0, [x1, #8]",	0xd9408020, A64_SLOT },
	{ "ld1 {v0.16b}, [x0]",		0x4c407000, A64_SLOT },
	{ "stg x0, [x1]",		0xd9200820, A64_SLOT },

	{ "adr x0, .+1",		0x30000000, A64_SIM_ADR },
	{ "adrp x0, .",			0x90000000, A64_SIM_ADR },
	{ "add x0, x1, #1",		0x91000420, A64_SLOT },
	{ "movk x0, #1, lsl #16",	0xf2a00020, A64_SLOT },
	{ "extr x0, x1, x2, #3",	0x93c20c20, A64_SLOT },
	{ "autiasppc .-4",		0xf380003f, A64_UNALLOCATED },

	{ "add x0, x1, x2",		0x8b020020, A64_SLOT },
	{ "madd x0, x1, x2, x3",	0x9b020c20, A64_SLOT },
	{ "autia x0, x1",		0xdac11020, A64_SLOT },
	{ "paciasppc",			0xdac1a3fe, A64_UNALLOCATED },
	{ "fadd d0, d1, d2",		0x1e622820, A64_SLOT },
	{ "add v0.4s, v1.4s, v2.4s",	0x4ea28420, A64_SLOT },
	{ "add z0.d, z1.d, z2.d",	0x04e20020, A64_SLOT },
	{ "zero {za}",			0xc00800ff, A64_SLOT },
	{ "udf #0",			0x00000000, A64_SLOT },
	{ "unallocated",		0x02000000, A64_UNALLOCATED },
};
/* clang-format on */

TL_TEST(arm64_plan_matches_the_manual)
{
	const struct a64_case *c;

	for_each_row(c, cases) {
		ROW(c->text);
		CHECK_EQ(a64_match(c->insn)->plan, c->plan);
	}
}

/* Some word of @r that no earlier rule takes, or 0. */
static bool find_word(const struct a64_rule *r, uint32_t *word)
{
	uint64_t state = tl_test_seed;

	for (unsigned int i = 0; i < 20000; i++) {
		*word = r->value |
			((uint32_t)tl_test_random(&state) & ~r->mask);
		if (a64_match(*word) == r)
			return true;
	}
	return false;
}

TL_TEST(arm64_every_rule_is_reached)
{
	const struct a64_rule *r;
	unsigned int n = 0;
	uint32_t word;

	for (; (r = a64_rule(n)); n++) {
		ROW(r->name);
		CHECK_EQ(r->value & ~r->mask, 0);
		CHECK(r->plan < A64_NR_PLANS);
		CHECK(r->name[0] && !r->name[sizeof(r->name) - 1]);
		CHECK(find_word(r, &word));
	}
	tl_test_note("rules", n);
	CHECK(n > 1000);
}

TL_TEST(arm64_any_word_has_a_rule)
{
	uint64_t state = tl_test_seed;

	for (unsigned int i = 0; i < 200000 * tl_test_scale; i++) {
		uint32_t insn = (uint32_t)tl_test_random(&state);
		const struct a64_rule *rule = a64_match(insn);

		REQUIRE((insn & rule->mask) == rule->value);
	}
}

TL_TEST(arm64_branch_reaches_128_mib_and_no_further)
{
	const uint64_t at = 0x40000000;
	uint32_t insn = 0;

	CHECK(a64_branch(at, at + 8, &insn));
	CHECK_EQ(insn, 0x14000002);
	CHECK(a64_branch(at, at - 4, &insn));
	CHECK_EQ(insn, 0x17ffffff);
	CHECK(a64_branch(at, at + 0x7fffffc, &insn));
	CHECK(!a64_branch(at, at + 0x8000000, &insn));
	CHECK(a64_branch(at, at - 0x8000000, &insn));
	CHECK(!a64_branch(at, at - 0x8000004, &insn));
	CHECK(!a64_branch(at, at + 2, &insn));
}

TL_TEST(arm64_relocation_out_of_reach_is_refused)
{
	const uint64_t at = 0x40000000, far = at + 0xa000000;
	uint32_t out[A64_RELOCATED_WORDS];

	CHECK_EQ(a64_relocate(0x14000002, at, far, out), 0);	 /* b */
	CHECK_EQ(a64_relocate(0x94000002, at, far, out), 0);	 /* bl */
	CHECK_EQ(a64_relocate(0x54000041, at, far, out), 0);	 /* b.ne */
	CHECK_EQ(a64_relocate(0x36080041, at, far, out), 0);	 /* tbz */
	CHECK_EQ(a64_relocate(0xd63f03c0, at, at + 64, out), 0); /* blr x30 */
	CHECK_EQ(a64_relocate(0xd63f0bdf, at, at + 64, out),
		 0); /* blraaz x30 */
	CHECK_EQ(a64_relocate(0xd73f083e, at, at + 64, out),
		 0); /* blraa x1, x30 */
	CHECK_EQ(a64_relocate(0xd4200000, at, at + 64, out), 0); /* brk */
	CHECK_EQ(a64_relocate(0xd69f03e0, at, at + 64, out), 0); /* eret */
	CHECK_EQ(a64_relocate(0xd503201f, at, far, out), 1);	 /* nop */
}

/* The kernel may go back from where it is by 4 or 8, to the first of the three. */
TL_TEST(arm64_the_parts_of_a_memory_copy_stand_behind_each_other)
{
	static const struct {
		const char *name;
		uint32_t first, second, third;
	} sequences[] = {
		{ "cpyf", 0x19010440, 0x19410440, 0x19810440 },
		{ "cpy", 0x1d010440, 0x1d410440, 0x1d810440 },
		{ "set", 0x19c20420, 0x19c24420, 0x19c28420 },
		{ "setg", 0x1dc20420, 0x1dc24420, 0x1dc28420 },
	};
	uint32_t out[A64_RELOCATED_WORDS];

	for (size_t i = 0; i < TL_ARRAY_SIZE(sequences); i++) {
		ROW(sequences[i].name);
		CHECK_EQ(a64_relocate(sequences[i].first, 64, 128, out), 1);
		CHECK_EQ(out[0], sequences[i].first);
		CHECK_EQ(a64_relocated_self(sequences[i].first), 0);
		CHECK_EQ(a64_relocate(sequences[i].second, 64, 128, out), 3);
		CHECK_EQ(out[0], 0x14000002);
		CHECK_EQ(out[1], sequences[i].first);
		CHECK_EQ(out[2], sequences[i].second);
		CHECK_EQ(a64_relocated_self(sequences[i].second), 2);
		CHECK_EQ(a64_relocate(sequences[i].third, 64, 128, out), 4);
		CHECK_EQ(out[0], 0x14000003);
		CHECK_EQ(out[1], sequences[i].first);
		CHECK_EQ(out[2], sequences[i].second);
		CHECK_EQ(out[3], sequences[i].third);
		CHECK_EQ(a64_relocated_self(sequences[i].third), 3);
	}
}

TL_TEST(arm64_landing_pads_are_known)
{
	CHECK(a64_is_landing_pad(0xd503241f));	/* bti */
	CHECK(a64_is_landing_pad(0xd503245f));	/* bti c */
	CHECK(a64_is_landing_pad(0xd503249f));	/* bti j */
	CHECK(a64_is_landing_pad(0xd50324df));	/* bti jc */
	CHECK(a64_is_landing_pad(0xd503233f));	/* paciasp */
	CHECK(a64_is_landing_pad(0xd503237f));	/* pacibsp */
	CHECK(!a64_is_landing_pad(0xd503231f)); /* paciaz */
	CHECK(!a64_is_landing_pad(0xd50323bf)); /* autiasp */
	CHECK(!a64_is_landing_pad(0xd503201f)); /* nop */
}

TL_TEST(arm64_breakpoint_is_known_with_any_number)
{
	CHECK_EQ(A64_BRK(0x5450), 0xd42a8a00);
	CHECK(a64_is_brk(A64_BRK(0)));
	CHECK(a64_is_brk(A64_BRK(0xffff)));
	CHECK(!a64_is_brk(0xd4400000)); /* hlt */
	CHECK(!a64_is_brk(0xd4000001)); /* svc */
}

/* ---- the page about it ---- */

#define PAGE "docs/design/arm64.md"

static char page[32768];

static bool read_page(void)
{
	FILE *f = fopen(PAGE, "r");

	if (!f)
		return false;
	page[fread(page, 1, sizeof(page) - 1, f)] = 0;
	fclose(f);
	return true;
}

static bool page_has(const char *format, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), format, name);
	return strstr(page, text);
}

enum fate { BOTH, NO_JUMP, REFUSED };

static enum fate fate_of(const struct a64_rule *r)
{
	if (a64_refused(r->plan))
		return REFUSED;
	return a64_is_landing_pad(r->value) ? NO_JUMP : BOTH;
}

static void print_row(const struct a64_rule *r, enum fate fate)
{
	char line[80];
	int n = snprintf(line, sizeof(line), "# %s: %s (%08x/%08x)\n",
			 fate == REFUSED ? "refused" : "no jump", r->name,
			 r->value, r->mask);

	tl_test_write(line, n);
}

TL_TEST(arm64_the_page_names_every_row_that_is_refused)
{
	unsigned int n_fates[3] = { 0 };
	const struct a64_rule *r;
	char text[64];

	if (!read_page())
		SKIP(PAGE " is not there: not run in the tree's top folder");
	for (unsigned int n = 0; (r = a64_rule(n)); n++) {
		enum fate fate = fate_of(r);

		if (r->plan == A64_UNALLOCATED)
			continue;
		n_fates[fate]++;
		ROW(r->name);
		if (fate == BOTH)
			continue;
		print_row(r, fate);
		CHECK(page_has("`%s`", r->name));
	}
	snprintf(text, sizeof(text), "%u of %u rows", n_fates[REFUSED],
		 n_fates[BOTH] + n_fates[NO_JUMP] + n_fates[REFUSED]);
	tl_test_note("by a jump, too", n_fates[BOTH]);
	tl_test_note("by a breakpoint only", n_fates[NO_JUMP]);
	tl_test_note("refused", n_fates[REFUSED]);
	CHECK(strstr(page, text));
	snprintf(text, sizeof(text), "(%u rows)", n_fates[NO_JUMP]);
	CHECK(strstr(page, text));
}

/* Is there a row called so that is refused? */
static bool is_refused_name(const char *name, size_t len)
{
	const struct a64_rule *r;

	for (unsigned int n = 0; (r = a64_rule(n)); n++)
		if (a64_refused(r->plan) && strlen(r->name) == len &&
		    !memcmp(r->name, name, len))
			return true;
	return false;
}

/* The first column of the table under "What is refused". */
TL_TEST(arm64_the_page_names_no_row_that_is_not_refused)
{
	const char *line, *end;
	unsigned int names = 0;

	if (!read_page())
		SKIP(PAGE " is not there: not run in the tree's top folder");
	line = strstr(page, "## What is refused");
	REQUIRE(line);
	end = strstr(line, "That are");
	REQUIRE(end);
	while ((line = strstr(line, "\n| `")) && line < end) {
		const char *stop = strstr(line + 3, " |"), *tick = line + 3;

		while ((tick = strchr(tick, '`')) && tick < stop) {
			const char *name = tick + 1;

			tick = strchr(name, '`');
			ROW(name);
			CHECK(is_refused_name(name, tick++ - name));
			names++;
		}
		line = stop;
	}
	CHECK(names > 20);
}

/* Rows of which some words have no code that stands for them, and which these are. */
static const struct {
	const char *name;
	const char *text; /* on the page */
} without_code[] = {
	{ "blr", "`blr x30`" },
	{ "blraaz", "`blraa` and its like through x30" },
	{ "blraa", "`blraa` and its like through x30" },
};

static bool may_have_no_code(const struct a64_rule *r, uint32_t word)
{
	bool link = (word >> 5 & 31) == 30 || (word & 31) == 30;

	for (size_t i = 0; i < TL_ARRAY_SIZE(without_code); i++)
		if (!strcmp(r->name, without_code[i].name))
			return link && strstr(page, without_code[i].text);
	return false;
}

/* All else is copied or rewritten, where it is not too far away. */
TL_TEST(arm64_what_is_not_on_the_page_has_a_copy)
{
	const uint64_t at = 0x40000000;
	uint64_t seed = tl_test_seed;
	unsigned int words = 0, none = 0;
	uint32_t out[A64_RELOCATED_WORDS];
	const struct a64_rule *r;

	if (!read_page())
		SKIP(PAGE " is not there: not run in the tree's top folder");
	for (unsigned int n = 0; (r = a64_rule(n)); n++) {
		if (a64_refused(r->plan))
			continue;
		ROW(r->name);
		for (unsigned int i = 0; i < 500; i++) {
			uint32_t word =
				r->value |
				((uint32_t)tl_test_random(&seed) & ~r->mask);

			if (a64_match(word) != r)
				continue;
			words++;
			if (a64_relocate(word, at, at, out))
				continue;
			none++;
			CHECK(may_have_no_code(r, word));
		}
	}
	tl_test_note("words", words);
	tl_test_note("without code", none);
	CHECK(none > 0);
}

/* SPDX-License-Identifier: MIT */
/* link: tool/expr.c tool/ISA/registers.c tool/ISA/marker_operand.c tool/probe.c tool/spec.c tool/match.c tool/text.c host/linux/session/program.c and-arm64 -lm */
/*
 * tool_registers.c - names of registers, and what markers call their arguments
 *
 * What is written is compiled and run, on words of which each says which one it is;
 * memory is words that say where they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <trapline/regs.h>

#include "expr.h"
#include "isa.h"
#include "program.h"
#include "registers.h"
#include "tl_test.h"

#define WORDS (sizeof(struct pt_regs) / 8)

static uint64_t regs[WORDS];

static uint64_t word_of(size_t i)
{
	return 0x10000 + i * 0x100;
}

uint32_t tl_fetch(const struct tl_hit *h, void *to, uint64_t from, uint32_t len)
{
	(void)h;
	memcpy(to, &from, len);
	return len;
}

uint32_t tl_thread_number(void)
{
	return 1;
}

void tl_thread_name(uint64_t name[2])
{
	memset(name, 0, 16);
}

/* As marker_args.c has it, which wants the whole command. */
bool marker_number(const char **at, int64_t *out)
{
	char *end;

	*out = strtoll(*at, &end, 0);
	if (end == *at)
		return false;
	*at = end;
	return true;
}

static bool is_arm64(void)
{
	return !strcmp(ISA_NAME, "arm64");
}

/* Run what @text fetches at an entry: true, and the word it emits. */
static bool fetch(const char *text, uint64_t *out)
{
	struct probe_wish wish = { .use = PROBE_TRACE };
	struct tl_hit h = { .regs = regs };
	struct tl_made made;
	struct probe p;
	char why[400];
	bool ok;

	ok = probe_parse(&p, text, &wish, why, sizeof(why)) &&
	     tl_program_check(&p.program, false) >= 0 &&
	     tl_program_run(&p.program, &h, &made) == TL_PASSED &&
	     made.n == TL_EVENT_HEAD / 8 + 1;
	if (ok)
		*out = made.words[TL_EVENT_HEAD / 8];
	probe_free(&p);
	return ok;
}

static uint64_t fetched(const char *text)
{
	uint64_t v = 0;

	CHECK(fetch(text, &v));
	return v;
}

TL_TEST(names_are_those_of_their_words)
{
	struct pt_regs *r = (struct pt_regs *)regs;

	for (size_t i = 0; i < WORDS; i++)
		regs[i] = word_of(i);
	CHECK_EQ(regs[sp_word()], user_stack_pointer(r));
	CHECK_EQ(regs[pc_word()], instruction_pointer(r));
	CHECK_EQ(regs[return_word()], regs_return_value(r));
	for (unsigned int i = 0; i < ISA_ARGS; i++)
		CHECK_EQ(regs[argument_word(i)],
			 regs_get_kernel_argument(r, i));
	CHECK_EQ(register_word("x31", 3), -1);
	CHECK_EQ(register_word("r16", 3), -1);
	CHECK_EQ(register_word("", 0), -1);
	for (int i = 0; i < 40; i++) {
		const char *name = dwarf_register_name(i);
		int word = dwarf_register_word(i);

		CHECK_EQ(name != NULL, word >= 0);
		CHECK(!name || register_word(name, strlen(name)) == word);
	}
	CHECK_EQ(dwarf_register_word(ISA_DWARF_SP), sp_word());
	CHECK_EQ(dwarf_register_word(-1), -1);
}

TL_TEST(arguments_are_where_the_abi_has_them)
{
	static const char *const x86[] = { "rdi", "rsi", "rdx",
					   "rcx", "r8",	 "r9" };
	char text[80], name[8];

	for (size_t i = 0; i < WORDS; i++)
		regs[i] = word_of(i);
	for (unsigned int k = 1; k <= ISA_ARGS; k++) {
		snprintf(text, sizeof(text), "f $arg%u", k);
		snprintf(name, sizeof(name), "x%u", k - 1);
		if (!is_arm64())
			snprintf(name, sizeof(name), "%s", x86[k - 1]);
		CHECK_EQ(fetched(text),
			 regs[register_word(name, strlen(name))]);
	}
	/* The words of this memory are their addresses. */
	snprintf(text, sizeof(text), "f $arg%u", ISA_ARGS + 3);
	CHECK_EQ(fetched(text), regs[sp_word()] + ISA_STACK_ARGS + 16);
	CHECK_EQ(fetched(is_arm64() ? "f %x29" : "f %rbp"),
		 regs[is_arm64() ? 29 : 4]);
	CHECK_EQ(fetched(is_arm64() ? "f +8(%sp)" : "f +8(%rsp)"),
		 regs[sp_word()] + 8);
}

/* ---- markers ------------------------------------------------------------------- */

static const char *operand_text;
static uint8_t operand_bytes;

static const struct node *operand(struct expr *e, unsigned int n)
{
	const struct node *node;

	(void)n;
	node = marker_operand(e, operand_text, operand_bytes);
	return node ? expr_widen(e, node, operand_bytes, true)
		    : expr_wrong(e, "no");
}

static const struct expr_scope scope = { .arg = operand };

static bool marker(const char *text, uint8_t bytes, uint64_t *out)
{
	struct probe_wish wish = { .use = PROBE_TRACE, .scope = &scope };
	struct tl_hit h = { .regs = regs };
	struct tl_made made;
	struct probe p;
	char why[400];
	bool ok;

	operand_text = text;
	operand_bytes = bytes;
	ok = probe_parse(&p, "f $arg1", &wish, why, sizeof(why)) &&
	     tl_program_run(&p.program, &h, &made) == TL_PASSED;
	if (ok)
		*out = made.words[TL_EVENT_HEAD / 8];
	probe_free(&p);
	return ok;
}

static const struct {
	bool arm64;
	const char *text;
	uint8_t bytes;
	uint64_t want;
} good[] = {
	{ false, "%rdi", 8, 0x10e00 },
	{ false, "%edi", 4, 0x10e00 },
	{ false, "$-5", 8, -5ull },
	{ false, "8(%rsp)", 8, 0x11308 },
	{ false, "-4(%rbp,%rax,2)", 8, 0x10400 - 4 + 2 * 0x10a00 },
	{ true, "x0", 8, 0x10000 },
	{ true, "w30", 4, 0x11e00 },
	{ true, "sp", 8, 0x11f00 },
	{ true, "xzr", 8, 0 },
	{ true, "wzr", 4, 0 },
	{ true, "-5", 8, -5ull },
	{ true, "#7", 4, 7 },
	{ true, "[x1]", 8, 0x10100 },
	{ true, "[sp, 12]", 8, 0x11f0c },
	{ true, "[x29, -16]", 8, 0x11cf0 },
	{ true, "[x29,#16]", 8, 0x11d10 },
	{ true, "[x2, x3]", 8, 0x10200 + 0x10300 },
	{ true, "[x2, x3, lsl 3]", 8, 0x10200 + 8 * 0x10300 },
	{ true, "[x2, w3, sxtw #2]", 8, 0x10200 + 4 * 0x10300 },
	{ true, "[x2, w3, uxtw]", 8, 0x10200 + 0x10300 },
};

TL_TEST(operands_of_markers_are_read)
{
	for (size_t i = 0; i < WORDS; i++)
		regs[i] = word_of(i);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		uint64_t v = 0;

		if (good[i].arm64 != is_arm64())
			continue;
		ROW(good[i].text);
		CHECK(marker(good[i].text, good[i].bytes, &v));
		CHECK_EQ(v, good[i].want);
	}
}

static const struct {
	bool arm64;
	const char *text;
} bad[] = {
	{ false, "%ah" },
	{ false, "%xmm0" },
	{ false, "9(%rdi" },
	{ false, "(%rdi,%rdi,2)9" },
	{ false, "" },
	{ false, "x0" },
	{ true, "" },
	{ true, "s0" },
	{ true, "v0" },
	{ true, "x31" },
	{ true, "w" },
	{ true, "[x0" },
	{ true, "[x0]9" },
	{ true, "[w0]" },
	{ true, "[x0, ]" },
	{ true, "[x0, 8" },
	{ true, "[x0, 8]!" },
	{ true, "[x0, x1, lsl]x" },
	{ true, "[x0, w1]" },
	{ true, "[x0, w1, lsl 2]" },
	{ true, "[x0, x1, sxtw 2]" },
	{ true, "[x0, x1, lsl 9]" },
	{ true, "[x0, #:lo12:s]" },
	{ true, "5x" },
	{ true, "%x0" },
};

TL_TEST(what_is_no_operand_is_refused)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint64_t v;

		if (bad[i].arm64 != is_arm64())
			continue;
		ROW(bad[i].text);
		CHECK(!marker(bad[i].text, 8, &v));
	}
}

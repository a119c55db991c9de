/* SPDX-License-Identifier: MIT */
/* link: tool/text.c -lm */
/*
 * tool_text.c - units, bars, and names that would do things to a terminal
 */
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "tl_test.h"

/* clang-format off */
static const struct ns_case {
	double ns;
	const char *want;
} times[] = {
	{ -1,            "0 ns" },
	{ 0,             "0 ns" },
	{ 0.4,           "0 ns" },
	{ 1,             "1 ns" },
	{ 850,           "850 ns" },
	{ 999.4,         "999 ns" },
	{ 999.6,         "1.00 us" },
	{ 1000,          "1.00 us" },
	{ 1250,          "1.25 us" },
	{ 9990,          "9.99 us" },
	{ 9996,          "10.0 us" },
	{ 12345,         "12.3 us" },
	{ 99940,         "99.9 us" },
	{ 99960,         "100 us" },
	{ 999600,        "1.00 ms" },
	{ 2e6,           "2.00 ms" },
	{ 1.5e9,         "1.50 s" },
	{ 7.2e12,        "7200 s" },
};

static const struct clean_case {
	const char *raw, *want;
} cleans[] = {
	{ "main",                   "main" },
	{ "a\033[31mb",             "a\\x1b[31mb" },
	{ "a\nb\rc\td",             "a\\x0ab\\x0dc\\x09d" },
	{ "\x7f",                   "\\x7f" },
	{ "f\xc3\xbcr",             "f\xc3\xbcr" },
	{ "\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "\xff\xfe",               "\\xff\\xfe" },
	{ "\xc3",                   "\\xc3" },           /* cut short */
	{ "\xe2\x82",               "\\xe2\\x82" },
	{ "\xc0\xaf",               "\\xc0\\xaf" },      /* overlong */
	{ "\xe0\x80\xaf",           "\\xe0\\x80\\xaf" },
	{ "\xed\xa0\x80",           "\\xed\\xa0\\x80" }, /* surrogate */
	{ "\xf4\x90\x80\x80",       "\\xf4\\x90\\x80\\x80" },
	{ "\xc2\x9b",               "\\xc2\\x9b" },      /* C1: CSI */
	{ "a\xe2\x80\xae" "b",      "a\\xe2\\x80\\xae" "b" }, /* right to left */
};

static const struct bar_case {
	uint64_t value, max;
	const char *want;
} bars[] = {
	{ 0,  10, "" },
	{ 10, 10, "\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88" },
	{ 5,  10, "\xe2\x96\x88\xe2\x96\x88" },
	{ 1,  1000000, "\xe2\x96\x8f" },
	{ 9,  16, "\xe2\x96\x88\xe2\x96\x88\xe2\x96\x8e" },
	{ 3,  0,  "\xe2\x96\x8f" },
};
/* clang-format on */

TL_TEST(times_have_three_digits_and_a_unit)
{
	const struct ns_case *c;
	char got[32];

	for_each_row(c, times) {
		ROW(c->want);
		CHECK_STR(text_ns(got, sizeof(got), c->ns), c->want);
	}
}

TL_TEST(nothing_reaches_the_terminal_but_text)
{
	const struct clean_case *c;
	char *got;

	for_each_row(c, cleans) {
		ROW(c->want);
		got = text_clean_dup(c->raw);
		CHECK_STR(got, c->want);
		free(got);
	}
}

TL_TEST(a_cut_never_splits_a_character)
{
	char got[4];

	CHECK_STR(text_clean(got, sizeof(got), "ab\xe2\x82\xac"), "ab");
	CHECK_STR(text_clean(got, sizeof(got), "\x01"), "");
	CHECK_STR(text_clean(got, sizeof(got), "abcdef"), "abc");
}

TL_TEST(bars_have_eighths_of_a_column)
{
	const struct bar_case *c;
	char got[64];

	for_each_row(c, bars) {
		ROW(c->want);
		CHECK_STR(text_bar(got, sizeof(got), c->value, c->max, 4, true),
			  c->want);
	}
	CHECK(strlen(text_bar(got, 8, 10, 10, 4, true)) < 8);
	CHECK_STR(text_bar(got, sizeof(got), 5, 10, 4, false), "##");
	CHECK_STR(text_bar(got, sizeof(got), 1, 100, 4, false), "#");
	CHECK_STR(text_bar(got, sizeof(got), 0, 10, 4, false), "");
}

TL_TEST(a_long_text_is_cut_between_characters)
{
	static const struct {
		const char *text, *cut;
	} rows[] = {
		{ "", "" },
		{ "abcde", "abcde" },
		{ "abcdef", "ab..." },
		{ "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc",
		  "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc" },
		{ "a\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", "a\xc3\xbc..." },
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		char text[32];

		strcpy(text, rows[i].text);
		text_cut(text, 5);
		CHECK_STR(text, rows[i].cut);
	}
}

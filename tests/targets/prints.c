/* SPDX-License-Identifier: MIT */
/*
 * prints.c - prints in every format that there is
 *
 * What comes out is folded into a number, which must be that of the first round.
 */
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "control.h"

static const char *const counters[] = { "prints", NULL };

static const char *const flags[] = { "", "-", "+", " ", "0", "#", "-+", "0#" };
static const char *const widths[] = { "", "7", "*" };
static const char *const precisions[] = { "", ".0", ".3", ".*" };

#define PRINT(text, f, stars, v)                                \
	((stars) == 0	? snprintf(text, sizeof(text), f, v)    \
	 : (stars) == 1 ? snprintf(text, sizeof(text), f, 4, v) \
			: snprintf(text, sizeof(text), f, 9, 4, v))

static uint64_t fold(uint64_t sum, const char *text)
{
	while (*text)
		sum = (sum ^ (unsigned char)*text++) * 0x100000001b3ull;
	return sum;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static uint64_t narrow(uint64_t sum, const char *how, int stars)
{
	static const char *const ints[] = { "d", "i",  "u",   "x", "X",
					    "o", "hd", "hhu", "c" };
	static const char *const longs[] = { "ld", "lx", "lld", "zu", "jd" };
	static const char *const doubles[] = { "e", "f", "g", "a", "G" };
	char f[40], text[200];

	for (unsigned int i = 0; i < 9; i++) {
		snprintf(f, sizeof(f), "%%%s%s|", how, ints[i]);
		PRINT(text, f, stars, -77 + (int)i);
		sum = fold(sum, text);
	}
	for (unsigned int i = 0; i < 5; i++) {
		snprintf(f, sizeof(f), "%%%s%s|", how, longs[i]);
		PRINT(text, f, stars, 123456789012L - i);
		sum = fold(sum, text);
		snprintf(f, sizeof(f), "%%%s%s|", how, doubles[i]);
		PRINT(text, f, stars, -12.625 * i);
		sum = fold(sum, text);
	}
	snprintf(f, sizeof(f), "%%%ss|%%%%|", how);
	PRINT(text, f, stars, "a word");
	sum = fold(sum, text);
	snprintf(f, sizeof(f), "%%%sLf|", how);
	PRINT(text, f, stars, 2.5L);
	return fold(sum, text);
}

static uint64_t odd(uint64_t sum)
{
	wchar_t wide[100];
	char text[2500]; /* all that 100 wide characters can be */

	snprintf(text, sizeof(text), "%2$*1$d %3$s %2$#x %4$.2f %3$.2s", 6, 99,
		 "word", 1.125);
	sum = fold(sum, text);
	swprintf(wide, 100, L"%5d|%-6s|%x|%.2f|%c|%lld|%%", -5, "ab", 255, 1.5,
		 'z', 1LL << 40);
	snprintf(text, sizeof(text), "%ls|%lc", wide, (wint_t)L'w');
	sum = fold(sum, text);
	swprintf(wide, 100, L"%2$*1$d|%3$s|%2$o", 6, 99, "word");
	snprintf(text, sizeof(text), "%ls", wide);
	return fold(sum, text);
}

#pragma GCC diagnostic pop

static uint64_t all(void)
{
	uint64_t sum = odd(1);
	char how[20];

	for (unsigned int i = 0; i < 8 * 3 * 4; i++) {
		unsigned int w = i / 8 % 3, p = i / 24;

		snprintf(how, sizeof(how), "%s%s%s", flags[i % 8], widths[w],
			 precisions[p]);
		sum = narrow(sum, how, (w == 2) + (p == 3));
	}
	return sum;
}

static uint64_t first;

static void print(struct worker *w)
{
	control_expect("prints", all(), first);
	w->counts[0]++;
}

int main(int argc, char **argv)
{
	static const struct program p = {
		.counters = counters,
		.round = print,
		.threads = 1,
	};

	first = all();
	return control_run(argc, argv, &p);
}

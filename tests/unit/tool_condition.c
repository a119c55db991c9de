/* SPDX-License-Identifier: MIT */
/* link: tool/condition.c */
/*
 * tool_condition.c - which changes are wanted
 */
#include "condition.h"
#include "tl_test.h"

static const struct {
	const char *text;
	bool holds; /* of 5 -> 18446744073709551615, thread 7 */
} rows[] = {
	{ "new > 100", true },
	{ "new == 18446744073709551615", true },
	{ "new == 18446744073709551614", false },
	{ "new != old", true },
	{ "old<=5&&new>old", true },
	{ "old < 5", false },
	{ " old >= 0x5 ", true },
	{ "old == 5.0", true },
	{ "-1 > old", false },
	{ "old > -1", true },
	{ "tid == 7", true },
	{ "tid != 7 && old == 5", false },
};

TL_TEST(a_condition_holds_or_not)
{
	const struct condition_facts f = { .old_known = true,
					   .new_known = true,
					   .old_value = 5,
					   .new_value = 18446744073709551615ull,
					   .tid = 7 };

	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		struct condition c;
		char why[128];

		ROW(rows[i].text);
		REQUIRE(condition_parse(&c, rows[i].text, why, sizeof(why)));
		CHECK_EQ(condition_holds(&c, &f), rows[i].holds);
	}
}

TL_TEST(what_is_not_known_is_wanted)
{
	const struct condition_facts f = { .old_known = true, .old_value = 5 };
	struct condition c;
	char why[128];

	REQUIRE(condition_parse(&c, "new > 9", why, sizeof(why)));
	CHECK(condition_holds(&c, &f));
	REQUIRE(condition_parse(&c, "new > 9 && old == 4", why, sizeof(why)));
	CHECK(!condition_holds(&c, &f));
}

TL_TEST(nonsense_is_refused_with_what_is_wrong)
{
	static const char *const bad[] = {
		"",	      "new",	 "new >",      "> 3",
		"newer > 3",  "new = 3", "new > 3 ||", "new > 3 4",
		"new > 3 &&", "new > x", "new > 3x",   "old == --3",
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(bad); i++) {
		struct condition c;
		char why[128] = "";

		ROW(bad[i]);
		CHECK(!condition_parse(&c, bad[i], why, sizeof(why)));
		CHECK(why[0]);
	}
}

/* SPDX-License-Identifier: MIT */
/* link: tool/match.c */
/*
 * tool_match.c - globs match what a shell's would, near names are near
 */
#include <string.h>

#include "match.h"
#include "tl_test.h"

/* clang-format off */
static const struct glob_case {
	const char *pattern;
	const char *text;
	bool want;
} globs[] = {
	{ "",           "",              true },
	{ "",           "a",             false },
	{ "*",          "",              true },
	{ "*",          "anything",      true },
	{ "a*",         "abc",           true },
	{ "a*",         "bac",           false },
	{ "*c",         "abc",           true },
	{ "*c",         "abcd",          false },
	{ "*b*",        "abc",           true },
	{ "a*b*c",      "axxbyyc",       true },
	{ "a*b*c",      "axxbyy",        false },
	{ "*ab",        "aab",           true },
	{ "*aab",       "aaaab",         true },
	{ "**",         "x",             true },
	{ "a?c",        "abc",           true },
	{ "a?c",        "ac",            false },
	{ "?",          "",              false },
	{ "[abc]x",     "bx",            true },
	{ "[abc]x",     "dx",            false },
	{ "[a-f]*",     "eel",           true },
	{ "[a-f]*",     "gel",           false },
	{ "[!a-f]*",    "gel",           true },
	{ "[^a-f]*",    "eel",           false },
	{ "[]]",        "]",             true },
	{ "[]-a]",      "^",             true },
	{ "[a-]",       "-",             true },
	{ "[a",         "[a",            true },
	{ "[a",         "a",             false },
	{ "x[",         "x[",            true },
	{ "\\*",        "*",             true },
	{ "\\*",        "a",             false },
	{ "a\\",        "a\\",           true },
	{ "abc",        "abc",           true },
	{ "abc",        "abcd",          false },
	{ "*.(*conn)*", "net.(*conn).x", true },
	{ "[\x80-\xff]", "\xe9",         true },
};

static const struct edit_case {
	const char *a, *b;
	unsigned int limit, want;
} edits[] = {
	{ "call",   "call",   3, 0 },
	{ "call",   "cal",    3, 1 },
	{ "cal",    "call",   3, 1 },
	{ "call",   "cell",   3, 1 },
	{ "call",   "clal",   3, 1 },
	{ "ab",     "ba",     3, 1 },
	{ "",       "abc",    3, 3 },
	{ "abc",    "",       3, 3 },
	{ "kitten", "sitting", 5, 3 },
	{ "abcdef", "uvwxyz", 3, 4 },
	{ "a",      "abcdef", 3, 4 },
};
/* clang-format on */

TL_TEST(globs_match_as_in_a_shell)
{
	const struct glob_case *c;

	for_each_row(c, globs) {
		ROW(c->pattern);
		CHECK_EQ(glob_match(c->pattern, c->text), c->want);
	}
}

TL_TEST(many_stars_take_no_exponential_time)
{
	char text[4001];

	memset(text, 'a', 4000);
	text[4000] = '\0';
	CHECK(!glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

TL_TEST(what_is_a_glob)
{
	CHECK(glob_is("a*") && glob_is("a?b") && glob_is("[ab]"));
	CHECK(!glob_is("main.isra.0") && !glob_is(""));
}

TL_TEST(edit_distance_counts_typing_errors)
{
	const struct edit_case *c;

	for_each_row(c, edits) {
		ROW(c->a);
		CHECK_EQ(edit_distance(c->a, c->b, c->limit), c->want);
	}
}

TL_TEST(edit_distance_of_long_names_stays_inside_its_table)
{
	char a[2000], b[2000];

	memset(a, 'a', sizeof(a) - 1);
	memset(b, 'a', sizeof(b) - 1);
	a[1999] = b[1999] = '\0';
	CHECK_EQ(edit_distance(a, b, 3), 0);
	memset(b, 'b', 10);
	CHECK_EQ(edit_distance(a, b, 3), 4);
}

TL_TEST(nearest_names_come_first)
{
	struct near near;

	near_init(&near, "lookupKye");
	near_offer(&near, "lookupCommand", NULL, 0);
	near_offer(&near, "lookupKeys", NULL, 0);
	near_offer(&near, "lookupKey", "libx.so", 1);
	near_offer(&near, "lookupKey", NULL, 0);
	near_offer(&near, "main", NULL, 0);
	REQUIRE(near.n >= 2);
	CHECK_STR(near.best[0].name, "lookupKey");
	CHECK_STR(near.best[0].where, NULL);
	CHECK_STR(near.best[1].where, "libx.so");
}

TL_TEST(no_more_names_than_there_is_room_for)
{
	static const char *const names[] = {
		"aaaa1", "aaaa2", "aaaa3", "aaaa4",
		"aaaab", "aaaa",  "aaa",   "aaaaa"
	};
	struct near near;

	near_init(&near, "aaaa");
	for (size_t i = 0; i < TL_ARRAY_SIZE(names); i++)
		near_offer(&near, names[i], NULL, 0);
	CHECK_EQ(near.n, NEAR_MAX);
	CHECK_STR(near.best[0].name, "aaaa");
}

TL_TEST(a_name_is_near_without_what_it_lies_in)
{
	struct near near;

	near_init(&near, "leaf");
	near_offer(&near, "tree::leafy", NULL, 0);
	near_offer(&near, "leaf_of_tree::other", NULL, 0);
	near_offer(&near, "leafs::x", NULL, 0);
	near_offer(&near, "tree::newleaf", NULL, 0);
	size_t before = near.n;
	near_offer(&near, "leap", NULL, 0);
	near_offer(&near, "lib::tree::leaf", "libtree.so", 1);
	near_offer(&near, "tree::leaf<int>", NULL, 0);
	REQUIRE(near.n == 3);
	CHECK(before <= 2);
	CHECK_STR(near.best[0].name, "tree::leaf<int>");
	CHECK_STR(near.best[1].name, "lib::tree::leaf");
	CHECK_STR(near.best[2].name, "leap");
}

TL_TEST(the_beginning_of_a_name_is_near)
{
	struct near near;

	near_init(&near, "process");
	near_offer(&near, "processCommandAndResetClient", NULL, 0);
	near_offer(&near, "unrelated", NULL, 0);
	REQUIRE(near.n == 1);
	CHECK_STR(near.best[0].name, "processCommandAndResetClient");
}

TL_TEST(the_same_name_is_offered_once)
{
	struct near near;

	near_init(&near, "mallco");
	near_offer(&near, "malloc", "libc.so.6", 1);
	near_offer(&near, "malloc", "libc.so.6", 1);
	CHECK_EQ(near.n, 1);
}

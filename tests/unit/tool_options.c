/* SPDX-License-Identifier: MIT */
/* link: tool/options.c tool/spec.c tool/match.c tool/text.c -lm */
/*
 * tool_options.c - the command line is understood in any order
 */
#include <string.h>

#include "options.h"
#include "text.h"
#include "tl_test.h"

const struct verb verbs[] = {
	{ "count", OPT_PID | OPT_COMMAND | OPT_RUN | OPT_OUTPUT, NULL, "", "",
	  "" },
	{ "list", OPT_PID | OPT_OUTPUT, NULL, "", "", "" },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};

int help_print(const struct verb *v)
{
	(void)v;
	return 0;
}

#define WORDS 20

static int parse(struct options *o, const char *line)
{
	static char text[256];
	static char *argv[WORDS + 1];
	int argc = 0;

	strncpy(text, line, sizeof(text) - 1);
	for (char *w = strtok(text, " "); w && argc < WORDS;
	     w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	say_level = 0;
	return options_parse(o, argc, argv);
}

TL_TEST(options_may_stand_anywhere)
{
	struct options o;

	REQUIRE(parse(&o, "count a -p 12 b --json -d 2 -n 5 -o f -i 1") == 0);
	CHECK_EQ(o.pid, 12);
	CHECK_EQ(o.n_args, 2);
	CHECK_STR(o.args[0], "a");
	CHECK_STR(o.args[1], "b");
	CHECK(o.json && o.duration == 2 && o.events == 5 && o.interval == 1);
	CHECK_STR(o.output, "f");
	CHECK(!o.command && !o.force && !o.dry_run);
}

TL_TEST(what_follows_two_dashes_is_the_command)
{
	struct options o;

	REQUIRE(parse(&o, "count f -- ls -l --json -- x") == 0);
	CHECK_EQ(o.n_args, 1);
	CHECK(!o.json);
	REQUIRE(o.command != NULL);
	CHECK_STR(o.command[0], "ls");
	CHECK_STR(o.command[1], "-l");
	CHECK_STR(o.command[3], "--");
	CHECK_STR(o.command[4], "x");
	CHECK(o.command[5] == NULL);
}

TL_TEST(wrong_usage_is_refused)
{
	/* clang-format off */
	static const char *const lines[] = {
		"count -p", "count -p 0 f", "count -p -1 f", "count -p 1x f",
		"count -p 99999999999 f", "count -p 1 -p 2 f", "count -x f",
		"count --wrong f", "count -d 0 f", "count -d x f",
		"count -d 1e99 f", "count -n 0 f", "count -n x f",
		"count f --", "count -p 1 f -- ls", "count -d -1 f",
		"list -d 1 f", "list --force f", "list f -- ls",
		"count --pid= f", "count -i nan f",
	};
	/* clang-format on */
	struct options o;

	for (size_t i = 0; i < TL_ARRAY_SIZE(lines); i++) {
		ROW(lines[i]);
		CHECK_EQ(parse(&o, lines[i]), -1);
	}
}

TL_TEST(help_is_given_whatever_else_is_wrong)
{
	struct options o;

	CHECK_EQ(parse(&o, "count --help"), 0);
	CHECK(o.help);
}

TL_TEST(quiet_and_verbose_set_the_level)
{
	struct options o;

	CHECK_EQ(parse(&o, "count -q f -p 1"), 0);
	CHECK_EQ(say_level, -1);
	CHECK_EQ(parse(&o, "count -v f -p 1"), 0);
	CHECK_EQ(say_level, 1);
	say_level = 0;
}

TL_TEST(times_have_units)
{
	static const struct {
		const char *text;
		double want;
	} cases[] = {
		{ "1", 1 },	   { "0.5", 0.5 },   { ".5", 0.5 },
		{ "2s", 2 },	   { "500ms", 0.5 }, { "3m", 180 },
		{ "1h", 3600 },	   { "", 0 },	     { "-1", 0 },
		{ "0", 0 },	   { "1d", 0 },	     { "ms", 0 },
		{ "inf", 0 },	   { "0x10", 0 },    { "1 s", 0 },
		{ "9999999h", 0 },
	};
	double got;

	for (size_t i = 0; i < TL_ARRAY_SIZE(cases); i++) {
		ROW(cases[i].text);
		got = 0;
		CHECK_EQ(parse_seconds(cases[i].text, &got),
			 cases[i].want != 0);
		CHECK(got == cases[i].want);
	}
}

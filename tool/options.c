/* SPDX-License-Identifier: MIT */
/*
 * options.c - the command line, taken apart
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "spec.h"
#include "text.h"

/* A year; more is a slip of the hand. */
#define SECONDS_MAX 31536000.0

enum {
	OPT_JSON = 256,
	OPT_FORCE,
	OPT_DRY_RUN,
	OPT_VARS,
	OPT_MIN,
	OPT_STACK,
	OPT_BLOCK,
	OPT_FORM,
	OPT_IF,
	OPT_PAGES,
	OPT_FOLLOW
};

/* clang-format off */
static const struct option known[] = {
	{ "pid",       required_argument, NULL, 'p' },
	{ "duration",  required_argument, NULL, 'd' },
	{ "interval",  required_argument, NULL, 'i' },
	{ "events",    required_argument, NULL, 'n' },
	{ "output",    required_argument, NULL, 'o' },
	{ "json",      no_argument,       NULL, OPT_JSON },
	{ "force",     no_argument,       NULL, OPT_FORCE },
	{ "dry-run",   no_argument,       NULL, OPT_DRY_RUN },
	{ "follow",    no_argument,       NULL, OPT_FOLLOW },
	{ "lines",     no_argument,       NULL, 'L' },
	{ "vars",      no_argument,       NULL, OPT_VARS },
	{ "min",       required_argument, NULL, OPT_MIN },
	{ "tid",       required_argument, NULL, 't' },
	{ "stack",     no_argument,       NULL, OPT_STACK },
	{ "block",     no_argument,       NULL, OPT_BLOCK },
	{ "format",    required_argument, NULL, OPT_FORM },
	{ "if",        required_argument, NULL, OPT_IF },
	{ "pages",     no_argument,       NULL, OPT_PAGES },
	{ "quiet",     no_argument,       NULL, 'q' },
	{ "verbose",   no_argument,       NULL, 'v' },
	{ "help",      no_argument,       NULL, 'h' },
	{ NULL,        0,                 NULL, 0 },
};
/* clang-format on */

int usage_error(const struct verb *v, const char *fmt, ...)
{
	char *text, *clean;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = must_dup("wrong usage");
	va_end(ap);
	clean = text_clean_dup(text);
	fprintf(stderr, "trapline: %s (see 'trapline %s%s--help')\n", clean,
		v ? v->name : "", v ? " " : "");
	free(clean);
	free(text);
	return -1;
}

const struct verb *verb_find(const char *name)
{
	const struct verb *v;

	for (v = verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

bool parse_seconds(const char *text, double *out)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "", 1 },      { "s", 1 },     { "ms", 1e-3 },
		      { "us", 1e-6 }, { "ns", 1e-9 }, { "m", 60 },
		      { "h", 3600 } };
	char *end;
	double v;

	if (!*text || !strchr("0123456789.", text[0]) || strpbrk(text, "xX"))
		return false;
	v = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		v *= units[i].seconds;
		if (end == text || !isfinite(v) || v <= 0 || v > SECONDS_MAX)
			return false;
		*out = v;
		return true;
	}
	return false;
}

/* Which set the option @c belongs to; 0: all verbs have it. */
static unsigned int set_of(int c)
{
	switch (c) {
	case 'p':
		return OPT_PID;
	case 'd':
	case 'n':
	case OPT_DRY_RUN:
		return OPT_RUN | OPT_WATCH;
	case 'i':
	case OPT_FORCE:
	case OPT_FOLLOW:
		return OPT_RUN;
	case 'o':
	case OPT_JSON:
	case OPT_FORM:
		return OPT_OUTPUT;
	case 'L':
	case OPT_VARS:
		return OPT_SOURCE;
	case OPT_MIN:
		return OPT_TIMES;
	case 't':
		return OPT_THREAD;
	case OPT_STACK:
		return OPT_STACKS;
	case OPT_BLOCK:
		return OPT_BLOCKS;
	case OPT_IF:
	case OPT_PAGES:
		return OPT_WATCH;
	}
	return 0;
}

static const char *name_of(int c)
{
	for (const struct option *k = known; k->name; k++)
		if (k->val == c)
			return k->name;
	return "?";
}

static int add_pid(struct options *o, const char *text)
{
	uint64_t pid;

	if (!parse_u64(text, &pid) || !pid || pid > INT32_MAX)
		return usage_error(o->verb, "'%s' is not a process number",
				   text);
	for (size_t i = 0; i < o->n_pids; i++)
		if (o->pids[i] == (pid_t)pid)
			return 0;
	if (o->n_pids && !(o->verb->options & OPT_PIDS))
		return usage_error(o->verb, "only one process at a time");
	o->pids = must_grow(o->pids, o->n_pids + 1, sizeof(*o->pids));
	o->pids[o->n_pids++] = (pid_t)pid;
	o->pid = o->pids[0];
	return 0;
}

/* Numbers, divided by commas as `pgrep -d,` does. */
static int take_pids(struct options *o)
{
	char *text = must_dup(optarg), *at = text;
	int err = 0;

	while (!err && at) {
		char *end = strchr(at, ',');

		if (end)
			*end++ = '\0';
		err = add_pid(o, at);
		at = end;
	}
	free(text);
	return err;
}

static int take_tid(struct options *o)
{
	uint64_t tid;

	if (!parse_u64(optarg, &tid) || !tid || tid > INT32_MAX)
		return usage_error(o->verb, "'%s' is not a thread number",
				   optarg);
	o->tid = (pid_t)tid;
	return 0;
}

static int take_format(struct options *o)
{
	static const struct {
		const char *name;
		enum format format;
		unsigned int set;
	} formats[] = { { "text", FORMAT_TEXT, ~0u },
			{ "json", FORMAT_JSON, ~0u },
			{ "chrome", FORMAT_CHROME, OPT_CHROME },
			{ "ctf", FORMAT_CTF, OPT_CHROME },
			{ "svg", FORMAT_SVG, OPT_SVG } };

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (strcmp(formats[i].name, optarg) == 0 &&
		    formats[i].set & o->verb->options) {
			o->format = formats[i].format;
			o->json = o->format == FORMAT_JSON;
			return 0;
		}
	return usage_error(o->verb,
			   "'%s' is not a format of '%s'; text%s and "
			   "json are",
			   optarg, o->verb->name,
			   o->verb->options & OPT_CHROME ? ", chrome, ctf"
			   : o->verb->options & OPT_SVG	 ? ", svg"
							 : "");
}

static int take(struct options *o, int c)
{
	switch (c) {
	case 'p':
		return take_pids(o);
	case 'd':
		if (!parse_seconds(optarg, &o->duration))
			return usage_error(o->verb,
					   "'%s' is not a time, as in 10 or "
					   "500ms",
					   optarg);
		break;
	case 'i':
		if (!parse_seconds(optarg, &o->interval))
			return usage_error(o->verb,
					   "'%s' is not a time, as in 1 or "
					   "500ms",
					   optarg);
		break;
	case 'n':
		if (!parse_u64(optarg, &o->events) || !o->events)
			return usage_error(o->verb,
					   "'%s' is not a number of events",
					   optarg);
		break;
	case OPT_MIN:
		if (!parse_seconds(optarg, &o->min))
			return usage_error(o->verb,
					   "'%s' is not a time, as in 1ms or "
					   "50us",
					   optarg);
		break;
	case 'o':
		o->output = optarg;
		break;
	case 'q':
		say_level = -1;
		break;
	case 'v':
		say_level = 1;
		break;
	case 'h':
		o->help = true;
		break;
	case OPT_JSON:
		o->json = true;
		o->format = FORMAT_JSON;
		break;
	case OPT_STACK:
		o->stack = true;
		break;
	case OPT_BLOCK:
		o->block = true;
		break;
	case OPT_FORM:
		return take_format(o);
	case OPT_FORCE:
		o->force = true;
		break;
	case OPT_DRY_RUN:
		o->dry_run = true;
		break;
	case OPT_FOLLOW:
		o->follow = true;
		break;
	case 'L':
		o->lines = true;
		break;
	case OPT_VARS:
		o->vars = true;
		break;
	case 't':
		return take_tid(o);
	case OPT_IF:
		o->condition = optarg;
		break;
	case OPT_PAGES:
		o->pages = true;
		break;
	}
	return 0;
}

/* What getopt found wrong with argv[optind - 1]. */
static int bad_option(const struct options *o, int c, char **argv)
{
	if (c == ':')
		return usage_error(o->verb, "'%s' wants a value",
				   argv[optind - 1]);
	if (optopt && optopt < 256)
		return usage_error(o->verb, "unknown option '-%c'", optopt);
	return usage_error(o->verb, "unknown option '%s'", argv[optind - 1]);
}

static int check(struct options *o)
{
	if (o->command && !(o->verb->options & OPT_COMMAND))
		return usage_error(o->verb, "'%s' starts no command",
				   o->verb->name);
	if (o->command && !o->command[0])
		return usage_error(o->verb, "'--' names no command");
	if (o->command && o->pid)
		return usage_error(o->verb, "either -p or a command, not both");
	return 0;
}

/* Cut `-- COMMAND…` off, which is not for getopt to look at. */
static int find_command(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0) {
			o->command = argv + i + 1;
			argv[i] = NULL;
			return i;
		}
	return argc;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){ 0 };
	o->verb = verb_find(argv[0]);
	argc = find_command(o, argc, argv);
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, ":p:d:i:n:o:t:Lqvh", known,
				NULL)) != -1) {
		if (c == '?' || c == ':')
			return bad_option(o, c, argv);
		if (set_of(c) && !(o->verb->options & set_of(c)))
			return usage_error(o->verb, "'%s' has no option --%s",
					   o->verb->name, name_of(c));
		if (take(o, c) != 0)
			return -1;
	}
	o->args = argv + optind;
	o->n_args = argc - optind;
	return o->help ? 0 : check(o);
}

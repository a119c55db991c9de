/* SPDX-License-Identifier: MIT */
/*
 * main.c - the trapline command
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "output.h"
#include "text.h"

#define VERSION "0.1"

static int version(void)
{
	struct output out;

	if (output_open(&out, NULL) != 0)
		return EXIT_FAILED;
	output_text(&out, "trapline " VERSION "\n");
	return output_close(&out) != 0 ? EXIT_FAILED : EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct options o;
	int status;

	/* For characters alone: numbers stay as programs read them. */
	setlocale(LC_CTYPE, "");
	/* A reader that goes away must not end us while we are attached. */
	signal(SIGPIPE, SIG_IGN);
	/* Who started us may have ignored it, and then no child can be waited for. */
	signal(SIGCHLD, SIG_DFL);
	if (argc < 2) {
		usage_error(NULL, "no command is given");
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0)
		return version();
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help_print(NULL);
	if (!verb_find(argv[1]))
		return verb_unknown(argv[1]);
	if (options_parse(&o, argc - 1, argv + 1) != 0)
		return EXIT_USAGE;
	if (o.help)
		return help_print(o.verb);
	status = o.verb->run(&o);
	return status;
}

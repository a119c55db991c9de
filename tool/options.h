/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line, taken apart
 */
#ifndef TL_OPTIONS_H
#define TL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct verb;

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CHROME, FORMAT_SVG, FORMAT_CTF };

struct options {
	const struct verb *verb;
	pid_t pid;   /* the first one; 0: not given */
	pid_t *pids; /* all, each once; a few verbs take several */
	size_t n_pids;
	char **command; /* what follows `--`, or NULL */
	char **args;	/* PROBE…, GLOB, FILE */
	int n_args;
	double duration; /* seconds; 0: until Ctrl-C or the target's end */
	double interval; /* seconds; 0: only at the end */
	double min;	 /* seconds that a call takes at least; 0: any */
	uint64_t events; /* 0: any number */
	const char *output;
	bool json;
	enum format format; /* json is one of them, too */
	bool stack;	    /* --stack */
	bool block;	    /* --block */
	bool force;
	bool follow; /* children and new programs, too */
	bool dry_run;
	bool lines; /* of `list` */
	bool vars;
	pid_t tid;	       /* of `watch`: this thread alone; 0: all */
	const char *condition; /* of `watch`: --if */
	bool pages; /* of `watch`: no registers where it can do without */
	bool help;
};

/* Exit statuses. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Options that a verb may have. */
enum option_set {
	OPT_PID = 1 << 0,
	OPT_COMMAND = 1 << 1,
	OPT_RUN = 1 << 2,    /* -d -i -n --force --dry-run */
	OPT_OUTPUT = 1 << 3, /* --json -o */
	OPT_SOURCE = 1 << 4, /* --lines --vars */
	OPT_TIMES = 1 << 5,  /* --min */
	OPT_WATCH = 1 << 6,  /* --if --pages; -d -n --dry-run of OPT_RUN */
	OPT_STACKS = 1 << 7, /* --stack */
	OPT_CHROME = 1 << 8, /* --format, beside text and json */
	OPT_SVG = 1 << 9,
	OPT_THREAD = 1 << 10, /* -t */
	OPT_PIDS = 1 << 11,   /* several -p */
	OPT_BLOCKS = 1 << 16, /* --block */
};

struct verb {
	const char *name;
	unsigned int options; /* enum option_set */
	int (*run)(const struct options *o);
	const char *usage;   /* what follows the name */
	const char *summary; /* one line */
	const char *help;    /* paragraphs and examples */
};

/* The table of help.c; ends with a verb without a name. */
extern const struct verb verbs[];
const struct verb *verb_find(const char *name);

/* The line for a name that no verb has; EXIT_USAGE. */
int verb_unknown(const char *name);

/*
 * Take the command line apart.  0, or -1 after a line on standard error: the
 * exit status is EXIT_USAGE then.
 */
int options_parse(struct options *o, int argc, char **argv);

/* Seconds, as in `2`, `0.5`, `500ms`, `3m`.  False: that is none. */
bool parse_seconds(const char *text, double *out);

/* A line about wrong usage, then where help is. */
int usage_error(const struct verb *v, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The help of one verb, or (NULL) of all, on standard output. */
int help_print(const struct verb *v);

#endif

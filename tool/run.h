/* SPDX-License-Identifier: MIT */
/*
 * run.h - what `count` and `time` have in common: from names to figures
 *
 * The order is such that nothing is touched before everything that can be
 * known without touching is known: the output is opened, the process read, the
 * names resolved; then it is attached to.  The figures are read, the process is
 * let go, and only then is anything printed, which may block for ever.
 */
#ifndef TL_RUN_H
#define TL_RUN_H

#include "latency.h"
#include "options.h"
#include "output.h"
#include "probe.h"
#include "resolve.h"
#include "session.h"

struct figure {
	const struct place *place;
	const struct session_probe *probe;
	uint64_t hits;
	uint64_t missed;
	struct session_times *times; /* of SESSION_TIME, else NULL */
};

/* What is shown of a probe, or of one key of it. */
struct row {
	const struct place *place;
	const struct session_probe *probe;
	const struct field *field; /* of the key, or NULL */
	char *key;		   /* as it is shown, clean; or NULL */
	bool fault;
	uint64_t word; /* the key, if it is a number */
	uint64_t hits;
	uint64_t missed;
	struct session_times *times; /* of SESSION_TIME, else NULL */
};

struct run {
	const struct options *options;
	enum session_action action; /* but of calls, where they are traced */
	struct probe *asked;
	size_t n_asked;
	struct probe_wish wish; /* as they were parsed */
	/* For events: before anything is armed; 0 or -1 after a line. */
	int (*begin)(struct run *r);
	/* How many events were handed on so far, some more now. */
	uint64_t (*poll)(struct run *r);
	bool events; /* they are what is wanted, not the figures */
	void *own;   /* the command's */
	/* Print figures; @elapsed seconds, @last: there will be no more. */
	void (*print)(struct run *r, double elapsed, bool last);

	/*
	 * They differ, so that the owner of a place is its probe's index; else
	 * two that name one address are one.
	 */
	bool apart;
	struct output out;
	struct process process;
	struct places places;
	struct session *session;
	struct session_probe *probes; /* one for each place */
	struct figure *figures;	      /* of those that are armed */
	size_t n_figures;
	struct row *rows; /* of the figures, as of the last reading */
	size_t n_rows;
	struct session_keys keys;
	bool keyed;
	struct session_stats stats;
	pid_t child; /* of `-- COMMAND`, else 0 */
};

/* Is it said what to probe, and where?  False, after a line. */
bool run_usage(const struct options *o);

/*
 * Take the PROBEs of @r->options apart, as @wish says, whose tid is the options';
 * false, after a line.
 */
bool run_parse(struct run *r, struct probe_wish *wish);

/* All of it, with @r as far as struct run's first group.  The exit status. */
int run_all(struct run *r);

/* Free what run_parse() made. */
void run_forget(struct run *r);

/* The same, of the PROBEs in @o, with figures.  The exit status. */
int run_probes(const struct options *o, enum session_action action,
	       void (*print)(struct run *r, double elapsed, bool last));

/* Of two rows of one size, which comes first? */
int row_order(const struct row *a, const struct row *b);

/*
 * The column of keys: its width, 0 if no row has a key; a cell of it, with what
 * divides it from the next; without @row its title.
 */
int run_key_width(const struct run *r);
void run_print_key(struct run *r, int width, const struct row *row);

/* Lines of text behind a table, or one JSON object, about what is not in it. */
void run_print_rest(struct run *r);

/* The key of @row as a member of @obj, if it has one. */
void put_key(struct json_object *obj, const struct row *row);

struct launch;

/* A command that still runs is left alone, one that ended is reaped. */
void run_part_with(const struct launch *l);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * run.h - what commands with probes have in common: from names to figures
 *
 * The order is such that nothing is touched before everything that can be
 * known without touching is known: the output is opened, the processes are read,
 * the names resolved; then they are attached to.  The figures are read, the
 * processes are let go, and only then is anything printed, which may block for
 * ever.
 */
#ifndef TL_RUN_H
#define TL_RUN_H

#include "latency.h"
#include "options.h"
#include "output.h"
#include "probe.h"
#include "resolve.h"
#include "session.h"
#include "target.h"

/* What is shown of a probe in a target, or of one key of it. */
struct row {
	const struct target *target;
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
	struct probe_wish wish;	    /* as probes are parsed */
	/* Of a target, for events: before anything is armed; 0 or -1 after a line. */
	int (*begin)(struct target *t);
	/* There are more places than begin() has seen; or NULL. */
	void (*grown)(struct target *t);
	/* How many events were handed on so far, some more now. */
	uint64_t (*poll)(struct run *r);
	bool events; /* they are what is wanted, not the figures */
	void *own;   /* the command's */
	/* Print figures; @elapsed seconds, @last: there will be no more. */
	void (*print)(struct run *r, double elapsed, bool last);
	/* Free what begin() put into t->own; or NULL. */
	void (*forget)(struct target *t);

	/*
	 * They differ, so that the owner of a place is its probe's index; else
	 * two that name one address are one.
	 */
	bool apart;
	bool keyed;
	bool closing; /* what is handed on now came before the end */
	struct output out;
	struct target **targets;
	size_t n_targets;
	bool many;	  /* it is shown of which process a row is */
	struct row *rows; /* of the figures, as of the last reading */
	size_t n_rows;
	int key_width; /* the column of keys; 0: none has one */
	/* Of all targets: */
	struct session_stats stats;
	uint64_t n_keys, keys_lost, keys_unknown;
	uint64_t missed;
	struct follower *follower; /* --follow, or NULL */
	bool all_gone;		   /* nobody is followed any more */
	bool refused;		   /* one was, and a line says why */
	bool lost;		   /* a guardian, or the follower, was killed */
	uint64_t unprobed;	   /* children and programs without probes */
	uint64_t began_before;	   /* programs, and their probes came later */
	struct merge *merge; /* of the events of several targets; or NULL */
	pid_t child;	     /* of `-- COMMAND`, else 0 */
};

/* A target for @pid, the last of @r's. */
struct target *run_add_target(struct run *r, pid_t pid);

/* @t is one of them, from now on. */
void run_keep_target(struct run *r, struct target *t);

/* Target @i is none, after all. */
void run_drop_target(struct run *r, size_t i);

/* Is it said what to probe, and where?  False, after a line. */
bool run_usage(const struct options *o);

/*
 * Try to take the PROBEs of @r->options apart, as @wish says, whose tid is the
 * options'; false, after a line.
 */
bool run_parse(struct run *r, struct probe_wish *wish);

/* All of it, with @r as far as struct run's first group.  The exit status. */
int run_all(struct run *r);

/* Free what run_all() made. */
void run_forget(struct run *r);

/* The same, of the PROBEs in @o, with figures.  The exit status. */
int run_probes(const struct options *o, enum session_action action,
	       void (*print)(struct run *r, double elapsed, bool last));

/*
 * For begin(): the events of @t go to @fn, those of all targets in the order of
 * their times, which are since the beginning of the run.  0 or -1 after a line.
 */
int run_on_events(struct target *t, session_event_fn fn, void *arg);

/* Hand on what there is of all targets; how many there were. */
size_t run_poll_events(struct run *r);

struct launch;

/* A command that still runs is left alone, one that ended is reaped. */
void run_part_with(const struct launch *l);

/* ---- followed.c ------------------------------------------------------------ */

/* Start the follower; before anybody is attached to.  0, or -1 after a line. */
int followed_begin(struct run *r);

/* Follow process @pid, which is @t, or has nothing of ours if that is NULL. */
void followed_take(struct run *r, pid_t pid, struct target *t);

/* Until @n that were to be followed are. */
void followed_await(struct run *r, size_t n);

/* Do what the follower's news ask for. */
void followed_serve(struct run *r);

/* No more forks and programs: the last news. */
void followed_end(struct run *r);

/* ---- rows.c ---------------------------------------------------------------- */

/* A row for each key of a probe that has keys, else for it. */
void rows_make(struct run *r);
void rows_free(struct run *r);

/* Of two rows of one size, which comes first? */
int row_order(const struct row *a, const struct row *b);

/*
 * The columns of processes and keys: their width, with what divides them from the
 * next ones, 0 if there are none; their cells; without @row their titles.
 */
int run_head_width(const struct run *r);
void run_print_head(struct run *r, const struct row *row);

/* Lines of text behind a table, or one JSON object, about what is not in it. */
void run_print_rest(struct run *r);

/* The process and the key of @row as members of @obj. */
void put_pid(struct json_object *obj, const struct target *t);
void put_key(struct json_object *obj, const struct row *row);

#endif

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
#include "resolve.h"
#include "session.h"

struct figure {
	const struct place *place;
	const struct session_probe *probe;
	uint64_t hits;
	uint64_t missed;
	struct session_times *times; /* of SESSION_TIME, else NULL */
};

/* What the probes of one spec do. */
struct kind {
	enum session_action action;
	bool entry; /* only the entry of a function will do */
};

struct run {
	const struct options *options;
	enum session_action action;
	const struct spec *specs;
	size_t n_specs;
	/*
	 * One for each spec where they differ, else NULL; then a place's owner
	 * is the index of its spec, and its program's.
	 */
	const struct kind *kinds;
	/* For events: before anything is armed; 0 or -1 after a line. */
	int (*begin)(struct run *r);
	/* How many events were handed on so far, some more now. */
	uint64_t (*poll)(struct run *r);
	void *own; /* the command's */
	/* Print figures; @elapsed seconds, @last: there will be no more. */
	void (*print)(struct run *r, double elapsed, bool last);

	struct output out;
	struct process process;
	struct places places;
	struct session *session;
	struct session_probe *probes; /* one for each place */
	struct figure *figures;	      /* of those that are armed */
	size_t n_figures;
	struct session_stats stats;
	pid_t child; /* of `-- COMMAND`, else 0 */
};

/* Is it said what to probe, and where?  False, after a line. */
bool run_usage(const struct options *o);

/* All of it, with @r as far as struct run's first group.  The exit status. */
int run_specs(struct run *r);

/* The same, of the PROBEs in @o, with figures.  The exit status. */
int run_probes(const struct options *o, enum session_action action,
	       void (*print)(struct run *r, double elapsed, bool last));

#endif

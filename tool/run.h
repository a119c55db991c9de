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

struct run {
	const struct options *options;
	enum session_action action;
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

/* All of it.  Returns the exit status. */
int run_probes(const struct options *o, enum session_action action,
	       void (*print)(struct run *r, double elapsed, bool last));

#endif

/* SPDX-License-Identifier: MIT */
/*
 * sources.h - `trapline list --lines` and `--vars`: what debug information shows
 */
#ifndef TL_SOURCES_H
#define TL_SOURCES_H

#include "options.h"
#include "output.h"
#include "process.h"
#include "spec.h"

/*
 * The source lines of the functions that @spec means, each with where it can be
 * probed.  The exit status, after a line if it is not EXIT_DONE.
 */
int sources_lines(struct process *p, const struct spec *spec, bool json,
		  struct output *out);

/* The variables that are visible at the places that @spec means. */
int sources_vars(struct process *p, const struct spec *spec, bool json,
		 struct output *out);

#endif

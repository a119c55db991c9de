/* SPDX-License-Identifier: MIT */
/*
 * foresee.c - what would be refused, told without touching anybody
 */
#include <stdlib.h>

#include <errno.h>

#include <protocol.h>
#include <session.h>

#include "guardian.h"
#include "judge.h"

int session_foresee(pid_t pid, const struct session_options *opt,
		    struct session_probe *probes, size_t n, bool *breakpoints)
{
	struct session_options look = *opt;
	struct nature nature;
	struct maps maps;
	int err;

	look.look = true;
	*breakpoints = false;
	err = judge_process(pid, &look, &nature);
	if (!err && opt->events)
		err = judge_events_in(pid, opt->force);
	if (err)
		return err;
	*breakpoints = nature.library;
	if (maps_read(&maps, pid))
		return refuse(-ESRCH, "process %d has ended", pid);
	for (size_t i = 0; i < n; i++) {
		uint32_t flags;

		probes[i].err = judge_probe(pid, &maps, &nature, &probes[i],
					    &probes[i].why, &flags);
		probes[i].by_exits = flags & TL_PROBE_EXITS_ONLY;
	}
	maps_free(&maps);
	refuse(0, "%s", "");
	return 0;
}

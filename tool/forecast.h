/* SPDX-License-Identifier: MIT */
/*
 * forecast.h - what arming would make of probes, by what the files show
 */
#ifndef TL_FORECAST_H
#define TL_FORECAST_H

#include "resolve.h"
#include "session.h"

/*
 * Fill in kind, err, why and by_exits of @probes, one for each of @places, which
 * session_foresee() did not refuse; until here by_exits says that the return
 * address must stay.  @breakpoints: a probe need not be a jump.  What only the
 * live process shows is not known: a thread that is in the way, no room near.
 */
void forecast(struct process *p, const struct places *places,
	      struct session_probe *probes, bool breakpoints);

#endif

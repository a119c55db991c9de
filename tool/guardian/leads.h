/* SPDX-License-Identifier: MIT */
/*
 * leads.h - what leads into the functions of the target's objects
 */
#ifndef TL_LEADS_H
#define TL_LEADS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <session.h>

#include "maps.h"

/*
 * Look at the files of the objects in @pid that @n probes are in, once for each.
 * To be done before the probes are armed.
 */
void leads_learn(pid_t pid, const struct maps *maps,
		 const struct session_probe *probes, size_t n);

/*
 * The same, beforehand and in the tool: a guardian that is forked later on, and is
 * to learn of the same functions in the same files, knows.
 */
void leads_foretell(pid_t pid, const struct session_probe *probes, size_t n);

/*
 * The inroads from @addr on (inroads.h), which is in the function of a probe
 * that was learnt; TL_INROADS_UNKNOWN where nothing is known.
 */
uint32_t leads_at(uint64_t addr);

#endif

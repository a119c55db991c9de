/* SPDX-License-Identifier: MIT */
/*
 * scopes.h - probes that mean something else at each place
 */
#ifndef TL_SCOPES_H
#define TL_SCOPES_H

#include "run.h"

/*
 * Variables, and arguments of markers, are somewhere else at each place: give each
 * place of a probe with such a probe of its own.  0, or -1 after a line.
 */
int scopes_give(struct target *t);

#endif

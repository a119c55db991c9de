/* SPDX-License-Identifier: MIT */
/*
 * dry_run.h - `--dry-run`: what would be probed, and how
 */
#ifndef TL_DRY_RUN_H
#define TL_DRY_RUN_H

#include "target.h"

/*
 * Show what would be done with @t, whose places are found, without touching it.
 * 0, or -1 after a line: it would not be attached to.
 */
int dry_run(struct target *t);

#endif

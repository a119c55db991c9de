/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the verbs; each returns the exit status
 */
#ifndef TL_COMMANDS_H
#define TL_COMMANDS_H

#include "options.h"

int cmd_trace(const struct options *o);
int cmd_count(const struct options *o);
int cmd_time(const struct options *o);
int cmd_stack(const struct options *o);
int cmd_watch(const struct options *o);
int cmd_list(const struct options *o);
int cmd_coverage(const struct options *o);
int cmd_status(const struct options *o);
int cmd_detach(const struct options *o);
int cmd_help(const struct options *o);

#endif

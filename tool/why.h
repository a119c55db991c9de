/* SPDX-License-Identifier: MIT */
/*
 * why.h - what the reasons against a jump mean
 */
#ifndef TL_TOOL_WHY_H
#define TL_TOOL_WHY_H

#include <trapline/kprobes.h>

/* A few words more than trapline_why_name() has, or NULL. */
const char *why_meaning(enum tl_why why);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * nobody.c - nobody's variables are watched on arm64
 *
 * What an instruction has written is found out by tool/watch, which knows those of
 * x86-64.  `watch` refuses before it asks for anything here (ISA_WATCHES); what could
 * only follow is in never.S.
 */
#include <stdio.h>

#include "watch/pages.h"

struct pages *pages_open(const struct page_options *o,
			 const struct page_point *points, size_t n, char *why,
			 size_t size)
{
	(void)o;
	(void)points;
	(void)n;
	snprintf(why, size, "cannot watch variables on arm64");
	return NULL;
}

/* Nor does a command of another kind. */
bool pages_look(pid_t pid, struct page_state *out)
{
	(void)pid;
	(void)out;
	return false;
}

/* SPDX-License-Identifier: MIT */
/*
 * judge.c - what may not be touched, and why
 */
#define _GNU_SOURCE
#include "judge.h"

#include <errno.h>

#include "guardian.h"

int judge_process(pid_t pid, const struct session_options *opt,
		  struct nature *out)
{
	(void)pid;
	(void)opt;
	*out = (struct nature){ 0 };
	return 0;
}

int judge_probe(pid_t pid, const struct maps *maps, const struct nature *nature,
		const struct session_probe *p, enum tl_why *why)
{
	(void)pid;
	(void)maps;
	(void)nature;
	(void)p;
	*why = TL_WHY_NONE;
	return 0;
}

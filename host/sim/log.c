/* SPDX-License-Identifier: MIT */
/*
 * log.c - the order in which the engine asked for things
 */
#include "sim.h"

static char text[4096];
static size_t len;

const char *sim_log(void)
{
	return text;
}

void sim_log_clear(void)
{
	len = 0;
	text[0] = 0;
}

void sim_log_add(char c)
{
	if (len + 1 >= sizeof(text))
		return;
	text[len++] = c;
	text[len] = 0;
}

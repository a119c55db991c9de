/* SPDX-License-Identifier: MIT */
/*
 * say.c - the reason of the last refusal, and the kill points
 */
#include "guardian.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <session.h>

static char reason[400];
static bool is_guardian;

int refuse(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return err;
}

const char *refusal(void)
{
	return reason;
}

const char *session_error(void)
{
	return reason;
}

void kill_point_guardian(void)
{
	is_guardian = true;
}

void session_kill_point(unsigned int n)
{
	const char *at = getenv(is_guardian ? "TRAPLINE_KILL_POINT"
					    : "TRAPLINE_KILL_TOOL");

	if (at && (unsigned int)atoi(at) == n)
		kill(getpid(), SIGKILL);
}

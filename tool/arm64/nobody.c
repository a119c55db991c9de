/* SPDX-License-Identifier: MIT */
/*
 * nobody.c - sessions on arm64: there are none
 *
 * The command reads programs of arm64, and says what probes there would be; what
 * goes into a process (guardian, agent) is of x86-64.  So whatever would begin a
 * session is refused here, and what could only follow is in never.S.
 */
#include <errno.h>
#include <stdio.h>

#include "follower.h"
#include "session.h"
#include "watch/pages.h"

static const char refusal[] =
	"on arm64 the command goes into no process: libtrapline probes its own";

const char *session_error(void)
{
	return refusal;
}

int session_attach(struct session **out, pid_t pid,
		   const struct session_options *opt)
{
	(void)out;
	(void)pid;
	(void)opt;
	return -EOPNOTSUPP;
}

int session_adopt(struct session **out, const struct session *like,
		  const int files[2])
{
	(void)out;
	(void)like;
	(void)files;
	return -EOPNOTSUPP;
}

int session_foresee(pid_t pid, const struct session_options *opt,
		    struct session_probe *probes, size_t n, bool *breakpoints)
{
	(void)pid;
	(void)opt;
	(void)probes;
	(void)n;
	(void)breakpoints;
	return -EOPNOTSUPP;
}

void session_foretell(pid_t pid, const struct session_probe *probes, size_t n)
{
	(void)pid;
	(void)probes;
	(void)n;
}

/* There may be a library of the program's own. */
int session_look(pid_t pid, struct session_view *out)
{
	(void)pid;
	(void)out;
	return -EOPNOTSUPP;
}

int session_clean(pid_t pid)
{
	(void)pid;
	return -EOPNOTSUPP;
}

int session_own(pid_t pid, struct session_own **out, size_t *n)
{
	(void)pid;
	*out = NULL;
	*n = 0;
	return -EOPNOTSUPP;
}

int follower_start(struct follower **out)
{
	(void)out;
	return -EOPNOTSUPP;
}

struct pages *pages_open(const struct page_options *o,
			 const struct page_point *points, size_t n, char *why,
			 size_t size)
{
	(void)o;
	(void)points;
	(void)n;
	snprintf(why, size, "%s", refusal);
	return NULL;
}

bool pages_look(pid_t pid, struct page_state *out)
{
	(void)pid;
	(void)out;
	return false;
}

/* ---- with nothing in them ------------------------------------------------------ */

void session_view_free(struct session_view *v)
{
	(void)v;
}

void session_keys_free(struct session_keys *k)
{
	(void)k;
}

void follower_free(struct follower *f)
{
	(void)f;
}

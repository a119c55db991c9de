/* SPDX-License-Identifier: MIT */
/*
 * judge.h - what may not be touched, and why
 */
#ifndef TL_JUDGE_H
#define TL_JUDGE_H

#include <stdbool.h>
#include <sys/types.h>

#include <session.h>

#include "maps.h"

/* What a process is like, as far as it matters. */
struct nature {
	bool go;	   /* a Go program: small stacks, moved by copying */
	bool shadow_stack; /* returns are checked against a second stack */
	bool library;	   /* it has libtrapline, which can be talked to */
};

/*
 * May process @pid be attached to?  0 and *@out, or a negative errno and the
 * reason; nothing was touched.
 */
int judge_process(pid_t pid, const struct session_options *opt,
		  struct nature *out);

/* Who traces @pid, if that is none of us; or 0. */
pid_t judge_debugger(pid_t pid);

/* 0, or -EBUSY and who that is. */
int judge_tracer(pid_t pid);

/*
 * May @p be armed in it?  0, or a negative errno; *@why and session_error() say
 * why not.  *@flags: TL_PROBE_EXITS_ONLY if its calls may be followed by the exits
 * of the function, but no return address may be replaced; TL_PROBE_GO.
 */
int judge_probe(pid_t pid, const struct maps *maps, const struct nature *nature,
		const struct session_probe *p, enum tl_why *why,
		uint32_t *flags);

/* The same of the piece of code [@start, @end), which calls are followed into. */
bool judge_piece(pid_t pid, const struct maps *maps, uint64_t start,
		 uint64_t end);

/*
 * The soft limit of @pid that /proc calls @label, in words into @buf: a number,
 * `unlimited`, or `?` if it cannot be read.
 */
void judge_limit(pid_t pid, const char *label, char *buf, size_t size);

/*
 * Do the seccomp filters of thread @tid, which the caller has stopped, allow the
 * system calls of docs/syscalls.md?  0, or -EPERM: no, or they cannot be read.
 */
int judge_seccomp(pid_t tid, bool force);

/* The first of our system calls that this filter does not let pass, or NULL. */
struct sock_filter;
/* Will the target's threads make the system calls of events? */
extern bool judge_events, judge_block;
/* Will a thread of its make those of libtrapline? */
extern bool judge_library_calls;

/*
 * They will: is each thread of @pid under as many filters as the others, and
 * has the kernel what is called?  0 or a negative errno.
 */
int judge_events_in(pid_t pid, bool force);

const char *seccomp_forbids(const struct sock_filter *f, size_t n);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * ctf.h - events as a trace in the Common Trace Format, version 1.8
 *
 * It is written by the babeltrace library, which is loaded when it is wanted:
 * the command starts in half the time without it.
 */
#ifndef TL_CTF_H
#define TL_CTF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ctf;
struct probe;
struct session_event;

/*
 * Could a trace be written into the folder @dir?  It is to be asked before anything
 * is done to a process.  False: after a line.
 */
bool ctf_possible(const char *dir);

/*
 * A trace in the folder @dir, which is made, or empty; times are since
 * @begin_ns, the wall clock's.  NULL, after a line.
 */
struct ctf *ctf_open(const char *dir, uint64_t begin_ns);

/*
 * Add @e, a hit of the probe @name of @pid, whose fields @p describes.  *@of is
 * NULL the first time, and then what ctf_event() keeps of the probe.  False: the
 * event makes no sense, or *@failed: after a line.
 */
bool ctf_event(struct ctf *c, void **of, const char *name,
	       const struct probe *p, pid_t pid, const struct session_event *e,
	       double ns_per_tick, bool *failed);

/* The last event says how many there were.  0, or -1 after a line. */
int ctf_close(struct ctf *c, uint64_t events, uint64_t lost, uint64_t missed);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * session.h - a tool's hold on one live process
 *
 * What stands between the command (which knows names and output) and the
 * guardian (which knows threads, memory and the agent).  A session is attached
 * to one process, has probes added to it, is read while it runs, and detached.
 * The figures are kept in the target and can be read after its end.
 *
 * Errors: 0 or more is good; a negative errno means that it failed, and
 * session_error() then has one line that says what is in the way and what to do.
 */
#ifndef TL_SESSION_H
#define TL_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <events.h>
#include <trapline/kprobes.h>

struct session;

enum session_action {
	SESSION_COUNT = 1,  /* count the hits of an address */
	SESSION_TIME = 2,   /* entry to return of the function at an address */
	SESSION_EVENT = 3,  /* an event for each hit of an address */
	SESSION_RETURN = 4, /* one for each return of the function there */
	SESSION_LOADER = 5, /* the session's own: see session_watch_loader() */
};

/* Does it follow calls to their return? */
static inline bool session_follows(uint32_t action)
{
	return action == SESSION_TIME || action == SESSION_RETURN;
}

enum session_kind {
	SESSION_NOT_ARMED = 0,
	SESSION_JUMP = 1,
	SESSION_BREAKPOINT = 2,
	SESSION_ISLAND = 3, /* a jump, by way of padding */
};

/*
 * Latencies, in clock ticks: bucket i < 16 holds the value i; above, each power
 * of two is divided into 8 buckets (so a bucket is at most 12.5 % wide).
 */
#define SESSION_SUB_BITS 3
#define SESSION_BUCKETS	 496

struct session_times {
	uint64_t calls;	 /* entries that were followed to their return */
	uint64_t missed; /* entries that were not */
	uint64_t total;	 /* ticks */
	uint64_t min;
	uint64_t max;
	uint64_t bucket[SESSION_BUCKETS];
};

/* The lowest value that bucket @i holds. */
uint64_t session_bucket_low(unsigned int i);

struct session_probe {
	/* The caller's. */
	uint64_t addr;	/* in the target's address space */
	uint64_t start; /* the function around it, 0 and 0 if not known */
	uint64_t end;
	enum session_action action;
	char name[120];	  /* for status: shown, never interpreted */
	uint32_t program; /* 0: none; else 1 more than its index */
	/* 16 bits of the target's that are one more while it is armed; or 0. */
	uint64_t semaphore;
	/* session_add()'s. */
	int err;	 /* 0, or why it is not armed */
	enum tl_why why; /* if it is no jump */
	enum session_kind kind;
	bool by_exits; /* times, of session_look(): see docs/design/returns.md */
	uint32_t id;   /* its number in the session, from 0 on */
	uint32_t entry; /* in the figures; the session's own business */
};

struct session_options {
	bool force; /* also where the seccomp filter cannot be judged */
	bool verbose;
	bool events; /* there will be probes that make events */
	bool look;   /* session_foresee()'s: only look, change nothing */
	bool late;   /* session_watch_loader() will be called */
	bool block;  /* and their threads wait where there is no room for one */
	bool follow; /* a follower will trace it, and end when the tool does */
	char what[40]; /* what it is for, as `status` shows it */
};

struct session_stats {
	uint64_t attach_ns; /* from the first stop to the agent's readiness */
	uint64_t longest_stop_ns;  /* of any thread so far */
	uint64_t threads;	   /* when last looked at */
	uint64_t lost;		   /* events that there was no room for */
	uint64_t ticks_per_second; /* of the clock of struct session_times */
};

/*
 * Attach to @pid.  Refuses, with the target untouched: no such process, a
 * zombie, no permission, a 32-bit program, one under a debugger, one whose
 * seccomp filter forbids the agent's calls.  One that has sessions already gets
 * one more, with the same guardian.  On success *@out is to be given to session_detach().
 */
int session_attach(struct session **out, pid_t pid,
		   const struct session_options *opt);

/*
 * Add @n probes and arm them, each on its own: probes[i].err and .why say what
 * became of each.  Returns how many are armed, or a negative errno.
 */
int session_add(struct session *s, struct session_probe *probes, size_t n);

/*
 * What session_attach() and session_add() would refuse by what files and /proc show,
 * with nothing touched.  0, or a negative errno and its line: the process is not
 * to be attached to.  Each probe's err and why say what is certain to be refused;
 * its by_exits, that no return address may be replaced.  *@breakpoints: a
 * probe need not be a jump.  What a seccomp filter forbids is not seen: that
 * takes a thread that is stopped.
 */
int session_foresee(pid_t pid, const struct session_options *opt,
		    struct session_probe *probes, size_t n, bool *breakpoints);

/*
 * What is found out of the files of @probes is kept, for this session_attach() and
 * others after it: for whoever attaches to many processes of the same files.
 */
void session_foretell(pid_t pid, const struct session_probe *probes, size_t n);

/* Of one hit in SESSION_COST_OF: ticks in handlers, and how many there were. */
struct session_cost {
	uint64_t ticks;
	uint64_t samples;
};
#define SESSION_COST_OF 64

struct session_cost session_cost(struct session *s, uint32_t id);

/* Hits so far, and hits at which nothing could be done. */
uint64_t session_hits(struct session *s, uint32_t id);
uint64_t session_missed(struct session *s, uint32_t id);

/* Latencies so far; false: @id is not of that kind. */
bool session_times(struct session *s, uint32_t id, struct session_times *out);

/*
 * Events.  Programs (see agent/events.h) are set before the probes that use
 * them are added: 0, or a negative errno.  Events are handed to @fn in the order
 * of their times by session_poll_events(), and what there is left by the
 * session_detach() functions; the memory of an event is @fn's until it returns.
 */
struct session_event {
	uint64_t ns;	 /* since session_on_events() */
	uint64_t clock;	 /* the same as the time stamp counter's value */
	uint32_t probe;	 /* id */
	uint32_t thread; /* its number, as the target sees it */
	uint32_t faults; /* bit i: field i could not be read */
	uint32_t n;	 /* words of the fields, as events.h has them */
	const uint64_t *words;
};

typedef void (*session_event_fn)(void *arg, const struct session_event *e);

/* Keys of programs, with what was counted for each. */
struct session_key {
	uint32_t probe; /* id */
	uint32_t fault; /* bit i: word i could not be read */
	uint64_t word[TL_KEY_WORDS];
	uint64_t count;
	struct session_times times; /* if it is a matter of time */
};

struct session_keys {
	struct session_key *key;
	size_t n;
	uint64_t lost;	  /* hits that there was no room for */
	uint64_t unknown; /* hits whose condition could not be read */
};

/* As of now; to be freed by session_keys_free(). */
void session_keys(struct session *s, struct session_keys *out);
void session_keys_free(struct session_keys *k);

int session_set_program(struct session *s, uint32_t index,
			const struct tl_program *p);
int session_on_events(struct session *s, session_event_fn fn, void *arg);

/* Of an adopted one, before any is handed on: their times are since @like's began. */
void session_date_back(struct session *s, const struct session *like);

/* Hand on what is there; how many there were. */
size_t session_poll_events(struct session *s);

/* What happened before this value of the time stamp counter was handed on. */
uint64_t session_events_upto(struct session *s);

/*
 * From now on whoever has changed the list of libraries, and has called the
 * function at @addr of the dynamic linker, waits for session_caught_up(), for two
 * seconds at most.  0, or a negative errno.
 */
int session_watch_loader(struct session *s, uint64_t addr, uint64_t end);

/*
 * Does somebody wait, as of the last call of session_state()?  What
 * session_caught_up() is to be given, or 0.
 */
uint32_t session_loaded(const struct session *s);
void session_caught_up(struct session *s, uint32_t n);

/* Is the target still there and still the same program? */
enum session_state {
	SESSION_ALIVE,
	SESSION_EXITED,
	SESSION_EXECED, /* it runs another program now; our probes are gone */
	SESSION_LOST,	/* the guardian is gone; what is left is cleaned up */
};
enum session_state session_state(struct session *s);

/* A descriptor that becomes readable when session_state() may have changed. */
int session_fd(struct session *s);

void session_get_stats(struct session *s, struct session_stats *out);

/*
 * Remove every probe and everything of ours from the target, and free @s.  The
 * figures are kept in the probes' structures by the caller before.  0, or a
 * negative errno when something is left (the line says what, and what to do).
 */
int session_detach(struct session *s);

/* The same; *@stats are as of the end, the stops for detaching included. */
int session_detach_stats(struct session *s, struct session_stats *stats);

/*
 * The same begun, of a target that has ended or runs another program, so nobody
 * waits for it; session_detach() is the other half.  session_is_detached(): it would not
 * wait.
 */
void session_begin_detach(struct session *s);
bool session_is_detached(struct session *s);

/* What was last in the way, one line without a full stop or newline. */
const char *session_error(void);

/* ---- fork children ---------------------------------------------------------- */

/*
 * With options.follow: where what is ours is in the target, and the descriptor of
 * the figures; -1: its children can have none of their own.
 */
struct follow_where;
int session_where(const struct session *s, struct follow_where *where);

/*
 * A session with a fork child of @like's target, whose figures and events (or -1)
 * are @files: its probes are those of @like, with hits of their own.  It ends with
 * session_ended(); who cleans the child is the guardian of @like.  @files are taken
 * over.  0 or a negative errno.
 */
int session_adopt(struct session **out, const struct session *like,
		  const int files[2]);
void session_ended(struct session *s);

/* ---- sessions of others, or of tools that died ------------------------------ */

struct session_owner {
	pid_t tool; /* its process id */
	uint32_t user;
	char what[40]; /* clean */
	size_t probes;
};

struct session_view {
	pid_t guardian; /* 0: none is alive */
	size_t n_owners;
	struct session_owner owner[16];
	uint32_t *owned; /* for each probe: index of its owner */
	size_t n;
	struct session_probe *probes;
	uint64_t *hits;
	uint64_t *missed;
	struct session_cost *cost;
};

/*
 * Look at what is armed in @pid without disturbing it.  1: *@out is filled in
 * and to be freed by session_view_free(); 0: nothing of ours is there.
 */
int session_look(pid_t pid, struct session_view *out);
void session_view_free(struct session_view *v);

/* A probe that a program with libtrapline has itself. */
struct session_own {
	uint64_t addr;
	enum session_kind kind;
	enum tl_why why; /* if it is no jump */
	bool enabled;
	bool is_return;
	bool by_exits; /* … and how its calls are followed */
	bool counted;  /* it has a counter; else nobody but the program knows */
	uint64_t hits;
	uint64_t missed;
};

/*
 * Look at those of @pid, by address, without disturbing it.  1: *@out has *@n of
 * them, to be freed; 0: it has no libtrapline; or a negative errno: it has, and they
 * cannot be seen, as session_error() says.
 */
int session_own(pid_t pid, struct session_own **out, size_t *n);

/*
 * Remove whatever of ours is in @pid, asking its guardian if it lives, else by
 * hand.  1: something was removed; 0: there was nothing.
 */
int session_clean(pid_t pid);

/*
 * Test hook: the number of the next kill point to be passed is compared with
 * TRAPLINE_KILL_POINT (guardian) or TRAPLINE_KILL_TOOL (tool) in the
 * environment, and the process kills itself with SIGKILL there.
 */
void session_kill_point(unsigned int n);
#define SESSION_KILL_POINTS 61

#endif

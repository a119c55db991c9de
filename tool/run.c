/* SPDX-License-Identifier: MIT */
/*
 * run.c - what commands with probes have in common: from names to figures
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dry_run.h"
#include "follower.h"
#include "bill.h"
#include "late.h"
#include "launch.h"
#include "merge.h"
#include "run.h"
#include "text.h"

/* How often the end of the targets, -n and the progress line are looked at. */
#define TICK_MS 100

/* How often events are fetched: a full ring has room for ten times as long. */
#define POLL_MS 10

#define NICE_AT_THE_END (-10)

/* So many at a time, and there are more: they come faster than they are told of. */
#define BUSY_EVENTS 4096

/* ---- Being told to end ------------------------------------------------------- */

static int wake[2] = { -1, -1 };

static void on_signal(int sig)
{
	int err = errno;

	(void)sig;
	/* It can only fail because it is full, and then it wakes as well. */
	if (write(wake[1], "", 1) < 0)
		errno = err;
}

/*
 * From now on SIGINT and its like end the waiting, not the program.  A second
 * one, when the first brought no end, ends the program: the guardian cleans up.
 */
static int catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal,
				 .sa_flags = SA_RESTART | SA_RESETHAND };

	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0) {
		say_error("cannot make a pipe: %s", strerror(errno));
		return -1;
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	return 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- Events -------------------------------------------------------------------- */

int run_on_events(struct target *t, session_event_fn fn, void *arg)
{
	struct run *r = t->run;
	struct timespec now;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &now);
	t->begin_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (r->many && !r->merge)
		r->merge = merge_new();
	err = r->many ? merge_on_events(r->merge, t, fn, arg)
		      : session_on_events(t->session, fn, arg);
	if (err)
		say_error("%s", session_error());
	return err ? -1 : 0;
}

size_t run_poll_events(struct run *r)
{
	struct session *s = r->n_targets ? r->targets[0]->session : NULL;

	if (r->merge)
		return merge_poll(r->merge);
	return s && !r->many ? session_poll_events(s) : 0;
}

/* ---- All targets ----------------------------------------------------------------- */

void run_keep_target(struct run *r, struct target *t)
{
	r->targets =
		must_grow(r->targets, r->n_targets + 1, sizeof(*r->targets));
	r->targets[r->n_targets++] = t;
}

struct target *run_add_target(struct run *r, pid_t pid)
{
	run_keep_target(r, target_new(r, pid));
	return r->targets[r->n_targets - 1];
}

void run_drop_target(struct run *r, size_t i)
{
	if (r->merge)
		merge_forget(r->merge, r->targets[i]);
	target_free(r->targets[i]);
	r->n_targets--;
	for (; i < r->n_targets; i++)
		r->targets[i] = r->targets[i + 1];
}

/*
 * Do @step with each target; with whom it fails, they are left out, and *@status
 * says that it failed.
 */
static void each_target(struct run *r, int (*step)(struct target *t),
			int *status)
{
	for (size_t i = 0; i < r->n_targets;) {
		if (step(r->targets[i]) == 0) {
			i++;
			continue;
		}
		*status = EXIT_FAILED;
		run_drop_target(r, i);
	}
	target_speak(NULL);
}

/* Read the figures of all; the sum of all hits. */
static uint64_t read_figures(struct run *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n_targets; i++)
		sum += target_read(r->targets[i]);
	return sum;
}

/* Is there nothing more to wait for? */
static bool all_ended(struct run *r, int *status)
{
	size_t ended = 0;

	for (size_t i = 0; i < r->n_targets; i++) {
		int its = target_ended(r->targets[i]);

		if (its < 0) {
			*status = EXIT_FAILED;
			r->lost = true;
		}
		ended += its != 0;
	}
	/* Those without probes may run something else yet, but not for us. */
	if (r->follower)
		return r->all_gone || (r->refused && !r->n_targets) ||
		       (r->lost && ended == r->n_targets);
	return ended == r->n_targets;
}

static void sum_stats(struct run *r)
{
	struct session_stats sum = { 0 };

	for (size_t i = 0; i < r->n_targets; i++) {
		const struct session_stats *its = &r->targets[i]->stats;

		sum.lost += its->lost;
		if (its->longest_stop_ns > sum.longest_stop_ns)
			sum.longest_stop_ns = its->longest_stop_ns;
		if (its->ticks_per_second)
			sum.ticks_per_second = its->ticks_per_second;
	}
	r->stats = sum;
}

/* Let all go; what they have in their rings was handed on then. */
static void detach_all(struct run *r, int *status)
{
	/* All at once: what one does while we wait for another nobody asked for. */
	for (size_t i = 0; i < r->n_targets; i++)
		if (r->targets[i]->session)
			session_begin_detach(r->targets[i]->session);
	for (size_t i = 0; i < r->n_targets; i++)
		if (target_detach(r->targets[i]) != 0)
			*status = EXIT_FAILED;
	target_speak(NULL);
	sum_stats(r);
	run_poll_events(r);
}

/* ---- Waiting ----------------------------------------------------------------------- */

/* How it stands; a command of ours may use the terminal itself. */
static void progress(const struct run *r, double elapsed, uint64_t events)
{
	if (!r->child && !r->events)
		say_progress("%.0f s, %" PRIu64 " %s, Ctrl-C ends it", elapsed,
			     events,
			     r->action == SESSION_TIME ? "calls" : "hits");
}

/* Until somebody tells us to end, a target may have ended, or @seconds. */
static bool told_to_end(struct run *r, double seconds)
{
	struct pollfd *fds = must_alloc(r->n_targets + 2, sizeof(*fds));
	size_t n = 0;
	bool told;

	/* No place for those that have ended: there may be only so many. */
	fds[n++] = (struct pollfd){ .fd = wake[0], .events = POLLIN };
	if (r->follower && follower_fd(r->follower) >= 0)
		fds[n++] = (struct pollfd){ .fd = follower_fd(r->follower),
					    .events = POLLIN };
	for (size_t i = 0; i < r->n_targets; i++) {
		const struct target *t = r->targets[i];
		int fd = t->session && !t->ended ? session_fd(t->session) : -1;

		if (fd >= 0)
			fds[n++] =
				(struct pollfd){ .fd = fd, .events = POLLIN };
	}
	poll(fds, n, seconds > 0 ? (int)(seconds * 1e3) + 1 : 0);
	told = fds[0].revents;
	free(fds);
	return told;
}

/* The figures so far. */
static void print_now(struct run *r, double elapsed)
{
	say_progress(NULL);
	for (size_t i = 0; i < r->n_targets; i++)
		if (r->targets[i]->session)
			session_get_stats(r->targets[i]->session,
					  &r->targets[i]->stats);
	sum_stats(r);
	read_figures(r);
	rows_make(r);
	r->print(r, elapsed, false);
	output_flush(&r->out);
}

/* Wait for whatever ends it.  Returns the seconds it took. */
static double watch(struct run *r, int *status)
{
	const struct options *o = r->options;
	double begin = now(), elapsed = 0, next = o->interval;
	uint64_t before = 0, events = 0;
	bool ended = false;

	while (!ended) {
		bool busy = r->poll && events - before >= BUSY_EVENTS;
		double left = busy ? 0 : (r->poll ? POLL_MS : TICK_MS) / 1e3;

		before = events;
		events = 0;

		if (o->duration && o->duration - elapsed < left)
			left = o->duration - elapsed;
		if (o->interval && next - elapsed < left)
			left = next - elapsed;
		if (told_to_end(r, left))
			break;
		elapsed = now() - begin;
		if (r->follower)
			followed_serve(r);
		ended = all_ended(r, status);
		for (size_t i = 0; i < r->n_targets; i++)
			late_serve(r->targets[i]);
		if (r->poll)
			events = r->poll(r);
		if (!r->events &&
		    (o->events || o->interval || isatty(STDERR_FILENO)))
			events = read_figures(r);
		if (ended || r->out.failed ||
		    (o->duration && elapsed >= o->duration) ||
		    (o->events && events >= o->events))
			break;
		progress(r, elapsed, events);
		if (o->interval && elapsed >= next) {
			print_now(r, elapsed);
			if (r->out.failed)
				break;
			while (next <= elapsed)
				next += o->interval;
		}
	}
	say_progress(NULL);
	return now() - begin;
}

/* -v: what the probes have cost in @elapsed seconds. */
static void tell_bill(const struct run *r, double elapsed)
{
	double ns = 0, hits = 0;

	for (size_t i = 0; i < r->n_targets; i++) {
		const struct target *t = r->targets[i];
		double rate = t->stats.ticks_per_second
				      ? 1e9 / (double)t->stats.ticks_per_second
				      : 0;

		for (size_t k = 0; k < t->n_figures && t->session; k++) {
			const struct figure *f = &t->figures[k];
			struct session_cost c =
				session_cost(t->session, f->probe->id);
			double n = (double)bill_hits(f->hits, &c);

			hits += n;
			ns += n * bill_ns(f->probe->action, &c, rate);
		}
	}
	if (elapsed > 0)
		say_detail("the probes cost %.3f ms a second: %.0f hits a "
			   "second, %.0f ns each",
			   ns / elapsed / 1e6, hits / elapsed,
			   hits > 0 ? ns / hits : 0);
}

/*
 * Before the targets, if we may: who has filled the rings goes on with what it did,
 * and to come to an end takes us little time, but of a CPU.
 */
static void come_first(void)
{
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE_AT_THE_END);
}

/* Read, let go, print. */
static void measure(struct run *r, struct launch *l, int *status)
{
	double elapsed;

	if (l->pid)
		launch_release(l);
	elapsed = watch(r, status);
	r->closing = true;
	if (r->events)
		come_first();
	if (r->follower)
		followed_end(r);
	if (!r->n_targets) {
		if (!r->refused)
			say_error("nothing was probed: no process that was "
				  "followed has a place for the probes");
		*status = EXIT_FAILED;
		return;
	}
	read_figures(r);
	rows_make(r);
	tell_bill(r, elapsed);
	detach_all(r, status);
	say_detail("longest stop of a thread %.2f ms",
		   (double)r->stats.longest_stop_ns / 1e6);
	r->print(r, elapsed, true);
}

void run_part_with(const struct launch *l)
{
	int status = 0;

	if (!l->pid)
		return;
	if (waitpid(l->pid, &status, WNOHANG) == 0)
		say_note("process %d goes on running", (int)l->pid);
	else if (WIFSIGNALED(status))
		say_note("process %d was ended by signal %d (%s)", (int)l->pid,
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		say_note("process %d ended with status %d", (int)l->pid,
			 WEXITSTATUS(status));
}

/* Attach to those that can be, and let the follower have all. */
static void attach_and_follow(struct run *r)
{
	size_t n = r->n_targets;

	say_softly = true;
	for (size_t i = 0; i < r->n_targets;) {
		struct target *t = r->targets[i];
		pid_t pid = t->pid;
		bool placed = target_resolve(t) == 0;
		bool probed = placed && target_attach(t) == 0;

		r->refused |= placed && !probed;
		if (!probed)
			run_drop_target(r, i);
		followed_take(r, pid, probed ? t : NULL);
		i += probed;
	}
	say_softly = false;
	target_speak(NULL);
	followed_await(r, n);
}

static void run_targets(struct run *r, struct launch *l, int *status)
{
	if (r->follower) {
		attach_and_follow(r);
		measure(r, l, status);
		return;
	}
	each_target(r, target_attach, status);
	if (r->n_targets)
		measure(r, l, status);
}

static int run_attached(struct run *r)
{
	const struct options *o = r->options;
	struct launch l = { .pipe = -1 };
	int status = EXIT_DONE;

	if (o->command) {
		if (launch(&l, o->command) != 0)
			return EXIT_FAILED;
		r->child = l.pid;
		run_add_target(r, l.pid);
	}
	for (size_t i = 0; i < o->n_pids; i++)
		run_add_target(r, o->pids[i]);
	if (!r->follower)
		each_target(r, target_resolve, &status);
	if (o->dry_run) {
		each_target(r, dry_run, &status);
	} else if (r->n_targets && catch_signals() == 0) {
		run_targets(r, &l, &status);
	} else if (r->n_targets) {
		status = EXIT_FAILED;
	}
	if (l.holder)
		launch_kill(&l);
	else
		run_part_with(&l);
	return status;
}

int run_all(struct run *r)
{
	const struct options *o = r->options;
	int status = EXIT_FAILED;

	r->many = o->n_pids > 1 || o->follow;
	if (o->follow && !o->dry_run && followed_begin(r) != 0)
		return EXIT_FAILED;
	/* A trace in a folder is written by others. */
	if (output_open(&r->out, o->format == FORMAT_CTF ? "/dev/null"
							 : o->output) == 0) {
		status = run_attached(r);
		if (output_close(&r->out) != 0)
			status = EXIT_FAILED;
	}
	return status;
}

void run_forget(struct run *r)
{
	follower_free(r->follower);
	rows_free(r);
	merge_free(r->merge);
	for (size_t i = 0; i < r->n_targets; i++)
		target_free(r->targets[i]);
	free(r->targets);
}

bool run_usage(const struct options *o)
{
	if (!o->n_pids && !o->command) {
		usage_error(o->verb, "-p PID or -- COMMAND says what to "
				     "probe");
		return false;
	}
	if (!o->n_args) {
		usage_error(o->verb, "no probe is given");
		return false;
	}
	return true;
}

/* The number of thread -t as the process sees it; 0: after a line. */
static uint32_t thread_of(const struct options *o)
{
	char path[64], line[256];
	unsigned int tid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)o->pid,
		 (int)o->tid);
	f = fopen(path, "re");
	/* The last number is the one of its own PID namespace. */
	while (f && !tid && fgets(line, sizeof(line), f))
		if (strncmp(line, "NSpid:", 6) == 0)
			tid = (unsigned int)strtoul(strrchr(line, '\t') + 1,
						    NULL, 10);
	if (f)
		fclose(f);
	if (!tid)
		usage_error(o->verb, "process %d has no thread %d", (int)o->pid,
			    (int)o->tid);
	return tid;
}

bool run_parse(struct run *r, struct probe_wish *wish)
{
	const struct options *o = r->options;
	char why[400];

	if (o->tid && o->n_pids != 1) {
		usage_error(o->verb,
			    "-t is for a thread of one running process");
		return false;
	}
	if (o->tid && o->follow) {
		usage_error(o->verb,
			    "either one thread (-t) or --follow: a hit does "
			    "not show who began its thread");
		return false;
	}
	if (o->tid && !(wish->tid = thread_of(o)))
		return false;
	if (o->n_args > TL_MAX_PROGRAMS) {
		usage_error(o->verb,
			    "more than %d probes; a glob takes many functions",
			    TL_MAX_PROGRAMS);
		return false;
	}
	r->wish = *wish;
	for (int i = 0; i < o->n_args; i++) {
		struct probe p;
		bool call;

		if (!probe_parse(&p, o->args[i], wish, why, sizeof(why))) {
			usage_error(o->verb, "%s", why);
			probe_free(&p);
			return false;
		}
		r->apart |= p.has_program;
		r->keyed |= p.keyed || p.filtered;
		call = p.call;
		probe_free(&p);
		if (wish->min && !call) {
			usage_error(o->verb,
				    "'%s': only calls take time; --min is for "
				    "FUNC%%return",
				    o->args[i]);
			return false;
		}
	}
	return true;
}

int run_probes(const struct options *o, enum session_action action,
	       void (*print)(struct run *r, double elapsed, bool last))
{
	struct run r = { .options = o, .action = action, .print = print };
	struct probe_wish wish = { .use = action == SESSION_TIME ? PROBE_TIME
								 : PROBE_COUNT,
				   .min = o->min > 0 };
	int status = EXIT_USAGE;

	if (run_usage(o) && run_parse(&r, &wish))
		status = run_all(&r);
	run_forget(&r);
	return status;
}

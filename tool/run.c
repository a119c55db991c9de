/* SPDX-License-Identifier: MIT */
/*
 * run.c - what `count` and `time` have in common: from names to figures
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launch.h"
#include "markers.h"
#include "protocol.h"
#include "run.h"
#include "scopes.h"
#include "text.h"
#include "why.h"

/* How often the end of the target, -n and the progress line are looked at. */
#define TICK_MS 100

/* How often events are fetched: a full ring has room for ten times as long. */
#define POLL_MS 10

/* Arming more than that may take a moment. */
#define MANY_PROBES 500

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

/* ---- Before the attach --------------------------------------------------------- */

/* Are $argN known there: at the entry of a function, at a marker? */
static bool are_entries(const struct probe *p, const struct places *own)
{
	for (size_t i = 0; i < own->n; i++)
		if (own->place[i].addr != own->place[i].start &&
		    !own->place[i].marker) {
			say_error(
				"'%s' is not the entry of a function, so $arg1 "
				"... are not known there; name registers, as "
				"%%rdi",
				p->head);
			return false;
		}
	return true;
}

/* Add the places of probe @i, which are not to be mixed with another's. */
static int find_own_places(struct run *r, size_t i)
{
	const struct probe *p = &r->asked[i];
	struct places own = { 0 }, *all = &r->places;

	if (resolve(&r->process, &p->spec, p->call, &own) != 0) {
		places_free(&own);
		return -1;
	}
	places_unique(&own);
	if (p->entry && !are_entries(p, &own)) {
		places_free(&own);
		return -1;
	}
	all->room = all->n + own.n;
	all->place = must_grow(all->place, all->room + 1, sizeof(*all->place));
	for (size_t n = 0; n < own.n; n++) {
		struct place *at = &all->place[all->n++];

		*at = own.place[n];
		at->owner = i;
		if (p->call && r->action != SESSION_TIME) {
			at->name = must_print("%s%%return", own.place[n].name);
			free(own.place[n].name);
		}
	}
	free(own.place);
	return 0;
}

static int find_places(struct run *r)
{
	bool times = r->action == SESSION_TIME;
	size_t room = times ? TL_MAX_TIMES : TL_MAX_PROBES;

	for (size_t i = 0; i < r->n_asked; i++)
		if (r->apart ? find_own_places(r, i)
			     : resolve(&r->process, &r->asked[i].spec, times,
				       &r->places))
			return -1;
	if (!r->apart)
		places_unique(&r->places);
	if (r->places.n <= room)
		return 0;
	say_error("these are %zu functions, and %zu can be %s at a time; name "
		  "a binary ('%s:*') or a part of the names",
		  r->places.n, room, times ? "timed" : "probed",
		  r->process.modules[0].name);
	return -1;
}

static void make_probes(struct run *r)
{
	r->probes = must_alloc(r->places.n, sizeof(*r->probes));
	for (size_t i = 0; i < r->places.n; i++) {
		struct session_probe *p = &r->probes[i];
		const struct place *at = &r->places.place[i];

		p->addr = at->addr;
		p->start = at->start;
		p->end = at->end;
		p->action = r->action;
		if (at->marker && at->marker->semaphore)
			p->semaphore = at->marker->semaphore + at->module->bias;
		if (r->apart && r->asked[at->owner].has_program) {
			p->program = (uint32_t)at->owner + 1;
			if (r->asked[at->owner].call &&
			    r->action != SESSION_TIME)
				p->action = SESSION_RETURN;
		}
		text_clean(p->name, sizeof(p->name), at->name);
	}
}

/* --dry-run: what would be probed. */
static void print_places(struct run *r)
{
	for (size_t i = 0; i < r->places.n; i++) {
		const struct place *at = &r->places.place[i];
		struct json_object *obj;
		char *name;

		if (r->options->json) {
			obj = json_object_new_object();
			put_text(obj, "probe", at->name);
			put_symbol(obj, at->symbol);
			put_hex(obj, "address", at->addr);
			output_json(&r->out, obj);
			continue;
		}
		name = output_name(&r->out, 20, at->name);
		output_text(&r->out, "%#18" PRIx64 "  %s\n", at->addr, name);
		free(name);
	}
}

/* ---- What could not be armed ------------------------------------------------------ */

/* The last refusal, if it is about @p: what follows the name.  Else NULL. */
static const char *said_of(const struct session_probe *p)
{
	const char *said = session_error();
	size_t len = strlen(p->name);

	if (said && strncmp(said, p->name, len) == 0 &&
	    strncmp(said + len, ": ", 2) == 0)
		return said + len + 2;
	return NULL;
}

/* What the guardian refuses without asking the agent. */
static const char *forbidden(enum session_action action, int err)
{
	if (err == -TL_EBUSY)
		return "in a restartable sequence";
	return session_follows(action)
		       ? "its returns cannot be followed (Go)"
		       : "a Go function that does not check its stack, or its "
			 "file cannot be read";
}

static const char *error_words(enum session_action action,
			       const struct session_probe *p)
{
	if (p->why == TL_WHY_FORBIDDEN &&
	    (p->err == -TL_EBUSY || p->err == -TL_EOPNOTSUPP))
		return forbidden(action, p->err);
	switch (-p->err) {
	case TL_EBUSY:
		return "busy: try again";
	case TL_EILSEQ:
		return "not the beginning of an instruction";
	case TL_EINVAL:
		return "not to be probed safely";
	case TL_ENOENT:
		return "no code there";
	case TL_EOPNOTSUPP:
		return session_follows(action)
			       ? "its exits are not certain, and its return "
				 "address must not be replaced"
			       : "an instruction that cannot be probed";
	case TL_EEXIST:
		return "probed already";
	case EAGAIN:
	case ETIMEDOUT:
		return "its threads did not stop in time: try again";
	}
	return strerror(-p->err);
}

/* Why @p is not armed, for people; the caller frees it. */
static char *reason(enum session_action action, const struct session_probe *p)
{
	const char *said = said_of(p), *more;

	if (said)
		return must_dup(said);
	if (p->err != -TL_EBUSY || p->why == TL_WHY_NONE ||
	    p->why == TL_WHY_FORBIDDEN)
		return must_dup(error_words(action, p));
	more = why_meaning(p->why);
	return must_print("%s%s%s%s", trapline_why_name(p->why),
			  more ? " (" : "", more ? more : "", more ? ")" : "");
}

/* Name what is not armed; of many with one reason only how many they are. */
static void tell_unarmed(struct run *r)
{
	size_t n = r->places.n;
	bool *told = must_alloc(n, sizeof(*told));

	for (size_t i = 0; i < n; i++) {
		const struct session_probe *p = &r->probes[i];
		size_t same = 0;
		char *why;

		if (!p->err || told[i])
			continue;
		for (size_t k = i; k < n; k++)
			if (r->probes[k].err == p->err &&
			    r->probes[k].why == p->why) {
				told[k] = true;
				same++;
				why = reason(r->probes[k].action,
					     &r->probes[k]);
				say_detail("not armed: %s: %s",
					   r->places.place[k].name, why);
				free(why);
			}
		if (say_level > 0)
			continue;
		why = reason(p->action, p);
		if (same == 1)
			say_note("not armed: %s: %s", r->places.place[i].name,
				 why);
		else
			say_note("not armed: %s and %zu more: %s (-v names "
				 "them)",
				 r->places.place[i].name, same - 1, why);
		free(why);
	}
	free(told);
}

/* All were refused: one line, with the reason of one of them. */
static int nothing_armed(struct run *r)
{
	const char *name = r->places.place[0].name, *said = session_error();
	char *one, *why;

	if (say_level > 0)
		tell_unarmed(r);
	/* The guardian knows more than its error number says. */
	if (said && *said) {
		one = must_dup(said);
	} else {
		why = reason(r->probes[0].action, &r->probes[0]);
		one = must_print("%s: %s", name, why);
		free(why);
	}
	if (r->places.n == 1)
		say_error("cannot probe %s", one);
	else
		say_error("none of %zu probes could be armed; %s%s",
			  r->places.n, one,
			  say_level > 0 ? "" : " (-v names all)");
	free(one);
	return -1;
}

/* ---- Attached ------------------------------------------------------------------------ */

static void tell_session_error(const char *what)
{
	const char *why = session_error();

	say_error("%s", why && *why ? why : what);
}

static bool any_program(const struct run *r)
{
	for (size_t i = 0; i < r->n_asked; i++)
		if (r->asked[i].has_program)
			return true;
	return false;
}

/* What the probes are to do; before anything is armed. */
static int set_programs(struct run *r)
{
	double ticks;

	session_get_stats(r->session, &r->stats);
	ticks = r->options->min * (double)r->stats.ticks_per_second;
	for (size_t i = 0; i < r->n_asked; i++) {
		if (!r->asked[i].has_program)
			continue;
		probe_set_min(&r->asked[i], (uint64_t)ticks);
		if (session_set_program(r->session, (uint32_t)i,
					&r->asked[i].program) < 0) {
			tell_session_error("cannot set a program");
			return -1;
		}
	}
	return 0;
}

static int attach(struct run *r, pid_t pid)
{
	const struct options *o = r->options;
	struct session_options so = { .force = o->force,
				      .verbose = say_level > 0,
				      .events = any_program(r) };
	bool stopped = o->pid && process_is_stopped(pid);
	int n;

	if (session_attach(&r->session, pid, &so) < 0) {
		r->session = NULL;
		tell_session_error("cannot attach");
		return -1;
	}
	if (catch_signals() != 0 || (so.events && set_programs(r) != 0) ||
	    (r->begin && r->begin(r) != 0))
		return -1;
	if (r->places.n > MANY_PROBES)
		say_progress("arming %zu probes", r->places.n);
	n = session_add(r->session, r->probes, r->places.n);
	say_progress(NULL);
	if (n < 0) {
		tell_session_error("cannot arm the probes");
		return -1;
	}
	if (n == 0)
		return nothing_armed(r);
	tell_unarmed(r);
	if (stopped)
		say_note("process %d is stopped (SIGSTOP): nothing will be hit "
			 "until it is continued",
			 (int)pid);
	r->figures = must_alloc(r->places.n, sizeof(*r->figures));
	for (size_t i = 0; i < r->places.n; i++) {
		struct figure *f;

		if (r->probes[i].err)
			continue;
		f = &r->figures[r->n_figures++];
		f->place = &r->places.place[i];
		f->probe = &r->probes[i];
		if (r->action == SESSION_TIME)
			f->times = must_alloc(1, sizeof(*f->times));
	}
	session_get_stats(r->session, &r->stats);
	say_detail("attached to process %d: %d probes armed, attach took "
		   "%.2f ms, longest stop of a thread %.2f ms",
		   (int)pid, n, (double)r->stats.attach_ns / 1e6,
		   (double)r->stats.longest_stop_ns / 1e6);
	return 0;
}

static char *show_key(const struct field *f, const struct session_key *k)
{
	char text[TL_KEY_WORDS * 8 + 1] = "";

	if (k->fault)
		return must_dup("<fault>");
	if (f->type == 't' || f->type == 'n') {
		memcpy(text, k->word, sizeof(k->word));
		return text_clean_dup(text);
	}
	if (f->type == 'x')
		return must_print("%#" PRIx64, k->word[0]);
	return f->type == 's' ? must_print("%" PRId64, (int64_t)k->word[0])
			      : must_print("%" PRIu64, k->word[0]);
}

static void free_rows(struct run *r)
{
	for (size_t i = 0; i < r->n_rows; i++)
		free(r->rows[i].key);
	free(r->rows);
	r->rows = NULL;
	r->n_rows = 0;
	session_keys_free(&r->keys);
}

/* A row for each key of figure @f; how many. */
static size_t add_key_rows(struct run *r, const struct figure *f)
{
	const struct field *field = &r->asked[f->place->owner].key;
	size_t first = r->n_rows;

	for (size_t i = 0; i < r->keys.n; i++) {
		struct session_key *k = &r->keys.key[i];

		if (k->probe != f->probe->id)
			continue;
		r->rows[r->n_rows++] = (struct row){
			.place = f->place,
			.probe = f->probe,
			.field = field,
			.key = show_key(field, k),
			.fault = k->fault != 0,
			.word = k->word[0],
			.hits = k->count,
			.times = r->action == SESSION_TIME ? &k->times : NULL,
		};
	}
	return r->n_rows - first;
}

/* What is shown: a row for each key of a probe that has keys, else for it. */
static void make_rows(struct run *r)
{
	free_rows(r);
	if (r->keyed)
		session_keys(r->session, &r->keys);
	r->rows = must_alloc(r->n_figures + r->keys.n, sizeof(*r->rows));
	for (size_t i = 0; i < r->n_figures; i++) {
		const struct figure *f = &r->figures[i];
		size_t first = r->n_rows;

		if (r->apart && r->asked[f->place->owner].keyed &&
		    add_key_rows(r, f)) {
			r->rows[first].missed = f->missed;
			continue;
		}
		r->rows[r->n_rows++] = (struct row){
			.place = f->place,
			.probe = f->probe,
			.hits = f->hits,
			.missed = f->missed,
			.times = f->times,
		};
	}
}

int row_order(const struct row *a, const struct row *b)
{
	int order = strcmp(a->place->name, b->place->name);

	if (order || !a->key || !b->key)
		return order;
	if (a->word != b->word && a->field->type != 't' &&
	    a->field->type != 'n')
		return a->word < b->word ? -1 : 1;
	return strcmp(a->key, b->key);
}

int run_key_width(const struct run *r)
{
	int width = 0;

	for (size_t i = 0; i < r->n_rows; i++) {
		int len = r->rows[i].key ? (int)strlen(r->rows[i].key) : 0;

		if (len > width)
			width = len;
	}
	if (width && width < 3)
		width = 3;
	return width > 40 ? 40 : width;
}

void run_print_key(struct run *r, int width, const struct row *row)
{
	const char *key = row && row->key ? row->key : "";
	/* Numbers to the right, words to the left. */
	bool left = row && row->field && strchr("tn", row->field->type);

	if (width)
		output_text(&r->out, left ? "%-*s  " : "%*s  ", width,
			    row ? key : "KEY");
}

void put_key(struct json_object *obj, const struct row *row)
{
	if (!row->field)
		return;
	if (row->fault || !strchr("us", row->field->type))
		put_text(obj, "key", row->key);
	else if (row->field->type == 'u')
		put_number(obj, "key", row->word);
	else
		json_object_object_add(
			obj, "key", json_object_new_int64((int64_t)row->word));
}

void run_print_rest(struct run *r)
{
	struct json_object *obj, *sum;

	if (!r->keyed)
		return;
	if (r->options->json) {
		obj = json_object_new_object();
		sum = json_object_new_object();
		put_number(sum, "keys", r->keys.n);
		put_number(sum, "lost", r->keys.lost);
		put_number(sum, "unknown", r->keys.unknown);
		json_object_object_add(obj, "summary", sum);
		output_json(&r->out, obj);
		return;
	}
	if (r->keys.lost)
		output_text(&r->out,
			    "%" PRIu64 " without a row of their own: there "
			    "were more keys than %d\n",
			    r->keys.lost,
			    r->action == SESSION_TIME ? TL_KEY_TIMES
						      : TL_MAX_KEYS);
	if (r->keys.unknown)
		output_text(&r->out,
			    "%" PRIu64 " not counted: their condition could "
			    "not be read\n",
			    r->keys.unknown);
}

static uint64_t read_figures(struct run *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n_figures; i++) {
		struct figure *f = &r->figures[i];

		if (f->times &&
		    session_times(r->session, f->probe->id, f->times)) {
			f->hits = f->times->calls;
			f->missed = f->times->missed;
		} else {
			f->hits = session_hits(r->session, f->probe->id);
			f->missed = session_missed(r->session, f->probe->id);
		}
		sum += f->hits;
	}
	return sum;
}

/* How it stands; a command of ours may use the terminal itself. */
static void progress(const struct run *r, double elapsed, uint64_t events)
{
	if (!r->child && !r->events)
		say_progress("%.0f s, %" PRIu64 " %s, Ctrl-C ends it", elapsed,
			     events,
			     r->action == SESSION_TIME ? "calls" : "hits");
}

/* Has the target come to an end of which the user should know? */
static bool target_ended(struct run *r, int *status)
{
	int pid = r->child ? (int)r->child : (int)r->options->pid;

	switch (session_state(r->session)) {
	case SESSION_ALIVE:
		return false;
	case SESSION_EXITED:
		say_progress(NULL);
		if (!r->child)
			say_note("process %d ended", pid);
		return true;
	case SESSION_EXECED:
		say_progress(NULL);
		say_note("process %d runs another program now; these are the "
			 "figures up to then",
			 pid);
		return true;
	case SESSION_LOST:
		break;
	}
	say_progress(NULL);
	say_error("the guardian of process %d is gone; the figures are those "
		  "up to then; 'trapline detach -p %d' makes sure that "
		  "nothing is left",
		  pid, pid);
	*status = EXIT_FAILED;
	return true;
}

/* Wait for whatever ends it.  Returns the seconds it took. */
static double watch(struct run *r, int *status)
{
	const struct options *o = r->options;
	double begin = now(), elapsed = 0, next = o->interval;
	struct pollfd fds[2] = {
		{ .fd = wake[0], .events = POLLIN },
		{ .fd = session_fd(r->session), .events = POLLIN },
	};
	bool ended = false;

	while (!ended) {
		uint64_t events = 0;
		double left = (r->poll ? POLL_MS : TICK_MS) / 1e3;

		if (o->duration && o->duration - elapsed < left)
			left = o->duration - elapsed;
		if (o->interval && next - elapsed < left)
			left = next - elapsed;
		poll(fds, 2, left > 0 ? (int)(left * 1e3) + 1 : 0);
		elapsed = now() - begin;
		if (fds[0].revents)
			break;
		ended = target_ended(r, status);
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
			say_progress(NULL);
			make_rows(r);
			r->print(r, elapsed, false);
			output_flush(&r->out);
			if (r->out.failed)
				break;
			while (next <= elapsed)
				next += o->interval;
		}
	}
	say_progress(NULL);
	return now() - begin;
}

/* Read, let go, print. */
static int measure(struct run *r, struct launch *l)
{
	int status = EXIT_DONE;
	double elapsed;

	if (l->pid)
		launch_release(l);
	elapsed = watch(r, &status);
	read_figures(r);
	make_rows(r);
	if (session_detach_stats(r->session, &r->stats) < 0) {
		tell_session_error("something could not be removed");
		status = EXIT_FAILED;
	}
	r->session = NULL;
	say_detail("longest stop of a thread %.2f ms",
		   (double)r->stats.longest_stop_ns / 1e6);
	r->print(r, elapsed, true);
	return status;
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

static int run_attached(struct run *r)
{
	const struct options *o = r->options;
	struct launch l = { .pipe = -1 };
	int status = EXIT_FAILED;

	if (o->command) {
		if (launch(&l, o->command) != 0)
			return EXIT_FAILED;
		r->child = l.pid;
	}
	say_progress("reading the symbols of process %d",
		     (int)(l.pid ? l.pid : o->pid));
	if (process_read(&r->process, l.pid ? l.pid : o->pid) != 0 ||
	    find_places(r) != 0 || scopes_give(r) != 0)
		goto out;
	say_progress(NULL);
	make_probes(r);
	if (o->dry_run) {
		print_places(r);
		status = EXIT_DONE;
		goto out;
	}
	if (attach(r, l.pid ? l.pid : o->pid) == 0)
		status = measure(r, &l);
	if (r->session && session_detach(r->session) < 0)
		tell_session_error("something could not be removed");
out:
	if (l.holder)
		launch_kill(&l);
	else
		run_part_with(&l);
	return status;
}

static void run_free(struct run *r)
{
	free_rows(r);
	for (size_t i = 0; i < r->n_figures; i++)
		free(r->figures[i].times);
	free(r->figures);
	free(r->probes);
	places_free(&r->places);
	process_free(&r->process);
}

int run_all(struct run *r)
{
	const struct options *o = r->options;
	int status = EXIT_FAILED;

	if (output_open(&r->out, o->output) == 0) {
		status = run_attached(r);
		if (output_close(&r->out) != 0)
			status = EXIT_FAILED;
	}
	run_free(r);
	return status;
}

bool run_usage(const struct options *o)
{
	if (!o->pid && !o->command) {
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

	if (o->tid && !o->pid) {
		usage_error(o->verb, "-t is for a thread of a running process");
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
	r->asked = must_alloc((size_t)o->n_args, sizeof(*r->asked));
	for (int i = 0; i < o->n_args; i++) {
		struct probe *p = &r->asked[r->n_asked++];

		if (!probe_parse(p, o->args[i], wish, why, sizeof(why))) {
			usage_error(o->verb, "%s", why);
			return false;
		}
		if (wish->min && !p->call) {
			usage_error(o->verb,
				    "'%s': only calls take time; --min is for "
				    "FUNC%%return",
				    o->args[i]);
			return false;
		}
		r->apart |= p->has_program;
		r->keyed |= p->keyed || p->filtered;
	}
	return true;
}

void run_forget(struct run *r)
{
	for (size_t i = 0; i < r->n_asked; i++)
		probe_free(&r->asked[i]);
	free(r->asked);
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

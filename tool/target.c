/* SPDX-License-Identifier: MIT */
/*
 * target.c - one process of a run: its code, its probes, their figures
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa.h"
#include "late.h"
#include "markers.h"
#include "others.h"
#include "protocol.h"
#include "run.h"
#include "scopes.h"
#include "target.h"
#include "text.h"
#include "why.h"

/* Arming more than that may take a moment. */
#define MANY_PROBES 500

/* ---- Before the attach --------------------------------------------------------- */

/* Are $argN known there: at the entry of a function, at a marker? */
static bool are_entries(const struct probe *p, const struct places *own)
{
	for (size_t i = 0; i < own->n; i++)
		if ((!place_is_entry(&own->place[i]) ||
		     own->place[i].inlined) &&
		    !own->place[i].marker) {
			say_error(
				"'%s' is not the entry of a function, so $arg1 "
				"... are not known there; name registers, as "
				"%%" ISA_REGISTER,
				p->head);
			return false;
		}
	return true;
}

/* Add the places of probe @i, which are not to be mixed with another's. */
int target_find_places(struct target *t, struct process *from, size_t i)
{
	const struct probe *p = &t->asked[i];
	struct places own = { 0 }, *all = &t->places;

	if (resolve(from, &p->spec, p->call, &own) != 0) {
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
		if (p->call && t->run->action != SESSION_TIME) {
			at->name = must_print("%s%%return", own.place[n].name);
			free(own.place[n].name);
		}
	}
	free(own.place);
	return 0;
}

static int find_places_of(struct target *t, size_t i)
{
	bool times = t->run->action == SESSION_TIME;

	return t->run->apart ? target_find_places(t, &t->process, i)
			     : resolve(&t->process, &t->asked[i].spec, times,
				       &t->places);
}

/* Of several processes each has what it has; of one all must be there. */
static int find_places(struct target *t)
{
	bool times = t->run->action == SESSION_TIME;
	size_t room = times ? TL_MAX_TIMES : TL_MAX_PROBES;

	for (size_t i = 0; i < t->n_asked; i++) {
		int waits = late_wait(t, i);
		size_t before = t->places.n;

		if (waits < 0 ||
		    (!waits && find_places_of(t, i) != 0 && !t->run->many))
			return -1;
		for (size_t k = before; k < t->places.n; k++)
			t->places.place[k].owner = i;
	}
	if (!t->run->apart)
		places_unique(&t->places);
	if (!t->places.n && !t->late)
		return -1;
	if (t->places.n <= room)
		return 0;
	say_error("these are %zu functions, and %zu can be %s at a time; name "
		  "a binary ('%s:*') or a part of the names",
		  t->places.n, room, times ? "timed" : "probed",
		  t->process.modules[0].name);
	return -1;
}

void target_make_probes(struct target *t, size_t first)
{
	t->probes = must_grow(t->probes, t->places.n + 1, sizeof(*t->probes));
	for (size_t i = first; i < t->places.n; i++) {
		struct session_probe *p = &t->probes[i];
		const struct place *at = &t->places.place[i];

		*p = (struct session_probe){ 0 };

		p->addr = at->addr;
		p->start = at->start;
		p->end = at->end;
		p->action = t->run->action;
		if (at->marker && at->marker->semaphore)
			p->semaphore = at->marker->semaphore + at->module->bias;
		if (t->run->apart && t->asked[at->owner].has_program) {
			p->program = (uint32_t)at->owner + 1;
			if (t->asked[at->owner].call &&
			    t->run->action != SESSION_TIME)
				p->action = SESSION_RETURN;
		}
		text_clean(p->name, sizeof(p->name), at->name);
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
		       ? "a Go function that does not check its stack, or is "
			 "of Go before 1.17"
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

/* What code is taken for that somebody else has changed. */
static bool may_be_others(const struct session_probe *p)
{
	return p->err == -TL_EILSEQ ||
	       (p->err == -TL_EBUSY &&
		(p->why == TL_WHY_UNDECODABLE ||
		 p->why == TL_WHY_NOT_RELOCATABLE || p->why == TL_WHY_TRAP));
}

char *target_reason(struct target *t, enum session_action action,
		    const struct session_probe *p)
{
	const char *said = said_of(p), *more;

	if (may_be_others(p) &&
	    others_breakpoint(&t->process, p->start, p->end))
		return must_dup("another tracer (a uprobe of perf or bpftrace, "
				"a debugger) has a breakpoint in it");
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
static void tell_unarmed(struct target *t)
{
	size_t n = t->places.n;
	bool *told = must_alloc(n, sizeof(*told));

	for (size_t i = 0; i < n; i++) {
		const struct session_probe *p = &t->probes[i];
		size_t same = 0;
		char *why;

		if (!p->err || told[i])
			continue;
		for (size_t k = i; k < n; k++)
			if (t->probes[k].err == p->err &&
			    t->probes[k].why == p->why) {
				told[k] = true;
				same++;
				why = target_reason(t, t->probes[k].action,
						    &t->probes[k]);
				say_detail("not armed: %s: %s",
					   t->places.place[k].name, why);
				free(why);
			}
		if (say_level > 0)
			continue;
		why = target_reason(t, p->action, p);
		if (same == 1)
			say_note("not armed: %s: %s", t->places.place[i].name,
				 why);
		else
			say_note("not armed: %s and %zu more: %s (-v names "
				 "them)",
				 t->places.place[i].name, same - 1, why);
		free(why);
	}
	free(told);
}

/* All were refused: one line, with the reason of one of them. */
static int nothing_armed(struct target *t)
{
	const char *name = t->places.place[0].name, *said = session_error();
	char *one, *why;

	if (say_level > 0)
		tell_unarmed(t);
	/* The guardian knows more than its error number says. */
	if (said && *said) {
		one = must_dup(said);
	} else {
		why = target_reason(t, t->probes[0].action, &t->probes[0]);
		one = must_print("%s: %s", name, why);
		free(why);
	}
	if (t->places.n == 1)
		say_error("cannot probe %s", one);
	else
		say_error("none of %zu probes could be armed; %s%s",
			  t->places.n, one,
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

static bool any_program(const struct target *t)
{
	for (size_t i = 0; i < t->n_asked; i++)
		if (t->asked[i].has_program)
			return true;
	return false;
}

/* What the probes are to do; before anything is armed. */
static int set_programs(struct target *t)
{
	double ticks;

	session_get_stats(t->session, &t->stats);
	ticks = t->run->options->min * (double)t->stats.ticks_per_second;
	for (size_t i = 0; i < t->n_asked; i++) {
		if (!t->asked[i].has_program)
			continue;
		probe_set_min(&t->asked[i], (uint64_t)ticks);
		if (session_set_program(t->session, (uint32_t)i,
					&t->asked[i].program) < 0) {
			tell_session_error("cannot set a program");
			return -1;
		}
	}
	return 0;
}

static int arm(struct target *t)
{
	bool stopped = !t->run->child && process_is_stopped(t->pid);
	int n;

	if (t->places.n > MANY_PROBES)
		say_progress("arming %zu probes", t->places.n);
	n = session_add(t->session, t->probes, t->places.n);
	say_progress(NULL);
	if (n < 0) {
		tell_session_error("cannot arm the probes");
		return -1;
	}
	if (n == 0 && t->places.n)
		return nothing_armed(t);
	tell_unarmed(t);
	if (stopped)
		say_note("process %d is stopped (SIGSTOP): nothing will be hit "
			 "until it is continued",
			 (int)t->pid);
	return 0;
}

static void make_figures(struct target *t)
{
	t->figures = must_alloc(t->places.n + 1, sizeof(*t->figures));
	for (size_t i = 0; i < t->places.n; i++) {
		struct figure *f;

		if (t->probes[i].err)
			continue;
		f = &t->figures[t->n_figures++];
		f->place = &t->places.place[i];
		f->probe = &t->probes[i];
		if (t->run->action == SESSION_TIME)
			f->times = must_alloc(1, sizeof(*f->times));
	}
}

static void tell_attached(struct target *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->places.n; i++)
		n += !t->probes[i].err;
	session_get_stats(t->session, &t->stats);
	say_detail("attached to process %d: %zu probes armed, attach took "
		   "%.2f ms",
		   (int)t->pid, n, (double)t->stats.attach_ns / 1e6);
}

int target_attach(struct target *t)
{
	struct run *r = t->run;
	struct session_options so = { .force = r->options->force,
				      .verbose = say_level > 0,
				      .events = any_program(t),
				      .late = t->late != NULL,
				      .block = r->options->block,
				      .follow = r->follower != NULL };

	target_speak(t);
	if (process_is_frozen(t->pid))
		return -1;
	snprintf(so.what, sizeof(so.what), "%s", r->options->verb->name);
	if (r->follower)
		session_foretell(t->pid, t->probes, t->places.n);
	if (session_attach(&t->session, t->pid, &so) < 0) {
		t->session = NULL;
		tell_session_error("cannot attach");
		process_tell_limits(session_error());
		return -1;
	}
	if ((!so.events || set_programs(t) == 0) &&
	    (!r->begin || r->begin(t) == 0) && arm(t) == 0) {
		make_figures(t);
		if (late_begin(t) == 0) {
			tell_attached(t);
			return 0;
		}
	}
	process_tell_limits(session_error());
	target_detach(t);
	return -1;
}

/* ---- its figures -------------------------------------------------------------- */

uint64_t target_read(struct target *t)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < t->n_figures; i++) {
		struct figure *f = &t->figures[i];

		if (!t->session || f->gone) {
			/* As they were. */
		} else if (f->times &&
			   session_times(t->session, f->probe->id, f->times)) {
			f->hits = f->times->calls;
			f->missed = f->times->missed;
			figure_add_before(f);
		} else {
			f->hits = session_hits(t->session, f->probe->id);
			f->missed = session_missed(t->session, f->probe->id);
			figure_add_before(f);
		}
		sum += f->hits;
	}
	if (t->session && t->run->keyed) {
		session_keys_free(&t->keys);
		session_keys(t->session, &t->keys);
	}
	return sum;
}

/* ---- its end ---------------------------------------------------------------- */

int target_ended(struct target *t)
{
	void (*say_ending)(const char *fmt, ...) = t->run->follower ? say_detail
								    : say_note;
	int pid = (int)t->pid;
	enum session_state state;

	if (t->ended || !t->session)
		return 1;
	state = session_state(t->session);
	if (state == SESSION_ALIVE)
		return 0;
	t->ended = true;
	say_progress(NULL);
	target_speak(NULL);
	if (state == SESSION_LOST) {
		say_error("the guardian of process %d is gone; the figures are "
			  "those up to then; 'trapline detach -p %d' makes "
			  "sure that nothing is left",
			  pid, pid);
		return -1;
	}
	if (state == SESSION_EXECED)
		say_ending("process %d runs another program now (--follow "
			   "goes on with it); these are the figures up to then",
			   pid);
	else if (t->pid != t->run->child)
		say_ending("process %d ended", pid);
	return 1;
}

int target_detach(struct target *t)
{
	int err;

	if (!t->session)
		return 0;
	err = session_detach_stats(t->session, &t->stats);
	t->session = NULL;
	target_speak(t);
	if (err < 0) {
		tell_session_error("something could not be removed");
		say_note("'trapline detach -p %d' removes what is left, when "
			 "its threads run",
			 (int)t->pid);
	}
	return err < 0 ? -1 : 0;
}

/* ---- its beginning ------------------------------------------------------------ */

static void read_name(struct target *t)
{
	char path[64], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)t->pid);
	f = fopen(path, "re");
	if (f && fgets(name, sizeof(name), f))
		name[strcspn(name, "\n")] = '\0';
	if (f)
		fclose(f);
	text_clean(t->name, sizeof(t->name), name);
}

struct target *target_new(struct run *r, pid_t pid)
{
	struct target *t = must_alloc(1, sizeof(*t));

	t->run = r;
	t->pid = pid;
	/* Which program it runs is the question when it has changed. */
	if (r->options->follow)
		read_name(t);
	return t;
}

void target_speak(const struct target *t)
{
	static char about[64];

	if (t && t->run->many)
		snprintf(about, sizeof(about),
			 t->name[0] ? "process %d (%s): " : "process %d%s: ",
			 (int)t->pid, t->name);
	say_about = t && t->run->many ? about : "";
}

/* They were parsed before, so they can be parsed. */
static void parse(struct target *t)
{
	const struct options *o = t->run->options;
	struct probe_wish wish = t->run->wish;
	char why[400];

	t->asked = must_alloc((size_t)o->n_args, sizeof(*t->asked));
	for (int i = 0; i < o->n_args; i++)
		probe_parse(&t->asked[t->n_asked++], o->args[i], &wish, why,
			    sizeof(why));
}

int target_resolve(struct target *t)
{
	int err;

	target_speak(t);
	say_progress("reading the symbols of process %d", (int)t->pid);
	parse(t);
	err = process_read(&t->process, t->pid);
	if (!err)
		err = find_places(t);
	if (!err)
		err = scopes_give(t);
	say_progress(NULL);
	if (!err)
		target_make_probes(t, 0);
	return err;
}

/* What its parent loads later on is not the child's. */
static void keep_apart(struct target *t)
{
	size_t n = t->places.n;
	const struct place *place = t->places.place;
	const struct session_probe *probe = t->probes;

	t->apart = true;
	t->places.place = must_alloc(n + 1, sizeof(*place));
	t->probes = must_alloc(n + 1, sizeof(*probe));
	memcpy(t->places.place, place, n * sizeof(*place));
	memcpy(t->probes, probe, n * sizeof(*probe));
}

struct target *target_fork(struct target *parent, pid_t pid, struct session *s,
			   const char *name)
{
	struct target *origin = parent->origin ? parent->origin : parent;
	struct target *t = target_new(parent->run, pid);

	/* It may run something else by now, or nothing. */
	text_clean(t->name, sizeof(t->name), name[0] ? name : parent->name);
	t->origin = origin;
	t->session = s;
	t->stats = origin->stats;
	t->stats.lost = 0;
	t->process = origin->process;
	t->places = origin->places;
	t->asked = origin->asked;
	t->n_asked = origin->n_asked;
	t->probes = origin->probes;
	if (origin->late)
		keep_apart(t);
	if (!t->run->begin || t->run->begin(t) == 0) {
		/* It has run already: what it did has its time all the same. */
		session_date_back(s, parent->session);
		t->begin_ns = parent->begin_ns;
		make_figures(t);
		return t;
	}
	target_detach(t);
	target_free(t);
	return NULL;
}

void target_free(struct target *t)
{
	if (t->own && t->run->forget)
		t->run->forget(t);
	for (size_t i = 0; i < t->n_figures; i++)
		free(t->figures[i].times);
	for (size_t i = 0; i < t->n_figures; i++)
		free(t->figures[i].before.times);
	free(t->figures);
	session_keys_free(&t->keys);
	if (t->apart) {
		free(t->places.place);
		free(t->probes);
	}
	if (t->origin) {
		free(t);
		return;
	}
	free(t->probes);
	for (size_t i = 0; i < t->n_asked; i++)
		probe_free(&t->asked[i]);
	free(t->asked);
	places_free(&t->places);
	late_free(t);
	process_free(&t->process);
	free(t);
}

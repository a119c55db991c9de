/* SPDX-License-Identifier: MIT */
/*
 * cmd_status.c - `trapline status` and `trapline detach`
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bill.h"
#include "commands.h"
#include "output.h"
#include "process.h"
#include "resolve.h"
#include "session.h"
#include "text.h"
#include "watch/pages.h"

static const char *kind_name(enum session_kind kind)
{
	switch (kind) {
	case SESSION_JUMP:
		return "jump";
	case SESSION_BREAKPOINT:
		return "breakpoint";
	case SESSION_ISLAND:
		return "island";
	case SESSION_NOT_ARMED:
		break;
	}
	return "off";
}

/* For so long two looks are apart. */
#define BETWEEN_NS 200000000

/* What probe @i costs: nanoseconds of a hit, and in a second. */
struct bill {
	double hit, second;
};

/* Two looks at a process. */
struct looks {
	struct session_view before, v;
	double ns_per_tick, seconds;
};

static struct bill bill_of(const struct looks *l, size_t i)
{
	const struct session_cost *now = &l->v.cost[i];
	struct session_cost since = *now;
	struct bill b = { 0, 0 };
	uint64_t hits = l->v.hits[i];

	b.hit = bill_ns(l->v.probes[i].action, now, l->ns_per_tick);
	/* One that came between the looks, or in place of another, has no rate. */
	if (i >= l->before.n ||
	    l->before.probes[i].entry != l->v.probes[i].entry ||
	    l->before.hits[i] > hits || l->seconds <= 0)
		return b;
	since.samples -= l->before.cost[i].samples;
	hits = bill_hits(hits - l->before.hits[i], &since);
	b.second = (double)hits * b.hit / l->seconds;
	return b;
}

/* 1, 0: nothing is there, or -1. */
static int look_twice(struct looks *l, pid_t pid)
{
	const struct timespec pause = { 0, BETWEEN_NS };
	struct bill_clock a = bill_now(), b;
	int found = session_look(pid, &l->before);

	if (found <= 0)
		return found;
	nanosleep(&pause, NULL);
	b = bill_now();
	l->ns_per_tick = bill_ns_per_tick(&a, &b);
	l->seconds = (double)(b.ns - a.ns) / 1e9;
	found = session_look(pid, &l->v);
	if (found <= 0)
		session_view_free(&l->before);
	return found;
}

/* How the calls of a timed function are followed. */
static const char *returns_name(const struct session_probe *p)
{
	if (p->kind == SESSION_NOT_ARMED)
		return "";
	return p->by_exits ? "exits" : "return address";
}

static void print_json(struct output *out, const struct looks *l, pid_t pid,
		       bool many)
{
	const struct session_view *v = &l->v;

	for (size_t i = 0; i < v->n; i++) {
		const struct session_probe *p = &v->probes[i];
		struct json_object *obj = json_object_new_object();

		const struct session_owner *o = &v->owner[v->owned[i]];
		struct bill b = bill_of(l, i);

		if (many)
			put_number(obj, "pid", (uint64_t)pid);
		put_text(obj, "probe", p->name);
		put_hex(obj, "address", p->addr);
		put_text(obj, "kind", kind_name(p->kind));
		put_number(obj, "hits", v->hits[i]);
		put_number(obj, "missed", v->missed[i]);
		put_number(obj, "cost_ns", (uint64_t)(b.hit + 0.5));
		put_number(obj, "cost_ns_per_s", (uint64_t)(b.second + 0.5));
		put_bool(obj, "enabled", p->kind != SESSION_NOT_ARMED);
		put_text(obj, "why_not_jump",
			 p->kind == SESSION_JUMP || p->kind == SESSION_ISLAND
				 ? ""
				 : trapline_why_name(p->why));
		if (p->action == SESSION_TIME)
			put_text(obj, "returns", returns_name(p));
		put_number(obj, "session", v->owned[i] + 1);
		put_text(obj, "command", o->what);
		put_number(obj, "tool", (uint64_t)o->tool);
		output_json(out, obj);
	}
}

/* It came later: what is there goes on, what is to change has to wait. */
static void print_debugger(struct output *out, pid_t pid)
{
	char name[32], clean[130];
	pid_t debugger = process_debugger(pid, name);

	if (debugger)
		output_text(out,
			    "process %d is under a debugger (process %d, %s): "
			    "probes count, and stay until it has gone\n",
			    (int)pid, (int)debugger,
			    text_clean(clean, sizeof(clean), name));
}

static const char *name_of(const struct session_owner *o)
{
	return *o->what ? o->what : "a tool";
}

static void print_text(struct output *out, const struct looks *l, pid_t pid)
{
	const struct session_view *v = &l->v;

	if (v->guardian)
		output_text(out,
			    "process %d: %zu probe%s, kept by process "
			    "%d\n",
			    (int)pid, v->n, v->n == 1 ? "" : "s",
			    (int)v->guardian);
	else
		output_text(out,
			    "process %d: %zu probe%s left behind; "
			    "'trapline detach -p %d' removes them\n",
			    (int)pid, v->n, v->n == 1 ? "" : "s", (int)pid);
	print_debugger(out, pid);
	for (size_t i = 0; i < v->n_owners; i++)
		output_text(
			out, "session %zu: %s, by process %d: %zu probe%s\n",
			i + 1, name_of(&v->owner[i]), (int)v->owner[i].tool,
			v->owner[i].probes, v->owner[i].probes == 1 ? "" : "s");
	if (!v->n)
		return;
	output_text(out, "%s%12s %8s %10s  %-10s  %18s  FUNCTION\n",
		    v->n_owners > 1 ? "SESSION " : "", "HITS", "MISSED",
		    "COST/S", "KIND", "ADDRESS");
	for (size_t i = 0; i < v->n; i++) {
		const struct session_probe *p = &v->probes[i];
		char *name = output_name(out, 66, p->name), cost[24];

		if (v->n_owners > 1)
			output_text(out, "%7u ", v->owned[i] + 1);
		output_text(out,
			    "%12" PRIu64 " %8" PRIu64
			    " %10s  %-10s  %#18" PRIx64 "  %s",
			    v->hits[i], v->missed[i],
			    text_ns(cost, sizeof(cost), bill_of(l, i).second),
			    kind_name(p->kind), p->addr, name);
		if (p->kind == SESSION_BREAKPOINT && p->why != TL_WHY_NONE)
			output_text(out, "  (no jump: %s)",
				    trapline_why_name(p->why));
		if (p->action == SESSION_TIME && *returns_name(p))
			output_text(out, "  (returns: by %s)", returns_name(p));
		output_text(out, "\n");
		free(name);
	}
}

/* What `watch` has there, if that traces the process. */
static void print_watch(struct output *out, pid_t pid, bool json, bool many)
{
	struct page_state w;
	double each;

	if (!pages_look(pid, &w))
		return;
	if (json) {
		struct json_object *obj = json_object_new_object();
		struct json_object *in = json_object_new_object();

		if (many)
			put_number(obj, "pid", (uint64_t)pid);
		put_number(in, "keeper", (uint64_t)w.keeper);
		put_number(in, "places", w.places);
		put_number(in, "registers", w.registers);
		put_number(in, "pages", w.cost.pages);
		put_number(in, "page_faults", w.cost.faults);
		put_number(in, "page_hits", w.cost.hits);
		put_number(in, "page_ns", w.cost.ns);
		json_object_object_add(obj, "watch", in);
		output_json(out, obj);
		return;
	}
	each = w.cost.faults ? (double)w.cost.ns / 1e3 / (double)w.cost.faults
			     : 0;
	output_text(out,
		    "watched by process %d: %u place%s, %u by registers, the "
		    "others on %" PRIu64 " protected page%s: %" PRIu64
		    " writes to them, %" PRIu64
		    " at what is watched, %.1f us each\n",
		    (int)w.keeper, w.places, w.places == 1 ? "" : "s",
		    w.registers, w.cost.pages, w.cost.pages == 1 ? "" : "s",
		    w.cost.faults, w.cost.hits, each);
}

static int check_args(const struct options *o)
{
	if (!o->pid)
		return usage_error(o->verb, "-p PID says of which process");
	if (o->n_args)
		return usage_error(o->verb, "'%s' is one argument too many",
				   o->args[0]);
	return 0;
}

static int failed(void)
{
	const char *why = session_error();

	say_error("%s", why && *why ? why : "it failed");
	return -1;
}

/* ---- what a program with libtrapline has itself ------------------------------ */

/* What people call @addr; the caller frees it. */
static char *name_at(struct process *p, uint64_t addr)
{
	const struct spec spec = { .text = "", .addr = addr };
	struct places at = { 0 };
	char *name;

	if (!process_module_at(p, addr) || resolve(p, &spec, false, &at) != 0 ||
	    !at.n)
		name = must_print("%#" PRIx64, addr);
	else
		name = must_dup(at.place[0].name);
	places_free(&at);
	return name;
}

static void print_own_json(struct output *out, const struct session_own *o,
			   const char *name, pid_t pid, bool many)
{
	struct json_object *obj = json_object_new_object();
	bool jump = o->kind == SESSION_JUMP || o->kind == SESSION_ISLAND;

	if (many)
		put_number(obj, "pid", (uint64_t)pid);
	put_text(obj, "probe", name);
	put_hex(obj, "address", o->addr);
	put_text(obj, "kind", kind_name(o->kind));
	if (o->counted)
		put_number(obj, "hits", o->hits);
	else
		json_object_object_add(obj, "hits", NULL);
	put_number(obj, "missed", o->missed);
	put_bool(obj, "enabled", o->enabled);
	put_text(obj, "why_not_jump", jump ? "" : trapline_why_name(o->why));
	if (o->is_return)
		put_text(obj, "returns",
			 o->by_exits ? "exits" : "return address");
	put_bool(obj, "own", true);
	output_json(out, obj);
}

static void print_own_text(struct output *out, const struct session_own *o,
			   const char *name)
{
	char *shown = output_name(out, 50, name), hits[24] = "-";

	if (o->counted)
		snprintf(hits, sizeof(hits), "%" PRIu64, o->hits);
	output_text(out, "%12s %8" PRIu64 "  %-10s  %#18" PRIx64 "  %s", hits,
		    o->missed, kind_name(o->kind), o->addr, shown);
	if (o->kind == SESSION_BREAKPOINT && o->why != TL_WHY_NONE)
		output_text(out, "  (no jump: %s)", trapline_why_name(o->why));
	if (o->is_return)
		output_text(out, "  (returns: by %s)",
			    o->by_exits ? "exits" : "return address");
	output_text(out, "\n");
	free(shown);
}

static void print_own(struct output *out, pid_t pid, bool json, bool many)
{
	struct session_own *own;
	struct process p = { 0 };
	size_t n;
	int found = session_own(pid, &own, &n);

	if (!found)
		return;
	if (!json && found < 0)
		output_text(out,
			    "process %d has libtrapline: probes of its own are "
			    "not shown (%s)\n",
			    (int)pid, session_error());
	else if (!json)
		output_text(out,
			    "process %d has libtrapline: %zu probe%s of its "
			    "own\n",
			    (int)pid, n, n == 1 ? "" : "s");
	if (!json && n)
		output_text(out, "%12s %8s  %-10s  %18s  FUNCTION\n", "HITS",
			    "MISSED", "KIND", "ADDRESS");
	if (n && process_read(&p, pid) != 0)
		p = (struct process){ 0 };
	for (size_t i = 0; i < n; i++) {
		char *name = name_at(&p, own[i].addr);

		if (json)
			print_own_json(out, &own[i], name, pid, many);
		else
			print_own_text(out, &own[i], name);
		free(name);
	}
	process_free(&p);
	free(own);
}

/* 0, or -1 after a line. */
static int status_of(const struct options *o, pid_t pid, struct output *out)
{
	struct looks l = { 0 };
	int found = process_check(pid);

	if (found < 0)
		return -1;
	found = look_twice(&l, pid);
	if (found < 0)
		return failed();
	if (!found && !o->json)
		output_text(out, "process %d: no probes\n", (int)pid);
	else if (found && o->json)
		print_json(out, &l, pid, o->n_pids > 1);
	else if (found)
		print_text(out, &l, pid);
	print_own(out, pid, o->json, o->n_pids > 1);
	print_watch(out, pid, o->json, o->n_pids > 1);
	session_view_free(&l.before);
	session_view_free(&l.v);
	return 0;
}

int cmd_status(const struct options *o)
{
	int status = EXIT_DONE;
	struct output out;

	if (check_args(o) != 0)
		return EXIT_USAGE;
	if (output_open(&out, o->output) != 0)
		return EXIT_FAILED;
	for (size_t i = 0; i < o->n_pids; i++)
		if (status_of(o, o->pids[i], &out) != 0)
			status = EXIT_FAILED;
	return output_close(&out) != 0 ? EXIT_FAILED : status;
}

static int detach_from(pid_t pid)
{
	struct session_view view = { 0 };
	int removed, looked;

	if (process_check(pid) != 0)
		return -1;
	looked = session_look(pid, &view);
	removed = session_clean(pid);
	if (removed < 0) {
		if (looked == 1)
			session_view_free(&view);
		return failed();
	}
	say_note(removed ? "removed everything from process %d"
			 : "there was nothing to remove from process %d",
		 (int)pid);
	for (size_t i = 0; removed && i < view.n_owners; i++)
		say_note("that was session %zu: %s, by process %d, with "
			 "%zu probe%s",
			 i + 1, name_of(&view.owner[i]),
			 (int)view.owner[i].tool, view.owner[i].probes,
			 view.owner[i].probes == 1 ? "" : "s");
	if (looked == 1)
		session_view_free(&view);
	return 0;
}

int cmd_detach(const struct options *o)
{
	int status = EXIT_DONE;

	if (check_args(o) != 0)
		return EXIT_USAGE;
	for (size_t i = 0; i < o->n_pids; i++)
		if (detach_from(o->pids[i]) != 0)
			status = EXIT_FAILED;
	return status;
}

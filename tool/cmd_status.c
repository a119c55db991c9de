/* SPDX-License-Identifier: MIT */
/*
 * cmd_status.c - `trapline status` and `trapline detach`
 */
#include <inttypes.h>
#include <stdlib.h>

#include "commands.h"
#include "output.h"
#include "process.h"
#include "session.h"
#include "text.h"

static const char *kind_name(enum session_kind kind)
{
	switch (kind) {
	case SESSION_JUMP:
		return "jump";
	case SESSION_BREAKPOINT:
		return "breakpoint";
	case SESSION_NOT_ARMED:
		break;
	}
	return "off";
}

/* How the calls of a timed function are followed. */
static const char *returns_name(const struct session_probe *p)
{
	if (p->kind == SESSION_NOT_ARMED)
		return "";
	return p->by_exits ? "exits" : "return address";
}

static void print_json(struct output *out, const struct session_view *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct session_probe *p = &v->probes[i];
		struct json_object *obj = json_object_new_object();

		put_text(obj, "probe", p->name);
		put_hex(obj, "address", p->addr);
		put_text(obj, "kind", kind_name(p->kind));
		put_number(obj, "hits", v->hits[i]);
		put_number(obj, "missed", v->missed[i]);
		put_bool(obj, "enabled", p->kind != SESSION_NOT_ARMED);
		put_text(obj, "why_not_jump",
			 p->kind == SESSION_JUMP ? ""
						 : trapline_why_name(p->why));
		if (p->action == SESSION_TIME)
			put_text(obj, "returns", returns_name(p));
		output_json(out, obj);
	}
}

static void print_text(struct output *out, const struct session_view *v,
		       pid_t pid)
{
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
	if (!v->n)
		return;
	output_text(out, "%12s %8s  %-10s  %18s  FUNCTION\n", "HITS", "MISSED",
		    "KIND", "ADDRESS");
	for (size_t i = 0; i < v->n; i++) {
		const struct session_probe *p = &v->probes[i];
		char *name = output_name(out, 55, p->name);

		output_text(out,
			    "%12" PRIu64 " %8" PRIu64 "  %-10s  %#18" PRIx64
			    "  %s",
			    v->hits[i], v->missed[i], kind_name(p->kind),
			    p->addr, name);
		if (p->kind == SESSION_BREAKPOINT && p->why != TL_WHY_NONE)
			output_text(out, "  (no jump: %s)",
				    trapline_why_name(p->why));
		if (p->action == SESSION_TIME && *returns_name(p))
			output_text(out, "  (returns: by %s)", returns_name(p));
		output_text(out, "\n");
		free(name);
	}
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
	return EXIT_FAILED;
}

int cmd_status(const struct options *o)
{
	struct session_view view = { 0 };
	struct output out;
	int status = EXIT_DONE, found;

	if (check_args(o) != 0)
		return EXIT_USAGE;
	if (output_open(&out, o->output) != 0)
		return EXIT_FAILED;
	found = process_check(o->pid) != 0 ? -1 : 0;
	if (found < 0) {
		status = EXIT_FAILED;
	} else if ((found = session_look(o->pid, &view)) < 0) {
		status = failed();
	} else if (!found) {
		if (!o->json)
			output_text(&out, "process %d: no probes\n",
				    (int)o->pid);
	} else {
		if (o->json)
			print_json(&out, &view);
		else
			print_text(&out, &view, o->pid);
		session_view_free(&view);
	}
	return output_close(&out) != 0 ? EXIT_FAILED : status;
}

int cmd_detach(const struct options *o)
{
	int removed;

	if (check_args(o) != 0)
		return EXIT_USAGE;
	if (process_check(o->pid) != 0)
		return EXIT_FAILED;
	removed = session_clean(o->pid);
	if (removed < 0)
		return failed();
	say_note(removed ? "removed everything from process %d"
			 : "there was nothing to remove from process %d",
		 (int)o->pid);
	return EXIT_DONE;
}

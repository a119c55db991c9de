/* SPDX-License-Identifier: MIT */
/*
 * cmd_stack.c - `trapline stack`: who gets there, as call stacks
 *
 * Each hit is an event with a piece of the stack, which is unwound here and
 * counted; what counts the hits, and what was lost, is the same as of events.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "callers.h"
#include "commands.h"
#include "run.h"
#include "text.h"

/* What was probed, for the title of the picture. */
static char *title(const struct run *r)
{
	char *text = must_dup("");

	for (int i = 0; i < r->options->n_args; i++) {
		char *more = must_print("%s%s%s", text, i ? ", " : "",
					r->options->args[i]);

		free(text);
		text = more;
	}
	return text;
}

/* Those of all targets; of several, each under a frame that names its process. */
static struct stacks all_stacks(const struct run *r)
{
	struct stacks all = { 0 };

	for (size_t i = 0; i < r->n_targets; i++) {
		struct callers *c = callers_of(r->targets[i]);

		if (r->many && !c->process)
			c->process = must_print(
				r->options->follow ? "process %d (%s)"
						   : "process %d%s",
				(int)r->targets[i]->pid, r->targets[i]->name);
		stacks_append(&all, &c->stacks, c->process);
	}
	stacks_sort(&all);
	return all;
}

static void print_json(struct run *r, double elapsed)
{
	struct json_object *obj, *sum;
	uint64_t ns = (uint64_t)(elapsed * 1e9);

	for (size_t i = 0; i < r->n_targets; i++) {
		struct stacks s = { 0 };

		stacks_append(&s, &callers_of(r->targets[i])->stacks, NULL);
		stacks_sort(&s);
		for (size_t k = 0; k < s.n; k++) {
			obj = json_object_new_object();
			put_pid(obj, r->targets[i]);
			put_number(obj, "count", s.stack[k].count);
			json_object_object_add(
				obj, "frames",
				stack_json(s.stack[k].frame, s.stack[k].n));
			if (r->options->interval)
				put_number(obj, "time_ns", ns);
			output_json(&r->out, obj);
		}
		stacks_free(&s);
	}
	obj = json_object_new_object();
	sum = json_object_new_object();
	put_number(sum, "events", callers_events(r));
	put_number(sum, "lost", callers_lost(r));
	json_object_object_add(obj, "summary", sum);
	if (r->options->interval)
		put_number(obj, "time_ns", ns);
	output_json(&r->out, obj);
}

static void print_text(struct run *r, double elapsed, bool last)
{
	struct stacks all = all_stacks(r);
	char *what;

	if (r->options->format == FORMAT_SVG) {
		what = title(r);
		stacks_print_svg(&all, &r->out, what);
		free(what);
	} else {
		if (r->options->interval)
			output_text(&r->out, "after %.1f s\n", elapsed);
		stacks_print_folded(&all, &r->out);
		if (!last)
			output_text(&r->out, "\n");
	}
	stacks_free(&all);
}

static void print(struct run *r, double elapsed, bool last)
{
	uint64_t lost = callers_lost(r), events = callers_events(r);

	if (r->options->json)
		print_json(r, elapsed);
	else
		print_text(r, elapsed, last);
	if (!last)
		return;
	if (lost)
		say_note("%" PRIu64 " of %" PRIu64 " stacks are lost", lost,
			 lost + events);
	else
		say_detail("%" PRIu64 " stacks, none lost", events);
}

int cmd_stack(const struct options *o)
{
	struct probe_wish wish = { .use = PROBE_STACK,
				   .min = o->min > 0,
				   .stack = STACK_BYTES };
	struct run r = { .options = o,
			 .action = SESSION_EVENT,
			 .print = print,
			 .begin = callers_begin,
			 .poll = callers_poll,
			 .forget = callers_free,
			 .events = true };
	int status = EXIT_USAGE;

	if (!run_usage(o))
		return EXIT_USAGE;
	if (o->interval && o->format == FORMAT_SVG)
		usage_error(o->verb, "a picture is drawn once; -i is for text "
				     "and json");
	else if (run_parse(&r, &wish))
		status = run_all(&r);
	run_forget(&r);
	return status;
}

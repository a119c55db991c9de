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

static int begin(struct run *r)
{
	return callers_begin(r->own, r);
}

static uint64_t poll_stacks(struct run *r)
{
	return callers_poll(r->own, r);
}

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

static void print(struct run *r, double elapsed, bool last)
{
	struct callers *c = r->own;
	uint64_t lost = callers_lost(c, r);
	char *what;

	(void)elapsed;
	(void)last;
	stacks_sort(&c->stacks);
	if (r->options->format == FORMAT_SVG) {
		what = title(r);
		stacks_print_svg(&c->stacks, &r->out, what);
		free(what);
	} else if (r->options->json) {
		struct json_object *obj = json_object_new_object();
		struct json_object *sum = json_object_new_object();

		stacks_print_json(&c->stacks, &r->out);
		put_number(sum, "events", c->events);
		put_number(sum, "lost", lost);
		json_object_object_add(obj, "summary", sum);
		output_json(&r->out, obj);
	} else {
		stacks_print_folded(&c->stacks, &r->out);
	}
	if (lost)
		say_note("%" PRIu64 " of %" PRIu64 " stacks are lost", lost,
			 lost + c->events);
	else
		say_detail("%" PRIu64 " stacks, none lost", c->events);
}

int cmd_stack(const struct options *o)
{
	struct callers c = { 0 };
	struct probe_wish wish = { .use = PROBE_STACK,
				   .min = o->min > 0,
				   .stack = STACK_BYTES };
	struct run r = { .options = o,
			 .action = SESSION_EVENT,
			 .print = print,
			 .begin = begin,
			 .poll = poll_stacks,
			 .events = true,
			 .own = &c };
	int status = EXIT_USAGE;

	if (!run_usage(o))
		return EXIT_USAGE;
	if (o->interval)
		usage_error(o->verb, "'stack' has no option --interval");
	else if (run_parse(&r, &wish))
		status = run_all(&r);
	run_forget(&r);
	callers_free(&c);
	return status;
}

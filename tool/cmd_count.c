/* SPDX-License-Identifier: MIT */
/*
 * cmd_count.c - `trapline count`: hits per probe
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "callers.h"
#include "commands.h"
#include "run.h"
#include "text.h"

/* More rows than that are shown only if they were hit. */
#define ROWS_WITH_ZERO 30

static int by_hits(const void *va, const void *vb)
{
	const struct row *a = *(const struct row *const *)va;
	const struct row *b = *(const struct row *const *)vb;

	if (a->hits != b->hits)
		return a->hits > b->hits ? -1 : 1;
	return row_order(a, b);
}

static const char *kind_name(enum session_kind kind)
{
	switch (kind) {
	case SESSION_JUMP:
		return "jump";
	case SESSION_ISLAND:
		return "island";
	default:
		return "breakpoint";
	}
}

static void print_json(struct run *r, double elapsed)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *f = &r->rows[i];
		struct json_object *obj = json_object_new_object();

		put_pid(obj, f->target);
		put_text(obj, "probe", f->place->name);
		put_symbol(obj, f->place->symbol);
		put_key(obj, f);
		put_hex(obj, "address", f->place->addr);
		put_text(obj, "kind", kind_name(f->probe->kind));
		put_number(obj, "hits", f->hits);
		put_number(obj, "missed", f->missed);
		if (r->options->interval)
			put_number(obj, "time_ns", (uint64_t)(elapsed * 1e9));
		output_json(&r->out, obj);
	}
	run_print_rest(r);
}

static void print_table(struct run *r, const struct row *const *rows, size_t n)
{
	uint64_t total = 0, missed = 0;
	size_t hidden = 0;
	int width = 4, used;

	for (size_t i = 0; i < n; i++) {
		total += rows[i]->hits;
		missed += rows[i]->missed;
	}
	for (uint64_t v = total / 10000; v; v /= 10)
		width++;
	used = width + 14 + (missed ? 12 : 0) + run_head_width(r);
	output_text(&r->out, "%*s  %s%-10s  ", width, "HITS",
		    missed ? "    MISSED  " : "", "KIND");
	run_print_head(r, NULL);
	output_text(&r->out, "FUNCTION\n");
	for (size_t i = 0; i < n; i++) {
		char *name;

		if (!rows[i]->hits && !rows[i]->missed && n > ROWS_WITH_ZERO &&
		    say_level < 1) {
			hidden++;
			continue;
		}
		name = output_name(&r->out, used, rows[i]->place->name);
		output_text(&r->out, "%*" PRIu64 "  ", width, rows[i]->hits);
		if (missed)
			output_text(&r->out, "%10" PRIu64 "  ",
				    rows[i]->missed);
		output_text(&r->out, "%-10s  ",
			    kind_name(rows[i]->probe->kind));
		run_print_head(r, rows[i]);
		output_text(&r->out, "%s\n", name);
		free(name);
	}
	if (n > 1) {
		output_text(&r->out, "%*" PRIu64 "  ", width, total);
		if (missed)
			output_text(&r->out, "%10" PRIu64 "  ", missed);
		output_text(&r->out, "%-10s  ", "");
		run_print_head(r, &(struct row){ 0 });
		output_text(&r->out, "total");
		if (hidden)
			output_text(&r->out,
				    " (%zu without a hit; -v shows "
				    "them)",
				    hidden);
		output_text(&r->out, "\n");
	}
}

static void print(struct run *r, double elapsed, bool last)
{
	const struct row **rows;

	if (r->options->json) {
		print_json(r, elapsed);
		return;
	}
	rows = must_alloc(r->n_rows, sizeof(*rows));
	for (size_t i = 0; i < r->n_rows; i++)
		rows[i] = &r->rows[i];
	qsort(rows, r->n_rows, sizeof(*rows), by_hits);
	if (r->options->interval)
		output_text(&r->out, "after %.1f s\n", elapsed);
	print_table(r, rows, r->n_rows);
	run_print_rest(r);
	if (!last)
		output_text(&r->out, "\n");
	free(rows);
}

/* ---- --stack --------------------------------------------------------------- */

/* Of each probe so many stacks, of each stack so many frames. */
#define STACKS_SHOWN 5
#define FRAMES_SHOWN 16

static void print_stack(struct run *r, const struct stack *s)
{
	output_text(&r->out, "%12" PRIu64 "  ", s->count);
	for (uint32_t f = 0; f < s->n && f < FRAMES_SHOWN; f++)
		output_text(&r->out, "%s%s", f ? " < " : "", s->frame[f]);
	output_text(&r->out, "%s\n", s->n > FRAMES_SHOWN ? " < ..." : "");
}

static void print_callers_of(struct run *r, const struct target *t,
			     const struct figure *f)
{
	const struct stacks *s = &callers_of(t)->stacks;
	uint32_t id = f->probe->id, shown = 0, more = 0;

	for (size_t k = 0; k < s->n; k++) {
		if (s->stack[k].group != id)
			continue;
		if (!shown && r->many)
			output_text(&r->out,
				    "\n%s of process %d is called by\n",
				    f->place->name, (int)t->pid);
		else if (!shown)
			output_text(&r->out, "\n%s is called by\n",
				    f->place->name);
		if (shown++ < STACKS_SHOWN)
			print_stack(r, &s->stack[k]);
		else
			more++;
	}
	if (more)
		output_text(&r->out, "%12s  (%u more)\n", "", more);
}

static void print_callers(struct run *r)
{
	uint64_t lost = callers_lost(r);

	for (size_t i = 0; i < r->n_targets; i++)
		for (size_t k = 0; k < r->targets[i]->n_figures; k++)
			print_callers_of(r, r->targets[i],
					 &r->targets[i]->figures[k]);
	if (lost)
		output_text(&r->out, "%" PRIu64 " stacks are lost\n", lost);
}

static void print_callers_json(struct run *r, const struct target *t)
{
	const struct stacks *stacks = &callers_of(t)->stacks;

	for (size_t i = 0; i < stacks->n; i++) {
		const struct stack *s = &stacks->stack[i];
		struct json_object *obj = json_object_new_object();

		put_pid(obj, t);
		put_text(obj, "probe", t->places.place[s->group].name);
		put_number(obj, "count", s->count);
		json_object_object_add(obj, "frames",
				       stack_json(s->frame, s->n));
		output_json(&r->out, obj);
	}
}

static void print_with_stacks(struct run *r, double elapsed, bool last)
{
	print(r, elapsed, last);
	if (!last)
		return;
	for (size_t i = 0; i < r->n_targets; i++)
		stacks_sort(&callers_of(r->targets[i])->stacks);
	if (!r->options->json)
		print_callers(r);
	for (size_t i = 0; r->options->json && i < r->n_targets; i++)
		print_callers_json(r, r->targets[i]);
}

static int count_with_stacks(const struct options *o)
{
	struct probe_wish wish = { .use = PROBE_COUNT, .stack = STACK_BYTES };
	struct run r = { .options = o,
			 .action = SESSION_COUNT,
			 .print = print_with_stacks,
			 .begin = callers_begin,
			 .poll = callers_poll,
			 .forget = callers_free };
	int status = EXIT_USAGE;

	if (run_usage(o) && run_parse(&r, &wish))
		status = run_all(&r);
	run_forget(&r);
	return status;
}

int cmd_count(const struct options *o)
{
	return o->stack ? count_with_stacks(o)
			: run_probes(o, SESSION_COUNT, print);
}

/* SPDX-License-Identifier: MIT */
/*
 * cmd_count.c - `trapline count`: hits per probe
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "run.h"
#include "text.h"

/* More rows than that are shown only if they were hit. */
#define ROWS_WITH_ZERO 30

static int by_hits(const void *va, const void *vb)
{
	const struct figure *a = *(const struct figure *const *)va;
	const struct figure *b = *(const struct figure *const *)vb;

	if (a->hits != b->hits)
		return a->hits > b->hits ? -1 : 1;
	return strcmp(a->place->name, b->place->name);
}

static const char *kind_name(enum session_kind kind)
{
	return kind == SESSION_JUMP ? "jump" : "breakpoint";
}

static void print_json(struct run *r, double elapsed)
{
	for (size_t i = 0; i < r->n_figures; i++) {
		const struct figure *f = &r->figures[i];
		struct json_object *obj = json_object_new_object();

		put_text(obj, "probe", f->place->name);
		put_symbol(obj, f->place->symbol);
		put_hex(obj, "address", f->place->addr);
		put_text(obj, "kind", kind_name(f->probe->kind));
		put_number(obj, "hits", f->hits);
		put_number(obj, "missed", f->missed);
		if (r->options->interval)
			put_number(obj, "time_ns", (uint64_t)(elapsed * 1e9));
		output_json(&r->out, obj);
	}
}

static void print_table(struct run *r, const struct figure *const *rows,
			size_t n)
{
	uint64_t total = 0, missed = 0;
	size_t hidden = 0;
	int width = 4;

	for (size_t i = 0; i < n; i++) {
		total += rows[i]->hits;
		missed += rows[i]->missed;
	}
	for (uint64_t v = total / 10000; v; v /= 10)
		width++;
	output_text(&r->out, "%*s  %s%-10s  FUNCTION\n", width, "HITS",
		    missed ? "    MISSED  " : "", "KIND");
	for (size_t i = 0; i < n; i++) {
		char *name;

		if (!rows[i]->hits && !rows[i]->missed && n > ROWS_WITH_ZERO &&
		    say_level < 1) {
			hidden++;
			continue;
		}
		name = output_name(&r->out, width + 14 + (missed ? 12 : 0),
				   rows[i]->place->name);
		output_text(&r->out, "%*" PRIu64 "  ", width, rows[i]->hits);
		if (missed)
			output_text(&r->out, "%10" PRIu64 "  ",
				    rows[i]->missed);
		output_text(&r->out, "%-10s  %s\n",
			    kind_name(rows[i]->probe->kind), name);
		free(name);
	}
	if (n > 1) {
		output_text(&r->out, "%*" PRIu64 "  ", width, total);
		if (missed)
			output_text(&r->out, "%10" PRIu64 "  ", missed);
		output_text(&r->out, "%-10s  total", "");
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
	const struct figure **rows;

	if (r->options->json) {
		print_json(r, elapsed);
		return;
	}
	rows = must_alloc(r->n_figures, sizeof(*rows));
	for (size_t i = 0; i < r->n_figures; i++)
		rows[i] = &r->figures[i];
	qsort(rows, r->n_figures, sizeof(*rows), by_hits);
	if (r->options->interval)
		output_text(&r->out, "after %.1f s\n", elapsed);
	print_table(r, rows, r->n_figures);
	if (!last)
		output_text(&r->out, "\n");
	free(rows);
}

int cmd_count(const struct options *o)
{
	return run_probes(o, SESSION_COUNT, print);
}

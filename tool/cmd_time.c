/* SPDX-License-Identifier: MIT */
/*
 * cmd_time.c - `trapline time`: how long functions take, entry to return
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "run.h"
#include "text.h"

/* Of more functions than that only the figures are shown, no histograms. */
#define HISTOGRAMS 8

static int by_total(const void *va, const void *vb)
{
	const struct row *a = *(const struct row *const *)va;
	const struct row *b = *(const struct row *const *)vb;

	if (a->times->total != b->times->total)
		return a->times->total > b->times->total ? -1 : 1;
	return row_order(a, b);
}

static void add_row(struct json_object *list, uint64_t le, uint64_t count)
{
	struct json_object *row = json_object_new_object();

	put_number(row, "le_ns", le);
	put_number(row, "count", count);
	json_object_array_add(list, row);
}

/* A row for each nanosecond that is the largest of a bucket. */
static struct json_object *histogram_json(const struct session_times *t,
					  struct clock_rate rate)
{
	struct json_object *list = json_object_new_array();
	uint64_t le = 0, count = 0;

	for (unsigned int i = 0; list && i < SESSION_BUCKETS; i++) {
		uint64_t last = bucket_end(i) - 1, ns;

		if (!t->bucket[i])
			continue;
		if (last > t->max)
			last = t->max;
		ns = (uint64_t)ceil((double)last * rate.ns_per_tick);
		/* Of a fast clock several buckets are one nanosecond. */
		if (count && ns != le) {
			add_row(list, le, count);
			count = 0;
		}
		le = ns;
		count += t->bucket[i];
	}
	if (list && count)
		add_row(list, le, count);
	return list;
}

static void print_json(struct run *r, struct clock_rate rate, double elapsed)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *f = &r->rows[i];
		struct latency l = latency_of(f->times, rate);
		struct json_object *obj = json_object_new_object();

		put_pid(obj, f->target);
		put_text(obj, "function", f->place->name);
		put_symbol(obj, f->place->symbol);
		put_key(obj, f);
		put_number(obj, "calls", l.calls);
		put_number(obj, "missed", l.missed);
		put_number(obj, "min_ns", (uint64_t)llround(l.min));
		put_number(obj, "p50_ns", (uint64_t)llround(l.p50));
		put_number(obj, "p90_ns", (uint64_t)llround(l.p90));
		put_number(obj, "p99_ns", (uint64_t)llround(l.p99));
		put_number(obj, "max_ns", (uint64_t)llround(l.max));
		put_number(obj, "total_ns", (uint64_t)llround(l.total));
		json_object_object_add(obj, "histogram",
				       histogram_json(f->times, rate));
		if (r->options->interval)
			put_number(obj, "time_ns", (uint64_t)(elapsed * 1e9));
		output_json(&r->out, obj);
	}
	run_print_rest(r);
}

static void print_histogram(struct run *r, const struct row *f,
			    struct clock_rate rate)
{
	struct latency_row rows[LATENCY_ROWS];
	size_t n = latency_rows(f->times, rate, rows);
	char from[24], to[24], bar[OUTPUT_BAR];
	uint64_t most = 0;

	for (size_t i = 0; i < n; i++)
		if (rows[i].count > most)
			most = rows[i].count;
	for (size_t i = 0; i < n; i++)
		output_text(&r->out, "  %7s - %-7s %12" PRIu64 "  %s\n",
			    text_ns(from, sizeof(from), rows[i].from),
			    text_ns(to, sizeof(to), rows[i].to), rows[i].count,
			    output_bar(&r->out, 35, bar, rows[i].count, most));
}

static void print_block(struct run *r, const struct row *f,
			struct clock_rate rate)
{
	struct latency l = latency_of(f->times, rate);
	char *name = text_clean_dup(f->place->name);
	char text[6][24];

	if (r->options->follow)
		output_text(&r->out, "process %d (%s), ", (int)f->target->pid,
			    f->target->name);
	else if (r->many)
		output_text(&r->out, "process %d, ", (int)f->target->pid);
	output_text(&r->out, "%s", name);
	if (f->key)
		output_text(&r->out, ", %s = %s", f->field->name, f->key);
	output_text(&r->out, ": %" PRIu64 " call%s", l.calls,
		    l.calls == 1 ? "" : "s");
	if (l.missed)
		output_text(&r->out, ", %" PRIu64 " missed", l.missed);
	free(name);
	if (!l.calls) {
		output_text(&r->out, "\n");
		return;
	}
	output_text(&r->out, ", %s in all\n",
		    text_ns(text[0], sizeof(text[0]), l.total));
	output_text(&r->out, "  min %s, median %s, 90%% %s, 99%% %s, max %s\n",
		    text_ns(text[1], sizeof(text[1]), l.min),
		    text_ns(text[2], sizeof(text[2]), l.p50),
		    text_ns(text[3], sizeof(text[3]), l.p90),
		    text_ns(text[4], sizeof(text[4]), l.p99),
		    text_ns(text[5], sizeof(text[5]), l.max));
	print_histogram(r, f, rate);
}

/* A figure of the table; of no calls there is none. */
static const char *figure(char *dst, size_t size, const struct latency *l,
			  double ns)
{
	return l->calls ? text_ns(dst, size, ns) : "-";
}

static void print_table(struct run *r, const struct row *const *rows,
			struct clock_rate rate)
{
	size_t silent = 0;

	output_text(&r->out, "%12s %10s %8s %8s %8s %8s %8s  ", "CALLS",
		    "TOTAL", "MIN", "MEDIAN", "90%", "99%", "MAX");
	run_print_head(r, NULL);
	output_text(&r->out, "FUNCTION\n");
	for (size_t i = 0; i < r->n_rows; i++) {
		struct latency l = latency_of(rows[i]->times, rate);
		char text[6][24], *name;

		if (!l.calls && !l.missed && r->n_rows > HISTOGRAMS &&
		    say_level < 1) {
			silent++;
			continue;
		}
		name = output_name(&r->out, 70 + run_head_width(r),
				   rows[i]->place->name);
		output_text(&r->out, "%12" PRIu64 " %10s %8s %8s %8s %8s %8s  ",
			    l.calls, figure(text[0], 24, &l, l.total),
			    figure(text[1], 24, &l, l.min),
			    figure(text[2], 24, &l, l.p50),
			    figure(text[3], 24, &l, l.p90),
			    figure(text[4], 24, &l, l.p99),
			    figure(text[5], 24, &l, l.max));
		run_print_head(r, rows[i]);
		output_text(&r->out, "%s", name);
		if (l.missed)
			output_text(&r->out, " (%" PRIu64 " missed)", l.missed);
		output_text(&r->out, "\n");
		free(name);
	}
	if (silent)
		output_text(&r->out,
			    "%12s (%zu without a call; -v shows them)\n", "",
			    silent);
}

static void print(struct run *r, double elapsed, bool last)
{
	struct clock_rate rate = clock_rate(r->stats.ticks_per_second);
	const struct row **rows;

	if (r->options->json) {
		print_json(r, rate, elapsed);
		return;
	}
	rows = must_alloc(r->n_rows, sizeof(*rows));
	for (size_t i = 0; i < r->n_rows; i++)
		rows[i] = &r->rows[i];
	qsort(rows, r->n_rows, sizeof(*rows), by_total);
	if (r->options->interval)
		output_text(&r->out, "after %.1f s\n", elapsed);
	for (size_t i = 0; r->n_rows <= HISTOGRAMS && i < r->n_rows; i++) {
		if (i)
			output_text(&r->out, "\n");
		print_block(r, rows[i], rate);
	}
	if (r->n_rows > 1) {
		if (r->n_rows <= HISTOGRAMS)
			output_text(&r->out, "\n");
		print_table(r, rows, rate);
	}
	run_print_rest(r);
	if (!last)
		output_text(&r->out, "\n");
	free(rows);
}

int cmd_time(const struct options *o)
{
	return run_probes(o, SESSION_TIME, print);
}

/* SPDX-License-Identifier: MIT */
/*
 * rows.c - the figures of a run as rows: of which process, probe and key
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"
#include "run.h"
#include "text.h"

#define PID_WIDTH  7
#define NAME_WIDTH 15

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

void rows_free(struct run *r)
{
	for (size_t i = 0; i < r->n_rows; i++)
		free(r->rows[i].key);
	free(r->rows);
	r->rows = NULL;
	r->n_rows = 0;
}

/* A row for each key of figure @f; how many. */
static size_t add_key_rows(struct run *r, struct target *t,
			   const struct figure *f)
{
	const struct field *field = &t->asked[f->place->owner].key;
	size_t first = r->n_rows;

	for (size_t i = 0; i < t->keys.n; i++) {
		struct session_key *k = &t->keys.key[i];

		if (k->probe != f->probe->id)
			continue;
		r->rows[r->n_rows++] = (struct row){
			.target = t,
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

static void add_rows(struct run *r, struct target *t)
{
	for (size_t i = 0; i < t->n_figures; i++) {
		const struct figure *f = &t->figures[i];
		size_t first = r->n_rows;

		if (r->apart && t->asked[f->place->owner].keyed &&
		    add_key_rows(r, t, f)) {
			r->rows[first].missed = f->missed;
			continue;
		}
		r->rows[r->n_rows++] = (struct row){
			.target = t,
			.place = f->place,
			.probe = f->probe,
			.hits = f->hits,
			.missed = f->missed,
			.times = f->times,
		};
	}
}

static int key_width(const struct run *r)
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

void rows_make(struct run *r)
{
	size_t room = 0;

	rows_free(r);
	r->n_keys = r->keys_lost = r->keys_unknown = r->missed = 0;
	for (size_t i = 0; i < r->n_targets; i++) {
		const struct target *t = r->targets[i];

		room += t->n_figures + t->keys.n;
		r->n_keys += t->keys.n;
		r->keys_lost += t->keys.lost;
		r->keys_unknown += t->keys.unknown;
		for (size_t k = 0; k < t->n_figures; k++)
			r->missed += t->figures[k].missed;
	}
	r->rows = must_alloc(room, sizeof(*r->rows));
	for (size_t i = 0; i < r->n_targets; i++)
		add_rows(r, r->targets[i]);
	r->key_width = key_width(r);
}

int row_order(const struct row *a, const struct row *b)
{
	int order = strcmp(a->place->name, b->place->name);

	if (!order && a->key && b->key) {
		if (a->word != b->word && a->field->type != 't' &&
		    a->field->type != 'n')
			return a->word < b->word ? -1 : 1;
		order = strcmp(a->key, b->key);
	}
	if (!order && a->target->pid != b->target->pid)
		order = a->target->pid < b->target->pid ? -1 : 1;
	return order;
}

int run_head_width(const struct run *r)
{
	int keys = r->key_width;

	return (r->many ? PID_WIDTH + 2 : 0) +
	       (r->options->follow ? NAME_WIDTH + 2 : 0) +
	       (keys ? keys + 2 : 0);
}

void run_print_head(struct run *r, const struct row *row)
{
	const char *key = row && row->key ? row->key : "";
	/* Numbers to the right, words to the left. */
	bool left = row && row->field && strchr("tn", row->field->type);
	int width = r->key_width;

	if (r->many && row && row->target)
		output_text(&r->out, "%*d  ", PID_WIDTH, (int)row->target->pid);
	else if (r->many)
		output_text(&r->out, "%*s  ", PID_WIDTH, row ? "" : "PID");
	if (r->options->follow)
		output_text(&r->out, "%-*s  ", NAME_WIDTH,
			    row && row->target ? row->target->name
			    : row	       ? ""
					       : "PROGRAM");
	if (width)
		output_text(&r->out, left ? "%-*s  " : "%*s  ", width,
			    row ? key : "KEY");
}

void put_pid(struct json_object *obj, const struct target *t)
{
	if (t->run->many)
		put_number(obj, "pid", (uint64_t)t->pid);
	if (t->run->options->follow)
		put_text(obj, "program", t->name);
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
		put_number(sum, "keys", r->n_keys);
		put_number(sum, "lost", r->keys_lost);
		put_number(sum, "unknown", r->keys_unknown);
		json_object_object_add(obj, "summary", sum);
		output_json(&r->out, obj);
		return;
	}
	if (r->keys_lost)
		output_text(&r->out,
			    "%" PRIu64 " without a row of their own: there "
			    "were more keys than %d\n",
			    r->keys_lost,
			    r->action == SESSION_TIME ? TL_KEY_TIMES
						      : TL_MAX_KEYS);
	if (r->keys_unknown)
		output_text(&r->out,
			    "%" PRIu64 " not counted: their condition could "
			    "not be read\n",
			    r->keys_unknown);
}

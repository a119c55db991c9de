/* SPDX-License-Identifier: MIT */
/*
 * watch_print.c - a change of a variable, for people and for programs
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "text.h"
#include "watching.h"

/* ---- where an instruction is ------------------------------------------------------ */

static struct debug *debug_of(struct watching *r, struct module *m)
{
	size_t i = (size_t)(m - r->process.modules);

	if (!r->debug_tried[i]) {
		r->debug_tried[i] = true;
		r->debug[i] = m->lack ? NULL : debug_open(m->image);
	}
	return r->debug[i];
}

/* What comes from a file, so that a terminal shows it and does nothing else. */
static char *clean(char *text)
{
	char *out = text_clean_dup(text);

	free(text);
	return out;
}

static void describe_place(struct watching *r, struct place_text *t)
{
	struct module *m = process_module_at(&r->process, t->ip);
	struct line_code line;
	const struct symbol *s;
	struct debug *d;
	uint64_t at;

	if (!m || m->lack)
		return;
	image_names(m->image);
	at = t->ip - m->bias;
	s = image_find(m->image, at);
	if (s && at < s->addr + (s->size ? s->size : UINT64_MAX - s->addr))
		t->symbol = clean(at == s->addr
					  ? must_dup(s->shown)
					  : must_print("%s+0x%" PRIx64,
						       s->shown, at - s->addr));
	d = debug_of(r, m);
	if (d && line_at(d, at, &line))
		t->source = clean(must_print("%s:%d", line.file, line.line));
}

static const struct place_text *place_of(struct watching *r, uint64_t ip)
{
	struct place_text *t = &r->texts[ip * 0x9e3779b97f4a7c15u >> 52];

	if (t->ip != ip) {
		free(t->symbol);
		free(t->source);
		*t = (struct place_text){ .ip = ip };
		describe_place(r, t);
	}
	return t;
}

/* ---- output -------------------------------------------------------------------------- */

static const char *access_of(const struct watched *w, const struct change *c)
{
	if (w->access == 'x')
		return "execute";
	if (w->access == 'w' || (c->found && c->effect.kind != EFFECT_READ))
		return "write";
	return c->found ? "read" : "access";
}

/* @dst has room for PAGE_PIECE bytes in hex. */
static void value_text(char *dst, size_t room, const struct watched *w,
		       const struct change *c, const uint8_t *bytes)
{
	struct data plain = { .type = DATA_UNSIGNED };

	if (c->len <= 8) {
		data_text(dst, room, w->len == c->len ? &w->data : &plain,
			  bytes, c->len);
		return;
	}
	for (unsigned int i = 0; i < c->len; i++)
		snprintf(dst + 2 * i, room - 2 * i, "%02x", bytes[i]);
}

static void put_value(struct json_object *obj, const char *key,
		      const struct watched *w, const struct change *c,
		      const uint8_t *bytes, bool known)
{
	char text[2 * PAGE_PIECE + 1];
	uint64_t v = 0;

	if (!known) {
		json_object_object_add(obj, key, NULL);
		return;
	}
	value_text(text, sizeof(text), w, c, bytes);
	if (c->len > 8) {
		put_text(obj, key, text);
		return;
	}
	memcpy(&v, bytes, c->len);
	if (w->len != c->len)
		json_object_object_add(obj, key, json_object_new_uint64(v));
	else if (w->data.type == DATA_SIGNED)
		json_object_object_add(
			obj, key,
			json_object_new_int64(strtoll(text, NULL, 10)));
	else if (w->data.type == DATA_FLOAT)
		put_text(obj, key, text);
	else
		json_object_object_add(obj, key, json_object_new_uint64(v));
}

static void print_json(struct watching *r, const struct change *c)
{
	const struct watched *w = &r->watched[c->hit.point];
	const struct place_text *t = place_of(r, c->effect.ip);
	struct json_object *obj = json_object_new_object();

	put_number(obj, "time_ns", c->hit.ns - r->began);
	if (c->tid)
		put_number(obj, "tid", (uint64_t)c->tid);
	else
		json_object_object_add(obj, "tid", NULL);
	put_text(obj, "variable", w->name);
	put_hex(obj, "address", c->addr);
	put_number(obj, "length", c->len);
	if (w->data.bits) {
		put_number(obj, "bit", w->data.bit);
		put_number(obj, "bits", w->data.bits);
	}
	put_text(obj, "access", access_of(w, c));
	if (w->access != 'x') {
		put_value(obj, "old", w, c, c->old, c->old_known);
		put_value(obj, "new", w, c, c->new_value, c->new_known);
	}
	put_hex(obj, "ip", c->effect.ip);
	put_text(obj, "symbol",
		 c->hit.in_kernel ? "[kernel]"
		 : t->symbol	  ? t->symbol
				  : "");
	if (t->source && !c->hit.in_kernel)
		put_text(obj, "line", t->source);
	put_bool(obj, "certain",
		 w->access == 'x' || (c->found && c->effect.certain));
	if (r->options->stack) {
		struct json_object *stack = json_object_new_array();

		for (unsigned int i = 1; i < c->hit.n_frames; i++) {
			t = place_of(r, c->hit.frames[i] - 1);
			json_object_array_add(
				stack, json_object_new_string(
					       t->symbol ? t->symbol : "?"));
		}
		json_object_object_add(obj, "stack", stack);
	}
	output_json(&r->out, obj);
}

static void print_text(struct watching *r, const struct change *c)
{
	const struct watched *w = &r->watched[c->hit.point];
	const struct place_text *t = place_of(r, c->effect.ip);
	char old[2 * PAGE_PIECE + 1] = "?", new_value[2 * PAGE_PIECE + 1] = "?";
	char tid[16] = "?", *where;

	if (c->tid)
		snprintf(tid, sizeof(tid), "%d", (int)c->tid);
	if (c->old_known)
		value_text(old, sizeof(old), w, c, c->old);
	if (c->new_known)
		value_text(new_value, sizeof(new_value), w, c, c->new_value);
	where = c->hit.in_kernel ? must_dup("the kernel, for the thread")
		: t->symbol	 ? must_dup(t->symbol)
				 : must_print("0x%" PRIx64, c->effect.ip);
	output_text(&r->out, "%12.6f %7s  %-7s %s",
		    (double)(c->hit.ns - r->began) / 1e9, tid, access_of(w, c),
		    w->name);
	if (c->len != w->len) /* of a range: which part */
		output_text(&r->out, "+%" PRIu64 ":%u", c->addr - w->data.addr,
			    c->len);
	if (w->access != 'x')
		output_text(&r->out, "  %s -> %s", old, new_value);
	output_text(&r->out, "  %s", where);
	if (t->source && !c->hit.in_kernel)
		output_text(&r->out, "  %s", t->source);
	if (w->access != 'x' && !c->hit.in_kernel &&
	    !(c->found && c->effect.certain))
		output_text(&r->out, "  (or near it)");
	output_text(&r->out, "\n");
	for (unsigned int i = 1; i < c->hit.n_frames; i++) {
		t = place_of(r, c->hit.frames[i] - 1);
		output_text(&r->out, "%22s %s\n", "",
			    t->symbol ? t->symbol : "?");
	}
	free(where);
}

/* A value as a number to be compared. */
static condition_number number_of(const struct watched *w,
				  const struct change *c, const uint8_t *bytes)
{
	unsigned int up = 64 - 8 * c->len;
	uint64_t v = 0;
	double number;
	float small;

	memcpy(&v, bytes, c->len);
	if (c->len != w->len)
		return v;
	memcpy(&number, bytes, sizeof(number));
	memcpy(&small, bytes, sizeof(small));
	if (w->data.type == DATA_FLOAT)
		return w->len == 8 ? number : (double)small;
	if (w->data.type == DATA_SIGNED)
		return (int64_t)(v << up) >> up;
	return v;
}

static bool is_wanted(const struct watching *r, const struct change *c)
{
	const struct watched *w = &r->watched[c->hit.point];
	struct condition_facts f = {
		.old_known = c->old_known && c->len <= 8,
		.new_known = c->new_known && c->len <= 8,
		.tid = c->tid,
	};

	if (f.old_known)
		f.old_value = number_of(w, c, c->old);
	if (f.new_known)
		f.new_value = number_of(w, c, c->new_value);
	return condition_holds(&r->condition, &f);
}

/* Of what was seen, the bits that are asked for.  False: others were written. */
static bool take_bits(const struct watched *w, struct change *c)
{
	data_take_bits(&w->data, c->old, c->len);
	data_take_bits(&w->data, c->new_value, c->len);
	return !c->old_known || !c->new_known ||
	       memcmp(c->old, c->new_value, c->len) != 0 ||
	       (c->found && c->effect.kind == EFFECT_READ);
}

void watching_print(struct watching *r, const struct change *seen)
{
	const struct watched *w = &r->watched[seen->hit.point];
	struct change part = *seen;
	const struct change *c = seen;

	if (w->data.bits && seen->len == w->len) {
		if (!take_bits(w, &part))
			return;
		c = &part;
	}
	if (!is_wanted(r, c))
		return;
	if (r->options->events && r->events >= r->options->events)
		return;
	r->events++;
	if (w->access != 'x' && !(c->old_known && c->new_known))
		r->uncertain++;
	if (r->options->json)
		print_json(r, c);
	else
		print_text(r, c);
}

static const char *type_name(const struct data *d)
{
	static const char *const names[] = {
		[DATA_UNSIGNED] = "unsigned", [DATA_SIGNED] = "signed",
		[DATA_BOOL] = "bool",	      [DATA_FLOAT] = "float",
		[DATA_POINTER] = "pointer",
	};

	return names[d->type];
}

void watching_foretell(struct watching *r)
{
	if (!r->options->json)
		output_text(&r->out, "%18s %6s %6s  %-8s  VARIABLE\n",
			    "ADDRESS", "LENGTH", "ACCESS", "TYPE");
	for (unsigned int i = 0; i < r->n; i++) {
		const struct watched *w = &r->watched[i];
		const char *type = w->access == 'x' ? "code"
						    : type_name(&w->data);
		const char *access = w->access == 'a'	? "rw"
				     : w->access == 'x' ? "x"
							: "w";
		char *name;

		if (r->options->json) {
			struct json_object *obj = json_object_new_object();

			put_text(obj, "variable", w->name);
			put_hex(obj, "address", w->data.addr);
			put_number(obj, "length", w->len);
			put_text(obj, "access", access);
			put_text(obj, "type", type);
			put_text(obj, "by", w->page ? "page" : "register");
			output_json(&r->out, obj);
			continue;
		}
		name = text_clean_dup(w->name);
		output_text(&r->out, "%#18" PRIx64 " %6u %6s  %-8s  %s\n",
			    w->data.addr, w->len, access, type, name);
		free(name);
	}
	if (r->options->json)
		return;
	output_text(&r->out, "%u of the CPU's %d registers; ", r->n_registers,
		    WATCH_MAX);
	if (r->n_registers == r->n)
		output_text(&r->out, "the process would not be stopped\n");
	else
		output_text(&r->out,
			    "%u by page protection: each write to these pages "
			    "would stop the process\n",
			    r->n - r->n_registers);
}

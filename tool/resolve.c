/* SPDX-License-Identifier: MIT */
/*
 * resolve.c - from what a user wrote to addresses
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "inlined.h"
#include "lines.h"
#include "markers.h"
#include "resolve_parts.h"
#include "text.h"

/* ---- By address ---------------------------------------------------------------- */

static int by_address(struct process *p, const struct spec *s,
		      struct places *out)
{
	struct module *m;

	for (size_t i = 0; s->binary && i < p->n; i++) {
		m = &p->modules[i];
		if (!module_is(m, s->binary))
			continue;
		if (module_has(m, s->addr + m->bias)) {
			places_add_address(m, s->addr + m->bias, out);
			return 0;
		}
		say_error("'%s': %s has no code there", s->text, m->name);
		return -1;
	}
	m = process_module_at(p, s->addr);
	if (m) {
		places_add_address(m, s->addr, out);
		return 0;
	}
	say_error("'%s': no code of a file is mapped there", s->text);
	return -1;
}

/* ---- Markers ------------------------------------------------------------------- */

static void add_marker(struct module *m, const struct marker *mark,
		       struct places *out)
{
	struct place *at;

	if (!module_has(m, mark->addr + m->bias))
		return;
	places_add_address(m, mark->addr + m->bias, out);
	at = &out->place[out->n - 1];
	free(at->name);
	at->name = must_print("%s:%s", mark->provider, mark->name);
	at->symbol = NULL;
	at->marker = mark;
}

/* How many are there? */
static size_t by_marker(struct process *p, const struct spec *s,
			struct places *out)
{
	size_t before = out->n;

	for (size_t i = 0; s->binary && s->func && !s->has_offset && i < p->n;
	     i++) {
		struct module *m = &p->modules[i];
		const struct markers *all;

		if (m->lack)
			continue;
		all = image_markers(m->image);
		for (size_t k = 0; k < all->n; k++)
			if (marker_is(&all->marker[k], s->binary, s->func))
				add_marker(m, &all->marker[k], out);
	}
	return out->n - before;
}

/* ---- By line ------------------------------------------------------------------- */

/* Name the place of @c, which was added last, by its line as well. */
static void name_line(struct place *at, const struct line_code *c)
{
	const char *slash = strrchr(c->file, '/');
	char *name = must_print("%s (%s:%d)", at->name,
				slash ? slash + 1 : c->file, c->line);

	free(at->name);
	at->name = name;
	at->line = true;
}

/* A copy that begins at @addr, in whatever function. */
static void add_inlined(struct module *m, const struct spec *s, uint64_t addr,
			struct places *out)
{
	struct place *at;
	char *in;

	if (!module_has(m, addr + m->bias))
		return;
	places_add_address(m, addr + m->bias, out);
	at = &out->place[out->n - 1];
	in = at->name;
	at->name = must_print("%s (inlined at %s)", s->func, in);
	at->line = at->inlined = true;
	free(in);
}

/* The copies that were inlined; how many. */
static size_t by_inlined(struct process *p, const struct spec *s,
			 struct places *out)
{
	size_t before = out->n;

	for (size_t i = 0; i < p->n && out->n == before; i++) {
		struct module *m = &p->modules[i];
		struct inlined copies = { 0 };
		struct debug *d;

		if (m->lack || !module_is(m, s->binary) ||
		    module_is_hidden(m, s))
			continue;
		say_progress("reading the debug information of %s", m->name);
		d = debug_open(m->image);
		if (d)
			inlined_find(d, s->func, &copies);
		say_progress(NULL);
		for (size_t k = 0; k < copies.n; k++)
			add_inlined(m, s, copies.addr[k], out);
		inlined_free(&copies);
		debug_close(d);
	}
	return out->n - before;
}

/* How many places in @m; *@known: it has debug information. */
static size_t lines_in(struct module *m, const struct spec *s,
		       struct places *out, bool *known, bool *file)
{
	struct line_codes codes = { 0 };
	size_t before = out->n;
	struct debug *d;

	say_progress("reading the debug information of %s", m->name);
	d = debug_open(m->image);
	if (d) {
		*known = true;
		lines_find(d, s->file, s->line, &codes);
	}
	say_progress(NULL);
	for (size_t i = 0; i < codes.n; i++) {
		const struct line_code *c = &codes.code[i];

		if (!module_has(m, c->addr + m->bias))
			continue;
		if (out->n == before && c->line != s->line)
			say_detail("'%s': the next line with code is %d",
				   s->text, c->line);
		places_add_address(m, c->addr + m->bias, out);
		name_line(&out->place[out->n - 1], c);
	}
	*file |= codes.file_known;
	line_codes_free(&codes);
	debug_close(d);
	return out->n - before;
}

static int by_line(struct process *p, const struct spec *s, struct places *out)
{
	bool known = false, file = false;

	for (size_t i = 0; i < p->n; i++) {
		struct module *m = &p->modules[i];

		if (!m->lack && module_is(m, s->binary) &&
		    !module_is_hidden(m, s) &&
		    lines_in(m, s, out, &known, &file))
			return 0;
	}
	if (known && !file)
		say_error("'%s': no source file '%s' is known to the debug "
			  "information there is",
			  s->text, s->file);
	else if (known)
		say_error("'%s': there is no code of that line, nor behind it; "
			  "'trapline list --lines FUNC' shows what there is",
			  s->text);
	else
		say_error("'%s': there is no debug information; build with -g, "
			  "or install the debug package",
			  s->text);
	return -1;
}

/* A copy is entered, but does not return. */
static int inlined_will_do(const struct spec *s, bool entries)
{
	if (!entries)
		return 0;
	say_error("'%s': inlined copies do not return, so they cannot be timed",
		  s->text);
	return -1;
}

int resolve(struct process *p, const struct spec *spec, bool entries,
	    struct places *out)
{
	size_t before = out->n;
	bool known = false;
	int done;

	for (size_t i = 0; i < p->n; i++)
		known |= module_is(&p->modules[i], spec->binary);
	if (!known && !spec->file && !entries && by_marker(p, spec, out))
		return 0;
	if (!known)
		return resolve_no_binary(p, spec, entries);
	if (entries && spec->offset) {
		say_error("'%s': only whole functions can be timed, without "
			  "an offset",
			  spec->text);
		return -1;
	}
	if (spec->inlined) {
		if (by_inlined(p, spec, out))
			return inlined_will_do(spec, entries);
		say_error("'%s': the debug information there is knows no "
			  "inlined copy of '%s'",
			  spec->text, spec->func);
		return -1;
	}
	if (spec->file) {
		if (by_line(p, spec, out) != 0)
			return -1;
	} else if (!spec->func) {
		if (by_address(p, spec, out) != 0)
			return -1;
	} else {
		done = resolve_by_name(p, spec, MATCH_NAME, out);
		if (!done)
			done = resolve_by_name(p, spec, MATCH_WRITTEN, out);
		if (!done && !entries && by_marker(p, spec, out))
			return 0;
		if (!done && spec->glob)
			return resolve_by_glob(p, spec, out);
		if (!done)
			done = resolve_by_name(p, spec, MATCH_OLD, out);
		if (!done)
			done = resolve_by_name(p, spec, MATCH_CLONE, out);
		if (done < 0)
			return -1;
		if (!done && !spec->has_offset && by_inlined(p, spec, out))
			return inlined_will_do(spec, entries);
		if (!done)
			return resolve_failed(p, spec);
	}
	if (entries && out->n > before &&
	    !place_is_entry(&out->place[before])) {
		say_error("'%s' is not the entry of a function", spec->text);
		return -1;
	}
	if (out->n > before)
		return 0;
	say_error("'%s': its code is not mapped", spec->text);
	return -1;
}

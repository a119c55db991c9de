/* SPDX-License-Identifier: MIT */
/*
 * resolve_names.c - from the name of a function to places
 *
 * Which of several functions of a name is meant: see resolve.h.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "frames.h"
#include "ifunc.h"
#include "match.h"
#include "names.h"
#include "resolve_parts.h"
#include "text.h"

#define IFUNC_NAMES 4

/* Is @name a copy of the function @func that the compiler made? */
static bool is_clone(const char *name, const char *func)
{
	static const char *const kind[] = { ".isra.", ".constprop.", ".part.",
					    ".lto_priv.", ".localalias" };
	size_t len = strlen(func);

	if (strncmp(name, func, len) != 0 || symbol_is_cold(name))
		return false;
	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
		if (strncmp(name + len, kind[i], strlen(kind[i])) == 0)
			return true;
	return false;
}

/* ---- By name ------------------------------------------------------------------ */

/* Is @s what NAME@VERSION asks for? */
static bool is_version(const struct symbol *s, const struct spec *spec)
{
	return spec->base && s->version &&
	       strcmp(s->version, spec->version) == 0 &&
	       !(spec->is_default && s->old);
}

static bool matches(const struct symbol *s, const struct spec *spec,
		    enum match_how how)
{
	const char *func = spec->func;

	switch (how) {
	case MATCH_NAME:
		return (!s->old && strcmp(s->name, func) == 0) ||
		       (is_version(s, spec) &&
			strcmp(s->name, spec->base) == 0);
	case MATCH_WRITTEN:
		return (!s->old && name_is(s, func)) ||
		       (is_version(s, spec) && name_is(s, spec->base));
	case MATCH_OLD:
		return s->old && name_is(s, func);
	case MATCH_CLONE:
		return is_clone(s->name, func) || is_clone(s->plain, func);
	case MATCH_GLOB:
		return symbol_is_probeable(s) && name_matches(s, func);
	}
	return false;
}

/*
 * An indirect function that nobody bound yet: name what it can choose from, which
 * glibc calls __NAME_KIND.
 */
static int refuse_ifunc(const struct spec *s, const struct module *m)
{
	char *pattern = must_print("*_%s_*", s->func), *list = must_dup("");
	size_t n = 0;

	for (size_t i = 0; i < m->image->n && n < IFUNC_NAMES; i++) {
		const struct symbol *sym = &m->image->symbols[i];
		char *more;

		if (!sym->first || !symbol_is_probeable(sym) ||
		    !glob_match(pattern, sym->name))
			continue;
		more = must_print("%s%s%s", list, n ? ", " : "", sym->name);
		free(list);
		list = more;
		n++;
	}
	say_error("'%s' in %s is an indirect function, and what it chose is "
		  "not known yet%s%s",
		  s->text, m->name, n ? "; probe that, for example " : "",
		  list);
	free(pattern);
	free(list);
	return -1;
}

/* Take what the indirect function @sym chose in this process. */
static int take_ifunc(struct process *p, struct module *m, const struct spec *s,
		      const struct symbol *sym, struct places *out)
{
	uint64_t choice[IFUNC_CHOICES];
	size_t n = ifunc_choices(p, m, sym, choice);

	for (size_t i = 0; i < n; i++) {
		struct module *in = process_module_at(p, choice[i]);
		uint64_t in_file = choice[i] - in->bias, start, end;
		const struct symbol *real =
			in->lack ? NULL : image_find(in->image, in_file);
		struct place at = { .module = in,
				    .addr = choice[i] + s->offset };

		if (real) {
			at.start = real->addr + in->bias;
			at.end = at.start + real->size;
		} else if (!in->lack &&
			   frames_bounds(in->image, in_file, &start, &end)) {
			at.start = start + in->bias;
			at.end = end + in->bias;
		}
		say_detail("'%s' is an indirect function; it chose %s at "
			   "0x%" PRIx64,
			   s->text, real ? real->name : "the one", choice[i]);
		at.name = place_name(m, sym->name, s->offset);
		at.chosen =
			must_print("%s, which the indirect function chose",
				   real ? real->name : "code without a name");
		places_add(out, at);
	}
	return n ? 0 : refuse_ifunc(s, m);
}

/* How many in @m match; *@exported: one of them is not local. */
static size_t count_in(struct module *m, const struct spec *s,
		       enum match_how how, bool *exported)
{
	size_t n = 0;

	*exported = false;
	if (how != MATCH_NAME && !m->lack)
		image_names(m->image);
	for (size_t i = 0; !m->lack && i < m->image->n; i++)
		if (matches(&m->image->symbols[i], s, how)) {
			n++;
			if (m->image->symbols[i].bind < 2)
				*exported = true;
		}
	return n;
}

/* What @sym is, where @s does not say it; NULL: it does. */
static char *chosen(const struct module *m, const struct spec *s,
		    const struct symbol *sym, enum match_how how)
{
	char *others, *text = NULL;

	if (how == MATCH_GLOB)
		return NULL;
	if (how == MATCH_CLONE)
		return must_print("%s, the compiler's copy", sym->shown);
	others = s->base ? NULL : symbol_versions(m, sym);
	if (others)
		text = must_print("%s%s%s; there is %s, too", sym->name,
				  sym->old ? "@" : "@@", sym->version, others);
	free(others);
	return text;
}

/* What was chosen for @at is @text. */
static void set_chosen_at(struct place *at, char *text)
{
	if (text && at->chosen) {
		char *both = must_print("%s; %s", text, at->chosen);

		free(text);
		free(at->chosen);
		text = both;
	}
	if (text)
		at->chosen = text;
}

/* The same for the place that was added last. */
static void set_chosen(struct places *out, char *text)
{
	set_chosen_at(&out->place[out->n - 1], text);
}

static int take_from(struct process *p, struct module *m, const struct spec *s,
		     enum match_how how, struct places *out)
{
	size_t before;

	for (size_t i = 0; i < m->image->n; i++) {
		const struct symbol *sym = &m->image->symbols[i];

		if (!matches(sym, s, how))
			continue;
		before = out->n;
		if (sym->kind == SYMBOL_IFUNC) {
			if (take_ifunc(p, m, s, sym, out) != 0)
				return -1;
			set_chosen(out, chosen(m, s, sym, how));
			continue;
		}
		if (s->has_offset && sym->size && s->offset >= sym->size) {
			say_error("'%s' is past the end of %s, which has "
				  "0x%" PRIx64 " bytes",
				  s->text, sym->name, sym->size);
			return -1;
		}
		places_add_symbol(out, m, sym, s->offset);
		if (out->n > before)
			set_chosen(out, chosen(m, s, sym, how));
	}
	return 0;
}

/* Several libraries have it: name them. */
static int ambiguous(struct process *p, const struct spec *s,
		     enum match_how how)
{
	char *list = must_dup("");
	bool exported;

	for (size_t i = 0; i < p->n; i++) {
		char *more;

		if (!count_in(&p->modules[i], s, how, &exported))
			continue;
		more = must_print("%s%s%s:%s", list, *list ? ", " : "",
				  p->modules[i].name, s->text);
		free(list);
		list = more;
	}
	say_error("'%s' is in several binaries; say which: %s", s->text, list);
	free(list);
	return -1;
}

/* ---- Several that define it ------------------------------------------------------ */

/* Is something in @m, of those that match, what the linker would take? */
static bool can_be_taken(const struct process *p, const struct module *m,
			 const struct spec *s, enum match_how how)
{
	for (size_t i = 0; !m->lack && i < m->image->n; i++) {
		const struct symbol *sym = &m->image->symbols[i];

		if (matches(sym, s, how) && sym->exported &&
		    binding_takes(sym, s->base ? NULL
					       : binding_version(p, sym->name)))
			return true;
	}
	return false;
}

/* Do both define one of the names that match, for others? */
static bool share_name(const struct module *a, const struct module *b,
		       const struct spec *s, enum match_how how)
{
	for (size_t i = 0; i < a->image->n; i++) {
		const struct symbol *sa = &a->image->symbols[i];

		if (!sa->exported || !matches(sa, s, how))
			continue;
		for (size_t k = 0; k < b->image->n; k++) {
			const struct symbol *sb = &b->image->symbols[k];

			if (sb->exported && strcmp(sa->name, sb->name) == 0)
				return true;
		}
	}
	return false;
}

/* The names of the binaries but @m that have it, too; the caller frees them. */
static char *others_with_it(struct process *p, const struct module *m,
			    const struct spec *s, enum match_how how, size_t *n)
{
	char *list = NULL, *more;
	bool exported;

	*n = 0;
	for (size_t i = 0; i < p->n; i++) {
		struct module *o = &p->modules[i];

		if (o == m || module_is_hidden(o, s) ||
		    !count_in(o, s, how, &exported) || !exported)
			continue;
		more = must_print("%s%s%s", list ? list : "", list ? ", " : "",
				  o->name);
		free(list);
		list = more;
		++*n;
	}
	return list;
}

/*
 * Several libraries export it: the one to which calls of the program go, if all have
 * the same name for others; NULL: they are different functions.
 */
static struct module *bound_to(struct process *p, const struct spec *s,
			       enum match_how how)
{
	size_t *order = must_alloc(p->n, sizeof(*order));
	size_t n = binding_order(p, order);
	struct module *m = NULL;
	bool exported;

	for (size_t i = 0; i < n && !m; i++)
		if (!module_is_hidden(&p->modules[order[i]], s) &&
		    can_be_taken(p, &p->modules[order[i]], s, how))
			m = &p->modules[order[i]];
	free(order);
	for (size_t i = 0; m && i < p->n; i++) {
		struct module *o = &p->modules[i];

		if (o != m && !module_is_hidden(o, s) &&
		    count_in(o, s, how, &exported) && exported &&
		    !share_name(m, o, s, how))
			return NULL;
	}
	return m;
}

/* Say that @m was chosen, where that was not said just before. */
static char *tell_bound(struct process *p, const struct module *m,
			const struct spec *s, enum match_how how)
{
	static char *said;
	size_t n;
	char *others = others_with_it(p, m, s, how, &n), *line, *text;

	text = must_print("to which the program's calls go; %s ha%s one, too",
			  others, n == 1 ? "s" : "ve");
	line = must_print("%s: %s's, %s", s->text, m->name, text);
	if (!said || strcmp(said, line) != 0)
		say_note("%s", line);
	free(said);
	said = line;
	free(others);
	return text;
}

/* What @s stands for, where that is not what it says. */
static void tell_chosen(const struct spec *s, const struct module *m,
			enum match_how how)
{
	for (size_t i = 0; say_level > 0 && i < m->image->n; i++) {
		const struct symbol *sym = &m->image->symbols[i];

		if (!matches(sym, s, how))
			continue;
		char *others = s->base ? NULL : symbol_versions(m, sym);

		if (others)
			say_detail("'%s' is %s%s%s; there is %s, too", s->text,
				   sym->name, sym->old ? "@" : "@@",
				   sym->version, others);
		free(others);
		if (how == MATCH_CLONE)
			say_detail("'%s' stands for %s, the compiler's copy",
				   s->text, sym->shown);
		else if (strcmp(sym->name, s->func) != 0)
			say_detail("'%s' is %s (%s)", s->text, sym->shown,
				   sym->name);
	}
}

int resolve_by_name(struct process *p, const struct spec *s, enum match_how how,
		    struct places *out)
{
	struct module *any = NULL, *exporter = NULL;
	size_t n = 0, n_exporters = 0, before = out->n;
	char *bound = NULL;

	for (size_t i = 0; i < p->n; i++) {
		struct module *m = &p->modules[i];
		bool exported;

		if (!module_is(m, s->binary) || module_is_hidden(m, s))
			continue;
		if (!count_in(m, s, how, &exported)) {
			/* All names of the program come before libraries. */
			if (!m->is_main || how != MATCH_NAME ||
			    !count_in(m, s, MATCH_WRITTEN, &exported))
				continue;
			how = MATCH_WRITTEN;
		}
		any = m;
		n++;
		if (exported) {
			exporter = m;
			n_exporters++;
		}
		if (m->is_main)
			break;
	}
	if (!n)
		return 0;
	if (n > 1 && n_exporters == 1)
		any = exporter;
	else if (n > 1) {
		any = s->binary ? NULL : bound_to(p, s, how);
		if (!any)
			return ambiguous(p, s, how);
		bound = tell_bound(p, any, s, how);
	}
	if (!any->is_main)
		say_detail("'%s' is taken from %s", s->text, any->path);
	if (take_from(p, any, s, how, out) != 0) {
		free(bound);
		return -1;
	}
	for (; bound && before < out->n; before++)
		set_chosen_at(&out->place[before], must_dup(bound));
	free(bound);
	tell_chosen(s, any, how);
	return 1;
}

/* -v: functions that match, but are not probed until somebody asks for them. */
static void tell_left_out(const struct module *m, const struct spec *s)
{
	size_t n = 0;
	char *list = must_dup(""), *more;

	for (size_t i = 0; say_level > 0 && i < m->image->n; i++) {
		const struct symbol *sym = &m->image->symbols[i];

		if (!sym->first || sym->kind != SYMBOL_IFUNC ||
		    !name_matches(sym, s->func))
			continue;
		if (n++ < IFUNC_NAMES) {
			more = must_print("%s%s%s", list, n > 1 ? ", " : "",
					  sym->name);
			free(list);
			list = more;
		}
	}
	if (n)
		say_detail("'%s' matches %zu indirect function%s, too (%s%s), "
			   "which are probed by their names",
			   s->text, n, n == 1 ? "" : "s", list,
			   n > IFUNC_NAMES ? ", ..." : "");
	free(list);
}

int resolve_by_glob(struct process *p, const struct spec *s, struct places *out)
{
	size_t before = out->n;

	for (size_t i = 0; i < p->n; i++) {
		struct module *m = &p->modules[i];

		if (m->lack || !module_is(m, s->binary) ||
		    module_is_hidden(m, s))
			continue;
		image_names(m->image);
		if (take_from(p, m, s, MATCH_GLOB, out) != 0)
			return -1;
		tell_left_out(m, s);
	}
	return out->n > before ? 0 : resolve_failed(p, s);
}

/* SPDX-License-Identifier: MIT */
/*
 * resolve.c - from what a user wrote to addresses
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "frames.h"
#include "ifunc.h"
#include "inlined.h"
#include "lines.h"
#include "markers.h"
#include "match.h"
#include "names.h"
#include "object.h"
#include "resolve.h"
#include "text.h"

#define IFUNC_NAMES 4

/* `libc` for libc.so.6, `libssl` for libssl.so.3, `ld` for ld-2.31.so. */
static bool without_version(const char *name, const char *binary)
{
	size_t len = strlen(binary);

	return strncmp(name, binary, len) == 0 &&
	       (strncmp(name + len, ".so", 3) == 0 ||
		(name[len] == '-' && strstr(name + len, ".so")));
}

bool module_is(const struct module *m, const char *binary)
{
	if (!binary)
		return true;
	return strcmp(m->name, binary) == 0 || strcmp(m->path, binary) == 0 ||
	       without_version(m->name, binary) ||
	       (glob_is(binary) &&
		(glob_match(binary, m->name) || glob_match(binary, m->path)));
}

/* The vDSO, the kernel's code, is meant only if it is named. */
static bool is_hidden(const struct module *m, const struct spec *s)
{
	return !s->binary && m->name[0] == '[';
}

static bool is_cold(const char *name)
{
	const char *cold = strstr(name, ".cold");

	return cold && (!cold[5] || cold[5] == '.');
}

bool symbol_is_probeable(const struct symbol *s)
{
	return s->kind == SYMBOL_FUNC && !is_cold(s->name);
}

/* Is @name a copy of the function @func that the compiler made? */
static bool is_clone(const char *name, const char *func)
{
	static const char *const kind[] = { ".isra.", ".constprop.", ".part.",
					    ".lto_priv.", ".localalias" };
	size_t len = strlen(func);

	if (strncmp(name, func, len) != 0 || is_cold(name))
		return false;
	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
		if (strncmp(name + len, kind[i], strlen(kind[i])) == 0)
			return true;
	return false;
}

/* ---- Adding places ---------------------------------------------------------- */

static char *name_of(const struct module *m, const char *func, uint64_t offset)
{
	const char *bin = m->is_main ? "" : m->name;
	const char *colon = m->is_main ? "" : ":";

	if (offset)
		return must_print("%s%s%s+0x%" PRIx64, bin, colon, func,
				  offset);
	return must_print("%s%s%s", bin, colon, func);
}

/* A call of a Go function begins behind the check of its stack. */
static void pass_check(struct place *p)
{
	uint8_t code[OBJECT_GO_BYTES];

	if (p->module->lack || !image_is_go(p->module->image) ||
	    !image_code(p->module->image, p->start - p->module->bias, code,
			sizeof(code)))
		return;
	p->check = object_go_check(code, &p->go);
	if (p->addr == p->start)
		p->addr += p->check;
}

static void add_place(struct places *out, struct place p)
{
	pass_check(&p);
	if (out->n == out->room) {
		out->room = out->room * 2 + 16;
		out->place =
			must_grow(out->place, out->room, sizeof(*out->place));
	}
	out->place[out->n++] = p;
}

static void add_symbol(struct places *out, struct module *m,
		       const struct symbol *s, uint64_t offset)
{
	struct place p = { .module = m, .addr = s->addr + m->bias + offset };

	if (!module_has(m, p.addr))
		return;
	if (s->size) {
		p.start = s->addr + m->bias;
		p.end = p.start + s->size;
	}
	image_names(m->image);
	p.name = name_of(m, s->shown, offset);
	p.symbol = symbol_behind(s);
	p.rank = (size_t)(s - m->image->symbols);
	add_place(out, p);
}

static int by_place(const void *va, const void *vb)
{
	const struct place *a = va, *b = vb;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return a->rank < b->rank ? -1 : a->rank > b->rank;
}

void places_unique(struct places *out)
{
	size_t n = 0;

	if (out->n)
		qsort(out->place, out->n, sizeof(*out->place), by_place);
	for (size_t i = 0; i < out->n; i++) {
		struct place *at = &out->place[i];

		if (!n || out->place[n - 1].addr != at->addr) {
			out->place[n++] = *at;
			continue;
		}
		/* A marker at a function's entry is still to be raised. */
		if (!out->place[n - 1].marker)
			out->place[n - 1].marker = at->marker;
		free(at->name);
		free(at->chosen);
	}
	out->n = n;
}

void places_free(struct places *out)
{
	for (size_t i = 0; i < out->n; i++) {
		free(out->place[i].name);
		free(out->place[i].chosen);
	}
	free(out->place);
	*out = (struct places){ 0 };
}

/* ---- Versions ---------------------------------------------------------------- */

/* Other versions of @sym that @m has; the caller frees the list of them. */
static char *other_versions(const struct module *m, const struct symbol *sym)
{
	char *list = NULL;

	for (size_t i = 0; sym->version && i < m->image->n; i++) {
		const struct symbol *o = &m->image->symbols[i];
		char *more;

		if (!o->version || strcmp(o->name, sym->name) != 0 ||
		    strcmp(o->version, sym->version) == 0)
			continue;
		more = must_print("%s%s%s%s%s", list ? list : "",
				  list ? ", " : "", o->name,
				  o->old ? "@" : "@@", o->version);
		free(list);
		list = more;
	}
	return list;
}

/* ---- What was not found ------------------------------------------------------ */

/* It may be the provider of markers: is it, and what is not right then? */
static bool explain_provider(struct process *p, const struct spec *s,
			     bool entries)
{
	bool is = false, named = false;
	struct near near;

	near_init(&near, s->func ? s->func : "");
	for (size_t i = 0; i < p->n; i++) {
		const struct markers *all =
			p->modules[i].lack ? NULL
					   : image_markers(p->modules[i].image);

		for (size_t k = 0; all && k < all->n; k++) {
			if (!marker_is(&all->marker[k], s->binary, "*"))
				continue;
			is = true;
			near_offer(&near, all->marker[k].name, NULL, 0);
			if (s->func &&
			    marker_is(&all->marker[k], s->binary, s->func))
				named = true;
		}
	}
	if (named)
		say_error("'%s' is a marker: %s", s->text,
			  entries ? "only functions can be timed, and their "
				    "arguments told"
				  : "it has no offset");
	else if (is)
		say_error("'%s': '%s' has no such marker%s%s; 'trapline list' "
			  "shows what there is",
			  s->text, s->binary, near.n ? "; near: " : "",
			  near.n ? near.best[0].name : "");
	return is;
}

/* Nothing in the process can be called @s->binary. */
static int no_binary(struct process *p, const struct spec *s, bool entries)
{
	struct near near;
	char *list = must_dup("");

	if (explain_provider(p, s, entries)) {
		free(list);
		return -1;
	}
	near_init(&near, s->binary);
	for (size_t i = 0; i < p->n; i++)
		near_offer(&near, p->modules[i].name, NULL, 0);
	for (size_t i = 0; i < (near.n ? near.n : p->n) && i < 6; i++) {
		char *more = must_print("%s%s%s", list, i ? ", " : "",
					near.n ? near.best[i].name
					       : p->modules[i].name);

		free(list);
		list = more;
	}
	say_error("'%s': no binary '%s' is mapped there; %s: %s", s->text,
		  s->binary, near.n ? "near names" : "there are", list);
	free(list);
	return -1;
}

/* A binary that was asked for, or the program, has no symbols: say so. */
static bool explain_lack(struct process *p, const struct spec *s)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct module *m = &p->modules[i];

		if (s->binary ? !module_is(m, s->binary) : !m->is_main)
			continue;
		if (m->lack) {
			say_error("'%s': %s has no symbols: %s", s->text,
				  m->name, m->lack);
			return true;
		}
		if (!m->image->has_symtab && !m->image->n) {
			say_error("'%s': %s is stripped and no debug file of "
				  "it is installed; probe exported functions "
				  "of libraries, or addresses (0x…)",
				  s->text, m->name);
			return true;
		}
	}
	return false;
}

/* NAME@VERSION: there is NAME, but not of that version? */
static bool explain_version(struct process *p, const struct spec *s)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct module *m = &p->modules[i];

		for (size_t k = 0; !m->lack && k < m->image->n; k++) {
			const struct symbol *sym = &m->image->symbols[k];
			char *others;

			if (!module_is(m, s->binary) ||
			    strcmp(sym->name, s->base) != 0)
				continue;
			others = other_versions(m, sym);
			say_error("'%s': %s has no such version of it; there "
				  "is %s%s%s%s%s",
				  s->text, m->name, s->base,
				  !sym->version ? " without one"
				  : sym->old	? "@"
						: "@@",
				  sym->version ? sym->version : "",
				  others ? ", " : "", others ? others : "");
			free(others);
			return true;
		}
	}
	return false;
}

/*
 * What to add to a line that says there is no such function: the binary that is meant
 * has lost most of its names.  The caller frees it.
 */
static char *stripped_hint(struct process *p, const struct spec *s)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct module *m = &p->modules[i];

		if (!m->lack && !m->image->has_symtab && m->image->n &&
		    (s->binary ? module_is(m, s->binary) : m->is_main))
			return must_print("; %s is stripped, so only what it "
					  "exports has a name",
					  m->name);
	}
	return must_dup("");
}

#define OVERLOADS_SHOWN 6

/* NAME(PARAMETERS): there is NAME, but with others?  Name them. */
static bool explain_overloads(struct process *p, const struct spec *s)
{
	const char *open = strrchr(s->func, '(');
	char *base, *list = must_dup("");
	size_t n = 0;

	if (!open) {
		free(list);
		return false;
	}
	base = must_print("%.*s", (int)(open - s->func), s->func);
	for (size_t i = 0; i < p->n; i++) {
		const struct module *m = &p->modules[i];

		for (size_t k = 0; !m->lack && k < m->image->n; k++) {
			const struct symbol *sym = &m->image->symbols[k];
			char *full, *more;

			if (!sym->first || sym->plain == sym->name ||
			    !module_is(m, s->binary) || !name_is(sym, base))
				continue;
			full = name_demangle(sym->name, true);
			if (++n <= OVERLOADS_SHOWN && full) {
				more = must_print("%s%s'%s'", list,
						  n > 1 ? ", " : "", full);
				free(list);
				list = more;
			}
			free(full);
		}
	}
	if (n)
		say_error("no function '%s'; of this name there %s %s%s",
			  s->text, n > 1 ? "are" : "is", list,
			  n > OVERLOADS_SHOWN ? " and others" : "");
	free(base);
	free(list);
	return n > 0;
}

/* Names like @s, as BINARY:NAME, …; NULL: there are none.  The caller frees it. */
static char *near_names(struct process *p, const struct spec *s)
{
	/* Names that are near have no parameters. */
	char *base = must_print("%.*s", (int)strcspn(s->func, "("), s->func);
	char *list = NULL, *more;
	struct near near;

	near_init(&near, base);
	for (size_t i = 0; i < p->n; i++) {
		struct module *m = &p->modules[i];
		bool meant = s->binary ? module_is(m, s->binary) : m->is_main;

		if (!m->lack)
			image_names(m->image);
		for (size_t k = 0; !m->lack && k < m->image->n; k++)
			near_offer(&near, m->image->symbols[k].plain,
				   m->is_main ? NULL : m->name, !meant);
	}
	for (size_t i = 0; i < near.n; i++) {
		const char *where = near.best[i].where;

		more = must_print("%s%s%s%s%s", list ? list : "",
				  list ? ", " : "", where ? where : "",
				  where ? ":" : "", near.best[i].name);
		free(list);
		list = more;
	}
	free(base);
	return list;
}

int resolve_failed(struct process *p, const struct spec *s)
{
	char *list = NULL, *hint;

	if (!s->glob &&
	    ((s->base && explain_version(p, s)) || explain_overloads(p, s)))
		return -1;
	if (!s->glob)
		list = near_names(p, s);
	hint = stripped_hint(p, s);
	if (list && !s->binary && !p->modules[0].image->n)
		say_error("no function '%s': %s has no symbols; near names: %s",
			  s->text, p->modules[0].name, list);
	else if (list)
		say_error("no function '%s'; near names: %s%s", s->text, list,
			  hint);
	else if (!explain_lack(p, s))
		say_error(s->glob ? "'%s' matches no function; 'trapline list' "
				    "shows what there is%s"
				  : "no function '%s'; 'trapline list' shows "
				    "what there is%s",
			  s->text, hint);
	free(hint);
	free(list);
	return -1;
}

/* ---- By name ------------------------------------------------------------------ */

enum match_how {
	MATCH_NAME,
	MATCH_WRITTEN,
	MATCH_OLD, /* only a version that is not the default has the name */
	MATCH_CLONE,
	MATCH_GLOB
};

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
		at.name = name_of(m, sym->name, s->offset);
		at.chosen =
			must_print("%s, which the indirect function chose",
				   real ? real->name : "code without a name");
		add_place(out, at);
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
	others = s->base ? NULL : other_versions(m, sym);
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
		add_symbol(out, m, sym, s->offset);
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

		if (o == m || is_hidden(o, s) ||
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
		if (!is_hidden(&p->modules[order[i]], s) &&
		    can_be_taken(p, &p->modules[order[i]], s, how))
			m = &p->modules[order[i]];
	free(order);
	for (size_t i = 0; m && i < p->n; i++) {
		struct module *o = &p->modules[i];

		if (o != m && !is_hidden(o, s) &&
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
		char *others = s->base ? NULL : other_versions(m, sym);

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

/* 1: taken; 0: there is none of that name; -1: refused, with a line. */
static int by_name(struct process *p, const struct spec *s, enum match_how how,
		   struct places *out)
{
	struct module *any = NULL, *exporter = NULL;
	size_t n = 0, n_exporters = 0, before = out->n;
	char *bound = NULL;

	for (size_t i = 0; i < p->n; i++) {
		struct module *m = &p->modules[i];
		bool exported;

		if (!module_is(m, s->binary) || is_hidden(m, s))
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

static int by_glob(struct process *p, const struct spec *s, struct places *out)
{
	size_t before = out->n;

	for (size_t i = 0; i < p->n; i++) {
		struct module *m = &p->modules[i];

		if (m->lack || !module_is(m, s->binary) || is_hidden(m, s))
			continue;
		image_names(m->image);
		if (take_from(p, m, s, MATCH_GLOB, out) != 0)
			return -1;
		tell_left_out(m, s);
	}
	return out->n > before ? 0 : resolve_failed(p, s);
}

/* ---- By address ---------------------------------------------------------------- */

static int add_address(struct module *m, uint64_t addr, struct places *out)
{
	struct place at = { .module = m, .addr = addr };
	const struct symbol *s = m->lack ? NULL
					 : image_find(m->image, addr - m->bias);
	uint64_t start, end;

	if (s) {
		add_symbol(out, m, s, addr - m->bias - s->addr);
		return 0;
	}
	if (!m->lack && frames_bounds(m->image, addr - m->bias, &start, &end)) {
		at.start = start + m->bias;
		at.end = end + m->bias;
	}
	at.name = must_print("%s%s0x%" PRIx64, m->is_main ? "" : m->name,
			     m->is_main ? "" : ":", addr);
	add_place(out, at);
	return 0;
}

static int by_address(struct process *p, const struct spec *s,
		      struct places *out)
{
	struct module *m;

	for (size_t i = 0; s->binary && i < p->n; i++) {
		m = &p->modules[i];
		if (!module_is(m, s->binary))
			continue;
		if (module_has(m, s->addr + m->bias))
			return add_address(m, s->addr + m->bias, out);
		say_error("'%s': %s has no code there", s->text, m->name);
		return -1;
	}
	m = process_module_at(p, s->addr);
	if (m)
		return add_address(m, s->addr, out);
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
	add_address(m, mark->addr + m->bias, out);
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
	add_address(m, addr + m->bias, out);
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

		if (m->lack || !module_is(m, s->binary) || is_hidden(m, s))
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
		add_address(m, c->addr + m->bias, out);
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

		if (!m->lack && module_is(m, s->binary) && !is_hidden(m, s) &&
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
		return no_binary(p, spec, entries);
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
		done = by_name(p, spec, MATCH_NAME, out);
		if (!done)
			done = by_name(p, spec, MATCH_WRITTEN, out);
		if (!done && !entries && by_marker(p, spec, out))
			return 0;
		if (!done && spec->glob)
			return by_glob(p, spec, out);
		if (!done)
			done = by_name(p, spec, MATCH_OLD, out);
		if (!done)
			done = by_name(p, spec, MATCH_CLONE, out);
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

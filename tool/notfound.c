/* SPDX-License-Identifier: MIT */
/*
 * notfound.c - what is said of names that are not there: what is near, and why
 */
#include <stdlib.h>
#include <string.h>

#include "markers.h"
#include "match.h"
#include "names.h"
#include "resolve_parts.h"
#include "text.h"

char *symbol_versions(const struct module *m, const struct symbol *sym)
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

int resolve_no_binary(struct process *p, const struct spec *s, bool entries)
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
			others = symbol_versions(m, sym);
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

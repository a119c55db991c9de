/* SPDX-License-Identifier: MIT */
/*
 * inlined.c - the copies of functions that were put into others
 *
 * Such a function has an abstract entry in its unit, and each copy an entry that
 * refers to it.  A copy begins where the compiler recommends a breakpoint: its
 * instructions may be mixed with those around.
 */
#define _GNU_SOURCE
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "inlined.h"
#include "names.h"
#include "text.h"

/* A file with more was made to keep us busy. */
#define COPIES_MAX    65536
#define FUNCTIONS_MAX 4096 /* of one name */

struct search {
	Dwarf_Off origin; /* whose copies are looked for */
	const struct debug *debug;
	const char *func;
	struct inlined *out;
	unsigned int functions;
};

/* Where @die begins.  False: it has no code. */
static bool begin_of(Dwarf_Die *die, Dwarf_Addr *out)
{
	Dwarf_Addr base, end;

	return dwarf_entrypc(die, out) == 0 ||
	       dwarf_ranges(die, 0, &base, out, &end) > 0;
}

static bool take_copy(Dwarf_Die *die, void *arg)
{
	struct search *s = arg;
	struct inlined *out = s->out;
	Dwarf_Attribute attr;
	Dwarf_Die origin;
	Dwarf_Addr addr;

	if (out->n == COPIES_MAX)
		return false;
	if (dwarf_tag(die) != DW_TAG_inlined_subroutine ||
	    !dwarf_attr(die, DW_AT_abstract_origin, &attr) ||
	    !dwarf_formref_die(&attr, &origin) ||
	    dwarf_dieoffset(&origin) != s->origin || !begin_of(die, &addr))
		return true;
	if (out->n == out->room) {
		out->room = out->room * 2 + 16;
		out->addr = must_grow(out->addr, out->room, sizeof(*out->addr));
	}
	out->addr[out->n++] = addr;
	return true;
}

/* The name of @die with the namespaces and classes around its declaration. */
static char *qualified(const struct search *s, Dwarf_Die *die, const char *name)
{
	Dwarf_Die declared = *die, *scopes = NULL;
	char *text = must_dup(name), *more;
	Dwarf_Attribute attr;
	int n;

	if (dwarf_attr(die, DW_AT_specification, &attr) &&
	    !dwarf_formref_die(&attr, &declared))
		declared = *die;
	n = debug_around(&declared, &scopes);
	for (int i = 1; i < n; i++) {
		int tag = dwarf_tag(&scopes[i]);
		const char *around = debug_name(s->debug, &scopes[i]);

		if (tag != DW_TAG_namespace && tag != DW_TAG_class_type &&
		    tag != DW_TAG_structure_type && tag != DW_TAG_union_type)
			continue;
		more = must_print("%s::%s",
				  around ? around : "(anonymous namespace)",
				  text);
		free(text);
		text = more;
	}
	free(scopes);
	return text;
}

static bool is_called(const struct search *s, Dwarf_Die *die)
{
	const char *name = debug_name(s->debug, die), *linkage;
	struct symbol as = { .name = name, .plain = name };
	char *plain = NULL;
	bool yes;

	/*
	 * What the rest costs is for those alone whose last word is right, but
	 * for template arguments: compilers write `long int` for `long`.
	 */
	if (!name ||
	    !memmem(s->func, strlen(s->func), name, strcspn(name, "<")))
		return false;
	linkage = debug_linkage_name(s->debug, die);
	if (linkage)
		plain = name_demangle(linkage, false);
	if (plain)
		as.name = linkage;
	else
		plain = qualified(s, die, name);
	if (strcmp(plain, name) != 0)
		as.plain = plain;
	yes = name_is(&as, s->func);
	free(plain);
	return yes;
}

static bool take_function(Dwarf_Die *die, void *arg)
{
	struct search *s = arg;
	Dwarf_Die unit;

	if (dwarf_tag(die) != DW_TAG_subprogram ||
	    dwarf_func_inline(die) <= 0 || !is_called(s, die) ||
	    s->functions++ >= FUNCTIONS_MAX ||
	    !dwarf_diecu(die, &unit, NULL, NULL))
		return true;
	s->origin = dwarf_dieoffset(die);
	debug_walk(&unit, take_copy, s);
	return true;
}

static bool look_at_unit(Dwarf_Die *unit, void *arg)
{
	debug_walk(unit, take_function, arg);
	return true;
}

size_t inlined_find(const struct debug *d, const char *func,
		    struct inlined *out)
{
	struct search s = { .debug = d, .func = func, .out = out };

	debug_units(d, look_at_unit, &s);
	return out->n;
}

void inlined_free(struct inlined *i)
{
	free(i->addr);
	*i = (struct inlined){ 0 };
}

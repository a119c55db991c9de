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

static int take_copy(Dwarf_Die *die, void *arg)
{
	struct search *s = arg;
	struct inlined *out = s->out;
	Dwarf_Addr addr;

	if (!begin_of(die, &addr))
		return DWARF_CB_OK;
	if (out->n == COPIES_MAX)
		return DWARF_CB_ABORT;
	if (out->n == out->room) {
		out->room = out->room * 2 + 16;
		out->addr = must_grow(out->addr, out->room, sizeof(*out->addr));
	}
	out->addr[out->n++] = addr;
	return DWARF_CB_OK;
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
	n = dwarf_getscopes_die(&declared, &scopes);
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
	const char *name = debug_name(s->debug, die), *linkage = NULL;
	struct symbol as = { .name = name, .plain = name };
	Dwarf_Attribute attr;
	char *plain = NULL;
	bool yes;

	/*
	 * What the rest costs is for those alone whose last word is right, but
	 * for template arguments: compilers write `long int` for `long`.
	 */
	if (!name ||
	    !memmem(s->func, strlen(s->func), name, strcspn(name, "<")))
		return false;
	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attr))
		linkage = dwarf_formstring(&attr);
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

static int take_function(Dwarf_Die *die, void *arg)
{
	struct search *s = arg;

	if (dwarf_func_inline(die) <= 0 || !is_called(s, die) ||
	    s->functions++ == FUNCTIONS_MAX)
		return DWARF_CB_OK;
	dwarf_func_inline_instances(die, take_copy, s);
	return DWARF_CB_OK;
}

static bool look_at_unit(Dwarf_Die *unit, void *arg)
{
	dwarf_getfuncs(unit, take_function, arg, 0);
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

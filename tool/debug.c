/* SPDX-License-Identifier: MIT */
/*
 * debug.c - the debug information of an object file
 *
 * Types that lead in circles end at DEPTH, and what has no sense becomes `?`.
 */
#include <dwarf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"
#include "text.h"

#define DEPTH	   12
#define HELD_MAX   64
#define PARAMS_MAX 64
#define BUDGET	   400

/*
 * The memory that strings of debug information may lie in.  libdw before 0.189
 * trusts that a string ends before its section does, so that is checked here.
 */
struct bytes {
	const char *start;
	size_t size;
};

struct debug {
	Dwarf *dwarf;
	struct bytes held[HELD_MAX];
	size_t n_held;
};

/*
 * A declaration that is being put together.  How many types it may still name:
 * types of functions that take themselves in every parameter would else take
 * for ever.
 */
struct speech {
	const struct debug *debug;
	unsigned int budget;
};

/* ---- Opening ---------------------------------------------------------------- */

static const char *section_name(Elf *elf, Elf_Scn *scn, GElf_Shdr *sh)
{
	size_t names;

	if (!gelf_getshdr(scn, sh) || sh->sh_type == SHT_NOBITS ||
	    elf_getshdrstrndx(elf, &names) != 0)
		return NULL;
	return elf_strptr(elf, names, sh->sh_name);
}

/* False: a table of strings does not end one, and libdw would read on. */
static bool hold_sections(struct debug *d, Elf *elf)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn)) && d->n_held < HELD_MAX) {
		Elf_Data *data = NULL;
		const char *name;
		GElf_Shdr sh;

		name = section_name(elf, scn, &sh);
		if (name && strstr(name, "debug_"))
			data = elf_rawdata(scn, NULL);
		if (!data || !data->d_buf || !data->d_size)
			continue;
		if (strstr(name, "str") && !strstr(name, "offsets") &&
		    ((const char *)data->d_buf)[data->d_size - 1])
			return false;
		d->held[d->n_held++] =
			(struct bytes){ data->d_buf, data->d_size };
	}
	return true;
}

static Dwarf *dwarf_of(void *elf)
{
	Dwarf_Off next;
	size_t head;
	Dwarf *dwarf;

	if (!elf || !image_is_affordable(elf, 0))
		return NULL;
	dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (dwarf &&
	    dwarf_nextcu(dwarf, 0, &next, &head, NULL, NULL, NULL) != 0) {
		dwarf_end(dwarf);
		return NULL;
	}
	return dwarf;
}

struct debug *debug_open(struct image *img)
{
	struct debug *d = must_alloc(1, sizeof(*d));
	Dwarf *alt;

	d->dwarf = dwarf_of(img->elf);
	if (!d->dwarf)
		d->dwarf = dwarf_of(img->debug_elf);
	alt = d->dwarf ? dwarf_getalt(d->dwarf) : NULL;
	if (d->dwarf && hold_sections(d, dwarf_getelf(d->dwarf)) &&
	    (!alt || hold_sections(d, dwarf_getelf(alt))))
		return d;
	debug_close(d);
	return NULL;
}

void debug_close(struct debug *d)
{
	if (d && d->dwarf)
		dwarf_end(d->dwarf);
	free(d);
}

Dwarf *debug_dwarf(const struct debug *d)
{
	return d->dwarf;
}

void debug_units(const struct debug *d, bool (*each)(Dwarf_Die *, void *),
		 void *arg)
{
	Dwarf_Off at = 0, next;
	Dwarf_Die unit;
	size_t head;

	while (dwarf_nextcu(d->dwarf, at, &next, &head, NULL, NULL, NULL) ==
	       0) {
		if (dwarf_offdie(d->dwarf, at + head, &unit) &&
		    !each(&unit, arg))
			return;
		if (next <= at)
			return;
		at = next;
	}
}

struct unit_search {
	uint64_t addr;
	Dwarf_Die *out;
	bool found;
};

static bool has_address(Dwarf_Die *unit, void *arg)
{
	struct unit_search *s = arg;

	if (dwarf_haspc(unit, s->addr) != 1)
		return true;
	*s->out = *unit;
	s->found = true;
	return false;
}

bool debug_unit_at(const struct debug *d, uint64_t addr, Dwarf_Die *out)
{
	struct unit_search s = { .addr = addr, .out = out };

	/* The index of addresses has not all units in it: clang writes none. */
	if (dwarf_addrdie(d->dwarf, addr, out))
		return true;
	debug_units(d, has_address, &s);
	return s.found;
}

/* Scopes in scopes; types and names of them in each other. */
#define DEEPEST_SCOPE 256

static bool innermost(Dwarf_Die *around, uint64_t addr, unsigned int depth,
		      Dwarf_Die *out)
{
	Dwarf_Die child;
	int err;

	if (depth == DEEPEST_SCOPE)
		return false;
	for (err = dwarf_child(around, &child); err == 0;
	     err = dwarf_siblingof(&child, &child)) {
		switch (dwarf_tag(&child)) {
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
			if (innermost(&child, addr, depth + 1, out))
				return true;
			break;
		case DW_TAG_subprogram:
		case DW_TAG_inlined_subroutine:
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
		case DW_TAG_with_stmt:
			if (dwarf_haspc(&child, addr) != 1)
				break;
			*out = child;
			innermost(&child, addr, depth + 1, out);
			return true;
		}
	}
	return false;
}

/* The child of @around that begins at @at, or that has what does. */
static bool child_towards(Dwarf_Die *around, Dwarf_Off at, Dwarf_Die *out)
{
	bool any = false;
	Dwarf_Die child;
	int err;

	for (err = dwarf_child(around, &child);
	     err == 0 && dwarf_dieoffset(&child) <= at;
	     err = dwarf_siblingof(&child, &child)) {
		*out = child;
		any = true;
	}
	return any;
}

int debug_around(Dwarf_Die *die, Dwarf_Die **out)
{
	Dwarf_Off at = dwarf_dieoffset(die);
	Dwarf_Die path[DEEPEST_SCOPE];
	int n = 0;

	*out = NULL;
	if (!dwarf_diecu(die, &path[0], NULL, NULL))
		return 0;
	while (dwarf_dieoffset(&path[n++]) != at)
		if (n == DEEPEST_SCOPE ||
		    !child_towards(&path[n - 1], at, &path[n]))
			return 0;
	*out = must_alloc((size_t)n, sizeof(**out));
	for (int i = 0; i < n; i++)
		(*out)[i] = path[n - 1 - i];
	return n;
}

int debug_scopes(Dwarf_Die *unit, uint64_t addr, Dwarf_Die **out)
{
	Dwarf_Die inner;

	*out = NULL;
	return innermost(unit, addr, 0, &inner) ? debug_around(&inner, out) : 0;
}

static bool walk(Dwarf_Die *around, bool (*each)(Dwarf_Die *, void *),
		 void *arg, unsigned int depth)
{
	Dwarf_Die child;
	int err;

	if (depth == DEEPEST_SCOPE)
		return false;
	for (err = dwarf_child(around, &child); err == 0;
	     err = dwarf_siblingof(&child, &child)) {
		switch (dwarf_tag(&child)) {
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_subprogram:
		case DW_TAG_inlined_subroutine:
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
		case DW_TAG_with_stmt:
			if (each(&child, arg) &&
			    !walk(&child, each, arg, depth + 1))
				return false;
			break;
		}
	}
	return true;
}

bool debug_walk(Dwarf_Die *unit, bool (*each)(Dwarf_Die *, void *), void *arg)
{
	return walk(unit, each, arg, 0);
}

/* @name, if it ends before its section does. */
static const char *trusted(const struct debug *d, const char *name)
{
	for (size_t i = 0; name && i < d->n_held; i++) {
		const struct bytes *b = &d->held[i];
		size_t at = (size_t)(name - b->start);

		if (name >= b->start && at < b->size)
			return memchr(name, 0, b->size - at) ? name : NULL;
	}
	return NULL;
}

const char *debug_name(const struct debug *d, Dwarf_Die *die)
{
	return trusted(d, dwarf_diename(die));
}

const char *debug_linkage_name(const struct debug *d, Dwarf_Die *die)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, DW_AT_linkage_name, &attr)
		       ? trusted(d, dwarf_formstring(&attr))
		       : NULL;
}

static bool ends_in_star(const char *text)
{
	size_t len = strlen(text);

	return len && text[len - 1] == '*';
}

/* ---- Types that end ---------------------------------------------------------- */

/*
 * libdw follows a type that is another name for itself for ever.  Does what it
 * would follow from @die come to an end within @left types?
 */
static bool ends(Dwarf_Die *die, unsigned int *left)
{
	int tag = dwarf_tag(die), err = 1;
	Dwarf_Attribute attr;
	Dwarf_Die next;

	switch (tag) {
	case DW_TAG_array_type:
		err = dwarf_child(die, &next);
		break;
	case DW_TAG_typedef:
	case DW_TAG_const_type:
	case DW_TAG_volatile_type:
	case DW_TAG_restrict_type:
	case DW_TAG_atomic_type:
	case DW_TAG_immutable_type:
	case DW_TAG_packed_type:
	case DW_TAG_shared_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_subrange_type:
		break;
	default:
		return true;
	}
	if (!*left)
		return false;
	--*left;
	for (; err == 0; err = dwarf_siblingof(&next, &next))
		if (!ends(&next, left))
			return false;
	return !dwarf_attr_integrate(die, DW_AT_type, &attr) ||
	       !dwarf_formref_die(&attr, &next) || ends(&next, left);
}

bool debug_peel(Dwarf_Die *die, Dwarf_Die *out)
{
	unsigned int left = BUDGET;

	return ends(die, &left) && dwarf_peel_type(die, out) == 0;
}

bool debug_size(Dwarf_Die *die, Dwarf_Word *bytes)
{
	unsigned int left = BUDGET;

	return ends(die, &left) && dwarf_aggregate_size(die, bytes) == 0;
}

/* ---- Types ------------------------------------------------------------------ */

static char *type_text(struct speech *s, Dwarf_Die *die, unsigned int depth);

/* The text of the type that @die refers to; without one it is void. */
static char *type_of(struct speech *s, Dwarf_Die *die, unsigned int depth)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attr))
		return must_dup("void");
	if (!dwarf_formref_die(&attr, &type))
		return must_dup("?");
	return type_text(s, &type, depth + 1);
}

static char *named(struct speech *s, const char *what, Dwarf_Die *die)
{
	const char *name = debug_name(s->debug, die);

	return must_print("%s%s", what, name && *name ? name : "{...}");
}

/* One parameter with its name if wanted; NULL: @die is none. */
static char *param_text(struct speech *s, Dwarf_Die *die, bool names,
			unsigned int depth)
{
	const char *name = names ? debug_name(s->debug, die) : NULL;
	char *type, *text, *at;

	if (dwarf_tag(die) == DW_TAG_unspecified_parameters)
		return must_dup("...");
	if (dwarf_tag(die) != DW_TAG_formal_parameter)
		return NULL;
	type = type_of(s, die, depth);
	if (!name)
		return type;
	at = strstr(type, "(*)");
	if (at)
		text = must_print("%.*s(*%s%s", (int)(at - type), type, name,
				  at + 2);
	else
		text = must_print("%s%s%s", type, ends_in_star(type) ? "" : " ",
				  name);
	free(type);
	return text;
}

/* The parameters of a function or a type of functions, in parentheses. */
static char *params_of(struct speech *s, Dwarf_Die *fn, bool names,
		       unsigned int depth)
{
	char *text = must_dup(""), *more, *param;
	unsigned int n = 0;
	Dwarf_Die child;
	int err;

	for (err = dwarf_child(fn, &child); err == 0 && n < PARAMS_MAX;
	     err = dwarf_siblingof(&child, &child)) {
		param = param_text(s, &child, names, depth);
		if (!param)
			continue;
		more = must_print("%s%s%s", text, n++ ? ", " : "", param);
		free(param);
		free(text);
		text = more;
	}
	more = must_print("(%s)", n ? text : "void");
	free(text);
	return more;
}

/* A pointer or reference: `char *`, `int (*)(void)`, `T &`. */
static char *pointer_text(struct speech *s, Dwarf_Die *die, const char *mark,
			  unsigned int depth)
{
	Dwarf_Attribute attr;
	Dwarf_Die to;
	char *inner, *text, *params;

	if (dwarf_attr_integrate(die, DW_AT_type, &attr) &&
	    dwarf_formref_die(&attr, &to) &&
	    dwarf_tag(&to) == DW_TAG_subroutine_type && depth < DEPTH) {
		inner = type_of(s, &to, depth + 1);
		params = params_of(s, &to, false, depth + 1);
		text = must_print("%s%s(%s)%s", inner,
				  ends_in_star(inner) ? "" : " ", mark, params);
		free(params);
	} else {
		inner = type_of(s, die, depth);
		text = must_print("%s%s%s", inner,
				  ends_in_star(inner) ? "" : " ", mark);
	}
	free(inner);
	return text;
}

/* `const char`, but `char *const`. */
static char *qualified(struct speech *s, Dwarf_Die *die, const char *word,
		       unsigned int depth)
{
	char *inner = type_of(s, die, depth);
	bool pointer = ends_in_star(inner);
	char *text = pointer ? must_print("%s%s", inner, word)
			     : must_print("%s %s", word, inner);

	free(inner);
	return text;
}

static char *type_text(struct speech *s, Dwarf_Die *die, unsigned int depth)
{
	char *inner, *text;

	if (depth > DEPTH || !s->budget)
		return must_dup("?");
	s->budget--;
	switch (dwarf_tag(die)) {
	case DW_TAG_pointer_type:
		return pointer_text(s, die, "*", depth);
	case DW_TAG_reference_type:
		return pointer_text(s, die, "&", depth);
	case DW_TAG_rvalue_reference_type:
		return pointer_text(s, die, "&&", depth);
	case DW_TAG_const_type:
		return qualified(s, die, "const", depth);
	case DW_TAG_volatile_type:
		return qualified(s, die, "volatile", depth);
	case DW_TAG_restrict_type:
		return qualified(s, die, "restrict", depth);
	case DW_TAG_atomic_type:
		return qualified(s, die, "_Atomic", depth);
	case DW_TAG_structure_type:
		return named(s, "struct ", die);
	case DW_TAG_union_type:
		return named(s, "union ", die);
	case DW_TAG_enumeration_type:
		return named(s, "enum ", die);
	case DW_TAG_array_type:
		inner = type_of(s, die, depth);
		text = must_print("%s[]", inner);
		free(inner);
		return text;
	case DW_TAG_subroutine_type:
		return must_dup("void ()");
	}
	inner = named(s, "", die);
	if (inner[0] != '{')
		return inner;
	free(inner);
	return must_dup("?");
}

char *debug_type(const struct debug *d, Dwarf_Die *die)
{
	return type_of(&(struct speech){ d, BUDGET }, die, 0);
}

/* Does @fn return a pointer to a function? */
static bool returns_function(Dwarf_Die *fn)
{
	Dwarf_Attribute attr;
	Dwarf_Die type, to;

	return dwarf_attr_integrate(fn, DW_AT_type, &attr) &&
	       dwarf_formref_die(&attr, &type) &&
	       dwarf_tag(&type) == DW_TAG_pointer_type &&
	       dwarf_attr_integrate(&type, DW_AT_type, &attr) &&
	       dwarf_formref_die(&attr, &to) &&
	       dwarf_tag(&to) == DW_TAG_subroutine_type;
}

char *debug_declaration(const struct debug *d, Dwarf_Die *die, const char *name)
{
	struct speech s = { d, BUDGET };
	char *type = type_of(&s, die, 0);
	char *params = params_of(&s, die, true, 0);
	char *at = returns_function(die) ? strstr(type, "(*)") : NULL;
	char *text;

	if (at) /* what is returned is around the name and its parameters */
		text = must_print("%.*s(*%s%s%s", (int)(at - type), type, name,
				  params, at + 2);
	else
		text = must_print("%s%s%s%s", type,
				  ends_in_star(type) ? "" : " ", name, params);

	free(type);
	free(params);
	return text;
}

/* SPDX-License-Identifier: MIT */
/*
 * prototype.c - how functions are declared, from debug information
 *
 * The debug information is only as trustworthy as its file, so types that lead
 * in circles end at DEPTH, and what has no sense becomes `?`.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "prototype.h"
#include "text.h"

#define DEPTH	   12
#define HELD_MAX   64
#define PARAMS_MAX 64
#define BUDGET	   400

struct known {
	uint64_t addr;
	Dwarf_Off die;
};

struct prototypes {
	Dwarf *dwarf;
	struct known *known; /* by address */
	size_t n, room;
};

/*
 * How many types one declaration may still name: types of functions that take
 * themselves in every parameter would else take for ever.
 */
static unsigned int budget;

static bool ends_in_star(const char *text)
{
	size_t len = strlen(text);

	return len && text[len - 1] == '*';
}

/*
 * The memory that strings of debug information may lie in.  libdw before 0.189
 * trusts that a string ends before its section does, so that is checked here.
 */
static struct bytes {
	const char *start;
	size_t size;
} held[HELD_MAX];
static size_t n_held;

static void hold_sections(Elf *elf)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn)) && n_held < HELD_MAX) {
		Elf_Data *data = NULL;
		const char *name;
		GElf_Shdr sh;
		size_t names;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS ||
		    elf_getshdrstrndx(elf, &names) != 0)
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		if (name && strstr(name, "debug_"))
			data = elf_rawdata(scn, NULL);
		if (data && data->d_buf)
			held[n_held++] =
				(struct bytes){ data->d_buf, data->d_size };
	}
}

static const char *name_of(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	for (size_t i = 0; name && i < n_held; i++) {
		size_t at = (size_t)(name - held[i].start);

		if (name >= held[i].start && at < held[i].size)
			return memchr(name, 0, held[i].size - at) ? name : NULL;
	}
	return NULL;
}

/* ---- Types ------------------------------------------------------------------ */

static char *type_text(Dwarf_Die *die, unsigned int depth);

/* The text of the type that @die refers to; without one it is void. */
static char *type_of(Dwarf_Die *die, unsigned int depth)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attr))
		return must_dup("void");
	if (!dwarf_formref_die(&attr, &type))
		return must_dup("?");
	return type_text(&type, depth + 1);
}

static char *named(const char *what, Dwarf_Die *die)
{
	const char *name = name_of(die);

	return must_print("%s%s", what, name && *name ? name : "{...}");
}

/* One parameter with its name if wanted; NULL: @die is none. */
static char *param_text(Dwarf_Die *die, bool names, unsigned int depth)
{
	const char *name = names ? name_of(die) : NULL;
	char *type, *text, *at;

	if (dwarf_tag(die) == DW_TAG_unspecified_parameters)
		return must_dup("...");
	if (dwarf_tag(die) != DW_TAG_formal_parameter)
		return NULL;
	type = type_of(die, depth);
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
static char *params_of(Dwarf_Die *fn, bool names, unsigned int depth)
{
	char *text = must_dup(""), *more, *param;
	unsigned int n = 0;
	Dwarf_Die child;
	int err;

	for (err = dwarf_child(fn, &child); err == 0 && n < PARAMS_MAX;
	     err = dwarf_siblingof(&child, &child)) {
		param = param_text(&child, names, depth);
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
static char *pointer_text(Dwarf_Die *die, const char *mark, unsigned int depth)
{
	Dwarf_Attribute attr;
	Dwarf_Die to;
	char *inner, *text, *params;

	if (dwarf_attr_integrate(die, DW_AT_type, &attr) &&
	    dwarf_formref_die(&attr, &to) &&
	    dwarf_tag(&to) == DW_TAG_subroutine_type && depth < DEPTH) {
		inner = type_of(&to, depth + 1);
		params = params_of(&to, false, depth + 1);
		text = must_print("%s (%s)%s", inner, mark, params);
		free(params);
	} else {
		inner = type_of(die, depth);
		text = must_print("%s%s%s", inner,
				  ends_in_star(inner) ? "" : " ", mark);
	}
	free(inner);
	return text;
}

/* `const char`, but `char *const`. */
static char *qualified(Dwarf_Die *die, const char *word, unsigned int depth)
{
	char *inner = type_of(die, depth);
	bool pointer = ends_in_star(inner);
	char *text = pointer ? must_print("%s%s", inner, word)
			     : must_print("%s %s", word, inner);

	free(inner);
	return text;
}

static char *type_text(Dwarf_Die *die, unsigned int depth)
{
	char *inner, *text;

	if (depth > DEPTH || !budget)
		return must_dup("?");
	budget--;
	switch (dwarf_tag(die)) {
	case DW_TAG_pointer_type:
		return pointer_text(die, "*", depth);
	case DW_TAG_reference_type:
		return pointer_text(die, "&", depth);
	case DW_TAG_rvalue_reference_type:
		return pointer_text(die, "&&", depth);
	case DW_TAG_const_type:
		return qualified(die, "const", depth);
	case DW_TAG_volatile_type:
		return qualified(die, "volatile", depth);
	case DW_TAG_restrict_type:
		return qualified(die, "restrict", depth);
	case DW_TAG_atomic_type:
		return qualified(die, "_Atomic", depth);
	case DW_TAG_structure_type:
		return named("struct ", die);
	case DW_TAG_union_type:
		return named("union ", die);
	case DW_TAG_enumeration_type:
		return named("enum ", die);
	case DW_TAG_array_type:
		inner = type_of(die, depth);
		text = must_print("%s[]", inner);
		free(inner);
		return text;
	case DW_TAG_subroutine_type:
		return must_dup("void ()");
	}
	inner = named("", die);
	if (inner[0] != '{')
		return inner;
	free(inner);
	return must_dup("?");
}

/* ---- Functions ---------------------------------------------------------------- */

static int remember(Dwarf_Die *die, void *arg)
{
	struct prototypes *p = arg;
	Dwarf_Addr addr, base, end;

	/* A function in pieces begins with the first. */
	if (dwarf_entrypc(die, &addr) != 0 &&
	    dwarf_ranges(die, 0, &base, &addr, &end) <= 0)
		return DWARF_CB_OK;
	if (p->n == p->room) {
		p->room = p->room * 2 + 256;
		p->known = must_grow(p->known, p->room, sizeof(*p->known));
	}
	p->known[p->n++] = (struct known){ addr, dwarf_dieoffset(die) };
	return DWARF_CB_OK;
}

static int by_addr(const void *va, const void *vb)
{
	const struct known *a = va, *b = vb;

	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

struct prototypes *prototypes_open(struct image *img)
{
	struct prototypes *p = must_alloc(1, sizeof(*p));
	Dwarf_Off at = 0, next;
	size_t head;
	Dwarf_Die cu;

	if (image_is_affordable(img->elf, 0))
		p->dwarf = dwarf_begin_elf(img->elf, DWARF_C_READ, NULL);
	if ((!p->dwarf ||
	     dwarf_nextcu(p->dwarf, 0, &next, &head, NULL, NULL, NULL) != 0) &&
	    img->debug_elf && image_is_affordable(img->debug_elf, 0)) {
		if (p->dwarf)
			dwarf_end(p->dwarf);
		p->dwarf = dwarf_begin_elf(img->debug_elf, DWARF_C_READ, NULL);
	}
	while (p->dwarf && dwarf_nextcu(p->dwarf, at, &next, &head, NULL, NULL,
					NULL) == 0) {
		if (dwarf_offdie(p->dwarf, at + head, &cu))
			dwarf_getfuncs(&cu, remember, p, 0);
		if (next <= at)
			break;
		at = next;
	}
	if (!p->n) {
		prototypes_close(p);
		return NULL;
	}
	n_held = 0;
	hold_sections(dwarf_getelf(p->dwarf));
	if (dwarf_getalt(p->dwarf))
		hold_sections(dwarf_getelf(dwarf_getalt(p->dwarf)));
	qsort(p->known, p->n, sizeof(*p->known), by_addr);
	return p;
}

void prototypes_close(struct prototypes *p)
{
	if (!p)
		return;
	if (p->dwarf)
		dwarf_end(p->dwarf);
	free(p->known);
	free(p);
}

char *prototype_at(struct prototypes *p, uint64_t addr, const char *name)
{
	struct known key = { .addr = addr }, *k;
	char *type, *params, *text;
	Dwarf_Die fn;

	k = p ? bsearch(&key, p->known, p->n, sizeof(key), by_addr) : NULL;
	if (!k || !dwarf_offdie(p->dwarf, k->die, &fn))
		return NULL;
	budget = BUDGET;
	type = type_of(&fn, 0);
	params = params_of(&fn, true, 0);
	text = must_print("%s%s%s%s", type, ends_in_star(type) ? "" : " ", name,
			  params);
	free(type);
	free(params);
	return text;
}

/* SPDX-License-Identifier: MIT */
/*
 * prototype.c - how functions are declared, from debug information
 */
#include <dwarf.h>
#include <stdlib.h>

#include "debug.h"
#include "prototype.h"
#include "text.h"

struct known {
	uint64_t addr;
	Dwarf_Off die;
};

struct prototypes {
	struct debug *debug;
	struct known *known; /* by address */
	size_t n, room;
};

static bool remember(Dwarf_Die *die, void *arg)
{
	struct prototypes *p = arg;
	Dwarf_Addr addr, base, end;

	if (dwarf_tag(die) != DW_TAG_subprogram)
		return true;
	/* A function in pieces begins with the first. */
	if (dwarf_entrypc(die, &addr) != 0 &&
	    dwarf_ranges(die, 0, &base, &addr, &end) <= 0)
		return true;
	if (p->n == p->room) {
		p->room = p->room * 2 + 256;
		p->known = must_grow(p->known, p->room, sizeof(*p->known));
	}
	p->known[p->n++] = (struct known){ addr, dwarf_dieoffset(die) };
	return true;
}

static bool remember_unit(Dwarf_Die *unit, void *arg)
{
	/* An assembler knows no types. */
	if (dwarf_srclang(unit) == DW_LANG_Mips_Assembler)
		return true;
	debug_walk(unit, remember, arg);
	return true;
}

static int by_addr(const void *va, const void *vb)
{
	const struct known *a = va, *b = vb;

	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

struct prototypes *prototypes_open(struct image *img)
{
	struct prototypes *p = must_alloc(1, sizeof(*p));

	p->debug = debug_open(img);
	if (p->debug)
		debug_units(p->debug, remember_unit, p);
	if (!p->n) {
		prototypes_close(p);
		return NULL;
	}
	qsort(p->known, p->n, sizeof(*p->known), by_addr);
	return p;
}

void prototypes_close(struct prototypes *p)
{
	if (!p)
		return;
	debug_close(p->debug);
	free(p->known);
	free(p);
}

char *prototype_at(struct prototypes *p, uint64_t addr, const char *name)
{
	struct known key = { .addr = addr }, *k;
	Dwarf_Die fn;

	k = p ? bsearch(&key, p->known, p->n, sizeof(key), by_addr) : NULL;
	if (!k || !dwarf_offdie(debug_dwarf(p->debug), k->die, &fn))
		return NULL;
	return debug_declaration(p->debug, &fn, name);
}

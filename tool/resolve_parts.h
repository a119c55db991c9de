/* SPDX-License-Identifier: MIT */
/*
 * resolve_parts.h - what the parts of resolve.h share
 */
#ifndef TL_RESOLVE_PARTS_H
#define TL_RESOLVE_PARTS_H

#include "resolve.h"

/* ---- places.c ---- */

/* The vDSO, the kernel's code, is meant only if it is named. */
bool module_is_hidden(const struct module *m, const struct spec *s);

/* Is it the cold part of a function? */
bool symbol_is_cold(const char *name);

/* [BINARY:]FUNC[+OFFSET]; the caller frees it. */
char *place_name(const struct module *m, const char *func, uint64_t offset);

/* Add @p, whose strings are the list's then. */
void places_add(struct places *out, struct place p);

/* Add what is @offset behind @s, if it is mapped. */
void places_add_symbol(struct places *out, struct module *m,
		       const struct symbol *s, uint64_t offset);

/* Add what is at @addr in the process, which is in @m. */
void places_add_address(struct module *m, uint64_t addr, struct places *out);

/* ---- resolve_names.c ---- */

enum match_how {
	MATCH_NAME,
	MATCH_WRITTEN,
	MATCH_OLD, /* only a version that is not the default has the name */
	MATCH_CLONE,
	MATCH_GLOB
};

/* 1: taken; 0: there is none of that name; -1: refused, with a line. */
int resolve_by_name(struct process *p, const struct spec *s, enum match_how how,
		    struct places *out);

/* 0, or -1 after a line. */
int resolve_by_glob(struct process *p, const struct spec *s,
		    struct places *out);

/* ---- notfound.c ---- */

/* Other versions of @sym that @m has; the caller frees the list of them. */
char *symbol_versions(const struct module *m, const struct symbol *sym);

/* Say that nothing in the process can be called @s->binary.  Returns -1. */
int resolve_no_binary(struct process *p, const struct spec *s, bool entries);

#endif

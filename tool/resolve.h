/* SPDX-License-Identifier: MIT */
/*
 * resolve.h - from what a user wrote to addresses
 *
 * The rules, in the order in which they are tried:
 *
 *  - BINARY: is the name of a mapped file, its whole path, or the name without
 *    version (`libc` for libc.so.6); it may be a glob.
 *  - FUNC is first taken as it is, also if it holds `*`, `?` or `[`: as a name
 *    of the symbol table, then as people write it (names.h).  Without BINARY: the program itself has the first say; then the one library that
 *    has it; of several libraries the one that exports it; if several export the
 *    same symbol, the one that calls of the program are bound to (binding.h), which
 *    a line says.  If that leaves a choice, nothing is probed and the candidates are
 *    named.
 *  - Of several versions (memcpy@@GLIBC_2.14, memcpy@GLIBC_2.2.5) a name alone is the
 *    default one, if there is one; FUNC@VERSION is that version.
 *  - A name that does not exist stands for the copies that the compiler made of
 *    it: FUNC.isra.0, FUNC.constprop.0, FUNC.part.0, FUNC.lto_priv.0.
 *  - If there are none, for the copies that were inlined into other functions, as
 *    far as debug information knows them; FUNC%inlined takes these alone.
 *  - A glob takes every function of every binary (of BINARY) that matches, but
 *    no `.cold` parts, no labels and no indirect functions.
 *  - PROVIDER:NAME is a marker (markers.h), where no binary is called PROVIDER or
 *    it has no such function.  Either may be a glob.
 *  - An address is taken if there is code; its function gives the bounds.
 *  - A line is looked for in the program first, then in its libraries, as far as
 *    they have debug information; it may be several places (lines.h).
 *
 * An address that is found twice is probed once.
 */
#ifndef TL_RESOLVE_H
#define TL_RESOLVE_H

#include "process.h"
#include "spec.h"

struct place {
	struct module *module;
	uint64_t addr;	/* in the process */
	uint64_t start; /* of the function; 0 and 0: not known */
	uint64_t end;
	/* Bytes of Go's check of the stack, behind which a call begins; see object.h */
	unsigned int check;
	bool go;    /* … and its arguments are in registers, in Go's order */
	char *name; /* [BINARY:]FUNC[+OFFSET], as shown */
	const char *symbol; /* FUNC in the file's table; NULL: as shown */
	char *chosen;	    /* what it is, if not what was written; or NULL */
	const struct marker *marker; /* if it is one; else NULL */
	bool line;		     /* it was asked for by FILE:LINE */
	bool inlined;		     /* a copy begins there, no function */
	size_t owner;		     /* the caller's */
	size_t rank; /* of names of one address the least is shown */
};

struct places {
	struct place *place;
	size_t n, room;
};

/* Does a call of its function begin there? */
static inline bool place_is_entry(const struct place *p)
{
	return p->addr == p->start + p->check;
}

/* Where debug information has what is there, in the file. */
static inline uint64_t place_in_debug(const struct place *p)
{
	/* All is yet as it was in front of Go's check of the stack. */
	return p->addr - p->module->bias - (place_is_entry(p) ? p->check : 0);
}

/*
 * Add the places that @spec means.  @entries: only function entries will do.
 * 0, or -1 after a line that says what was not found and what is near.
 */
int resolve(struct process *p, const struct spec *spec, bool entries,
	    struct places *out);

/* Say that @spec, a function, is not there, and what is near.  Returns -1. */
int resolve_failed(struct process *p, const struct spec *spec);

/* Sort by address and drop what is there twice. */
void places_unique(struct places *out);

void places_free(struct places *out);

/* Does what a user wrote for BINARY (NULL: anything) mean @m? */
bool module_is(const struct module *m, const char *binary);

/* May a glob take it? */
bool symbol_is_probeable(const struct symbol *s);

#endif

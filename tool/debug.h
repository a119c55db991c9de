/* SPDX-License-Identifier: MIT */
/*
 * debug.h - the debug information of an object file
 *
 * It is only as trustworthy as its file: what is read from it by libdw is bounded,
 * and text is checked to end before its section does.
 */
#ifndef TL_DEBUG_H
#define TL_DEBUG_H

#include <elfutils/libdw.h>

#include "image.h"

struct debug;

/*
 * The debug information of @img, or of its separate debug file; NULL: it has none.
 * Lives no longer than @img.
 */
struct debug *debug_open(struct image *img);
void debug_close(struct debug *d);
Dwarf *debug_dwarf(const struct debug *d);

/*
 * Call @each with each compilation unit; it returns false to end that.
 */
void debug_units(const struct debug *d, bool (*each)(Dwarf_Die *, void *),
		 void *arg);

/* The unit whose code is at @addr of the file.  False: none. */
bool debug_unit_at(const struct debug *d, uint64_t addr, Dwarf_Die *out);

/*
 * The blocks, inlined copies and the function around @addr, innermost first, then what
 * is around that function in the text, the unit last.  How many; *@out is to be
 * freed.  libdw's own dwarf_getscopes() sees no function whose definition lies in a
 * namespace, where clang and rustc put it.
 */
int debug_scopes(Dwarf_Die *unit, uint64_t addr, Dwarf_Die **out);

/*
 * @die and what is around it, the unit last, as dwarf_getscopes_die(): but that, and
 * all of libdw's visitors, run out of stack in a file that has a million blocks in each
 * other.  How many, 0 if they are too many; *@out is to be freed.
 */
int debug_around(Dwarf_Die *die, Dwarf_Die **out);

/*
 * Call @each with what in @unit has code or may hold such, functions, blocks, inlined
 * copies, namespaces, types; it says whether to go on with what is in it.  False: it
 * is nested too deep.
 */
bool debug_walk(Dwarf_Die *unit, bool (*each)(Dwarf_Die *, void *), void *arg);

/* The name of @die, or NULL: it has none, or none that can be trusted. */
const char *debug_name(const struct debug *d, Dwarf_Die *die);

/* The same for the one that linkers see. */
const char *debug_linkage_name(const struct debug *d, Dwarf_Die *die);

/*
 * As dwarf_peel_type() and dwarf_aggregate_size(), but false for types that lead
 * to themselves.
 */
bool debug_peel(Dwarf_Die *die, Dwarf_Die *out);
bool debug_size(Dwarf_Die *die, Dwarf_Word *bytes);

/*
 * The type that @die refers to as C has it, as in `const char *`; of a thing
 * without a type `void`.  The caller frees it.
 */
char *debug_type(const struct debug *d, Dwarf_Die *die);

/*
 * The declaration of the function @die under @name, as in
 * `int open(const char *path, int flags, ...)`.  The caller frees it.
 */
char *debug_declaration(const struct debug *d, Dwarf_Die *die,
			const char *name);

#endif

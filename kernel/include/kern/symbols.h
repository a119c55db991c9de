/* SPDX-License-Identifier: MIT */
/*
 * symbols.h - the kernel's own symbol table
 *
 * The build links the kernel twice: the first result is listed by nm, sorted,
 * and compiled into the second (mksyms.awk).  Only text symbols are kept,
 * because text lies before everything the table could move.  Functions of
 * modules are found as long as these are there (kern/module.h).
 */
#ifndef KERN_SYMBOLS_H
#define KERN_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct symbol {
	uintptr_t addr;
	size_t size;
	const char *name;
};

/* The symbol called @name, or NULL.  Context: any. */
const struct symbol *symbol_by_name(const char *name);

/*
 * The symbol whose code contains @addr, or NULL.  Of two names for one
 * address, the first of the table.  Context: any.
 */
const struct symbol *symbol_by_addr(uintptr_t addr);

/* The table itself, sorted by address; made by the build. */
extern const struct symbol symbol_table[];
extern const size_t symbol_table_len;

#endif

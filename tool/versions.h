/* SPDX-License-Identifier: MIT */
/*
 * versions.h - the versions of an object's dynamic symbols
 */
#ifndef TL_VERSIONS_H
#define TL_VERSIONS_H

#include <stdbool.h>
#include <stddef.h>

struct versions;

/* Those of the Elf * @elf; NULL: it has none.  Live no longer than @elf. */
struct versions *versions_read(void *elf);
void versions_free(struct versions *v);

/*
 * The version of dynamic symbol @index, or NULL: it has none.  *@old: it is not the
 * one that is meant by who names none (NAME@VERSION, not NAME@@VERSION).
 */
const char *version_of(const struct versions *v, size_t index, bool *old);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * prototype.h - how functions are declared, from debug information
 */
#ifndef TL_PROTOTYPE_H
#define TL_PROTOTYPE_H

#include "image.h"

struct prototypes;

/*
 * Find the functions that the debug information of @img knows; NULL: it has
 * none.  Lives no longer than @img.
 */
struct prototypes *prototypes_open(struct image *img);
void prototypes_close(struct prototypes *p);

/*
 * The declaration of the function at @addr of the file under the name @name, as in
 * `int open(const char *path, int flags, ...)`, which the caller frees; NULL:
 * not known.
 */
char *prototype_at(struct prototypes *p, uint64_t addr, const char *name);

#endif

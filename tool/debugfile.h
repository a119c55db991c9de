/* SPDX-License-Identifier: MIT */
/*
 * debugfile.h - where a stripped file's symbols were put
 */
#ifndef TL_DEBUGFILE_H
#define TL_DEBUGFILE_H

#include <libelf.h>
#include <stdbool.h>

struct image_opener;

/*
 * Look for the debug file of @elf, whose path is @path: by its build-id under
 * /usr/lib/debug/.build-id, then by its .gnu_debuglink.  A file whose build-id
 * or checksum is another one is not taken.  On success *@fd, *@out and *@name
 * are the caller's to close and free.
 */
bool debugfile_find(Elf *elf, const char *path,
		    const struct image_opener *opener, int *fd, void **out,
		    char **name);

#endif

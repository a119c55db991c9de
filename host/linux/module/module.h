/* SPDX-License-Identifier: MIT */
/*
 * module.h - between the files of host/linux/module
 */
#ifndef TL_LINUX_MODULE_H
#define TL_LINUX_MODULE_H

#include "common/home.h"
#include "kmod.h"

#include <linux/module.h>
#include <linux/string.h>

#pragma GCC visibility push(hidden)

/* A module's sections lie in three parts, in this order, each in whole pages. */
enum tl_part { TL_PART_TEXT, TL_PART_READ, TL_PART_DATA, TL_NR_PARTS };

struct tl_module {
	struct tl_module *next;
	struct module *self; /* in its own data: the name, the holders */
	uintptr_t start;
	size_t size;
	size_t end_of[TL_NR_PARTS];
	struct tl_params params;
	int (*init)(void);
	void (*exit)(void);
	bool over; /* its end was reached, but it could not be unmapped */
};

/* ---- elf.c ------------------------------------------------------------------- */

/*
 * Map and relocate the module in the file at @path.  0, or a negative code after
 * a line in the log that says why; @m is then as before.  Context: task.
 */
int tl_module_load(struct tl_module *m, const char *path);
void tl_module_unmap(struct tl_module *m);

/* ---- <arch>/reloc.c ------------------------------------------------------------- */

/*
 * Store, at the place @at (in memory that may be written now) of the section
 * that runs at @place, what a relocation of @type wants: @value is the symbol's
 * address plus the addend.  0; -TL_ERANGE: out of reach; -TL_EINVAL: unknown.
 */
int tl_module_relocate(uint32_t type, void *at, size_t room, uintptr_t place,
		       uint64_t value);

/* Does a relocation want the word that holds the symbol's address? */
bool tl_module_by_word(uint32_t type);
/* May it lead to a stub that goes there? */
bool tl_module_by_stub(uint32_t type);

/* Write, to 16 bytes, a jump to where @word leads, some megabytes away at most. */
void tl_module_write_stub(uint8_t *stub, uintptr_t word);

#pragma GCC visibility pop

#endif

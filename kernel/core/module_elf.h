/* SPDX-License-Identifier: MIT */
/* module_elf.h - between module.c and module_elf.c */
#ifndef MODULE_ELF_H
#define MODULE_ELF_H

#include <kern/module.h>

/*
 * Lay out, resolve and relocate the object of @size bytes at @file: @m then has its
 * areas, its symbols, its init and exit, and what a home wants.  -ENOEXEC,
 * -ENOENT, -ENOMEM: and nothing is left.  Context: task.
 */
int module_map(struct module *m, const char *file, size_t size);

/* Give back what that took. */
void module_unmap(struct module *m);

#endif

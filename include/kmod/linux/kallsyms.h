/* SPDX-License-Identifier: MIT */
/*
 * kallsyms.h - names and addresses
 */
#ifndef KMOD_LINUX_KALLSYMS_H
#define KMOD_LINUX_KALLSYMS_H

#include <linux/types.h>

#define KSYM_NAME_LEN	512
#define KSYM_SYMBOL_LEN (KSYM_NAME_LEN + 128)

/*
 * The address of a function of the program, or of a variable that has a symbol; or 0.
 * Not in handlers.
 */
unsigned long kallsyms_lookup_name(const char *name);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * export.h - symbols for other modules: there are none
 */
#ifndef KMOD_LINUX_EXPORT_H
#define KMOD_LINUX_EXPORT_H

/*
 * A module finds what its home provides, not what other modules have: a name
 * that another one exports is an unknown symbol.
 */
#define EXPORT_SYMBOL(name)	_Static_assert(1, "")
#define EXPORT_SYMBOL_GPL(name) _Static_assert(1, "")

#endif

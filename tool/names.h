/* SPDX-License-Identifier: MIT */
/*
 * names.h - functions as people write them
 *
 * A symbol has up to three names: that of the symbol table (`_ZN3ns14leafEi`),
 * the plain one (`ns1::leaf`), and the full one, with parameters
 * (`ns1::leaf(int)`).  Of a copy that the compiler made, all have its suffix
 * (`ns1::leaf.constprop.0`).  Where nothing is mangled all three are one.
 */
#ifndef TL_NAMES_H
#define TL_NAMES_H

#include "image.h"

/*
 * @symbol without (or @full: with) parameters, as the caller frees it; NULL: it is
 * no mangled name, or none that is understood.  C++ (Itanium) and Rust, both of
 * its ways; a Rust function has no parameters in its name, and no hash here.
 */
char *name_demangle(const char *symbol, bool full);

/*
 * Give the symbols of @img their plain names, and the ones to show: overloads
 * that would look alike are shown with parameters.  Done once, when asked for.
 */
void image_names(struct image *img);
void image_names_free(struct image *img);

/* The name of the file's table if that is not what is shown, else NULL. */
const char *symbol_behind(const struct symbol *s);

/*
 * Is @func what people write for @s?  Blanks do not count where they separate
 * nothing.  After image_names().
 */
bool name_is(const struct symbol *s, const char *func);

/*
 * Does the glob match one of its names?  Parameters are looked at by a glob that
 * has a parenthesis, else `*` would find functions by what they take.  After
 * image_names().
 */
bool name_matches(const struct symbol *s, const char *glob);

#endif

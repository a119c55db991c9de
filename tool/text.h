/* SPDX-License-Identifier: MIT */
/*
 * text.h - words and numbers for people
 */
#ifndef TL_TEXT_H
#define TL_TEXT_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Report on standard error, as one line `trapline: …`, what is in the way.
 * Whatever came from a target or a file is made printable.
 */
void say_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same for what is worth knowing but stops nothing; silent after -q. */
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same for what only -v shows. */
void say_detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * What is going on, in a line that the next one overwrites; only on a terminal
 * and not after -q.  NULL wipes it, which everything that is said does, too.
 */
void say_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What everything that is said begins with; never NULL. */
extern const char *say_about;

/* What is in the way stops nothing just now: say_error() is say_note(). */
extern bool say_softly;

/* How much is said: -1 after -q, 1 after -v. */
extern int say_level;

/*
 * Copy @src so that a terminal shows it and does nothing else: control
 * characters, marks that turn the direction of writing and bytes that are not
 * UTF-8 become \xNN.  Always ends in NUL, never in the middle of a character.
 * Returns @dst.
 */
char *text_clean(char *dst, size_t size, const char *src);

/* text_clean() into memory that the caller frees; never NULL. */
char *text_clean_dup(const char *src);

/*
 * Leave @room (3 or more) characters of the UTF-8 text @s: of a longer one the
 * end is replaced by `...`.
 */
void text_cut(char *s, size_t room);

/* @ns with a unit: `850 ns`, `1.25 us`, `12.5 ms`, `3 s`.  Returns @dst. */
char *text_ns(char *dst, size_t size, double ns);

/*
 * A bar of @width columns at most for @value of @max: of block characters in
 * UTF-8, with eighths of a column, or of `#`.  Returns @dst.
 */
char *text_bar(char *dst, size_t size, uint64_t value, uint64_t max,
	       unsigned int width, bool blocks);

/* malloc() and friends that end the program when there is no memory. */
void *must_alloc(size_t n, size_t size);
void *must_grow(void *p, size_t n, size_t size);
char *must_dup(const char *s);
char *must_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

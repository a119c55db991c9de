/* SPDX-License-Identifier: MIT */
/*
 * names.c - functions as people write them
 *
 * Demangled by libiberty, which does it for binutils and gdb and bounds its own
 * recursion.  Its suffix of a copy, ` [clone .isra.0]`, is not used: the suffix is
 * cut off before and put back as it is, so that a copy of a C++ function is
 * written like one of a C function.
 */
#include <ctype.h>
#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "names.h"
#include "text.h"

/* Longer ones stay as they are: what they stand for can be enormous. */
#define MANGLED_MAX 4096
#define PLAIN_MAX   16384

/* `17h0123456789abcdefE`: how Rust's older names end. */
#define HASH_BYTES 20

/* Where the hash of a Rust name ends, or NULL: it has none. */
static const char *behind_hash(const char *symbol)
{
	for (const char *at = symbol; (at = strstr(at, "17h")); at++)
		if (strspn(at + 3, "0123456789abcdef") == 16 && at[19] == 'E' &&
		    (!at[HASH_BYTES] || at[HASH_BYTES] == '.'))
			return at + HASH_BYTES;
	return NULL;
}

static bool is_mangled(const char *symbol)
{
	return symbol[0] == '_' && (symbol[1] == 'Z' || symbol[1] == 'R');
}

/* Text of a sane length, or nothing. */
static char *sane(char *text)
{
	if (text && *text && strnlen(text, PLAIN_MAX) < PLAIN_MAX)
		return text;
	free(text);
	return NULL;
}

char *name_demangle(const char *symbol, bool full)
{
	const int options = DMGL_ANSI |
			    (full ? DMGL_PARAMS | DMGL_RET_DROP : 0);
	const char *suffix;
	char *base, *text, *out;

	if (!is_mangled(symbol) || strnlen(symbol, MANGLED_MAX) == MANGLED_MAX)
		return NULL;
	suffix = behind_hash(symbol);
	if (!suffix)
		suffix = strchr(symbol, '.');
	if (!suffix)
		suffix = symbol + strlen(symbol);
	base = must_print("%.*s", (int)(suffix - symbol), symbol);
	text = sane(rust_demangle(base, DMGL_NO_OPTS));
	if (!text && symbol[1] == 'Z')
		text = sane(cplus_demangle_v3(base, options));
	free(base);
	if (!text)
		return NULL;
	/* What the optimizer numbers a Rust function with says nothing. */
	if (strncmp(suffix, ".llvm.", 6) == 0)
		suffix = "";
	out = must_print("%s%s", text, suffix);
	free(text);
	return out;
}

static int by_plain(const void *va, const void *vb)
{
	const struct symbol *a = *(const struct symbol *const *)va;
	const struct symbol *b = *(const struct symbol *const *)vb;

	return strcmp(a->plain, b->plain);
}

/* Show those of one plain name, which are @n, with parameters. */
static void show_apart(struct symbol **same, size_t n)
{
	bool several = false;

	for (size_t i = 1; i < n; i++)
		several |= same[i]->addr != same[0]->addr;
	for (size_t i = 0; several && i < n; i++) {
		char *full = name_demangle(same[i]->name, true);

		if (full)
			same[i]->shown = full;
	}
}

/* Who calls it by its name alone gets another one. */
static void show_version(struct symbol *s)
{
	const char *shown = s->shown;

	if (!s->old)
		return;
	s->shown = must_print("%s@%s", shown, s->version);
	if (shown != s->plain)
		free((char *)shown);
}

void image_names(struct image *img)
{
	struct symbol **mangled;
	size_t n = 0, first = 0;

	if (img->named)
		return;
	img->named = true;
	mangled = must_alloc(img->n, sizeof(struct symbol *));
	for (size_t i = 0; i < img->n; i++) {
		struct symbol *s = &img->symbols[i];
		char *plain = name_demangle(s->name, false);

		if (!plain)
			continue;
		s->plain = s->shown = plain;
		mangled[n++] = s;
	}
	if (n)
		qsort(mangled, n, sizeof(struct symbol *), by_plain);
	for (size_t i = 1; i <= n; i++) {
		if (i < n &&
		    strcmp(mangled[i]->plain, mangled[first]->plain) == 0)
			continue;
		show_apart(mangled + first, i - first);
		first = i;
	}
	free(mangled);
	for (size_t i = 0; i < img->n; i++)
		show_version(&img->symbols[i]);
}

void image_names_free(struct image *img)
{
	for (size_t i = 0; img->named && i < img->n; i++) {
		struct symbol *s = &img->symbols[i];

		if (s->shown != s->plain)
			free((char *)s->shown);
		if (s->plain != s->name)
			free((char *)s->plain);
		s->plain = s->shown = s->name;
	}
	img->named = false;
}

const char *symbol_behind(const struct symbol *s)
{
	return strcmp(s->shown, s->name) ? s->name : NULL;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

/* Are @a and @b one text but for blanks that separate no words? */
static bool same_but_blanks(const char *a, const char *b)
{
	char last = 0;

	for (;;) {
		bool blank_a = *a == ' ', blank_b = *b == ' ';

		a += strspn(a, " ");
		b += strspn(b, " ");
		if (*a != *b)
			return false;
		if (!*a)
			return true;
		if (blank_a != blank_b && is_word(last) && is_word(*a))
			return false;
		last = *a;
		a++;
		b++;
	}
}

bool name_is(const struct symbol *s, const char *func)
{
	bool same;
	char *full;

	if (s->plain == s->name)
		return strcmp(s->name, func) == 0;
	if (strcmp(s->name, func) == 0 || same_but_blanks(s->plain, func))
		return true;
	if (!strchr(func, '(') ||
	    strncmp(s->plain, func, strcspn(s->plain, " <(.")) != 0)
		return false;
	full = name_demangle(s->name, true);
	same = full && same_but_blanks(full, func);
	free(full);
	return same;
}

bool name_matches(const struct symbol *s, const char *glob)
{
	bool yes;
	char *full;

	if (glob_match(glob, s->name))
		return true;
	if (s->plain == s->name)
		return false;
	if (glob_match(glob, s->plain))
		return true;
	if (!strchr(glob, '('))
		return false;
	full = name_demangle(s->name, true);
	yes = full && glob_match(glob, full);
	free(full);
	return yes;
}

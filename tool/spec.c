/* SPDX-License-Identifier: MIT */
/*
 * spec.c - what a user writes for a probe
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "spec.h"
#include "text.h"

bool parse_u64(const char *text, uint64_t *out)
{
	unsigned int base = 10;
	uint64_t value = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned int digit;

		if (isdigit((unsigned char)*text))
			digit = (unsigned int)(*text - '0');
		else if (base == 16 && isxdigit((unsigned char)*text))
			digit = (unsigned int)(tolower((unsigned char)*text) -
					       'a' + 10);
		else
			return false;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*out = value;
	return true;
}

/* The colon between BINARY and FUNC: the last one that is not part of a `::`. */
static const char *find_colon(const char *text)
{
	for (const char *c = text + strlen(text); c-- > text;)
		if (*c == ':' && c[1] != ':' && (c == text || c[-1] != ':'))
			return c;
	return NULL;
}

static bool all_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

static bool parse_func(struct spec *s, const char *at, char *why, size_t size)
{
	const char *plus = strrchr(at, '+');

	if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
		if (parse_u64(at, &s->addr))
			return true;
		snprintf(why, size, "'%s' is not an address", at);
		return false;
	}
	if (all_digits(at)) {
		snprintf(why, size,
			 "'%s': lines cannot be probed, only functions and "
			 "addresses (0x…)",
			 s->text);
		return false;
	}
	if (strchr(at, '%')) {
		snprintf(why, size,
			 "'%s': returns are followed by 'trapline time'",
			 s->text);
		return false;
	}
	if (plus) {
		if (!parse_u64(plus + 1, &s->offset)) {
			snprintf(why, size,
				 "'%s': behind the + belongs a number of "
				 "bytes",
				 s->text);
			return false;
		}
		s->has_offset = true;
	} else {
		plus = at + strlen(at);
	}
	if (plus == at) {
		snprintf(why, size, "'%s' names no function", s->text);
		return false;
	}
	s->func = must_print("%.*s", (int)(plus - at), at);
	s->glob = glob_is(s->func);
	return true;
}

bool spec_parse(struct spec *out, const char *text, char *why, size_t size)
{
	const char *colon = find_colon(text), *at = text;

	*out = (struct spec){ .text = text };
	if (!*text) {
		snprintf(why, size, "an empty probe");
		return false;
	}
	if (strpbrk(text, " \t\n")) {
		snprintf(why, size,
			 "'%s': arguments and conditions are not for this "
			 "command",
			 text);
		return false;
	}
	if (colon) {
		if (colon == text) {
			snprintf(why, size, "'%s' names no binary", text);
			return false;
		}
		out->binary = must_print("%.*s", (int)(colon - text), text);
		at = colon + 1;
	}
	if (parse_func(out, at, why, size))
		return true;
	spec_free(out);
	return false;
}

void spec_free(struct spec *s)
{
	free(s->binary);
	free(s->func);
	s->binary = s->func = NULL;
}

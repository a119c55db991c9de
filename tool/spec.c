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

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Does the word `operator` end at @at, in @text? */
static bool behind_operator(const char *text, const char *at)
{
	static const char word[] = "operator";
	size_t len = sizeof(word) - 1;

	return (size_t)(at - text) >= len && !memcmp(at - len, word, len) &&
	       ((size_t)(at - text) == len || !is_word(at[-(int)len - 1]));
}

/* How many bytes at @at are signs of the operator whose word ends there. */
static size_t operator_signs(const char *text, const char *at)
{
	/* The longer ones first. */
	static const char *const signs[] = {
		"<=>", "->*", "<<=", ">>=", "()", "[]", "->", "++", "--", "<<",
		">>",  "<=",  ">=",  "==",  "!=", "&&", "||", "+=", "-=", "*=",
		"/=",  "%=",  "^=",  "&=",  "|=", "<",	">",  "+",  "-",  "*",
		"/",   "%",   "^",   "&",   "|",  "=",	"!",  "~",  ",",
	};

	if (!behind_operator(text, at))
		return 0;
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (!strncmp(at, signs[i], strlen(signs[i])))
			return strlen(signs[i]);
	return 0;
}

/*
 * How far @at, which begins at depth @*depth of brackets, is one thing: a bracket,
 * which changes the depth, an operator, or one character.
 */
static size_t step(const char *text, const char *at, int *depth)
{
	size_t n = operator_signs(text, at);

	if (n)
		return n;
	if (*at == '(' || *at == '<' || *at == '[' || *at == '{')
		(*depth)++;
	else if (*at == ')' || *at == ']' || *at == '}' ||
		 (*at == '>' && (at == text || at[-1] != '-')))
		*depth -= *depth > 0;
	return 1;
}

/* Does a name go on at the blank @at? */
static bool goes_on(const char *text, const char *at)
{
	static const char *const more[] = { "const", "volatile", "&", "&&" };
	size_t len = strcspn(at + 1, " \t\n+%");

	if (behind_operator(text, at))
		return is_word(at[1]);
	for (size_t i = 0; at > text && i < sizeof(more) / sizeof(*more); i++)
		if (len == strlen(more[i]) && !strncmp(at + 1, more[i], len))
			return strchr(")te&", at[-1]) && strchr(text, '(');
	return false;
}

size_t spec_length(const char *text)
{
	const char *at;
	int depth = 0;

	for (at = text; *at; at += step(text, at, &depth))
		if (!depth && strchr(" \t\n", *at) &&
		    (*at != ' ' || !goes_on(text, at)))
			break;
	/* A bracket that nothing closes opens nothing. */
	return depth ? strcspn(text, " \t\n") : (size_t)(at - text);
}

/*
 * The colon between BINARY and FUNC: the last one that is not part of a `::`, nor
 * in brackets.
 */
static const char *find_colon(const char *text)
{
	const char *found = NULL;
	int depth = 0;

	for (const char *c = text; *c; c += step(text, c, &depth))
		if (!depth && *c == ':' && c[1] != ':' &&
		    (c == text || c[-1] != ':'))
			found = c;
	return found;
}

/* Is the sign at @at of a name, in brackets or an operator's? */
static bool is_of_name(const char *text, const char *at)
{
	const char *c = text;
	int depth = 0;

	while (c <= at) {
		size_t n = step(text, c, &depth);

		if (at < c + n)
			return n > 1 || depth > 0 || behind_operator(text, c);
		c += n;
	}
	return false;
}

/* The `+` in front of OFFSET, or NULL. */
static const char *find_plus(const char *at)
{
	const char *plus = strrchr(at, '+');
	uint64_t number;

	if (plus && !parse_u64(plus + 1, &number) && is_of_name(at, plus))
		return NULL;
	return plus;
}

/* The `%` of `%return`, or NULL. */
static const char *find_percent(const char *at)
{
	const char *c = strrchr(at, '%');

	return c && is_of_name(at, c) ? NULL : c;
}

static bool all_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

/* The FILE of FILE:LINE was taken for BINARY. */
static bool parse_line(struct spec *s, const char *digits, char *why,
		       size_t size)
{
	const char *colon = s->binary ? find_colon(s->binary) : NULL;
	uint64_t line;

	if (!s->binary || !parse_u64(digits, &line) || !line ||
	    line > INT32_MAX || (colon && (!colon[1] || colon == s->binary))) {
		snprintf(why, size,
			 "'%s' is no line; lines are FILE:LINE, as in "
			 "server.c:120",
			 s->text);
		return false;
	}
	s->line = (int)line;
	if (!colon) {
		s->file = s->binary;
		s->binary = NULL;
		return true;
	}
	s->file = must_dup(colon + 1);
	s->binary[colon - s->binary] = '\0';
	return true;
}

/* NAME@VERSION or NAME@@VERSION: which it is, the symbols have to say. */
static void find_version(struct spec *s)
{
	const char *at = strchr(s->func, '@');

	if (!at || at == s->func || !at[1 + (at[1] == '@')])
		return;
	s->base = must_print("%.*s", (int)(at - s->func), s->func);
	s->is_default = at[1] == '@';
	s->version = at + 1 + s->is_default;
}

static bool parse_func(struct spec *s, const char *at, char *why, size_t size)
{
	const char *plus = find_plus(at), *percent = find_percent(at);

	if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
		if (parse_u64(at, &s->addr))
			return true;
		snprintf(why, size, "'%s' is not an address", at);
		return false;
	}
	if (all_digits(at))
		return parse_line(s, at, why, size);
	if (percent && strcmp(percent, "%inlined") == 0) {
		s->inlined = true;
		plus = percent;
	} else if (percent) {
		snprintf(why, size,
			 strcmp(percent, "%return") == 0
				 ? "'%s': returns are followed by 'trapline "
				   "time'"
				 : "'%s': behind the %% belongs return or "
				   "inlined",
			 s->text);
		return false;
	}
	if (plus && !s->inlined) {
		if (!parse_u64(plus + 1, &s->offset)) {
			snprintf(why, size,
				 "'%s': behind the + belongs a number of "
				 "bytes",
				 s->text);
			return false;
		}
		s->has_offset = true;
	} else if (!plus) {
		plus = at + strlen(at);
	}
	if (plus == at) {
		snprintf(why, size, "'%s' names no function", s->text);
		return false;
	}
	s->func = must_print("%.*s", (int)(plus - at), at);
	s->glob = glob_is(s->func);
	find_version(s);
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
	if (text[spec_length(text)]) {
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
	free(s->file);
	free(s->base);
	s->binary = s->func = s->file = s->base = NULL;
}

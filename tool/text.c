/* SPDX-License-Identifier: MIT */
/*
 * text.c - words and numbers for people
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

int say_level;
const char *say_about = "";
bool say_softly;

static bool progress_shown;

void say_progress(const char *fmt, ...)
{
	char *raw, *clean;
	va_list ap;

	if (say_level < 0 || (!fmt && !progress_shown) ||
	    !isatty(STDERR_FILENO))
		return;
	progress_shown = fmt != NULL;
	if (!fmt) {
		fputs("\r\033[K", stderr);
		return;
	}
	va_start(ap, fmt);
	if (vasprintf(&raw, fmt, ap) < 0)
		raw = NULL;
	va_end(ap);
	if (!raw)
		return;
	clean = text_clean_dup(raw);
	fprintf(stderr, "\r%s\033[K", clean);
	free(clean);
	free(raw);
}

/* What @text is about, unless it says so itself. */
static const char *about(const char *text)
{
	size_t len = strlen(say_about);

	/* Without its colon. */
	return len > 2 && memmem(text, strlen(text), say_about, len - 2)
		       ? ""
		       : say_about;
}

static void say(const char *fmt, va_list ap)
{
	char *raw, *clean;

	say_progress(NULL);
	if (vasprintf(&raw, fmt, ap) < 0) {
		fputs("trapline: out of memory\n", stderr);
		return;
	}
	clean = text_clean_dup(raw);
	fprintf(stderr, "trapline: %s%s\n", about(clean), clean);
	free(clean);
	free(raw);
}

void say_error(const char *fmt, ...)
{
	va_list ap;

	if (say_softly && say_level < 0)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void say_note(const char *fmt, ...)
{
	va_list ap;

	if (say_level < 0)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void say_detail(const char *fmt, ...)
{
	va_list ap;

	if (say_level < 1)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

/*
 * The length of the UTF-8 character at @s, or 0 if it is none or not to be
 * shown.  A NUL in the middle ends the test, so nothing past it is read.
 */
static unsigned int char_length(const unsigned char *s)
{
	uint32_t c = s[0];
	unsigned int len = 1;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	if (c >= 0xc2 && c <= 0xdf) {
		len = 2;
		c &= 0x1f;
	} else if (c >= 0xe0 && c <= 0xef) {
		len = 3;
		c &= 0x0f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		len = 4;
		c &= 0x07;
	} else {
		return 0;
	}
	for (unsigned int i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if ((len == 3 && c < 0x800) || (len == 4 && c < 0x10000) ||
	    c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	/* C1 controls, line ends, and what turns the direction of writing. */
	if (c < 0xa0 || c == 0x2028 || c == 0x2029 || c == 0x200e ||
	    c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069) || c == 0xfeff)
		return 0;
	return len;
}

char *text_clean(char *dst, size_t size, const char *src)
{
	const unsigned char *s = (const unsigned char *)src;
	size_t at = 0;

	while (*s) {
		unsigned int len = char_length(s);

		if (at + (len ? len : 4) >= size)
			break;
		if (len) {
			memcpy(dst + at, s, len);
			at += len;
			s += len;
		} else {
			static const char digit[] = "0123456789abcdef";

			memcpy(dst + at, "\\x", 2);
			dst[at + 2] = digit[*s >> 4];
			dst[at + 3] = digit[*s & 15];
			at += 4;
			s++;
		}
	}
	dst[at] = '\0';
	return dst;
}

char *text_clean_dup(const char *src)
{
	size_t size = strlen(src) * 4 + 1;

	return text_clean(must_alloc(size, 1), size, src);
}

void text_cut(char *s, size_t room)
{
	size_t n = 0;
	char *last = s;

	for (char *at = s; *at; at++) {
		if (((unsigned char)*at & 0xc0) == 0x80)
			continue;
		if (n++ == room - 3)
			last = at;
	}
	if (n > room)
		memcpy(last, "...", 4);
}

char *text_ns(char *dst, size_t size, double ns)
{
	static const char *const unit[] = { "ns", "us", "ms", "s" };
	unsigned int u = 0;

	if (!(ns > 0))
		ns = 0;
	/* 999.9 would be rounded to 1000, which is the next unit's 1. */
	while (u < 3 && ns >= 999.5) {
		ns /= 1000;
		u++;
	}
	if (u == 0 || ns >= 99.95)
		snprintf(dst, size, "%.0f %s", ns, unit[u]);
	else if (ns >= 9.995)
		snprintf(dst, size, "%.1f %s", ns, unit[u]);
	else
		snprintf(dst, size, "%.2f %s", ns, unit[u]);
	return dst;
}

char *text_bar(char *dst, size_t size, uint64_t value, uint64_t max,
	       unsigned int width, bool blocks)
{
	/* Eighths of a column: U+2588 is full, U+258F an eighth. */
	uint64_t eighths =
		max ? (uint64_t)llround((double)value / (double)max * width * 8)
		    : 0;
	size_t at = 0;

	if (value && !eighths)
		eighths = 1;
	if (eighths > (uint64_t)width * 8)
		eighths = (uint64_t)width * 8;
	while (eighths && at + 4 <= size) {
		unsigned int part = eighths >= 8 ? 8 : (unsigned int)eighths;

		if (!blocks) {
			dst[at++] = '#';
			eighths -= part;
			continue;
		}
		dst[at] = (char)0xe2;
		dst[at + 1] = (char)0x96;
		dst[at + 2] = (char)(0x90 - part);
		at += 3;
		eighths -= part;
	}
	if (size)
		dst[at] = '\0';
	return dst;
}

static void out_of_memory(void)
{
	fputs("trapline: out of memory\n", stderr);
	exit(1);
}

void *must_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *must_grow(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n ? n : 1, size);
	if (!p)
		out_of_memory();
	return p;
}

char *must_dup(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		out_of_memory();
	return copy;
}

char *must_print(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		out_of_memory();
	va_end(ap);
	return s;
}

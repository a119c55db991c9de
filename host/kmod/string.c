/* SPDX-License-Identifier: MIT */
/*
 * string.c - strings, memory and numbers, as modules know them
 *
 * The compiler calls the first four by itself.
 */
#include "kmod.h"

#include <linux/kernel.h>
#include <linux/slab.h>

/* A word of any alignment. */
struct word {
	unsigned long v;
} __attribute__((packed, may_alias));

void *memcpy(void *to, const void *from, size_t n)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	for (; n >= sizeof(struct word); n -= sizeof(struct word)) {
		*(struct word *)d = *(const struct word *)s;
		d += sizeof(struct word);
		s += sizeof(struct word);
	}
	while (n--)
		*d++ = *s++;
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	if (d <= s || d >= s + n)
		return memcpy(to, from, n);
	while (n--)
		d[n] = s[n];
	return to;
}

void *memset(void *at, int c, size_t n)
{
	unsigned char *to = at;

	while (n--)
		*to++ = (unsigned char)c;
	return at;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *at, int c, size_t n)
{
	const unsigned char *p = at;

	for (; n; n--, p++)
		if (*p == (unsigned char)c)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		if (*a != *b)
			return (unsigned char)*a - (unsigned char)*b;
		if (!*a)
			break;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, ~0UL);
}

char *strcpy(char *to, const char *from)
{
	return memcpy(to, from, strlen(from) + 1);
}

char *strncpy(char *to, const char *from, size_t n)
{
	size_t len = strnlen(from, n);

	memcpy(to, from, len);
	memset(to + len, 0, n - len);
	return to;
}

char *strcat(char *to, const char *from)
{
	strcpy(to + strlen(to), from);
	return to;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)s;
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)last;
	}
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (; strncmp(s, what, n); s++)
		if (!*s)
			return NULL;
	return (char *)s;
}

ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t n;

	if (!size)
		return -E2BIG;
	n = strnlen(from, size);
	if (n < size) {
		memcpy(to, from, n + 1);
		return n;
	}
	memcpy(to, from, size - 1);
	to[size - 1] = 0;
	return -E2BIG;
}

size_t strlcpy(char *to, const char *from, size_t size)
{
	strscpy(to, from, size);
	return strlen(from);
}

void *kmemdup(const void *from, size_t n, gfp_t flags)
{
	void *to = kmalloc(n, flags);

	return to ? memcpy(to, from, n) : NULL;
}

char *kstrndup(const char *s, size_t max, gfp_t flags)
{
	size_t n;
	char *to;

	if (!s)
		return NULL;
	n = strnlen(s, max);
	to = kmalloc(n + 1, flags);
	if (to)
		strscpy(to, s, n + 1);
	return to;
}

char *kstrdup(const char *s, gfp_t flags)
{
	return kstrndup(s, ~0UL >> 1, flags);
}

/* ---- numbers ---------------------------------------------------------------- */

static unsigned int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

static const char *read_base(const char *s, unsigned int *base)
{
	bool hex = s[0] == '0' && (s[1] | 0x20) == 'x' && digit_of(s[2]) < 16;

	if (!*base)
		*base = hex ? 16 : s[0] == '0' ? 8 : 10;
	return hex && *base == 16 ? s + 2 : s;
}

int kstrtoull(const char *s, unsigned int base, unsigned long long *res)
{
	unsigned long long v = 0;
	unsigned int digit;

	s = read_base(*s == '+' ? s + 1 : s, &base);
	if (digit_of(*s) >= base)
		return -EINVAL;
	for (; (digit = digit_of(*s)) < base; s++)
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return -ERANGE;
	if (*s == '\n')
		s++;
	if (*s)
		return -EINVAL;
	*res = v;
	return 0;
}

int kstrtoll(const char *s, unsigned int base, long long *res)
{
	bool negative = *s == '-';
	unsigned long long v;
	int err;

	if (negative && s[1] == '+')
		return -EINVAL;
	err = kstrtoull(negative ? s + 1 : s, base, &v);
	if (err)
		return err;
	if (v > (unsigned long long)LONG_MAX + negative)
		return -ERANGE;
	*res = negative ? (long long)-v : (long long)v;
	return 0;
}

int kstrtoul(const char *s, unsigned int base, unsigned long *res)
{
	unsigned long long v;
	int err = kstrtoull(s, base, &v);

	if (!err)
		*res = v;
	return err;
}

int kstrtol(const char *s, unsigned int base, long *res)
{
	long long v;
	int err = kstrtoll(s, base, &v);

	if (!err)
		*res = v;
	return err;
}

int kstrtoint(const char *s, unsigned int base, int *res)
{
	long long v;
	int err = kstrtoll(s, base, &v);

	if (!err && v != (int)v)
		return -ERANGE;
	if (!err)
		*res = (int)v;
	return err;
}

int kstrtouint(const char *s, unsigned int base, unsigned int *res)
{
	unsigned long long v;
	int err = kstrtoull(s, base, &v);

	if (!err && v != (unsigned int)v)
		return -ERANGE;
	if (!err)
		*res = (unsigned int)v;
	return err;
}

int kstrtobool(const char *s, bool *res)
{
	bool on = s[0] && strchr("yYtT1", s[0]);
	bool off = s[0] && strchr("nNfF0", s[0]);

	if ((s[0] | 0x20) == 'o') {
		on = (s[1] | 0x20) == 'n';
		off = (s[1] | 0x20) == 'f';
	}
	if (!on && !off)
		return -EINVAL;
	*res = on;
	return 0;
}

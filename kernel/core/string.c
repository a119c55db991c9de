/* SPDX-License-Identifier: MIT */
/* string.c - the C string functions the kernel needs */

#include <kern/string.h>
#include <stdint.h>

void *memcpy(void *dst, const void *src, size_t len)
{
	return memmove(dst, src, len);
}

void *memmove(void *dst, const void *src, size_t len)
{
	volatile uint8_t *d = dst;
	const uint8_t *s = src;

	if ((uintptr_t)dst <= (uintptr_t)src) {
		for (size_t i = 0; i < len; i++)
			d[i] = s[i];
	} else {
		for (size_t i = len; i > 0; i--)
			d[i - 1] = s[i - 1];
	}
	return dst;
}

void *memset(void *dst, int c, size_t len)
{
	volatile uint8_t *d = dst;

	for (size_t i = 0; i < len; i++)
		d[i] = (uint8_t)c;
	return dst;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const uint8_t *x = a, *y = b;

	for (size_t i = 0; i < len; i++) {
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	}
	return 0;
}

size_t strlen(const char *s)
{
	const volatile char *end = s;

	while (*end)
		end++;
	return (size_t)(end - s);
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

size_t strcopy(char *dst, const char *src, size_t size)
{
	size_t n = 0;

	while (src[n] && n + 1 < size) {
		dst[n] = src[n];
		n++;
	}
	dst[n] = '\0';
	return n;
}

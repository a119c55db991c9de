/* SPDX-License-Identifier: MIT */
/*
 * string.h - the C string functions the kernel needs
 *
 * memcpy, memmove, memset and memcmp are here because the compiler may call
 * them by itself; the others because somebody uses them.
 */
#ifndef KERN_STRING_H
#define KERN_STRING_H

#include <stddef.h>

/* As in ISO C.  Context: any. */
void *memcpy(void *dst, const void *src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int c, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

/*
 * Copy @src to @dst, cut to @size - 1 characters and always terminated.
 * Returns the length of what was copied.
 */
size_t strcopy(char *dst, const char *src, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * string.h - strings and memory
 */
#ifndef KMOD_LINUX_STRING_H
#define KMOD_LINUX_STRING_H

#include <linux/types.h>

/* May be called in handlers, but for those that allocate where memory is short. */
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *at, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *at, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strcpy(char *to, const char *from);
char *strncpy(char *to, const char *from, size_t n);
char *strcat(char *to, const char *from);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *what);

/* The length of what was copied, or -E2BIG; always ends with a zero. */
ssize_t strscpy(char *to, const char *from, size_t size);
/* The length of @from; always ends with a zero. */
size_t strlcpy(char *to, const char *from, size_t size);

char *kstrdup(const char *s, gfp_t flags);
char *kstrndup(const char *s, size_t max, gfp_t flags);
void *kmemdup(const void *from, size_t n, gfp_t flags);

#endif

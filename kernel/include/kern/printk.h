/* SPDX-License-Identifier: MIT */
/* printk.h - text on the console */
#ifndef KERN_PRINTK_H
#define KERN_PRINTK_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Print to the console.  Understands %s %c %d %i %u %x %p %%, the length
 * modifiers l, ll and z, a field width and a leading 0.
 *
 * Context: any.  Takes no lock: a trap handler must be able to say why it
 * gives up, also when it interrupted a printk.
 */
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void vprintk(const char *fmt, va_list ap);

/* Write @len bytes to the console as they are.  Context: any. */
void console_write(const char *s, size_t len);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * print.c - the log: what modules print, and why one was refused
 *
 * It goes to standard error, a system call for each line, or wherever the
 * program wants it.  Nothing is locked or allocated, so handlers may print.
 */
#include "module/module.h"

#include <trapline/trapline.h>

#define LINE_BYTES 1024
#define STDERR	   2
#define LEVEL	   4 /* of what names none */

static void (*print_to)(int level, const char *text, size_t len);

__attribute__((visibility("default"))) void
trapline_print_to(void (*fn)(int level, const char *text, size_t len))
{
	__atomic_store_n(&print_to, fn, __ATOMIC_RELEASE);
}

static void print(int level, const char *text, size_t len)
{
	void (*fn)(int, const char *, size_t) =
		__atomic_load_n(&print_to, __ATOMIC_ACQUIRE);
	long n;

	if (fn) {
		fn(level, text, len);
		return;
	}
	while (len) {
		n = tl_sys3(__NR_write, STDERR, (long)text, len);
		if (n <= 0 && n != -TL_EINTR)
			return;
		if (n > 0) {
			text += n;
			len -= n;
		}
	}
}

int vprintk(const char *fmt, va_list args)
{
	char line[LINE_BYTES];
	const char *text = line;
	int level = LEVEL;
	int n;

	n = vscnprintf(line, sizeof(line), fmt, args);
	if (line[0] == KERN_SOH[0] && line[1]) {
		if (line[1] >= '0' && line[1] <= '7')
			level = line[1] - '0';
		text += 2;
		n -= 2;
	}
	if (n)
		print(level, text, n);
	return n;
}

int _printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vprintk(fmt, args);
	va_end(args);
	return n;
}

void tl_kmod_say(const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	_printk(KERN_ERR "trapline: %s", line);
}

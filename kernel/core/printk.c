/* SPDX-License-Identifier: MIT */
/* printk.c - formatted text on the console */

#include <kern/arch.h>
#include <kern/printk.h>
#include <kern/string.h>

struct spec {
	unsigned int width;
	unsigned int longs; /* how many l, or 2 for z */
	char pad;
};

void console_write(const char *s, size_t len)
{
	arch_console_write(s, len);
}

static void put_padded(const char *s, size_t len, const struct spec *spec)
{
	for (size_t n = len; n < spec->width; n++)
		console_write(&spec->pad, 1);
	console_write(s, len);
}

static void put_number(uint64_t value, unsigned int base, bool minus,
		       const struct spec *spec)
{
	char buf[24];
	size_t at = sizeof(buf);

	do {
		buf[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (minus)
		buf[--at] = '-';
	put_padded(buf + at, sizeof(buf) - at, spec);
}

static const char *parse_spec(const char *fmt, struct spec *spec)
{
	*spec = (struct spec){ .pad = ' ' };

	if (*fmt == '0') {
		spec->pad = '0';
		fmt++;
	}
	for (; *fmt >= '0' && *fmt <= '9'; fmt++)
		spec->width = spec->width * 10 + (unsigned int)(*fmt - '0');
	for (; *fmt == 'l' || *fmt == 'z'; fmt++)
		spec->longs += *fmt == 'z' ? 2 : 1;
	return fmt;
}

static void put_string(const char *s, const struct spec *spec)
{
	if (!s)
		s = "(null)";
	put_padded(s, strlen(s), spec);
}

static void put_signed(int64_t value, const struct spec *spec)
{
	uint64_t magnitude = (uint64_t)value;

	if (value < 0)
		magnitude = -magnitude;
	put_number(magnitude, 10, value < 0, spec);
}

static void put_conversion(char conv, const struct spec *spec, va_list *ap)
{
	uint64_t u;
	char c;

	switch (conv) {
	case 's':
		put_string(va_arg(*ap, const char *), spec);
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		put_padded(&c, 1, spec);
		break;
	case 'd':
	case 'i':
		put_signed(spec->longs ? va_arg(*ap, long) : va_arg(*ap, int),
			   spec);
		break;
	case 'u':
	case 'x':
		u = spec->longs ? va_arg(*ap, unsigned long)
				: va_arg(*ap, unsigned int);
		put_number(u, conv == 'x' ? 16 : 10, false, spec);
		break;
	case 'p':
		console_write("0x", 2);
		put_number((uintptr_t)va_arg(*ap, void *), 16, false, spec);
		break;
	default:
		console_write(&conv, 1);
	}
}

void vprintk(const char *fmt, va_list ap)
{
	struct spec spec;
	va_list args;

	va_copy(args, ap);
	while (*fmt) {
		const char *start = fmt;

		while (*fmt && *fmt != '%')
			fmt++;
		console_write(start, (size_t)(fmt - start));
		if (!*fmt)
			break;
		fmt = parse_spec(fmt + 1, &spec);
		if (!*fmt)
			break;
		put_conversion(*fmt++, &spec, &args);
	}
	va_end(args);
}

void printk(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintk(fmt, ap);
	va_end(ap);
}

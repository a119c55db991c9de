/* SPDX-License-Identifier: MIT */
/*
 * format.c - the formats of printk: numbers, texts, addresses
 */
#include "kmod.h"

struct out {
	char *at;
	size_t room;
	size_t len; /* of all that was put, also what found no room */
};

struct spec {
	bool left, plus, space, alt, zero;
	bool negative;
	int width;
	int precision; /* negative: none */
	int length;    /* bytes of an integer */
	unsigned int base;
	const char *digits;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->room)
		o->at[o->len] = c;
	o->len++;
}

static void pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_text(struct out *o, const struct spec *s, const char *text)
{
	size_t max = s->precision < 0 ? ~0UL : (size_t)s->precision;
	size_t n;

	if (!text)
		text = "(null)";
	n = strnlen(text, max);
	if (!s->left)
		pad(o, ' ', s->width - (int)n);
	for (size_t i = 0; i < n; i++)
		put(o, text[i]);
	if (s->left)
		pad(o, ' ', s->width - (int)n);
}

/* What stands before the digits; its length. */
static int prefix_of(const struct spec *s, uint64_t v, char *prefix)
{
	int n = 0;

	if (s->negative)
		prefix[n++] = '-';
	else if (s->plus)
		prefix[n++] = '+';
	else if (s->space)
		prefix[n++] = ' ';
	if (s->alt && s->base == 16 && v) {
		prefix[n++] = '0';
		prefix[n++] = s->digits[16]; /* x or X */
	} else if (s->alt && s->base == 8 && v) {
		prefix[n++] = '0';
	}
	return n;
}

static void put_number(struct out *o, const struct spec *s, uint64_t v)
{
	char digits[24], prefix[4];
	int n = 0, zeroes, before = prefix_of(s, v, prefix);

	for (uint64_t left = v; left; left /= s->base)
		digits[n++] = s->digits[left % s->base];
	if (!n && s->precision)
		digits[n++] = '0';
	zeroes = s->precision - n;
	if (s->zero && !s->left && s->precision < 0)
		zeroes = s->width - before - n;
	if (zeroes < 0)
		zeroes = 0;
	if (!s->left)
		pad(o, ' ', s->width - before - zeroes - n);
	for (int i = 0; i < before; i++)
		put(o, prefix[i]);
	pad(o, '0', zeroes);
	for (int i = n; i--;)
		put(o, digits[i]);
	if (s->left)
		pad(o, ' ', s->width - before - zeroes - n);
}

static const char *read_number(const char *f, int *n)
{
	*n = 0;
	while (*f >= '0' && *f <= '9' && *n < 100000)
		*n = *n * 10 + *f++ - '0';
	return f;
}

static const char *read_flags(const char *f, struct spec *s)
{
	for (;; f++) {
		switch (*f) {
		case '-':
			s->left = true;
			break;
		case '+':
			s->plus = true;
			break;
		case ' ':
			s->space = true;
			break;
		case '#':
			s->alt = true;
			break;
		case '0':
			s->zero = true;
			break;
		default:
			return f;
		}
	}
}

static const char *read_length(const char *f, struct spec *s)
{
	s->length = sizeof(int);
	switch (*f) {
	case 'h':
		s->length = f[1] == 'h' ? 1 : 2;
		return f + (f[1] == 'h' ? 2 : 1);
	case 'l':
		s->length = 8;
		return f + (f[1] == 'l' ? 2 : 1);
	case 'L':
	case 'z':
	case 't':
	case 'j':
		s->length = 8;
		return f + 1;
	}
	return f;
}

/* An integer of @s->length bytes, of which int is the least that is passed. */
static uint64_t next_integer(struct spec *s, bool is_signed, va_list *args)
{
	uint64_t v = s->length == 8 ? va_arg(*args, uint64_t)
				    : va_arg(*args, unsigned int);
	int unused = 64 - 8 * s->length;

	v <<= unused;
	if (!is_signed)
		return v >> unused;
	v = (uint64_t)((int64_t)v >> unused);
	s->negative = (int64_t)v < 0;
	return s->negative ? -v : v;
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

static const char *put_pointer(struct out *o, struct spec *s, const char *f,
			       va_list *args)
{
	s->base = 16;
	s->precision = 16;
	s->length = 8;
	put_number(o, s, next_integer(s, false, args));
	while (is_letter_or_digit(*f))
		f++;
	return f;
}

static const char *convert(struct out *o, struct spec *s, const char *f,
			   va_list *args)
{
	static const char lower[] = "0123456789abcdefx";
	static const char upper[] = "0123456789ABCDEFX";

	s->digits = lower;
	s->base = 10;
	switch (*f++) {
	case 'd':
	case 'i':
		put_number(o, s, next_integer(s, true, args));
		return f;
	case 'X':
		s->digits = upper;
		s->base = 16;
		break;
	case 'x':
		s->base = 16;
		break;
	case 'o':
		s->base = 8;
		break;
	case 'u':
		break;
	case 'p':
		return put_pointer(o, s, f, args);
	case 's':
		put_text(o, s, va_arg(*args, const char *));
		return f;
	case 'c': {
		char text[2] = { (char)va_arg(*args, int), 0 };

		pad(o, ' ', s->left ? 0 : s->width - 1);
		put(o, text[0]);
		pad(o, ' ', s->left ? s->width - 1 : 0);
		return f;
	}
	case '%':
		put(o, '%');
		return f;
	default: /* not known: as it stands; an end is not passed */
		put(o, '%');
		return f - 1;
	}
	s->plus = s->space = false;
	put_number(o, s, next_integer(s, false, args));
	return f;
}

static const char *read_spec(const char *f, struct spec *s, va_list *args)
{
	*s = (struct spec){ .precision = -1 };
	f = read_flags(f, s);
	if (*f == '*') {
		s->width = va_arg(*args, int);
		if (s->width < 0) {
			s->left = true;
			s->width = -s->width;
		}
		f++;
	} else {
		f = read_number(f, &s->width);
	}
	if (*f == '.') {
		if (*++f == '*') {
			s->precision = va_arg(*args, int);
			f++;
		} else {
			f = read_number(f, &s->precision);
		}
	}
	return read_length(f, s);
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { .at = buf, .room = size };
	struct spec s;
	va_list own;

	va_copy(own, args);
	while (*fmt) {
		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		fmt = read_spec(fmt + 1, &s, &own);
		fmt = convert(&o, &s, fmt, &own);
	}
	va_end(own);
	if (size)
		buf[o.len < size ? o.len : size - 1] = 0;
	return (int)o.len;
}

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	int n = vsnprintf(buf, size, fmt, args);

	if (!size)
		return 0;
	return n < (int)size ? n : (int)size - 1;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}

int sprintf(char *buf, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, INT_MAX, fmt, args);
	va_end(args);
	return n;
}

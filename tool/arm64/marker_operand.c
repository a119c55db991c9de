/* SPDX-License-Identifier: MIT */
/*
 * marker_operand.c - what assembly calls the argument of a marker: arm64
 */
#include <string.h>

#include "expr.h"
#include "registers.h"

/*
 * A register, of which w0 to w30 are the lower halves of x0 to x30; the size of the
 * argument says how much of it counts.  *@half: it was one of these.
 */
static const struct node *take_register(struct expr *e, const char **at,
					bool *half)
{
	size_t len = expr_word_length(*at);
	char name[8] = "";
	int word;

	if (!len || len >= sizeof(name))
		return NULL;
	memcpy(name, *at, len);
	*at += len;
	if (!strcmp(name, "xzr") || !strcmp(name, "wzr"))
		return expr_number(e, 0);
	*half = name[0] == 'w';
	if (*half)
		name[0] = 'x';
	word = register_word(name, len);
	return word >= 0 ? expr_register(e, (uint16_t)word) : NULL;
}

/* A number, which may have a #. */
static bool take_number(const char **at, int64_t *out)
{
	*at += **at == '#';
	return marker_number(at, out);
}

/* , LSL N and the like: by how much the index counts. */
static bool take_shift(const char **at, bool half, bool *sign, int64_t *bytes)
{
	static const struct {
		const char *name;
		bool half, sign;
	} kind[] = {
		{ "lsl", false, false },
		{ "uxtw", true, false },
		{ "sxtw", true, true },
	};
	int64_t n = 0;

	for (size_t i = 0; i < sizeof(kind) / sizeof(*kind); i++) {
		size_t len = strlen(kind[i].name);

		if (strncmp(*at, kind[i].name, len) || kind[i].half != half)
			continue;
		*at += len;
		*at += strspn(*at, " ");
		if (**at != ']' && !take_number(at, &n))
			return false;
		*sign = kind[i].sign;
		*bytes = 1ll << (n & 7);
		return n >= 0 && n <= 4;
	}
	return false;
}

/* [BASE], [BASE, DISP], [BASE, INDEX] or [BASE, INDEX, SHIFT] */
static const struct node *take_memory(struct expr *e, const char *at)
{
	const struct node *n, *index;
	bool half = false, sign = false;
	int64_t disp = 0, bytes = 1;

	n = take_register(e, &at, &half);
	if (!n || half)
		return NULL;
	if (*at == ',') {
		at++;
		at += strspn(at, " ");
		if (strchr("#-0123456789", *at)) {
			if (!take_number(&at, &disp))
				return NULL;
		} else {
			index = take_register(e, &at, &half);
			if (index && *at == ',') {
				at++;
				at += strspn(at, " ");
				if (!take_shift(&at, half, &sign, &bytes))
					return NULL;
			} else if (half) {
				return NULL;
			}
			if (index && half)
				index = expr_widen(e, index, 4, sign);
			n = index ? expr_index(e, n, index, bytes) : NULL;
		}
	}
	if (!n || *at != ']' || at[1])
		return NULL;
	return disp ? expr_offset(e, n, disp) : n;
}

const struct node *marker_operand(struct expr *e, const char *at, uint8_t bytes)
{
	const struct node *n;
	int64_t number;
	bool half;

	if (*at == '[')
		return expr_load(e, take_memory(e, at + 1), bytes);
	if (*at && strchr("#-0123456789", *at))
		return take_number(&at, &number) && !*at
			       ? expr_number(e, number)
			       : NULL;
	n = take_register(e, &at, &half);
	return *at ? NULL : n;
}

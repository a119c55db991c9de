/* SPDX-License-Identifier: MIT */
/*
 * match.c - globs, and names that look alike
 */
#include <stdint.h>
#include <string.h>

#include "match.h"

/* Longer names are compared by their beginning. */
#define EDIT_MAX 256

bool glob_is(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

/*
 * Does the set that opens at @p hold @c?  *@end is set behind the closing
 * bracket, or to NULL if there is none.
 */
static bool set_has(const char *p, char c, const char **end)
{
	bool negate = p[1] == '!' || p[1] == '^';
	const char *first = p + 1 + negate, *at;
	bool found = false;

	*end = NULL;
	for (at = first; *at && (*at != ']' || at == first); at++) {
		unsigned char low = (unsigned char)*at, high = low;

		if (at[1] == '-' && at[2] && at[2] != ']') {
			high = (unsigned char)at[2];
			at += 2;
		}
		if ((unsigned char)c >= low && (unsigned char)c <= high)
			found = true;
	}
	if (*at == ']')
		*end = at + 1;
	return found != negate;
}

/* Does one element of the pattern at *@p, no star, match @c?  Step over it. */
static bool one_matches(const char **p, char c)
{
	const char *end;
	bool yes;

	switch (**p) {
	case '?':
		(*p)++;
		return true;
	case '[':
		yes = set_has(*p, c, &end);
		if (!end)
			break;
		*p = end;
		return yes;
	case '\\':
		if ((*p)[1])
			(*p)++;
		break;
	}
	return *(*p)++ == c;
}

bool glob_match(const char *pattern, const char *text)
{
	/* Only the last star ever has to take more than it took first. */
	const char *star = NULL, *resume = NULL;
	const char *p = pattern, *t = text;

	while (*t) {
		if (*p == '*') {
			star = ++p;
			resume = t;
			continue;
		}
		if (*p && one_matches(&p, *t)) {
			t++;
			continue;
		}
		if (!star)
			return false;
		p = star;
		t = ++resume;
	}
	while (*p == '*')
		p++;
	return !*p;
}

unsigned int edit_distance(const char *a, const char *b, unsigned int limit)
{
	size_t la = strnlen(a, EDIT_MAX), lb = strnlen(b, EDIT_MAX);
	uint16_t rows[3][EDIT_MAX + 1];

	if ((la > lb ? la - lb : lb - la) > limit)
		return limit + 1;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = (uint16_t)j;
	for (size_t i = 1; i <= la; i++) {
		uint16_t *now = rows[i % 3], *up = rows[(i + 2) % 3];
		uint16_t *up2 = rows[(i + 1) % 3];
		unsigned int least;

		now[0] = (uint16_t)i;
		least = now[0];
		for (size_t j = 1; j <= lb; j++) {
			unsigned int best = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1u < best)
				best = up[j] + 1u;
			if (now[j - 1] + 1u < best)
				best = now[j - 1] + 1u;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && up2[j - 2] + 1u < best)
				best = up2[j - 2] + 1u;
			now[j] = (uint16_t)best;
			if (best < least)
				least = best;
		}
		if (least > limit)
			return limit + 1;
	}
	return rows[la % 3][lb] > limit ? limit + 1 : rows[la % 3][lb];
}

void near_init(struct near *near, const char *want)
{
	*near = (struct near){ .want = want };
}

static bool same_name(const struct near_name *b, const char *name,
		      const char *where)
{
	return strcmp(b->name, name) == 0 &&
	       (b->where == where ||
		(b->where && where && strcmp(b->where, where) == 0));
}

/* Does @name end in @want as a whole: `ns::leaf<int>` in `leaf`? */
static bool ends_in(const char *name, const char *want)
{
	size_t len = strlen(want);

	for (const char *at = name; len && (at = strstr(at, "::"));) {
		at += 2;
		if (strncmp(at, want, len) == 0 &&
		    (!at[len] || strchr("<(.", at[len])))
			return true;
	}
	return false;
}

void near_offer(struct near *near, const char *name, const char *where,
		unsigned int rank)
{
	size_t len = strlen(near->want), i;
	unsigned int limit = len < 4 ? 1 : len < 10 ? 2 : 4, cost;

	if (near->n == NEAR_MAX && near->best[NEAR_MAX - 1].cost < 2 * limit)
		limit = near->best[NEAR_MAX - 1].cost / 2;
	cost = ends_in(name, near->want)
		       ? 0
		       : edit_distance(near->want, name, limit);
	if (cost > limit) {
		/* What was asked for may be a part: `lookup`, `lookupKey`. */
		if (len < 4 || strncmp(near->want, name, len) != 0)
			return;
		cost = 5;
	}
	cost = cost * 2 + rank;
	for (i = 0; i < near->n; i++)
		if (same_name(&near->best[i], name, where))
			return;
	for (i = near->n; i > 0 && near->best[i - 1].cost > cost; i--)
		if (i < NEAR_MAX)
			near->best[i] = near->best[i - 1];
	if (i == NEAR_MAX)
		return;
	near->best[i] = (struct near_name){ name, where, cost };
	if (near->n < NEAR_MAX)
		near->n++;
}

/* SPDX-License-Identifier: MIT */
/*
 * marker_args.c - the arguments of markers, which their notes have as assembly
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "registers.h"

bool marker_number(const char **at, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(*at, &end, 0);
	/* Assembly has numbers of 64 bits without a sign, too. */
	if (errno == ERANGE && **at != '-') {
		errno = 0;
		*out = (int64_t)strtoull(*at, &end, 0);
	}
	if (end == *at || errno == ERANGE)
		return false;
	*at = end;
	return true;
}

/* Up to the next blank that is not in brackets: arm64 has [sp, 8]. */
static size_t length_of(const char *at)
{
	size_t n = strcspn(at, " [");

	if (at[n] == '[') {
		n += strcspn(at + n, "]");
		n += strcspn(at + n, " ");
	}
	return n;
}

/* Argument @n of the marker, from 1 on: SIZE@OPERAND, SIZE < 0 with a sign. */
const struct node *marker_arg(struct expr *e, unsigned int n)
{
	const struct scope *scope = (const struct scope *)e->scope;
	const struct marker *m = scope->marker;
	const char *at = m->args + strspn(m->args, " ");
	const struct node *node = NULL;
	char operand[64];
	int64_t size;

	for (unsigned int i = 1; i < n && *at; i++) {
		at += length_of(at);
		at += strspn(at, " ");
	}
	if (!*at)
		return expr_wrong(e, "%s has no argument %u", scope->place, n);
	snprintf(operand, sizeof(operand), "%.*s", (int)length_of(at), at);
	at = operand;
	if (marker_number(&at, &size) && *at == '@' &&
	    (size == 1 || size == 2 || size == 4 || size == 8 || size == -1 ||
	     size == -2 || size == -4 || size == -8))
		node = marker_operand(e, at + 1,
				      (uint8_t)(size < 0 ? -size : size));
	if (!node)
		return expr_wrong(e,
				  "argument %u of %s is at '%s', which cannot "
				  "be fetched",
				  n, scope->place, operand);
	return expr_widen(e, node, (uint8_t)(size < 0 ? -size : size),
			  size < 0);
}

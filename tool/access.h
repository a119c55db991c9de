/* SPDX-License-Identifier: MIT */
/*
 * access.h - variables, and what is reached from them, by debug information
 *
 *	NAME  A.MEMBER  A->MEMBER  A[EXPRESSION]  *A  &A  (A)
 */
#ifndef TL_ACCESS_H
#define TL_ACCESS_H

#include "expr.h"
#include "markers.h"
#include "variables.h"

/* What is known where a probe is. */
struct scope {
	struct expr_scope base; /* to be given to probe_parse() */
	const struct debug *debug;
	const char *place; /* in complaints */
	uint64_t bias;	   /* of the file in the process */
	struct variables variables;
	const struct marker *marker; /* NULL: it is none */
	bool go; /* a function of Go's, with its arguments in registers */
};

/*
 * The place called @place, at @addr of the file @img, with the debug information @d
 * (NULL: there is none); @line: as variables_at() has it.  scope_close() it.
 */
void scope_open(struct scope *s, const struct debug *d, struct image *img,
		uint64_t addr, bool line, uint64_t bias, const char *place,
		const struct marker *marker);
void scope_close(struct scope *s);

/*
 * It is where a call of a function of Go's begins.  $argN are the words of those
 * arguments that are integers and pointers, or made of them: a string has two.
 */
void scope_is_go(struct scope *s);

/* expr_scope.arg of a marker: argument @n, from 1 on. */
const struct node *marker_arg(struct expr *e, unsigned int n);

#endif

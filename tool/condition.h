/* SPDX-License-Identifier: MIT */
/*
 * condition.h - which changes of a variable are wanted: `--if 'new > 100 && new != old'`
 *
 *	COMPARISON [&& COMPARISON]...
 *	COMPARISON: OPERAND (== | != | < | <= | > | >=) OPERAND
 *	OPERAND: old, new, tid, or a number
 */
#ifndef TL_CONDITION_H
#define TL_CONDITION_H

#include <stdbool.h>
#include <stddef.h>

#define CONDITION_TERMS 8

enum operand_kind { OPERAND_NUMBER, OPERAND_OLD, OPERAND_NEW, OPERAND_TID };

/* Holds every whole number of 64 bits, signed or not, and every double. */
typedef long double condition_number;

struct operand {
	enum operand_kind kind;
	condition_number number;
};

struct condition {
	unsigned int n; /* 0: all are wanted */
	struct {
		struct operand left, right;
		char op[3];
	} term[CONDITION_TERMS];
};

/* What a change has. */
struct condition_facts {
	bool old_known, new_known;
	condition_number old_value, new_value, tid;
};

/* False: @why (of @size bytes) says what is wrong with @text. */
bool condition_parse(struct condition *c, const char *text, char *why,
		     size_t size);

/* What is not known is never said to be unwanted. */
bool condition_holds(const struct condition *c,
		     const struct condition_facts *f);

#endif

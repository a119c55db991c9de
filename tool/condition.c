/* SPDX-License-Identifier: MIT */
/*
 * condition.c - which changes of a variable are wanted
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "condition.h"

static const char *skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static const char *parse_number(const char *s, condition_number *out)
{
	char *end;
	const char *digits = s + (*s == '-');

	if (!isdigit((unsigned char)*digits))
		return NULL;
	/* Decimal numbers may have a point; 0x is for whole ones. */
	*out = strtold(s, &end);
	return isalnum((unsigned char)*end) || *end == '_' ? NULL : end;
}

static const char *parse_operand(const char *s, struct operand *out)
{
	static const struct {
		const char *word;
		enum operand_kind kind;
	} words[] = { { "old", OPERAND_OLD },
		      { "new", OPERAND_NEW },
		      { "tid", OPERAND_TID } };
	size_t n = 0;

	s = skip_blanks(s);
	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (n != strlen(words[i].word) ||
		    strncmp(s, words[i].word, n) != 0)
			continue;
		out->kind = words[i].kind;
		return s + n;
	}
	out->kind = OPERAND_NUMBER;
	return parse_number(s, &out->number);
}

static const char *parse_op(const char *s, char op[3])
{
	static const char *const ops[] = { "==", "!=", "<=", ">=", "<", ">" };

	s = skip_blanks(s);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		size_t n = strlen(ops[i]);

		if (strncmp(s, ops[i], n) != 0)
			continue;
		strcpy(op, ops[i]);
		return s + n;
	}
	return NULL;
}

bool condition_parse(struct condition *c, const char *text, char *why,
		     size_t size)
{
	const char *s = text, *next;

	for (c->n = 0; c->n < CONDITION_TERMS;) {
		next = parse_operand(s, &c->term[c->n].left);
		if (!next) {
			snprintf(why, size,
				 "'%s': old, new, tid or a number is wanted",
				 skip_blanks(s));
			return false;
		}
		s = next;
		next = parse_op(s, c->term[c->n].op);
		if (!next) {
			snprintf(why, size,
				 "'%s': ==, !=, <, <=, > or >= is wanted",
				 skip_blanks(s));
			return false;
		}
		s = next;
		next = parse_operand(s, &c->term[c->n].right);
		if (!next) {
			snprintf(why, size,
				 "'%s': old, new, tid or a number is wanted",
				 skip_blanks(s));
			return false;
		}
		c->n++;
		s = skip_blanks(next);
		if (!*s)
			return true;
		if (strncmp(s, "&&", 2) != 0) {
			snprintf(why, size, "'%s': && or the end is wanted", s);
			return false;
		}
		s += 2;
	}
	snprintf(why, size, "there are more than %d comparisons",
		 CONDITION_TERMS);
	return false;
}

/* False: it is not known. */
static bool value_of(const struct operand *o, const struct condition_facts *f,
		     condition_number *out)
{
	switch (o->kind) {
	case OPERAND_OLD:
		*out = f->old_value;
		return f->old_known;
	case OPERAND_NEW:
		*out = f->new_value;
		return f->new_known;
	case OPERAND_TID:
		*out = f->tid;
		return true;
	case OPERAND_NUMBER:
		break;
	}
	*out = o->number;
	return true;
}

static bool compare(const char *op, condition_number a, condition_number b)
{
	switch (op[0]) {
	case '=':
		return a == b;
	case '!':
		return a != b;
	case '<':
		return op[1] ? a <= b : a < b;
	default:
		return op[1] ? a >= b : a > b;
	}
}

bool condition_holds(const struct condition *c, const struct condition_facts *f)
{
	for (unsigned int i = 0; i < c->n; i++) {
		condition_number a, b;

		if (value_of(&c->term[i].left, f, &a) &&
		    value_of(&c->term[i].right, f, &b) &&
		    !compare(c->term[i].op, a, b))
			return false;
	}
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * expr.h - expressions over what is known of a hit, and their operations
 */
#ifndef TL_EXPR_H
#define TL_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <events.h>

#include "probe.h"

#define EXPR_NODES 256

/* The operation @op on what @a and @b leave, see agent/events.h. */
struct node {
	const struct node *a, *b;
	uint8_t op;
	uint8_t size;
	uint16_t arg;
	int64_t imm;
	bool early;  /* known at an entry alone */
	bool late;   /* known at a return alone */
	bool wide;   /* unsigned, and of 64 bits */
	bool memory; /* an address, of which the value is wanted */
	/* A text at the address that it is. */
	bool string;
	uint16_t limit;
};

/* Where @at stands in @word, which is named in complaints. */
struct expr {
	const char *word;
	const char *at;
	bool call;     /* of a call that is followed: see struct tl_program */
	bool entry;    /* set: a $argN is in it */
	uint8_t *text; /* of the program */
	uint32_t text_n;
	char *why;
	size_t size;
	struct node node[EXPR_NODES];
	uint32_t n;
};

/* NULL: @e->why says what is wrong. */
const struct node *expr_parse(struct expr *e); /* an expression */
const struct node *expr_fetch(struct expr *e,
			      struct field *f); /* FETCH[:TYPE] */

/* Say what is wrong at @e->at.  Returns NULL. */
const struct node *expr_wrong(struct expr *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

size_t expr_word_length(const char *s);
void expr_skip_blanks(struct expr *e);

/* ---- operations ---------------------------------------------------------- */

struct code {
	struct tl_op entry[TL_MAX_OPS + 1], op[TL_MAX_OPS + 1];
	uint32_t n_entry, n;
	uint32_t depth[2]; /* of the stack in either */
	uint32_t saved;	   /* words */
	bool call;
	bool full; /* it was too much */
};

/* The value of @node onto the stack; @early: in the entry's part. */
void code_value(struct code *c, const struct node *node, bool early);

/* One operation that changes the depth of the stack by @change. */
void code_add(struct code *c, bool early, int change, uint8_t op, uint8_t size,
	      uint16_t arg, int32_t imm);

/* Is it to be done at the entry of a call? */
bool code_is_early(const struct code *c, const struct node *node);

#endif

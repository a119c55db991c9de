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
	bool row; /* an array of @limit bytes, which may all be letters */
	const struct node *length; /* how many; NULL: up to a zero byte */
	bool unknown; /* of a name, while nobody knows what it is */
};

struct expr;

/*
 * Variables, as debug information knows them, and the arguments of a marker.  Both
 * return NULL after expr_wrong(); @name takes what stands at @e->at and says in *@f
 * what it is; @arg is NULL where $argN are those of a function.
 */
struct expr_scope {
	const struct node *(*name)(struct expr *e, struct field *f);
	const struct node *(*arg)(struct expr *e, unsigned int n);
};

/* Where @at stands in @word, which is named in complaints. */
struct expr {
	const char *word;
	const char *at;
	bool call;  /* of a call that is followed: see struct tl_program */
	bool entry; /* set: a $argN is in it */
	bool names; /* set: so is a variable */
	/* What is known where the probe is; NULL: nothing yet. */
	const struct expr_scope *scope;
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

/* ---- what a scope makes ---------------------------------------------------- */

/* Word @word of struct pt_regs, as it is at an entry of a call. */
const struct node *expr_register(struct expr *e, uint16_t word);
const struct node *expr_number(struct expr *e, int64_t v);
const struct node *expr_offset(struct expr *e, const struct node *n,
			       int64_t by);
const struct node *expr_load(struct expr *e, const struct node *n,
			     uint8_t bytes);
/* @n and @bytes times @index. */
const struct node *expr_index(struct expr *e, const struct node *n,
			      const struct node *index, int64_t bytes);
/* Of @n the @bits bits from bit @from on, as a number with or without a sign. */
const struct node *expr_bits(struct expr *e, const struct node *n,
			     unsigned int from, unsigned int bits, bool sign);
/* The same of the bits that begin at the address @n, wherever they lie. */
const struct node *expr_span(struct expr *e, const struct node *n,
			     unsigned int from, unsigned int bits, bool sign);
/* The @bytes bytes of @n, as a number of 64 bits. */
const struct node *expr_widen(struct expr *e, const struct node *n,
			      uint8_t bytes, bool sign);

/* The text of @length bytes at @at. */
const struct node *expr_text(struct expr *e, const struct node *at,
			     const struct node *length);

/* Does a variable's name, or what leads to one, begin at @at? */
bool expr_is_name(const char *at);

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

/* If the text at @node has a known length, say which: before that is used. */
void code_length(struct code *c, const struct node *node, bool early);

/* One operation that changes the depth of the stack by @change. */
void code_add(struct code *c, bool early, int change, uint8_t op, uint8_t size,
	      uint16_t arg, int32_t imm);

/* Is it to be done at the entry of a call? */
bool code_is_early(const struct code *c, const struct node *node);

#endif

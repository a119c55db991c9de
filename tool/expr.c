/* SPDX-License-Identifier: MIT */
/*
 * expr.c - expressions over what is known of a hit
 *
 * By descent, a function for what binds tighter than what is above it; the
 * operators of two are a table.
 */
#include "expr.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa.h"
#include "registers.h"
#include "spec.h"

#define STRING_BYTES 128 /* of a string without a limit */
#define FETCHES	     8	 /* +0(+0(...)) */
#define DEEPEST	     24	 /* brackets */
#define ARGS_MAX     64

const struct node *expr_wrong(struct expr *e, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(e->why, e->size, "'%s', column %zu: %s", e->word,
		 (size_t)(e->at - e->word) + 1, text);
	return NULL;
}

size_t expr_word_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

void expr_skip_blanks(struct expr *e)
{
	e->at += strspn(e->at, " \t\n");
}

/* A node of @op on @a and @b, which may be NULL. */
static struct node *make(struct expr *e, uint8_t op, const struct node *a,
			 const struct node *b)
{
	struct node *n = &e->node[e->n];

	if (e->n == EXPR_NODES) {
		expr_wrong(e, "too much for one probe");
		return NULL;
	}
	e->n++;
	*n = (struct node){ .a = a, .b = b, .op = op };
	n->early = (a && a->early) || (b && b->early);
	n->late = (a && a->late) || (b && b->late);
	return n;
}

static struct node *make_size(struct expr *e, uint8_t op, const struct node *a,
			      uint8_t size)
{
	struct node *n = make(e, op, a, NULL);

	if (n)
		n->size = size;
	return n;
}

static struct node *make_number(struct expr *e, uint8_t op,
				const struct node *a, int64_t imm)
{
	struct node *n = make(e, op, a, NULL);

	if (n)
		n->imm = imm;
	return n;
}

/* ---- FETCH --------------------------------------------------------------- */

/* @early: as it was at the entry of a call. */
static struct node *fetch_word(struct expr *e, uint16_t word, bool early)
{
	struct node *n = make(e, TL_OP_REG, NULL, NULL);

	if (!n)
		return NULL;
	n->arg = word;
	n->early = e->call && early;
	n->late = e->call && !early;
	return n;
}

static struct node *fetch_register(struct expr *e, const char *name, size_t len)
{
	int word = register_word(name, len);

	if (word >= 0)
		return fetch_word(e, (uint16_t)word, false);
	expr_wrong(e, "no register of 64 bits is called '%%%.*s'", (int)len,
		   name);
	return NULL;
}

const struct node *expr_register(struct expr *e, uint16_t word)
{
	return fetch_word(e, word, true);
}

const struct node *expr_number(struct expr *e, int64_t v)
{
	return make_number(e, TL_OP_CONST, NULL, v);
}

const struct node *expr_offset(struct expr *e, const struct node *n, int64_t by)
{
	const struct node *number;

	if (!n || by == (int32_t)by)
		return n ? make_number(e, TL_OP_OFFSET, n, by) : NULL;
	number = expr_number(e, by);
	return number ? make(e, TL_OP_ADD, n, number) : NULL;
}

const struct node *expr_load(struct expr *e, const struct node *n,
			     uint8_t bytes)
{
	return n ? make_size(e, TL_OP_LOAD, n, bytes) : NULL;
}

/* @op on @n and a number. */
static const struct node *with_number(struct expr *e, uint8_t op,
				      const struct node *n, int64_t v)
{
	const struct node *number = n ? expr_number(e, v) : NULL;

	return number ? make(e, op, n, number) : NULL;
}

const struct node *expr_index(struct expr *e, const struct node *n,
			      const struct node *index, int64_t bytes)
{
	index = bytes == 1 ? index : with_number(e, TL_OP_MUL, index, bytes);
	return n && index ? make(e, TL_OP_ADD, n, index) : NULL;
}

const struct node *expr_bits(struct expr *e, const struct node *n,
			     unsigned int from, unsigned int bits, bool sign)
{
	n = with_number(e, TL_OP_SHL, n, 64 - (int)from - (int)bits);
	return with_number(e, sign ? TL_OP_SHR : TL_OP_SHR_U, n,
			   64 - (int)bits);
}

/* The largest load that [@at, @end) takes. */
static uint8_t piece_of(unsigned int at, unsigned int end)
{
	uint8_t bytes = 8;

	while (bytes > end - at)
		bytes /= 2;
	return bytes;
}

const struct node *expr_span(struct expr *e, const struct node *n,
			     unsigned int from, unsigned int bits, bool sign)
{
	unsigned int end = (from % 8 + bits + 7) / 8;
	int64_t first = (int64_t)(from / 8);
	const struct node *all = NULL;
	uint8_t bytes;

	for (unsigned int at = 0; at < end && n; at += bytes) {
		const struct node *piece;
		int up = (int)(at * 8) - (int)(from % 8);

		bytes = piece_of(at, end);
		piece = expr_load(e, expr_offset(e, n, first + at), bytes);
		piece = with_number(e, up < 0 ? TL_OP_SHR_U : TL_OP_SHL, piece,
				    up < 0 ? -up : up);
		if (!piece)
			return NULL;
		all = all ? make(e, TL_OP_OR, all, piece) : piece;
	}
	return all ? expr_bits(e, all, 0, bits, sign) : NULL;
}

const struct node *expr_widen(struct expr *e, const struct node *n,
			      uint8_t bytes, bool sign)
{
	struct node *wide =
		n ? make_size(e, sign ? TL_OP_SIGN : TL_OP_ZERO, n, bytes)
		  : NULL;

	if (wide)
		wide->wide = bytes == 8 && !sign;
	return wide;
}

const struct node *expr_text(struct expr *e, const struct node *at,
			     const struct node *length)
{
	struct node *n = make_number(e, TL_OP_OFFSET, at, 0);

	if (!n)
		return NULL;
	n->length = length;
	n->early |= length->early;
	n->late |= length->late;
	return n;
}

static const struct node *fetch_arg(struct expr *e, const char *digits,
				    size_t len)
{
	struct node *n;
	unsigned int k = 0;

	for (size_t i = 0; i < len && i < 3; i++) {
		if (!isdigit((unsigned char)digits[i]))
			return expr_wrong(e, "arguments are $arg1, $arg2, ...");
		k = k * 10 + (unsigned int)(digits[i] - '0');
	}
	if (!k || k > ARGS_MAX || len > 2)
		return expr_wrong(e, "arguments are $arg1 to $arg%d", ARGS_MAX);
	e->entry = true;
	if (e->scope && e->scope->arg)
		return e->scope->arg(e, k);
	if (k <= ISA_ARGS)
		return fetch_word(e, argument_word(k - 1), true);
	n = fetch_word(e, sp_word(), true);
	n = n ? make_number(e, TL_OP_OFFSET, n,
			    ISA_STACK_ARGS + 8 * ((int)k - 1 - ISA_ARGS))
	      : NULL;
	return n ? make_size(e, TL_OP_LOAD, n, 8) : NULL;
}

static const struct node *fetch_variable(struct expr *e)
{
	size_t len = expr_word_length(e->at + 1);
	const char *name = e->at + 1;
	const struct node *n;

	if (len > 3 && strncmp(name, "arg", 3) == 0) {
		n = fetch_arg(e, name + 3, len - 3);
	} else if (len == 6 && strncmp(name, "retval", 6) == 0) {
		if (!e->call)
			return expr_wrong(
				e, "$retval is known at FUNC%%return only");
		n = fetch_word(e, return_word(), false);
	} else {
		return expr_wrong(e, "there are $arg1, $arg2, ... and $retval");
	}
	if (n)
		e->at = name + len;
	return n;
}

/* +OFFSET( or -OFFSET( */
static bool parse_offset(struct expr *e, int32_t *offset)
{
	char digits[24];
	uint64_t v;
	size_t len = expr_word_length(e->at + 1);

	snprintf(digits, sizeof(digits), "%.*s",
		 (int)(len < sizeof(digits) ? len : sizeof(digits) - 1),
		 e->at + 1);
	if (len >= sizeof(digits) || !parse_u64(digits, &v) || v > INT32_MAX)
		return expr_wrong(e, "behind + or - belongs a number of bytes");
	*offset = *e->at == '-' ? -(int32_t)v : (int32_t)v;
	e->at += 1 + len;
	if (*e->at != '(')
		return expr_wrong(
			e, "here belongs a (, as in +8(%%" ISA_REGISTER ")");
	e->at++;
	return true;
}

/* The value of what fetch() found. */
static const struct node *value(struct expr *e, const struct node *n,
				uint8_t bytes)
{
	return n && n->memory ? make_size(e, TL_OP_LOAD, n, bytes) : n;
}

static const struct node *fetch(struct expr *e, unsigned int depth)
{
	const struct node *inner;
	struct node *n;
	int32_t offset;
	size_t len;

	switch (*e->at) {
	case '$':
		return fetch_variable(e);
	case '%':
		len = expr_word_length(e->at + 1);
		n = fetch_register(e, e->at + 1, len);
		if (n)
			e->at += 1 + len;
		return n;
	case '+':
	case '-':
		break;
	default:
		if (expr_word_length(e->at) == 3 && !strncmp(e->at, "tid", 3)) {
			e->at += 3;
			return make(e, TL_OP_THREAD, NULL, NULL);
		}
		return expr_wrong(e, "here belongs $argN, $retval, a register "
				     "as %%" ISA_REGISTER ", or +OFFSET(...)");
	}
	if (depth == FETCHES)
		return expr_wrong(e, "more than %d fetches in one another",
				  FETCHES);
	if (!parse_offset(e, &offset))
		return NULL;
	inner = value(e, fetch(e, depth + 1), 8);
	if (!inner)
		return NULL;
	if (*e->at != ')')
		return expr_wrong(e, "here belongs a )");
	e->at++;
	n = make_number(e, TL_OP_OFFSET, inner, offset);
	if (n)
		n->memory = true;
	return n;
}

/* string or string[N] */
static bool parse_string(struct expr *e, uint16_t *limit)
{
	char *end;
	long n;

	*limit = STRING_BYTES;
	e->at += 6;
	if (*e->at != '[')
		return true;
	n = strtol(e->at + 1, &end, 10);
	if (!isdigit((unsigned char)e->at[1]) || *end != ']' || n < 1 ||
	    n > TL_MAX_STRING)
		return expr_wrong(
			e, "a string has 1 to %d bytes, as in string[64]",
			TL_MAX_STRING);
	*limit = (uint16_t)n;
	e->at = end + 1;
	return true;
}

static bool parse_type(struct expr *e, struct field *f)
{
	static const char *const sizes[] = { "8", "16", "32", "64" };
	size_t len;

	f->type = 'x';
	f->bytes = 8;
	f->limit = 0;
	if (*e->at != ':')
		return true;
	e->at++;
	len = expr_word_length(e->at);
	if (len == 6 && strncmp(e->at, "string", 6) == 0) {
		f->type = 't';
		return parse_string(e, &f->limit);
	}
	for (unsigned int i = 0; i < 4 && *e->at; i++)
		if (strchr("usx", *e->at) && strlen(sizes[i]) + 1 == len &&
		    strncmp(e->at + 1, sizes[i], len - 1) == 0) {
			f->type = *e->at;
			f->bytes = (uint8_t)(1u << i);
			e->at += len;
			return true;
		}
	return expr_wrong(e,
			  "types are u8 to u64, s8 to s64, x8 to x64, string "
			  "and string[N]");
}

/* ---- names --------------------------------------------------------------- */

bool expr_is_name(const char *at)
{
	at += strspn(at, "*&(");
	return (isalpha((unsigned char)*at) || *at == '_') &&
	       !(expr_word_length(at) == 3 && !strncmp(at, "tid", 3));
}

/* Behind an index, or NULL: it has no end. */
static const char *behind_index(const char *at)
{
	unsigned int depth = 0;

	do {
		depth += *at == '[';
		depth -= *at == ']';
		if (!*at++)
			return NULL;
	} while (depth);
	return at;
}

/* While nobody knows what a name is: only how far it goes. */
static const struct node *skip_name(struct expr *e)
{
	unsigned int open = 0;
	struct node *n;

	for (; *e->at && strchr("*&(", *e->at); e->at++)
		open += *e->at == '(';
	e->at += expr_word_length(e->at);
	for (;;) {
		size_t sign = *e->at == '.'		 ? 1
			      : !strncmp(e->at, "->", 2) ? 2
							 : 0;
		const char *end;

		if (sign) {
			e->at += sign;
			if (!expr_word_length(e->at))
				return expr_wrong(e, "here belongs the name of "
						     "a member");
			e->at += expr_word_length(e->at);
		} else if (*e->at == '[') {
			end = behind_index(e->at);
			if (!end)
				return expr_wrong(e, "this [ has no ]");
			e->at = end;
		} else if (*e->at == ')' && open) {
			open--;
			e->at++;
		} else {
			break;
		}
	}
	if (open)
		return expr_wrong(e, "here belongs a )");
	e->names = true;
	n = make_number(e, TL_OP_CONST, NULL, 0);
	if (n)
		n->unknown = true;
	return n;
}

/* NAME... as debug information has it, unless a :TYPE says otherwise. */
static const struct node *fetch_name(struct expr *e, struct field *f)
{
	const struct node *n;
	struct field typed;

	*f = (struct field){ .name = f->name, .type = 'x', .bytes = 8 };
	n = e->scope ? e->scope->name(e, f) : skip_name(e);
	if (!n || *e->at != ':')
		return n;
	if (!parse_type(e, &typed))
		return NULL;
	f->type = typed.type;
	f->limit = typed.limit;
	f->row = false;
	if (typed.bytes < f->bytes || f->type == 't')
		f->bytes = typed.bytes;
	return n;
}

const struct node *expr_fetch(struct expr *e, struct field *f)
{
	const struct node *n;

	if (expr_is_name(e->at))
		return fetch_name(e, f);
	n = fetch(e, 0);
	if (!n || !parse_type(e, f))
		return NULL;
	if (n->op == TL_OP_THREAD && e->at[-1] == 'd')
		f->type = 'u';
	if (f->type != 't')
		return value(e, n, f->bytes);
	return n;
}

/* ---- expressions --------------------------------------------------------- */

static const struct node *parse_or(struct expr *e, unsigned int depth);

/* FETCH[:TYPE] as a number of 64 bits, or a string. */
static const struct node *operand(struct expr *e)
{
	bool typeless, name = expr_is_name(e->at);
	const char *begin = e->at;
	struct field f = { NULL };
	const struct node *n;
	struct node *typed;

	n = expr_fetch(e, &f);
	if (!n)
		return NULL;
	typeless = !memchr(begin, ':', (size_t)(e->at - begin));
	if (f.type == 't') {
		typed = make_number(e, TL_OP_OFFSET, n, 0);
		if (typed) {
			typed->string = true;
			typed->limit = f.limit;
			typed->row = f.row;
			typed->length = n->length;
		}
		return typed;
	}
	if (f.type == 'f')
		return expr_wrong(e, "a floating-point number can only be "
				     "shown");
	if (name)
		return n->unknown ? n
				  : expr_widen(e, n, f.bytes, f.type == 's');
	if (typeless || (f.bytes == 8 && f.type == 's'))
		return n;
	typed = make_size(e, f.type == 's' ? TL_OP_SIGN : TL_OP_ZERO, n,
			  f.bytes);
	if (typed)
		typed->wide = f.bytes == 8;
	return typed;
}

static const struct node *number(struct expr *e)
{
	size_t len = expr_word_length(e->at);
	char digits[32];
	struct node *n;
	uint64_t v;

	snprintf(digits, sizeof(digits), "%.*s", (int)len, e->at);
	if (len >= sizeof(digits) || !parse_u64(digits, &v))
		return expr_wrong(e, "this is not a number");
	e->at += len;
	n = make_number(e, TL_OP_CONST, NULL, (int64_t)v);
	if (n)
		n->wide = v > INT64_MAX;
	return n;
}

/* +8( is a fetch, a sign in front of anything else is a sign. */
static bool is_fetch(const char *at)
{
	return *at == '$' || *at == '%' || !strncmp(at, "tid", 3) ||
	       (*at != '(' && expr_is_name(at)) ||
	       ((*at == '+' || *at == '-') && isdigit((unsigned char)at[1]) &&
		at[1 + expr_word_length(at + 1)] == '(');
}

static const struct node *parse_one(struct expr *e, unsigned int depth)
{
	static const char signs[] = "!-~";
	static const uint8_t ops[] = { TL_OP_NOT, TL_OP_NEG, TL_OP_FLIP };
	const struct node *n;
	const char *sign;

	expr_skip_blanks(e);
	if (depth == DEEPEST)
		return expr_wrong(e, "more than %d brackets in one another",
				  DEEPEST);
	if (is_fetch(e->at))
		return operand(e);
	if (isdigit((unsigned char)*e->at))
		return number(e);
	sign = *e->at ? strchr(signs, *e->at) : NULL;
	if (sign) {
		e->at++;
		n = parse_one(e, depth + 1);
		if (n && n->string)
			return expr_wrong(e, "a string is for == and != only");
		return n ? make(e, ops[sign - signs], n, NULL) : NULL;
	}
	if (*e->at != '(')
		return expr_wrong(e, "here belongs a number, $argN, $retval, a "
				     "register as %%" ISA_REGISTER
				     ", or +OFFSET(...)");
	e->at++;
	n = parse_or(e, depth + 1);
	if (!n)
		return NULL;
	expr_skip_blanks(e);
	if (*e->at != ')')
		return expr_wrong(e, "here belongs a )");
	e->at++;
	return n;
}

/* clang-format off */
static const struct binary {
	const char *sign;
	uint8_t level; /* the higher, the tighter it binds */
	uint8_t op, op_unsigned;
	bool turned; /* the operands change places */
	bool truth;
} binaries[] = {
	/* The longer ones first. */
	{ "||", 1,  TL_OP_EITHER, TL_OP_EITHER, false, true },
	{ "&&", 2,  TL_OP_BOTH,	  TL_OP_BOTH,   false, true },
	{ "==", 6,  TL_OP_EQ,	  TL_OP_EQ,     false, true },
	{ "!=", 6,  TL_OP_NE,	  TL_OP_NE,     false, true },
	{ "<=", 7,  TL_OP_LE,	  TL_OP_LE_U,   false, true },
	{ ">=", 7,  TL_OP_LE,	  TL_OP_LE_U,   true,  true },
	{ "<<", 8,  TL_OP_SHL,	  TL_OP_SHL,    false, false },
	{ ">>", 8,  TL_OP_SHR,	  TL_OP_SHR_U,  false, false },
	{ "<",	7,  TL_OP_LT,	  TL_OP_LT_U,   false, true },
	{ ">",	7,  TL_OP_LT,	  TL_OP_LT_U,   true,  true },
	{ "|",	3,  TL_OP_OR,	  TL_OP_OR,     false, false },
	{ "^",	4,  TL_OP_XOR,	  TL_OP_XOR,    false, false },
	{ "&",	5,  TL_OP_AND,	  TL_OP_AND,    false, false },
	{ "+",	9,  TL_OP_ADD,	  TL_OP_ADD,    false, false },
	{ "-",	9,  TL_OP_SUB,	  TL_OP_SUB,    false, false },
	{ "*",	10, TL_OP_MUL,	  TL_OP_MUL,    false, false },
	{ "/",	10, TL_OP_DIV,	  TL_OP_DIV_U,  false, false },
	{ "%",	10, TL_OP_MOD,	  TL_OP_MOD_U,  false, false },
};
/* clang-format on */

static const struct binary *binary_at(const char *at)
{
	for (size_t i = 0; i < sizeof(binaries) / sizeof(*binaries); i++)
		if (!strncmp(at, binaries[i].sign, strlen(binaries[i].sign)))
			return &binaries[i];
	return NULL;
}

/* The @len bytes of @text at @n, and no NUL behind them: there is no room for it. */
static const struct node *compare_row(struct expr *e, const struct node *n,
				      const uint8_t *text, unsigned int len)
{
	const struct node *all = NULL;
	uint8_t bytes;

	for (unsigned int at = 0; at < len; at += bytes) {
		const struct node *is;
		int64_t want = 0;

		bytes = piece_of(at, len);
		memcpy(&want, text + at, bytes);
		is = with_number(e, TL_OP_EQ,
				 expr_load(e, expr_offset(e, n, at), bytes),
				 want);
		all = all && is ? make(e, TL_OP_AND, all, is) : is;
		if (!all)
			return NULL;
	}
	return all;
}

/* "TEXT", with \" and \\ in it, for a comparison with @n. */
static const struct node *compare_text(struct expr *e, const struct node *n,
				       bool equal)
{
	uint32_t from = e->text_n, len;
	const struct node *row;
	struct node *is;

	expr_skip_blanks(e);
	if (*e->at != '"')
		return expr_wrong(e, "a string is compared with a \"text\"");
	for (e->at++; *e->at && *e->at != '"'; e->at++) {
		if (*e->at == '\\' && e->at[1])
			e->at++;
		if (e->text_n == TL_MAX_TEXT ||
		    e->text_n - from == TL_MAX_COMPARE - 1)
			return expr_wrong(e,
					  "a text has %d bytes at most, all of "
					  "them %d",
					  TL_MAX_COMPARE - 1, TL_MAX_TEXT);
		e->text[e->text_n++] = (uint8_t)*e->at;
	}
	if (!*e->at)
		return expr_wrong(e, "the text has no end");
	len = e->text_n - from;
	if (n->row && len > n->limit)
		return expr_wrong(e, "a row of %u letters is never that",
				  n->limit);
	e->at++;
	if (n->row && len == n->limit) {
		row = compare_row(e, n, e->text + from, len);
		e->text_n = from;
		return equal || !row ? row : make(e, TL_OP_NOT, row, NULL);
	}
	is = make_size(e, TL_OP_EQUAL, n, (uint8_t)(e->text_n - from));
	if (!is)
		return NULL;
	is->arg = (uint16_t)from;
	return equal ? is : make(e, TL_OP_NOT, is, NULL);
}

static const struct node *join(struct expr *e, const struct binary *b,
			       const struct node *l, const struct node *r)
{
	bool wide = l->wide || r->wide;
	struct node *n;

	if (!strcmp(b->sign, ">>") || !strcmp(b->sign, "<<"))
		wide = l->wide;
	n = make(e, wide ? b->op_unsigned : b->op, b->turned ? r : l,
		 b->turned ? l : r);
	if (n)
		n->wide = wide && !b->truth;
	return n;
}

/* Operators of @level and tighter. */
static const struct node *parse_level(struct expr *e, unsigned int level,
				      unsigned int depth)
{
	const struct node *l = parse_one(e, depth), *r;
	const struct binary *b;

	while (l) {
		expr_skip_blanks(e);
		b = binary_at(e->at);
		if (!b || b->level < level)
			return l;
		if (l->string && b->level != 6)
			return expr_wrong(e, "a string is for == and != only");
		e->at += strlen(b->sign);
		expr_skip_blanks(e);
		if (l->string || (l->unknown && *e->at == '"')) {
			l = compare_text(e, l, b->op == TL_OP_EQ);
			continue;
		}
		r = parse_level(e, b->level + 1u, depth);
		if (r && r->string)
			return expr_wrong(
				e, "a string stands in front of == or !=");
		l = r ? join(e, b, l, r) : NULL;
	}
	return NULL;
}

static const struct node *parse_or(struct expr *e, unsigned int depth)
{
	return parse_level(e, 1, depth);
}

const struct node *expr_parse(struct expr *e)
{
	return parse_or(e, 0);
}

/* ---- operations ---------------------------------------------------------- */

void code_add(struct code *c, bool early, int change, uint8_t op, uint8_t size,
	      uint16_t arg, int32_t imm)
{
	uint32_t *n = early ? &c->n_entry : &c->n;
	uint32_t *depth = &c->depth[early];

	*depth += (uint32_t)change;
	if (c->n_entry + c->n >= TL_MAX_OPS || *depth > TL_MAX_DEPTH) {
		c->full = true;
		return;
	}
	(early ? c->entry : c->op)[(*n)++] =
		(struct tl_op){ op, size, arg, imm };
}

bool code_is_early(const struct code *c, const struct node *node)
{
	return c->call && node->early && !node->late;
}

static void code_number(struct code *c, bool early, int64_t v)
{
	code_add(c, early, 1, TL_OP_CONST, 0, 0, (int32_t)v);
	if (v != (int32_t)v)
		code_add(c, early, 0, TL_OP_HIGH, 0, 0, (int32_t)(v >> 32));
}

void code_length(struct code *c, const struct node *n, bool early)
{
	if (!n->length)
		return;
	code_value(c, n->length, early);
	code_add(c, early, -1, TL_OP_LENGTH, 0, 0, 0);
}

void code_value(struct code *c, const struct node *n, bool early)
{
	if (!early && code_is_early(c, n)) {
		uint16_t at = (uint16_t)c->saved++;

		if (c->saved > TL_SAVED_WORDS)
			c->full = true;
		code_value(c, n, true);
		code_add(c, true, -1, TL_OP_SAVE, 0, at, 0);
		code_add(c, false, 1, TL_OP_SAVED, 0, at, 0);
		return;
	}
	if (n->op == TL_OP_CONST) {
		code_number(c, early, n->imm);
		return;
	}
	if (n->op == TL_OP_EQUAL)
		code_length(c, n->a, early);
	if (n->a)
		code_value(c, n->a, early);
	if (n->b)
		code_value(c, n->b, early);
	if (n->op == TL_OP_OFFSET && !n->imm)
		return;
	code_add(c, early,
		 n->b	? -1
		 : n->a ? 0
			: 1,
		 n->op, n->size, n->arg, (int32_t)n->imm);
}

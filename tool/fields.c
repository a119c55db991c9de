/* SPDX-License-Identifier: MIT */
/*
 * fields.c - what a user wants to see of a hit
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "spec.h"
#include "text.h"

#define STRING_BYTES 128 /* of a string without a limit */
#define DEEPEST	     8	 /* +0(+0(...)) */
#define ARGS_MAX     64

/* In the order of struct pt_regs. */
static const char *const registers[] = {
	"r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8",
	"rax", "rcx", "rdx", "rsi", "rdi", NULL,  "rip", NULL,	NULL, "rsp",
};

#define N_REGISTERS (sizeof(registers) / sizeof(*registers))

struct parse {
	struct fields *f;
	const char *word; /* the whole of it, for complaints */
	const char *at;
	bool returns;
	char *why;
	size_t size;
};

static bool wrong(struct parse *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool wrong(struct parse *p, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(p->why, p->size, "'%s', column %zu: %s", p->word,
		 (size_t)(p->at - p->word) + 1, text);
	return false;
}

static bool add(struct parse *p, uint8_t op, uint8_t size, uint16_t arg,
		int32_t imm)
{
	struct tl_program *prog = &p->f->program;

	if (prog->n == TL_MAX_OPS)
		return wrong(p, "too much for one probe");
	prog->op[prog->n++] = (struct tl_op){ op, size, arg, imm };
	return true;
}

static bool add_register(struct parse *p, const char *name, size_t len)
{
	for (uint16_t i = 0; i < N_REGISTERS; i++)
		if (registers[i] && strlen(registers[i]) == len &&
		    memcmp(registers[i], name, len) == 0)
			return add(p, TL_OP_REG, 0, i, 0);
	return wrong(p, "no register of 64 bits is called '%%%.*s'", (int)len,
		     name);
}

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

static bool parse_arg(struct parse *p, const char *digits, size_t len)
{
	static const char *const by_register[] = { "rdi", "rsi", "rdx",
						   "rcx", "r8",	 "r9" };
	unsigned int n = 0;

	for (size_t i = 0; i < len && i < 3; i++) {
		if (!isdigit((unsigned char)digits[i]))
			return wrong(p, "arguments are $arg1, $arg2, ...");
		n = n * 10 + (unsigned int)(digits[i] - '0');
	}
	if (!n || n > ARGS_MAX || len > 2)
		return wrong(p, "arguments are $arg1 to $arg%d", ARGS_MAX);
	if (p->returns)
		return wrong(p, "arguments are not known any more at a return");
	p->f->args = true;
	if (n <= 6)
		return add_register(p, by_register[n - 1],
				    strlen(by_register[n - 1]));
	/* Above the return address. */
	return add_register(p, "rsp", 3) &&
	       add(p, TL_OP_ADD, 0, 0, (int32_t)(8 * (n - 6))) &&
	       add(p, TL_OP_LOAD, 8, 0, 0);
}

static bool parse_variable(struct parse *p)
{
	size_t len = word_length(p->at + 1);
	const char *name = p->at + 1;
	bool ok;

	if (len > 3 && strncmp(name, "arg", 3) == 0) {
		ok = parse_arg(p, name + 3, len - 3);
	} else if (len == 6 && strncmp(name, "retval", 6) == 0) {
		if (!p->returns)
			return wrong(p,
				     "$retval is known at FUNC%%return only");
		ok = add_register(p, "rax", 3);
	} else {
		return wrong(p, "there are $arg1, $arg2, ... and $retval");
	}
	if (ok)
		p->at = name + len;
	return ok;
}

/* +OFFSET( or -OFFSET( */
static bool parse_offset(struct parse *p, int32_t *offset)
{
	char digits[24];
	uint64_t v;
	size_t len = word_length(p->at + 1);

	snprintf(digits, sizeof(digits), "%.*s",
		 (int)(len < sizeof(digits) ? len : sizeof(digits) - 1),
		 p->at + 1);
	if (len >= sizeof(digits) || !parse_u64(digits, &v) || v > INT32_MAX)
		return wrong(p, "behind + or - belongs a number of bytes");
	*offset = *p->at == '-' ? -(int32_t)v : (int32_t)v;
	p->at += 1 + len;
	if (*p->at != '(')
		return wrong(p, "here belongs a (, as in +8(%%rdi)");
	p->at++;
	return true;
}

/* *@memory: the value is not loaded yet; the accumulator is its address. */
static bool parse_fetch(struct parse *p, unsigned int depth, bool *memory)
{
	int32_t offset;
	bool inner;

	*memory = false;
	switch (*p->at) {
	case '$':
		return parse_variable(p);
	case '%': {
		size_t len = word_length(p->at + 1);

		if (!add_register(p, p->at + 1, len))
			return false;
		p->at += 1 + len;
		return true;
	}
	case '+':
	case '-':
		break;
	default:
		return wrong(p, "here belongs $argN, $retval, a register as "
				"%%rdi, or +OFFSET(...)");
	}
	if (depth == DEEPEST)
		return wrong(p, "more than %d fetches in one another", DEEPEST);
	if (!parse_offset(p, &offset) || !parse_fetch(p, depth + 1, &inner))
		return false;
	if (*p->at != ')')
		return wrong(p, "here belongs a )");
	p->at++;
	*memory = true;
	return (!inner || add(p, TL_OP_LOAD, 8, 0, 0)) &&
	       add(p, TL_OP_ADD, 0, 0, offset);
}

/* string or string[N] */
static bool parse_string(struct parse *p, int32_t *limit)
{
	char *end;
	long n;

	*limit = STRING_BYTES;
	p->at += 6;
	if (*p->at != '[')
		return true;
	n = strtol(p->at + 1, &end, 10);
	if (!isdigit((unsigned char)p->at[1]) || *end != ']' || n < 1 ||
	    n > TL_MAX_STRING)
		return wrong(p, "a string has 1 to %d bytes, as in string[64]",
			     TL_MAX_STRING);
	*limit = (int32_t)n;
	p->at = end + 1;
	return true;
}

static bool parse_type(struct parse *p, struct field *f, int32_t *limit)
{
	static const char *const sizes[] = { "8", "16", "32", "64" };
	size_t len;

	f->type = 'x';
	f->bytes = 8;
	if (*p->at != ':')
		return true;
	p->at++;
	if (strncmp(p->at, "string", 6) == 0) {
		f->type = 't';
		return parse_string(p, limit);
	}
	len = word_length(p->at);
	for (unsigned int i = 0; i < 4 && *p->at; i++)
		if (strchr("usx", *p->at) && strlen(sizes[i]) + 1 == len &&
		    strncmp(p->at + 1, sizes[i], len - 1) == 0) {
			f->type = *p->at;
			f->bytes = (uint8_t)(1u << i);
			p->at += len;
			return true;
		}
	return wrong(p, "types are u8 to u64, s8 to s64, x8 to x64, string and "
			"string[N]");
}

/* NAME= in front, else what it is fetched from. */
static void take_name(struct parse *p, struct field *f)
{
	size_t len = word_length(p->at);

	if (len && p->at[len] == '=') {
		f->name = must_print("%.*s", (int)len, p->at);
		p->at += len + 1;
		return;
	}
	len = strcspn(p->at, ":");
	if (len && strchr("$%", *p->at)) {
		f->name = must_print("%.*s", (int)len - 1, p->at + 1);
		return;
	}
	f->name = must_print("%.*s", (int)len, p->at);
}

static bool parse_field(struct parse *p)
{
	struct field *f = &p->f->field[p->f->n];
	int32_t limit = 0;
	bool memory;

	if (p->f->n == TL_MAX_FIELDS)
		return wrong(p, "more than %d arguments", TL_MAX_FIELDS);
	p->f->n++;
	take_name(p, f);
	for (uint32_t i = 0; i + 1 < p->f->n; i++)
		if (strcmp(p->f->field[i].name, f->name) == 0)
			return wrong(p, "there is a '%s' already", f->name);
	if (!parse_fetch(p, 0, &memory) || !parse_type(p, f, &limit))
		return false;
	if (*p->at)
		return wrong(p, "nothing more belongs here");
	if (f->type == 't')
		return add(p, TL_OP_STRING, 0, 0, limit);
	return (!memory || add(p, TL_OP_LOAD, f->bytes, 0, 0)) &&
	       add(p, TL_OP_EMIT, 0, 0, 0);
}

/* What a record takes at most. */
static uint32_t bytes_of(const struct tl_program *p)
{
	uint32_t bytes = TL_EVENT_HEAD;

	for (uint32_t i = 0; i < p->n; i++)
		if (p->op[i].op == TL_OP_EMIT)
			bytes += 8;
		else if (p->op[i].op == TL_OP_STRING)
			bytes += 8 + (((uint32_t)p->op[i].imm + 7) & ~7u);
	return bytes;
}

bool fields_parse(struct fields *f, const char *text, bool returns, char *why,
		  size_t size)
{
	char *copy = must_dup(text), *rest = copy, *word;
	bool ok = true;

	*f = (struct fields){ .program = { .version = TL_PROGRAM_VERSION } };
	while (ok && (word = strtok_r(rest, " \t\n", &rest)))
		ok = parse_field(
			&(struct parse){ f, word, word, returns, why, size });
	free(copy);
	if (ok && bytes_of(&f->program) > TL_MAX_RECORD) {
		snprintf(why, size,
			 "'%s': more than %d bytes of strings; give them "
			 "limits, as string[32]",
			 text, TL_MAX_RECORD);
		ok = false;
	}
	return ok;
}

void fields_free(struct fields *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		free(f->field[i].name);
	f->n = 0;
}

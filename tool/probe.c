/* SPDX-License-Identifier: MIT */
/*
 * probe.c - a PROBE as a user writes it, and the program that it means
 *
 * What is known at the entry of a call alone is fetched there, and saved until
 * its return.  A part of a condition that needs nothing else is looked at there,
 * too, so that calls that are not wanted are left alone.
 */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expr.h"
#include "isa.h"
#include "text.h"

/* A probe while it is taken apart. */
struct work {
	struct probe *p;
	const struct probe_wish *wish;
	struct expr expr;
	struct code code;
	const struct node *value[TL_MAX_FIELDS]; /* of the fields */
	const struct node *cond, *key;
};

/* ---- taking apart -------------------------------------------------------- */

/*
 * The words `if` and `by` of @text end what is in front of them: cut it there;
 * NULL: there is none.
 */
static void divide(char *text, char **cond, char **key)
{
	bool quoted = false, begins = true;

	*cond = *key = NULL;
	for (char *c = text; *c; c++) {
		if (*c == '\\' && quoted && c[1]) {
			c++;
			continue;
		}
		if (*c == '"')
			quoted = !quoted;
		if (!quoted && begins && strchr(" \t\n", c[2 * !!c[1]]) &&
		    (!*key && (!strncmp(c, "by", 2) ||
			       (!*cond && !strncmp(c, "if", 2))))) {
			*(*c == 'b' ? key : cond) = c + 2;
			*c++ = '\0';
			begins = false;
			continue;
		}
		begins = strchr(" \t\n", *c) != NULL;
	}
}

static void begin(struct work *w, const char *text)
{
	w->expr.word = w->expr.at = text;
}

static bool at_end(struct work *w)
{
	expr_skip_blanks(&w->expr);
	if (!*w->expr.at)
		return true;
	expr_wrong(&w->expr, *w->expr.at == '=' ? "equal is =="
						: "nothing more belongs here");
	return false;
}

/* NAME= in front, else what it is fetched from. */
static void take_name(struct work *w, struct field *f)
{
	struct expr *e = &w->expr;
	size_t len = expr_word_length(e->at);

	if (len && e->at[len] == '=') {
		f->name = must_print("%.*s", (int)len, e->at);
		e->at += len + 1;
		return;
	}
	len = strcspn(e->at, ":");
	if (len && strchr("$%", *e->at)) {
		f->name = must_print("%.*s", (int)len - 1, e->at + 1);
		return;
	}
	f->name = must_print("%.*s", (int)len, e->at);
}

static bool parse_field(struct work *w, const char *word)
{
	/* The duration is a field, too. */
	uint32_t most = TL_MAX_FIELDS - w->p->call, i = w->p->n_fields;
	struct field *f = &w->p->field[i];

	begin(w, word);
	if (i == most)
		return expr_wrong(&w->expr, "more than %u arguments", most);
	w->p->n_fields++;
	take_name(w, f);
	for (uint32_t k = 0; k < i; k++)
		if (strcmp(w->p->field[k].name, f->name) == 0)
			return expr_wrong(&w->expr, "there is a '%s' already",
					  f->name);
	w->value[i] = expr_fetch(&w->expr, f);
	return w->value[i] && at_end(w);
}

static bool parse_cond(struct work *w, const char *text)
{
	begin(w, text + strspn(text, " \t\n"));
	w->cond = expr_parse(&w->expr);
	if (w->cond && w->cond->string)
		return expr_wrong(&w->expr, "a string is for == and != only");
	return w->cond && at_end(w);
}

static bool parse_key(struct work *w, const char *text)
{
	struct field *f = &w->p->key;
	struct expr *e = &w->expr;
	const char *first;

	text += strspn(text, " \t\n");
	begin(w, text);
	w->p->keyed = true;
	f->name = must_dup(text);
	text_clean(f->name, strlen(f->name) + 1, text);
	if (!strncmp(text, "comm", 4) && !text[4 + strspn(text + 4, " \t\n")]) {
		f->type = 'n';
		return true;
	}
	/* As it is written, else a number as numbers are. */
	first = strchr("$%+-t", *text) || expr_is_name(text) ? text : "";
	w->key = *first ? expr_fetch(e, f) : NULL;
	expr_skip_blanks(e);
	if (!w->key || *e->at) {
		begin(w, text);
		w->key = expr_parse(e);
		if (w->key && w->key->string)
			return expr_wrong(e, "a string is for == and != only");
		f->type = w->key && w->key->wide ? 'u' : 's';
		f->bytes = 8;
	}
	if (w->key && f->type == 't') {
		/* What nobody asked for may be cut. */
		if (f->limit > TL_KEY_WORDS * 8 && !strstr(text, ":string["))
			f->limit = TL_KEY_WORDS * 8;
		if (f->limit > TL_KEY_WORDS * 8)
			return expr_wrong(e, "a key has %d bytes at most",
					  TL_KEY_WORDS * 8);
	}
	return w->key && at_end(w);
}

/* ---- operations ---------------------------------------------------------- */

/* What && joins is looked at one after the other. */
static void code_cond(struct code *c, const struct node *n)
{
	bool early;

	if (n->op == TL_OP_BOTH) {
		code_cond(c, n->a);
		code_cond(c, n->b);
		return;
	}
	early = code_is_early(c, n);
	code_value(c, n, early);
	code_add(c, early, -1, TL_OP_FILTER, 0, 0, 0);
}

/* A word that is patched when the clock's rate is known. */
static void code_min(struct work *w)
{
	struct code *c = &w->code;

	code_add(c, false, 1, TL_OP_CONST, 0, 0, 0);
	code_add(c, false, 0, TL_OP_HIGH, 0, 0, 0);
	code_add(c, false, 1, TL_OP_TOOK, 0, 0, 0);
	code_add(c, false, -1, TL_OP_LE_U, 0, 0, 0);
	code_add(c, false, -1, TL_OP_FILTER, 0, 0, 0);
}

/* Use the text at @n by @op, or, if it was saved at an entry, by @saved. */
static void code_string(struct code *c, const struct node *n, uint16_t limit,
			uint8_t op, uint8_t saved)
{
	uint16_t at = (uint16_t)c->saved;

	if (!code_is_early(c, n)) {
		code_length(c, n, false);
		code_value(c, n, false);
		code_add(c, false, -1, op, 0, 0, limit);
		return;
	}
	c->saved += 1 + (limit + 7u) / 8;
	if (c->saved > TL_SAVED_WORDS)
		c->full = true;
	code_length(c, n, true);
	code_value(c, n, true);
	code_add(c, true, -1, TL_OP_SAVE_STRING, 0, at, limit);
	code_add(c, false, 0, saved, 0, at, 0);
}

static void code_use(struct code *c, const struct node *n,
		     const struct field *f, uint8_t op)
{
	code_value(c, n, false);
	/* Of a key that is all there is. */
	if (op == TL_OP_KEY && f->bytes < 8)
		code_add(c, false, 0, f->type == 's' ? TL_OP_SIGN : TL_OP_ZERO,
			 f->bytes, 0, 0);
	code_add(c, false, -1, op, 0, 0, 0);
}

static void code_fields(struct work *w)
{
	struct probe *p = w->p;

	for (uint32_t i = 0; i < p->n_fields; i++)
		if (p->field[i].type == 't')
			code_string(&w->code, w->value[i], p->field[i].limit,
				    TL_OP_STRING, TL_OP_SAVED_STRING);
		else
			code_use(&w->code, w->value[i], &p->field[i],
				 TL_OP_EMIT);
	if (!p->call)
		return;
	p->field[p->n_fields++] =
		(struct field){ must_dup("took"), 'd', 8, 0, false };
	code_add(&w->code, false, 1, TL_OP_TOOK, 0, 0, 0);
	code_add(&w->code, false, -1, TL_OP_EMIT, 0, 0, 0);
}

static void code_key(struct work *w)
{
	struct probe *p = w->p;

	if (p->key.type == 'n')
		code_add(&w->code, false, 0, TL_OP_KEY_NAME, 0, 0, 0);
	else if (p->key.type == 't')
		code_string(&w->code, w->key, p->key.limit, TL_OP_KEY_STRING,
			    TL_OP_KEY_SAVED);
	else
		code_use(&w->code, w->key, &p->key, TL_OP_KEY);
}

/* In front of all: of a call at its entry, if there is anything to be done. */
static void code_thread(struct work *w)
{
	bool early = w->p->call;

	code_add(&w->code, early, 1, TL_OP_THREAD, 0, 0, 0);
	code_add(&w->code, early, 1, TL_OP_CONST, 0, 0, (int32_t)w->wish->tid);
	code_add(&w->code, early, -1, TL_OP_EQ, 0, 0, 0);
	code_add(&w->code, early, -1, TL_OP_FILTER, 0, 0, 0);
}

static void code_all(struct work *w)
{
	struct code *c = &w->code;
	struct probe *p = w->p;
	bool trace = w->wish->use == PROBE_TRACE;

	if (w->wish->tid)
		code_thread(w);
	if (w->wish->min && p->call)
		code_min(w);
	if (w->cond)
		code_cond(c, w->cond);
	if (trace)
		code_fields(w);
	if (p->keyed)
		code_key(w);
	if (w->wish->stack)
		code_add(c, false, 0, TL_OP_STACK, 0, 0,
			 (int32_t)w->wish->stack);
	if (!trace)
		code_add(c, false, 0,
			 w->wish->use == PROBE_TIME ? TL_OP_HISTOGRAM
						    : TL_OP_COUNT,
			 0, 0, 0);
	if (trace || w->wish->stack)
		code_add(c, false, 0, TL_OP_EVENT, 0, 0, 0);
}

/* What a record takes at most. */
static uint32_t bytes_of(const struct probe *p)
{
	uint32_t bytes = TL_EVENT_HEAD;

	for (uint32_t i = 0; i < p->n_fields; i++)
		bytes += 8 + ((p->field[i].limit + 7u) & ~7u);
	return bytes;
}

static bool assemble(struct work *w, const char *text, char *why, size_t size)
{
	struct probe *p = w->p;
	struct code *c = &w->code;

	c->call = p->call;
	code_all(w);
	if (c->full || bytes_of(p) > TL_MAX_RECORD) {
		snprintf(why, size,
			 c->full ? "'%s': too much for one probe"
				 : "'%s': more than %d bytes of strings; give "
				   "them limits, as string[32]",
			 text, TL_MAX_RECORD);
		return false;
	}
	p->program.version = TL_PROGRAM_VERSION;
	p->program.entry = (uint16_t)c->n_entry;
	p->program.n = (uint16_t)(c->n_entry + c->n);
	memcpy(p->program.op, c->entry, c->n_entry * sizeof(*c->entry));
	memcpy(p->program.op + c->n_entry, c->op, c->n * sizeof(*c->op));
	p->min_at = w->wish->min && p->call ? c->n_entry + 1 : 0;
	p->filtered = w->cond || p->min_at;
	p->has_program = w->wish->use != PROBE_TIME && p->call;
	p->has_program |= w->wish->use == PROBE_TRACE || p->filtered ||
			  p->keyed || w->wish->stack || w->wish->tid;
	return true;
}

/* ---- the whole ----------------------------------------------------------- */

static bool has_keys(const struct work *w)
{
	return w->wish->use == PROBE_COUNT || w->wish->use == PROBE_TIME;
}

static bool parse_rest(struct work *w, char *rest)
{
	char *cond, *key, *word;

	divide(rest, &cond, &key);
	while ((word = strtok_r(rest, " \t\n", &rest))) {
		if (w->wish->use == PROBE_TRACE) {
			if (!parse_field(w, word))
				return false;
			continue;
		}
		begin(w, word);
		return expr_wrong(&w->expr,
				  "arguments are shown by 'trapline trace'; "
				  "here belongs 'if'%s",
				  has_keys(w) ? " or 'by'" : "");
	}
	if (cond && !parse_cond(w, cond))
		return false;
	if (key && !has_keys(w)) {
		begin(w, key);
		return expr_wrong(&w->expr,
				  "keys are for 'trapline count' and 'time'");
	}
	return !key || parse_key(w, key);
}

static bool parse_head(struct probe *p, const struct probe_wish *wish,
		       const char *at, size_t len, char *why, size_t size)
{
	char *percent;

	p->head = must_print("%.*s", (int)len, at);
	p->call = wish->use == PROBE_TIME;
	percent = strrchr(p->head, '%');
	if (percent && strcmp(percent, "%return") == 0 &&
	    wish->use != PROBE_TIME) {
		p->call = true;
		*percent = '\0';
	}
	return spec_parse(&p->spec, p->head, why, size);
}

bool probe_parse(struct probe *p, const char *text,
		 const struct probe_wish *wish, char *why, size_t size)
{
	const char *at = text + strspn(text, " \t\n");
	size_t len = spec_length(at);
	char *rest = must_dup(at + len);
	struct work *w = must_alloc(1, sizeof(*w));
	bool ok;

	*p = (struct probe){ 0 };
	w->p = p;
	w->wish = wish;
	w->expr.why = why;
	w->expr.size = size;
	w->expr.text = p->program.text;
	w->expr.scope = wish->scope;
	ok = parse_head(p, wish, at, len, why, size);
	w->expr.call = p->call;
	ok = ok && parse_rest(w, rest) && assemble(w, text, why, size);
	p->entry = w->expr.entry;
	p->names = w->expr.names;
	free(w);
	free(rest);
	if (ok && p->spec.offset &&
	    (p->entry || (p->call && wish->use != PROBE_TIME))) {
		snprintf(why, size,
			 p->entry ? "'%s': $arg1 ... are known only at the "
				    "entry; name registers, as %%" ISA_REGISTER
				  : "'%s': a return is of a whole function, "
				    "without an offset",
			 p->head);
		ok = false;
	}
	return ok;
}

void probe_free(struct probe *p)
{
	spec_free(&p->spec);
	for (uint32_t i = 0; i < p->n_fields; i++)
		free(p->field[i].name);
	free(p->key.name);
	free(p->head);
}

void probe_set_min(struct probe *p, uint64_t ticks)
{
	/* The lower and the upper half. */
	if (!p->min_at)
		return;
	p->program.op[p->min_at - 1].imm = (int32_t)(uint32_t)ticks;
	p->program.op[p->min_at].imm = (int32_t)(uint32_t)(ticks >> 32);
}

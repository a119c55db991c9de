/* SPDX-License-Identifier: MIT */
/*
 * fuzz_probe.c - any text as what a user writes for a probe
 *
 * What must hold: it is taken apart, or refused with a reason that says where; and
 * what is made of it is a program that the target's check lets pass.  As a test it
 * runs on words that occur in probes, in any order; scripts/run-fuzz builds it for
 * libFuzzer.
 */
/* link: tool/probe.c tool/expr.c tool/ISA/registers.c tool/spec.c tool/match.c tool/text.c host/linux/session/program.c -lm */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expr.h"
#include "probe.h"
#include "program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int good;

uint32_t tl_fetch(const struct tl_hit *h, void *to, uint64_t from, uint32_t len)
{
	(void)h;
	(void)to;
	(void)from;
	(void)len;
	return 0;
}

uint32_t tl_thread_number(void)
{
	return 1;
}

void tl_thread_name(uint64_t name[2])
{
	memset(name, 0, 16);
}

static void must(bool cond)
{
	if (!cond)
		abort();
}

/* Variables of one letter: a register, a number in memory, a text, a row, bits. */
static const struct node *name_of(struct expr *e, struct field *f)
{
	const struct node *n = expr_register(e, 3);
	char name = *e->at;

	if (expr_word_length(e->at) != 1 || name < 'a' || name > 'e' || !n)
		return expr_wrong(e, "there is no such variable");
	e->at++;
	f->type = name == 'c' || name == 'd' ? 't' : 's';
	f->bytes = 4;
	f->limit = 5;
	f->row = name == 'd';
	if (name == 'b')
		return expr_load(e, expr_offset(e, n, 8), 4);
	return name == 'e' ? expr_span(e, n, 29, 62, true) : n;
}

static const struct expr_scope scope = { .name = name_of };

static void check(const struct probe *p, const struct probe_wish *wish)
{
	bool call = p->call || wish->use == PROBE_TIME;

	must(p->n_fields <= TL_MAX_FIELDS);
	for (uint32_t i = 0; i < p->n_fields; i++)
		must(p->field[i].name && p->field[i].type);
	/* What nobody knows yet is parsed again when somebody does. */
	if (p->has_program && (wish->scope || !p->names))
		must(tl_program_check(&p->program, call) >= 0);
}

/* There is a reason, and a column in it is one of what was written. */
static void check_why(const char *why, const char *text)
{
	const char *column = strstr(why, "column ");

	must(why[0]);
	if (column && !strstr(text, "column "))
		must(strtoul(column + 7, NULL, 10) <= strlen(text) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct probe_wish wish = { 0 };
	struct probe p;
	char why[400] = "", *text;
	bool ok;

	if (size < 2)
		return 0;
	wish.use = (enum probe_use)(data[0] % 4);
	wish.min = data[0] & 4;
	wish.stack = data[0] & 8 ? 512 : 0;
	wish.tid = data[0] & 16 ? 7 : 0;
	wish.scope = data[0] & 32 ? &scope : NULL;
	text = calloc(1, size);
	must(text);
	memcpy(text, data + 1, size - 1);
	ok = probe_parse(&p, text, &wish, why, sizeof(why));
	if (ok)
		check(&p, &wish);
	else
		check_why(why, text);
	good += ok;
	probe_free(&p);
	free(text);
	return 0;
}

#ifndef LIBFUZZER
#include "tl_test.h"

static const char *const words[] = {
	"f",
	"libc:",
	"+4",
	"%return",
	" ",
	" ",
	" ",
	"$arg1",
	"$arg7",
	"$retval",
	"%rdi",
	"%ax",
	"a",
	"b",
	"c",
	"d",
	"e",
	"a->b",
	"[1]",
	".x",
	"*",
	"&",
	"(",
	")",
	"=",
	"x=",
	":string",
	":u32",
	":s8",
	":x64",
	":string[9]",
	" if ",
	" by ",
	"comm",
	"tid",
	"+8(",
	"-1(",
	"1",
	"0x7f",
	"==",
	"!=",
	"\"ab\"",
	"\"abcde\"",
	"&&",
	"||",
	"<",
	">>",
	"/",
	"%",
	"-",
	"!",
	"~",
	"^",
	"\\",
	"99999999999999999999",
	"$",
	"::",
	"<",
	"operator",
	"took",
	"\xff",
	"?",
};

TL_TEST(any_words_are_a_probe_or_refused)
{
	uint64_t state = tl_test_seed;
	uint8_t text[400];

	for (unsigned int i = 0; i < 200000 * tl_test_scale; i++) {
		size_t n = 1;

		text[0] = (uint8_t)tl_test_random(&state);
		/* Mostly as it should begin. */
		if (tl_test_random(&state) % 8)
			n += (size_t)sprintf((char *)text + 1, "f ");
		for (uint64_t k = tl_test_random(&state) % 12; k; k--) {
			const char *w = words[tl_test_random(&state) %
					      (sizeof(words) / sizeof(*words))];

			n += (size_t)sprintf((char *)text + n, "%s", w);
		}
		LLVMFuzzerTestOneInput(text, n + 1);
	}
	/* It is not only nonsense. */
	CHECK(good > 1000);
}
#endif

/* SPDX-License-Identifier: MIT */
/*
 * fuzz_debug.c - any bytes as an object file with debug information
 *
 * Functions, markers, lines, types, inlined copies and variables are asked for, and
 * expressions are read with what is visible.  Some must be answered, none may do
 * harm.  As a test it spoils this program's own file; scripts/run-fuzz builds it for
 * libFuzzer.
 */
/* link: tool/image.c tool/frames.c tool/versions.c tool/minidebug.c tool/object.c host/linux/object/inroads.c tool/markers.c tool/gofuncs.c tool/names.c tool/match.c tool/debug.c tool/inlined.c tool/prototype.c tool/lines.c tool/variables.c tool/access.c tool/marker_args.c tool/expr.c tool/probe.c tool/spec.c tool/ISA/registers.c tool/ISA/marker_operand.c tool/debugfile.c tool/text.c host/linux/session/program.c -ldw -lelf -llzma -liberty -lm */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "image.h"
#include "inlined.h"
#include "lines.h"
#include "markers.h"
#include "names.h"
#include "probe.h"
#include "program.h"
#include "prototype.h"

#define MOST_SYMBOLS   8
#define MOST_VARIABLES 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int answered;

/* As in tool_image.c: what libelf and libdw forget of files that lie. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libelf.so\nleak:libdw.so\n";
}

/* No probe runs here. */
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
	return 0;
}

void tl_thread_name(uint64_t name[2])
{
	name[0] = name[1] = 0;
}

static void read_probe(const struct scope *s, const char *format,
		       const char *name)
{
	struct probe_wish wish = { .scope = &s->base };
	struct probe p;
	char text[256], why[400];

	if (strlen(name) > 32)
		return;
	snprintf(text, sizeof(text), format, name, name);
	answered += probe_parse(&p, text, &wish, why, sizeof(why));
	probe_free(&p);
}

static void ask_scope(const struct debug *d, struct image *img, uint64_t addr,
		      bool line, const struct marker *m)
{
	static const char *const formats[] = {
		"f %s",	  "f *%s",     "f %s[1]",   "f %s->next", "f %s.a",
		"f **%s", "f %s[0].b", "f &%s",	    "f %s == 1",  "f $arg1",
		"f a=%s", "f %s.c.d",  "f %s.e[2]", "f *%s->g",	  "f %s.m %s.n"
	};
	struct scope s;

	scope_open(&s, d, img, addr, line, 0x1000, "f", m);
	for (size_t i = 0; i < s.variables.n && i < MOST_VARIABLES; i++) {
		const struct variable *v = &s.variables.variable[i];

		free(location_text(&v->at));
		for (size_t k = 0; k < sizeof(formats) / sizeof(*formats); k++)
			read_probe(&s, formats[k], v->name);
	}
	read_probe(&s, "f $arg1 $arg2", "");
	scope_close(&s);
}

static void ask_symbol(const struct debug *d, struct image *img,
		       struct prototypes *p, const struct symbol *s)
{
	struct inlined copies = { 0 };
	struct line_codes codes = { 0 };
	struct line_code code;

	free(prototype_at(p, s->addr, s->name));
	if (!d)
		return;
	ask_scope(d, img, s->addr, false, NULL);
	ask_scope(d, img, s->addr + s->size / 2, true, NULL);
	answered += inlined_find(d, s->plain, &copies);
	inlined_free(&copies);
	if (line_at(d, s->addr, &code))
		lines_find(d, code.file, code.line, &codes);
	lines_between(d, s->addr, s->addr + s->size, &codes);
	answered += codes.n;
	line_codes_free(&codes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct markers *markers;
	struct prototypes *p;
	struct debug *d;
	struct image img;
	const char *why;
	uint8_t *copy = malloc(size + 1);
	size_t step;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (image_open_memory(&img, copy, size, &why))
		return 0;
	image_names(&img);
	markers = image_markers(&img);
	d = debug_open(&img);
	p = prototypes_open(&img);
	step = img.n / MOST_SYMBOLS ? img.n / MOST_SYMBOLS : 1;
	for (size_t i = 0; i < img.n && i < MOST_SYMBOLS; i++)
		ask_symbol(d, &img, p, &img.symbols[i * step]);
	for (size_t i = 0; i < markers->n && i < MOST_SYMBOLS; i++)
		ask_scope(d, &img, markers->marker[i].addr, false,
			  &markers->marker[i]);
	prototypes_close(p);
	debug_close(d);
	image_close(&img);
	return 0;
}

#ifndef LIBFUZZER
#include <fcntl.h>
#include <sys/stat.h>

#include "tl_test.h"

/* A file to be spoilt, which has debug information: our own. */
static uint8_t *read_self(size_t *size)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint8_t *bytes = NULL;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st))
		bytes = malloc((size_t)st.st_size);
	if (bytes && read(fd, bytes, (size_t)st.st_size) != st.st_size) {
		free(bytes);
		bytes = NULL;
	}
	*size = bytes ? (size_t)st.st_size : 0;
	close(fd);
	return bytes;
}

TL_TEST(any_debug_information_is_asked_without_harm)
{
	uint64_t seed = tl_test_seed;
	size_t size;
	uint8_t *self = read_self(&size), *copy = malloc(size);

	REQUIRE(self && copy);
	LLVMFuzzerTestOneInput(self, size);
	/* Of what is not spoilt most is answered. */
	CHECK(answered > 100);
	for (unsigned int i = 0; i < 20 * tl_test_scale; i++) {
		memcpy(copy, self, size);
		for (unsigned int k = 0; k < 200; k++)
			copy[tl_test_random(&seed) % size] =
				(uint8_t)tl_test_random(&seed);
		memcpy(copy, self, 64);
		LLVMFuzzerTestOneInput(copy, size);
	}
	free(copy);
	free(self);
}
#endif

/* SPDX-License-Identifier: MIT */
/*
 * places.c - places of a process, and which binaries and symbols may be meant
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "match.h"
#include "names.h"
#include "object.h"
#include "resolve_parts.h"
#include "text.h"

/* `libc` for libc.so.6, `libssl` for libssl.so.3, `ld` for ld-2.31.so. */
static bool without_version(const char *name, const char *binary)
{
	size_t len = strlen(binary);

	return strncmp(name, binary, len) == 0 &&
	       (strncmp(name + len, ".so", 3) == 0 ||
		(name[len] == '-' && strstr(name + len, ".so")));
}

bool module_is(const struct module *m, const char *binary)
{
	if (!binary)
		return true;
	return strcmp(m->name, binary) == 0 || strcmp(m->path, binary) == 0 ||
	       without_version(m->name, binary) ||
	       (glob_is(binary) &&
		(glob_match(binary, m->name) || glob_match(binary, m->path)));
}

bool module_is_hidden(const struct module *m, const struct spec *s)
{
	return !s->binary && m->name[0] == '[';
}

bool symbol_is_cold(const char *name)
{
	const char *cold = strstr(name, ".cold");

	return cold && (!cold[5] || cold[5] == '.');
}

bool symbol_is_probeable(const struct symbol *s)
{
	return s->kind == SYMBOL_FUNC && !symbol_is_cold(s->name);
}

/* ---- Adding places ---------------------------------------------------------- */

char *place_name(const struct module *m, const char *func, uint64_t offset)
{
	const char *bin = m->is_main ? "" : m->name;
	const char *colon = m->is_main ? "" : ":";

	if (offset)
		return must_print("%s%s%s+0x%" PRIx64, bin, colon, func,
				  offset);
	return must_print("%s%s%s", bin, colon, func);
}

/* A call of a Go function begins behind the check of its stack. */
static void pass_check(struct place *p)
{
	uint8_t code[OBJECT_GO_BYTES];

	if (p->module->lack || !image_is_go(p->module->image) ||
	    !image_code(p->module->image, p->start - p->module->bias, code,
			sizeof(code)))
		return;
	p->check = object_go_check(code, &p->go);
	if (p->addr == p->start)
		p->addr += p->check;
}

void places_add(struct places *out, struct place p)
{
	pass_check(&p);
	if (out->n == out->room) {
		out->room = out->room * 2 + 16;
		out->place =
			must_grow(out->place, out->room, sizeof(*out->place));
	}
	out->place[out->n++] = p;
}

void places_add_symbol(struct places *out, struct module *m,
		       const struct symbol *s, uint64_t offset)
{
	struct place p = { .module = m, .addr = s->addr + m->bias + offset };

	if (!module_has(m, p.addr))
		return;
	if (s->size) {
		p.start = s->addr + m->bias;
		p.end = p.start + s->size;
	}
	image_names(m->image);
	p.name = place_name(m, s->shown, offset);
	p.symbol = symbol_behind(s);
	p.rank = (size_t)(s - m->image->symbols);
	places_add(out, p);
}

static int by_place(const void *va, const void *vb)
{
	const struct place *a = va, *b = vb;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return a->rank < b->rank ? -1 : a->rank > b->rank;
}

void places_unique(struct places *out)
{
	size_t n = 0;

	if (out->n)
		qsort(out->place, out->n, sizeof(*out->place), by_place);
	for (size_t i = 0; i < out->n; i++) {
		struct place *at = &out->place[i];

		if (!n || out->place[n - 1].addr != at->addr) {
			out->place[n++] = *at;
			continue;
		}
		/* A marker at a function's entry is still to be raised. */
		if (!out->place[n - 1].marker)
			out->place[n - 1].marker = at->marker;
		free(at->name);
		free(at->chosen);
	}
	out->n = n;
}

void places_free(struct places *out)
{
	for (size_t i = 0; i < out->n; i++) {
		free(out->place[i].name);
		free(out->place[i].chosen);
	}
	free(out->place);
	*out = (struct places){ 0 };
}

void places_add_address(struct module *m, uint64_t addr, struct places *out)
{
	struct place at = { .module = m, .addr = addr };
	const struct symbol *s = m->lack ? NULL
					 : image_find(m->image, addr - m->bias);
	uint64_t start, end;

	if (s) {
		places_add_symbol(out, m, s, addr - m->bias - s->addr);
		return;
	}
	if (!m->lack && frames_bounds(m->image, addr - m->bias, &start, &end)) {
		at.start = start + m->bias;
		at.end = end + m->bias;
	}
	at.name = must_print("%s%s0x%" PRIx64, m->is_main ? "" : m->name,
			     m->is_main ? "" : ":", addr);
	places_add(out, at);
}

/* SPDX-License-Identifier: MIT */
/*
 * lines.c - source lines and the code that was made of them
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "text.h"

/* A row of a line table, and the innermost function around it. */
struct row {
	struct line_code code;
	Dwarf_Off scope;
};

struct rows {
	struct row *row;
	size_t n, room;
};

bool file_is(const char *path, const char *file)
{
	size_t have = strlen(path), want = strlen(file);

	if (!want || want > have || strcmp(path + have - want, file) != 0)
		return false;
	return want == have || path[have - want - 1] == '/';
}

/* A row where a statement begins.  False: it is none. */
static bool read_row(Dwarf_Lines *lines, size_t i, struct line_code *out)
{
	Dwarf_Line *line = dwarf_onesrcline(lines, i);
	bool begins = false, ends = true;

	if (!line || dwarf_linebeginstatement(line, &begins) != 0 || !begins ||
	    dwarf_lineendsequence(line, &ends) != 0 || ends ||
	    dwarf_lineno(line, &out->line) != 0 || out->line <= 0 ||
	    dwarf_lineaddr(line, &out->addr) != 0)
		return false;
	out->file = dwarf_linesrc(line, NULL, NULL);
	return out->file != NULL;
}

/* ---- From a line to code ---------------------------------------------------- */

struct search {
	const char *file;
	int line;
	int best; /* the line that is taken so far */
	bool met; /* the file */
	struct rows rows;
};

/* The innermost function, or inlined copy of one, around @addr; 0: none. */
static Dwarf_Off scope_of(Dwarf_Die *unit, Dwarf_Addr addr)
{
	Dwarf_Die *scopes = NULL;
	int n = debug_scopes(unit, addr, &scopes);
	Dwarf_Off found = 0;

	for (int i = 0; i < n && !found; i++)
		if (dwarf_tag(&scopes[i]) == DW_TAG_subprogram ||
		    dwarf_tag(&scopes[i]) == DW_TAG_inlined_subroutine)
			found = dwarf_dieoffset(&scopes[i]);
	free(scopes);
	return found;
}

static bool search_unit(Dwarf_Die *unit, void *arg)
{
	struct search *s = arg;
	Dwarf_Lines *lines;
	struct line_code c;
	size_t n;

	if (dwarf_getsrclines(unit, &lines, &n) != 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		if (!read_row(lines, i, &c) || !file_is(c.file, s->file))
			continue;
		s->met = true;
		if (c.line < s->line || c.line > s->best)
			continue;
		if (c.line < s->best)
			s->rows.n = 0;
		s->best = c.line;
		if (s->rows.n == s->rows.room) {
			s->rows.room = s->rows.room * 2 + 16;
			s->rows.row = must_grow(s->rows.row, s->rows.room,
						sizeof(*s->rows.row));
		}
		s->rows.row[s->rows.n++] =
			(struct row){ c, scope_of(unit, c.addr) };
	}
	return true;
}

static void add(struct line_codes *out, const struct line_code *c)
{
	if (out->n == out->room) {
		out->room = out->room * 2 + 16;
		out->code = must_grow(out->code, out->room, sizeof(*out->code));
	}
	out->code[out->n++] = *c;
}

static int by_scope(const void *va, const void *vb)
{
	const struct row *a = va, *b = vb;

	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	return a->code.addr < b->code.addr ? -1 : a->code.addr > b->code.addr;
}

static int by_addr(const void *va, const void *vb)
{
	const struct line_code *a = va, *b = vb;

	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

size_t lines_find(const struct debug *d, const char *file, int line,
		  struct line_codes *out)
{
	struct search s = { .file = file, .line = line, .best = INT32_MAX };
	size_t before = out->n;

	debug_units(d, search_unit, &s);
	if (s.rows.n)
		qsort(s.rows.row, s.rows.n, sizeof(*s.rows.row), by_scope);
	for (size_t i = 0; i < s.rows.n; i++)
		if (!i || s.rows.row[i].scope != s.rows.row[i - 1].scope)
			add(out, &s.rows.row[i].code);
	free(s.rows.row);
	out->file_known |= s.met;
	return out->n - before;
}

/* ---- From code to lines ----------------------------------------------------- */

struct span {
	uint64_t start, end;
	struct line_codes *out;
};

static bool between_unit(Dwarf_Die *unit, void *arg)
{
	struct span *s = arg;
	Dwarf_Lines *lines;
	struct line_code c;
	size_t n;

	if (dwarf_getsrclines(unit, &lines, &n) != 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (read_row(lines, i, &c) && c.addr >= s->start &&
		    c.addr < s->end)
			add(s->out, &c);
	/* A function is in one unit. */
	return !s->out->n;
}

static bool same_line(const struct line_code *a, const struct line_code *b)
{
	return a->line == b->line && strcmp(a->file, b->file) == 0;
}

static int by_line(const void *va, const void *vb)
{
	const struct line_code *a = va, *b = vb;
	int files = strcmp(a->file, b->file);

	if (files)
		return files;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return by_addr(va, vb);
}

size_t lines_between(const struct debug *d, uint64_t start, uint64_t end,
		     struct line_codes *out)
{
	struct span s = { start, end, out };
	size_t n = 0;

	out->n = 0;
	debug_units(d, between_unit, &s);
	if (out->n)
		qsort(out->code, out->n, sizeof(*out->code), by_line);
	for (size_t i = 0; i < out->n; i++)
		if (!n || !same_line(&out->code[n - 1], &out->code[i]))
			out->code[n++] = out->code[i];
	out->n = n;
	if (n)
		qsort(out->code, n, sizeof(*out->code), by_addr);
	return n;
}

bool line_at(const struct debug *d, uint64_t addr, struct line_code *out)
{
	Dwarf_Line *line;
	Dwarf_Die unit;

	if (!debug_unit_at(d, addr, &unit))
		return false;
	line = dwarf_getsrc_die(&unit, addr);
	if (!line || dwarf_lineno(line, &out->line) != 0 || out->line <= 0 ||
	    dwarf_lineaddr(line, &out->addr) != 0)
		return false;
	out->file = dwarf_linesrc(line, NULL, NULL);
	return out->file != NULL;
}

void line_codes_free(struct line_codes *l)
{
	free(l->code);
	*l = (struct line_codes){ 0 };
}

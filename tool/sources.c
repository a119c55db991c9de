/* SPDX-License-Identifier: MIT */
/*
 * sources.c - `trapline list --lines` and `--vars`: what debug information shows
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"
#include "resolve.h"
#include "sources.h"
#include "text.h"
#include "variables.h"

/* A larger file is no source that a person wrote. */
#define SOURCE_MAX (64 << 20)

/* ---- Source text ------------------------------------------------------------- */

/* A source file, of which lines are asked for in order. */
struct source {
	const char *path; /* NULL: none yet */
	FILE *f;
	char *line;
	size_t room;
	int at; /* the number of @line */
};

static void source_close(struct source *t)
{
	if (t->f)
		fclose(t->f);
	free(t->line);
	*t = (struct source){ 0 };
}

/* Only what is a file: the name is the program's word. */
static FILE *open_source(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size <= SOURCE_MAX)
		return fdopen(fd, "r");
	close(fd);
	return NULL;
}

/* Tabs are 8 columns wide; as text they would be shown as \t.  Caller frees. */
static char *widen(const char *line)
{
	size_t tabs = 0, n = 0;
	char *out;

	for (const char *c = line; *c; c++)
		tabs += *c == '\t';
	out = must_alloc(strlen(line) + 7 * tabs + 1, 1);
	for (; *line; line++) {
		if (*line != '\t') {
			out[n++] = *line;
			continue;
		}
		do
			out[n++] = ' ';
		while (n % 8);
	}
	return out;
}

/* Line @line of @path, clean and without its end; NULL: there is none. */
static char *source_line(struct source *t, const char *path, int line)
{
	ssize_t len = 0;
	char *wide, *clean;

	if (!t->path || strcmp(t->path, path) != 0 || line < t->at) {
		source_close(t);
		t->path = path;
		t->f = open_source(path);
	}
	while (t->f && t->at < line && len >= 0) {
		len = getline(&t->line, &t->room, t->f);
		t->at++;
	}
	if (!t->f || len < 0 || !t->line)
		return NULL;
	t->line[strcspn(t->line, "\n")] = '\0';
	wide = widen(t->line);
	clean = text_clean_dup(wide);
	free(wide);
	return clean;
}

/* ---- Lines ------------------------------------------------------------------- */

struct listing {
	bool json;
	struct output *out;
	struct source text;
	size_t shown;
};

/* How the instruction at @addr of the function of @p is written as a probe. */
static char *probe_name(const struct place *p, uint64_t addr)
{
	size_t len = strlen(p->name);
	const char *plus = strrchr(p->name, '+');

	if (!place_is_entry(p) && plus)
		len = (size_t)(plus - p->name);
	if (addr == p->start || addr == p->start + p->check)
		return must_print("%.*s", (int)len, p->name);
	return must_print("%.*s+0x%" PRIx64, (int)len, p->name,
			  addr - p->start);
}

static void show_line(struct listing *l, const struct place *p,
		      const struct line_code *c)
{
	uint64_t addr = c->addr + p->module->bias;
	char *probe = probe_name(p, addr);
	char *text = source_line(&l->text, c->file, c->line);

	l->shown++;
	if (l->json) {
		struct json_object *obj = json_object_new_object();

		put_text(obj, "binary", p->module->path);
		put_text(obj, "probe", probe);
		put_hex(obj, "address", addr);
		put_text(obj, "file", c->file);
		put_number(obj, "line", (uint64_t)c->line);
		output_json(l->out, obj);
	} else {
		char *clean = text_clean_dup(probe);
		char *source = output_name(l->out, 38, text ? text : "");

		if (*source)
			output_text(l->out, "%7d  %-28s  %s\n", c->line, clean,
				    source);
		else
			output_text(l->out, "%7d  %s\n", c->line, clean);
		free(source);
		free(clean);
	}
	free(text);
	free(probe);
}

static int by_text(const void *va, const void *vb)
{
	const struct line_code *a = va, *b = vb;
	int files = strcmp(a->file, b->file);

	return files ? files : a->line < b->line ? -1 : a->line > b->line;
}

/* One function: its own file's lines first, then those inlined from others. */
static void show_function(struct listing *l, const struct debug *d,
			  const struct place *p)
{
	uint64_t bias = p->module->bias;
	struct line_codes codes = { 0 };
	const char *own = NULL, *last = NULL;

	if (lines_between(d, p->start - bias, p->end - bias, &codes))
		own = codes.code[0].file;
	if (codes.n)
		qsort(codes.code, codes.n, sizeof(*codes.code), by_text);
	for (int others = 0; others < 2; others++)
		for (size_t i = 0; i < codes.n; i++) {
			const struct line_code *c = &codes.code[i];

			if ((strcmp(c->file, own) != 0) != others)
				continue;
			if (!l->json && (!last || strcmp(last, c->file) != 0)) {
				char *file = text_clean_dup(c->file);

				output_text(l->out, "%s%s\n",
					    l->shown ? "\n" : "", file);
				free(file);
			}
			last = c->file;
			show_line(l, p, c);
		}
	line_codes_free(&codes);
}

/* ---- Variables --------------------------------------------------------------- */

static const char *const where_word[] = {
	[LOCATION_NONE] = "none",
	[LOCATION_VALUE] = "value",
	[LOCATION_MEMORY] = "memory",
	[LOCATION_ODD] = "other",
};

static void show_variable(struct listing *l, const struct debug *d,
			  const struct place *p, struct variable *v)
{
	char *type = debug_type(d, &v->die), *where = location_text(&v->at);

	l->shown++;
	if (l->json) {
		struct json_object *obj = json_object_new_object();

		put_text(obj, "binary", p->module->path);
		put_text(obj, "probe", p->name);
		put_hex(obj, "address", p->addr);
		put_text(obj, "name", v->name);
		put_text(obj, "type", type);
		put_bool(obj, "parameter", v->parameter);
		put_text(obj, "kind", where_word[v->at.kind]);
		put_text(obj, "where", where);
		output_json(l->out, obj);
	} else {
		char *name = text_clean_dup(v->name);
		char *clean = text_clean_dup(type);

		output_text(l->out, "  %-20s %-24s %s\n", name, clean, where);
		free(clean);
		free(name);
	}
	free(where);
	free(type);
}

static void show_place(struct listing *l, const struct debug *d,
		       const struct place *p)
{
	struct variables vars = { 0 };

	if (variables_at(d, p->module->image, place_in_debug(p), p->line,
			 say_level > 0, &vars)) {
		char *name = text_clean_dup(p->name);

		if (!l->json)
			output_text(l->out, "%s%s\n", l->shown ? "\n" : "",
				    name);
		free(name);
		/* A function without variables is an answer, too. */
		if (!vars.n && !l->json)
			output_text(l->out, "  (no variables)\n");
		l->shown++;
	}
	for (size_t i = 0; i < vars.n; i++)
		show_variable(l, d, p, &vars.variable[i]);
	variables_free(&vars);
}

/* ---- Both -------------------------------------------------------------------- */

static int nothing(const struct spec *spec, const struct places *places,
		   bool debug)
{
	const struct module *m = places->place[0].module;

	if (debug)
		say_error("'%s': the debug information of %s does not have it",
			  spec->text, m->name);
	else
		say_error("'%s': %s has no debug information; build with -g, "
			  "or install its debug package",
			  spec->text, m->name);
	return EXIT_FAILED;
}

static int show_all(struct process *p, const struct spec *spec,
		    struct listing *l,
		    void (*show)(struct listing *, const struct debug *,
				 const struct place *))
{
	struct places places = { 0 };
	struct module *open = NULL;
	struct debug *d = NULL;
	bool known = false;
	int status = EXIT_DONE;

	if (resolve(p, spec, false, &places) != 0) {
		places_free(&places);
		return EXIT_FAILED;
	}
	places_unique(&places);
	for (size_t i = 0; i < places.n && !l->out->failed; i++) {
		const struct place *at = &places.place[i];

		if (at->module != open) {
			/* Its path is of what is closed. */
			source_close(&l->text);
			debug_close(d);
			say_progress("reading the debug information of %s",
				     at->module->name);
			d = debug_open(at->module->image);
			say_progress(NULL);
			open = at->module;
		}
		known |= d != NULL;
		if (d && at->end)
			show(l, d, at);
	}
	source_close(&l->text);
	debug_close(d);
	if (!l->shown && !l->out->failed)
		status = nothing(spec, &places, known);
	places_free(&places);
	return status;
}

int sources_lines(struct process *p, const struct spec *spec, bool json,
		  struct output *out)
{
	struct listing l = { .json = json, .out = out };

	return show_all(p, spec, &l, show_function);
}

int sources_vars(struct process *p, const struct spec *spec, bool json,
		 struct output *out)
{
	struct listing l = { .json = json, .out = out };

	return show_all(p, spec, &l, show_place);
}

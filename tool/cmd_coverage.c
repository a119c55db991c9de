/* SPDX-License-Identifier: MIT */
/*
 * cmd_coverage.c - `trapline coverage`: what a jump reaches, and why not
 *
 * A function is what a symbol says or, where there is none, what the unwind
 * tables describe.  Each of its instructions is planned as arming would plan it,
 * with the inroads of the whole file known.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "isa.h"
#include "match.h"
#include "names.h"
#include "object.h"
#include "output.h"
#include "resolve.h"
#include "survey.h"
#include "text.h"

/* Where the kernel puts what may be anywhere. */
#define LOADED_AT 0x7f0000000000ull

struct function {
	uint64_t start, end;
	const struct symbol *symbol; /* NULL: the tables know none */
	bool part; /* split off another one: it has no entry */
};

struct tally {
	uint64_t instructions, jump, breakpoint, refused;
	uint64_t island;	 /* of the jumps */
	uint64_t why[TL_NR_WHY]; /* of breakpoints */
	uint64_t err[256];	 /* of refusals; 0: forbidden */
};

/* What there are lists of.  Islands are jumps, too. */
enum { JUMP, BREAKPOINT, REFUSED, ISLAND, KINDS };

#define PADS 64

struct coverage {
	const struct options *options;
	struct output out;
	struct process process;
	struct spec glob;
	bool any; /* no glob: everything */
	bool go;
	struct object_code code;
	uint64_t bias; /* where it is looked at, as if it were loaded */
	struct survey survey;
	struct function *fn; /* by address */
	size_t n, room;
	const struct function *now;
	struct json_object *offsets[KINDS]; /* with -v */
	struct json_object *padding;
	uint64_t told[PADS]; /* where the last runs begin */
	unsigned int n_told;
	struct tally one, all;
	uint64_t entries, entries_jump;
	struct tally entry; /* of entries: the reasons alone */
	size_t shown;
};

/* ---- the functions of the file ----------------------------------------------- */

static void add_function(struct coverage *c, uint64_t start, uint64_t end,
			 const struct symbol *symbol, bool part)
{
	if (c->n == c->room) {
		c->room = c->room * 2 + 256;
		c->fn = must_grow(c->fn, c->room, sizeof(*c->fn));
	}
	c->fn[c->n++] = (struct function){ start, end, symbol, part };
}

static int by_start(const void *va, const void *vb)
{
	const struct function *a = va, *b = vb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->end > b->end ? -1 : a->end < b->end;
}

static void note_unwind(void *arg, uint64_t start, uint64_t end, bool part)
{
	struct coverage *c = arg;
	const struct symbol *s = image_find(c->process.modules[0].image, start);

	if (!s)
		add_function(c, start, end, NULL, part);
}

/* Where there are no names, the functions have their addresses. */
static void find_functions(struct coverage *c)
{
	struct image *img = c->process.modules[0].image;

	image_names(img);
	for (size_t i = 0; i < img->n; i++) {
		const struct symbol *s = &img->symbols[i];

		if (s->first && s->size && s->kind != SYMBOL_LABEL)
			add_function(c, s->addr, s->addr + s->size, s,
				     !symbol_is_probeable(s) &&
					     s->kind == SYMBOL_FUNC);
	}
	tl_inroads_functions(&c->code.inroads, note_unwind, c);
	if (c->n)
		qsort(c->fn, c->n, sizeof(*c->fn), by_start);
	for (size_t i = 0; i < c->n; i++)
		tl_inroads_function(&c->code.inroads, c->fn[i].start,
				    c->fn[i].end);
}

/* As the loader does; those of the file's own bytes that are there. */
static void set_word(void *arg, uint64_t addr, uint64_t value)
{
	struct coverage *c = arg;
	const uint8_t *p = tl_inroads_bytes(&c->code.inroads, addr, 8);
	uint8_t *bytes = c->code.bytes;

	value += c->bias;
	if (p)
		memcpy(bytes + (p - bytes), &value, sizeof(value));
}

/* ---- what the survey asks ------------------------------------------------------ */

static int read_code(void *arg, void *dst, uint64_t addr, size_t n)
{
	const struct coverage *c = arg;
	const void *p = tl_inroads_bytes(&c->code.inroads, addr - c->bias, n);

	if (!p)
		return -EFAULT;
	memcpy(dst, p, n);
	return 0;
}

static uint32_t inroads_at(void *arg, uint64_t addr)
{
	const struct coverage *c = arg;

	return tl_inroads_at(&c->code.inroads, addr - c->bias);
}

static bool function_at(void *arg, uint64_t addr, uint64_t *start,
			uint64_t *end)
{
	const struct coverage *c = arg;
	size_t low = 0, high = c->n;

	addr -= c->bias;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->fn[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || addr >= c->fn[low - 1].end)
		return false;
	*start = c->fn[low - 1].start + c->bias;
	*end = c->fn[low - 1].end + c->bias;
	return true;
}

/* Where the probe of the function that is looked at is. */
static uint64_t entry_of(const struct coverage *c)
{
	const uint8_t *p = NULL;
	bool by_register;

	if (c->go)
		p = tl_inroads_bytes(&c->code.inroads, c->now->start,
				     OBJECT_GO_BYTES);
	return c->now->start + (p ? object_go_check(p, &by_register) : 0);
}

/* Go's code has no room for a probe but behind the check of its stack. */
static bool is_forbidden(const struct coverage *c, uint64_t addr)
{
	uint64_t entry = entry_of(c);

	return c->go && (addr != entry || entry == c->now->start);
}

static const char *const kinds[KINDS] = {
	[JUMP] = "jump_at",
	[BREAKPOINT] = "breakpoint_at",
	[REFUSED] = "refused_at",
	[ISLAND] = "island_at",
};

static void note_offset(struct coverage *c, unsigned int kind, uint64_t addr)
{
	if (c->offsets[kind])
		json_object_array_add(
			c->offsets[kind],
			json_object_new_int64((int64_t)(addr - c->now->start)));
}

static void found(void *arg, uint64_t addr, int err, enum tl_why why,
		  bool island)
{
	struct coverage *c = arg;
	struct tally *t = &c->one;
	bool entry;

	addr -= c->bias;
	entry = addr == entry_of(c) && !c->now->part;

	t->instructions++;
	c->entries += entry;
	if (err || is_forbidden(c, addr)) {
		t->refused++;
		t->err[-err & 255]++;
		note_offset(c, REFUSED, addr);
	} else if (why == TL_WHY_NONE) {
		t->jump++;
		t->island += island;
		c->entries_jump += entry;
		note_offset(c, JUMP, addr);
		if (island)
			note_offset(c, ISLAND, addr);
	} else {
		t->breakpoint++;
		t->why[why]++;
		c->entry.why[why] += entry;
		note_offset(c, BREAKPOINT, addr);
	}
}

static void padding(void *arg, uint64_t start, uint64_t end)
{
	struct coverage *c = arg;
	struct json_object *run;

	if (!c->padding)
		return;
	start -= c->bias;
	end -= c->bias;
	for (unsigned int i = 0; i < c->n_told && i < PADS; i++)
		if (c->told[i] == start)
			return;
	c->told[c->n_told++ % PADS] = start;
	run = json_object_new_array();
	json_object_array_add(
		run, json_object_new_int64((int64_t)(start - c->now->start)));
	json_object_array_add(
		run, json_object_new_int64((int64_t)(end - c->now->start)));
	json_object_array_add(c->padding, run);
}

/* ---- output -------------------------------------------------------------------- */

static const char *err_name(int err)
{
	switch (err) {
	case 0:
		return trapline_why_name(TL_WHY_FORBIDDEN);
	case TL_EILSEQ:
		return "no instruction, or a trap of its own";
	case TL_EINVAL:
		return "nothing may stop behind it";
	case TL_EOPNOTSUPP:
		return "no copy can stand for it";
	}
	return "not readable";
}

static struct json_object *reasons(const struct tally *t)
{
	struct json_object *obj = json_object_new_object();

	for (int i = 1; i < TL_NR_WHY; i++)
		if (t->why[i])
			put_number(obj, trapline_why_name((enum tl_why)i),
				   t->why[i]);
	for (int i = 0; i < 256; i++)
		if (t->err[i])
			put_number(obj, err_name(i), t->err[i]);
	return obj;
}

static struct json_object *tally_json(const struct tally *t)
{
	struct json_object *obj = json_object_new_object();

	put_number(obj, "instructions", t->instructions);
	put_number(obj, "jump", t->jump);
	put_number(obj, "island", t->island);
	put_number(obj, "breakpoint", t->breakpoint);
	put_number(obj, "refused", t->refused);
	return obj;
}

static void print_function(struct coverage *c, const char *name)
{
	const struct tally *t = &c->one;
	struct json_object *obj;
	char *clean;

	if (c->options->json) {
		obj = json_object_new_object();
		put_text(obj, "function", name);
		if (c->now->symbol)
			put_symbol(obj, symbol_behind(c->now->symbol));
		put_hex(obj, "address", c->now->start);
		put_number(obj, "size", c->now->end - c->now->start);
		put_number(obj, "instructions", t->instructions);
		put_number(obj, "jump", t->jump);
		put_number(obj, "island", t->island);
		put_number(obj, "breakpoint", t->breakpoint);
		put_number(obj, "refused", t->refused);
		json_object_object_add(obj, "reasons", reasons(t));
		for (int i = 0; i < KINDS && say_level > 0; i++)
			json_object_object_add(obj, kinds[i], c->offsets[i]);
		if (say_level > 0)
			json_object_object_add(obj, "padding", c->padding);
		output_json(&c->out, obj);
		return;
	}
	clean = text_clean_dup(name);
	output_text(&c->out,
		    "%#18" PRIx64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64
		    " %7" PRIu64 "  %s\n",
		    c->now->start, t->instructions, t->jump, t->breakpoint,
		    t->refused, clean);
	free(clean);
	for (int i = 1; i < TL_NR_WHY; i++)
		if (t->why[i] && say_level > 0)
			output_text(&c->out, "%59" PRIu64 "  %s\n", t->why[i],
				    trapline_why_name((enum tl_why)i));
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_line(struct coverage *c, const char *what, uint64_t n,
		       uint64_t whole)
{
	output_text(&c->out, "%12" PRIu64 " %6.2f %%  %s\n", n, share(n, whole),
		    what);
}

static void print_summary(struct coverage *c)
{
	const struct tally *t = &c->all;
	struct json_object *obj, *outer;

	if (c->options->json) {
		obj = tally_json(t);
		put_number(obj, "entries", c->entries);
		put_number(obj, "entries_jump", c->entries_jump);
		json_object_object_add(obj, "reasons", reasons(t));
		json_object_object_add(obj, "entry_reasons",
				       reasons(&c->entry));
		outer = json_object_new_object();
		json_object_object_add(outer, "summary", obj);
		output_json(&c->out, outer);
		return;
	}
	output_text(&c->out, "\n");
	print_line(c, "of the function entries are reached by a jump",
		   c->entries_jump, c->entries);
	print_line(c, "of the instructions by a jump", t->jump,
		   t->instructions);
	output_text(&c->out, "%24" PRIu64 "  by way of an island\n", t->island);
	print_line(c, "by a breakpoint, because of", t->breakpoint,
		   t->instructions);
	for (int i = 1; i < TL_NR_WHY; i++)
		if (t->why[i])
			output_text(&c->out, "%24" PRIu64 "  %s\n", t->why[i],
				    trapline_why_name((enum tl_why)i));
	print_line(c, "by nothing", t->refused, t->instructions);
	for (int i = 0; i < 256; i++)
		if (t->err[i])
			output_text(&c->out, "%24" PRIu64 "  %s\n", t->err[i],
				    err_name(i));
}

/* ---- the command --------------------------------------------------------------- */

static bool is_wanted(const struct coverage *c, const struct symbol *s,
		      const char *name)
{
	if (c->any || strcmp(c->glob.func, name) == 0)
		return true;
	if (!s)
		return c->glob.glob && glob_match(c->glob.func, name);
	return name_is(s, c->glob.func) ||
	       (c->glob.glob && name_matches(s, c->glob.func));
}

static void sum(struct tally *all, const struct tally *one)
{
	all->instructions += one->instructions;
	all->jump += one->jump;
	all->island += one->island;
	all->breakpoint += one->breakpoint;
	all->refused += one->refused;
	for (int i = 0; i < TL_NR_WHY; i++)
		all->why[i] += one->why[i];
	for (int i = 0; i < 256; i++)
		all->err[i] += one->err[i];
}

static void cover(struct coverage *c, const struct function *f)
{
	bool lists = c->options->json && say_level > 0;
	char number[32];
	const char *name = f->symbol ? f->symbol->shown : NULL;
	uint64_t rest;

	if (!name) {
		snprintf(number, sizeof(number), "0x%" PRIx64, f->start);
		name = number;
	}
	if (!is_wanted(c, f->symbol, name))
		return;
	c->now = f;
	c->one = (struct tally){ 0 };
	for (int i = 0; i < KINDS; i++)
		c->offsets[i] = lists ? json_object_new_array() : NULL;
	c->padding = lists ? json_object_new_array() : NULL;
	c->n_told = 0;
	rest = survey_function(&c->survey, f->start + c->bias,
			       f->end + c->bias);
	if (rest)
		say_detail("%s: its last %" PRIu64 " bytes are no code", name,
			   rest);
	sum(&c->all, &c->one);
	print_function(c, name);
	c->shown++;
}

/* Bytes that belong to two functions are counted for the first. */
static int coverage(struct coverage *c)
{
	uint64_t done = 0;

	if (!c->options->json)
		output_text(&c->out, "%18s %7s %7s %7s %7s  FUNCTION\n",
			    "ADDRESS", "INSNS", "JUMP", "BREAK", "NONE");
	for (size_t i = 0; i < c->n && !c->out.failed; i++) {
		if (c->fn[i].start < done)
			continue;
		if (i % 256 == 0)
			say_progress("%zu of %zu functions", i, c->n);
		cover(c, &c->fn[i]);
		done = c->fn[i].end;
	}
	say_progress(NULL);
	if (!c->shown && !c->out.failed) {
		say_error(
			c->n ? "'%s' matches no function"
			     : "%s has no functions: no symbols and no unwind "
			       "tables",
			c->n ? c->glob.text : c->process.modules[0].name);
		return EXIT_FAILED;
	}
	print_summary(c);
	return EXIT_DONE;
}

/* The code, and what leads into it. */
static int read_file(struct coverage *c, const char *path)
{
	struct object object;
	int fd, err;

	if (process_read_file(&c->process, path))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? -errno : object_read(&object, fd);
	if (!err)
		err = object_code_read(&c->code, fd);
	if (fd >= 0)
		close(fd);
	if (!err) {
		c->go = c->survey.go = object.go;
		if (!c->code.inroads.fixed)
			c->bias = LOADED_AT;
		find_functions(c);
		err = tl_inroads_find(&c->code.inroads);
		tl_inroads_words(&c->code.inroads, set_word, c);
	}
	if (!err)
		return 0;
	say_error("cannot use %s: it is no program or library for " ISA_NAME
		  ", or "
		  "damaged",
		  path);
	return -1;
}

static int take_args(struct coverage *c)
{
	const struct options *o = c->options;
	char why[256];

	if (!o->n_args)
		return usage_error(o->verb, "a FILE says of what");
	if (o->n_args > 2)
		return usage_error(o->verb, "one GLOB at most, not '%s' too",
				   o->args[2]);
	c->any = o->n_args == 1;
	c->glob.text = "*";
	if (c->any)
		return 0;
	if (!spec_parse(&c->glob, o->args[1], why, sizeof(why)))
		return usage_error(o->verb, "%s", why);
	if (c->glob.func && !c->glob.has_offset && !c->glob.binary)
		return 0;
	spec_free(&c->glob);
	return usage_error(o->verb,
			   "'%s' is not the name of a function, nor a glob",
			   o->args[1]);
}

int cmd_coverage(const struct options *o)
{
	struct coverage c = { .options = o };
	int status = EXIT_FAILED;

	if (take_args(&c) != 0)
		return EXIT_USAGE;
	c.survey = (struct survey){
		.read = read_code,
		.inroads = inroads_at,
		.function = function_at,
		.found = found,
		.padding = padding,
		.arg = &c,
	};
	if (output_open(&c.out, o->output) != 0)
		goto out;
	if (read_file(&c, o->args[0]) == 0)
		status = coverage(&c);
	if (output_close(&c.out) != 0)
		status = EXIT_FAILED;
out:
	object_code_free(&c.code);
	free(c.fn);
	process_free(&c.process);
	spec_free(&c.glob);
	return status;
}

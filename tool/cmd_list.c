/* SPDX-License-Identifier: MIT */
/*
 * cmd_list.c - `trapline list`: what can be probed
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "markers.h"
#include "names.h"
#include "output.h"
#include "prototype.h"
#include "resolve.h"
#include "sources.h"
#include "text.h"

struct listing {
	const struct options *options;
	struct output out;
	struct process process;
	struct spec glob;
	bool any; /* no glob: everything */
	size_t shown;
	struct prototypes *prototypes; /* of the module that is listed … */
	bool opened;		       /* … once one was asked for */
	int width; /* of the column of binaries; 0: there is none */
};

/* Is it listed without being asked for by its name? */
static bool is_listed(const struct symbol *s)
{
	return say_level > 0 || s->kind == SYMBOL_IFUNC ||
	       symbol_is_probeable(s);
}

static bool is_wanted(const struct listing *l, const struct symbol *s)
{
	if (l->any)
		return is_listed(s);
	if (name_is(s, l->glob.func) ||
	    (l->glob.base && s->version && name_is(s, l->glob.base) &&
	     strcmp(s->version, l->glob.version) == 0))
		return true;
	return l->glob.glob && is_listed(s) && name_matches(s, l->glob.func);
}

/* One more is shown: above the first is what the columns are. */
static void begin_row(struct listing *l)
{
	if (!l->shown++ && !l->options->json)
		output_text(&l->out, "%18s %7s  %-*s%sFUNCTION\n", "ADDRESS",
			    "SIZE", l->width, l->width ? "BINARY" : "",
			    l->width ? "  " : "");
}

static void print_json(struct listing *l, const struct module *m,
		       const struct symbol *s, const char *prototype)
{
	struct json_object *obj = json_object_new_object();

	put_text(obj, "binary", m->path);
	put_text(obj, "function", s->shown);
	put_symbol(obj, symbol_behind(s));
	put_hex(obj, "address", s->addr + m->bias);
	put_number(obj, "size", s->size);
	if (prototype)
		put_text(obj, "prototype", prototype);
	else
		json_object_object_add(obj, "prototype", NULL);
	if (s->kind == SYMBOL_IFUNC)
		put_bool(obj, "indirect", true);
	output_json(&l->out, obj);
}

/* For people: the declaration instead of the name. */
static void print_text(struct listing *l, const struct module *m,
		       const struct symbol *s, const char *prototype)
{
	int used = 28 + (l->width ? l->width + 2 : 0);
	char *name =
		output_name(&l->out, used, prototype ? prototype : s->shown);

	output_text(&l->out, "%#18" PRIx64 " %7" PRIu64 "  ", s->addr + m->bias,
		    s->size);
	if (l->width)
		output_text(&l->out, "%-*s  ", l->width, m->name);
	output_text(&l->out, "%s%s\n", name,
		    s->kind == SYMBOL_IFUNC ? "  (indirect)" : "");
	free(name);
}

static void print_one(struct listing *l, struct module *m,
		      const struct symbol *s)
{
	char *prototype;

	if (!l->opened) {
		say_progress("reading the debug information of %s", m->name);
		l->prototypes = prototypes_open(m->image);
		l->opened = true;
		say_progress(NULL);
	}
	/* What is declared there chooses, and is called by nobody. */
	prototype = s->kind == SYMBOL_IFUNC
			    ? NULL
			    : prototype_at(l->prototypes, s->addr,
					   s->old ? s->shown : s->plain);

	begin_row(l);
	if (l->options->json)
		print_json(l, m, s, prototype);
	else
		print_text(l, m, s, prototype);
	free(prototype);
}

/* One line for each address: the first of its names that is wanted. */
static void list_module(struct listing *l, struct module *m)
{
	const struct symbol *end = m->image->symbols + m->image->n, *s;
	bool done = false;

	image_names(m->image);
	l->prototypes = NULL;
	l->opened = false;
	for (s = m->image->symbols; s < end && !l->out.failed; s++) {
		if (s->first)
			done = false;
		if (done || !is_wanted(l, s) ||
		    !module_has(m, s->addr + m->bias))
			continue;
		print_one(l, m, s);
		done = true;
	}
	prototypes_close(l->prototypes);
}

static bool is_wanted_marker(const struct listing *l, const struct marker *m)
{
	return l->any || marker_is(m, l->glob.binary, l->glob.func);
}

static void print_marker(struct listing *l, const struct module *m,
			 const struct marker *mark)
{
	char *full = must_print("%s:%s", mark->provider, mark->name);
	int used = 36 + (l->width ? l->width + 2 : 0);

	begin_row(l);
	if (l->options->json) {
		struct json_object *obj = json_object_new_object();

		put_text(obj, "binary", m->path);
		put_text(obj, "function", full);
		put_hex(obj, "address", mark->addr + m->bias);
		put_number(obj, "size", 0);
		json_object_object_add(obj, "prototype", NULL);
		put_text(obj, "marker", mark->args);
		output_json(&l->out, obj);
	} else {
		char *name = output_name(&l->out, used, full);

		output_text(&l->out, "%#18" PRIx64 " %7s  ",
			    mark->addr + m->bias, "marker");
		if (l->width)
			output_text(&l->out, "%-*s  ", l->width, m->name);
		output_text(&l->out, "%s\n", name);
		free(name);
	}
	free(full);
}

static void list_markers(struct listing *l, struct module *m)
{
	const struct markers *all = image_markers(m->image);

	for (size_t i = 0; i < all->n && !l->out.failed; i++)
		if (is_wanted_marker(l, &all->marker[i]) &&
		    module_has(m, all->marker[i].addr + m->bias))
			print_marker(l, m, &all->marker[i]);
}

/* Why is there nothing?  A line for it. */
static void explain_nothing(struct listing *l)
{
	bool known = !l->glob.binary;

	for (size_t i = 0; i < l->process.n; i++) {
		const struct module *m = &l->process.modules[i];

		if (!module_is(m, l->glob.binary))
			continue;
		known = true;
		if (m->lack && (l->glob.binary || m->is_main)) {
			say_error("%s has no symbols: %s", m->name, m->lack);
			return;
		}
		if (!m->lack && !m->image->n &&
		    (l->glob.binary || m->is_main)) {
			say_error("%s has no symbols: it is stripped, and no "
				  "debug file of it is installed",
				  m->name);
			return;
		}
	}
	if (!known)
		say_error("no binary '%s' is mapped there", l->glob.binary);
	else if (l->glob.func && !l->glob.glob)
		resolve_failed(&l->process, &l->glob);
	else
		say_error("'%s' matches no function", l->glob.text);
}

static int list(struct listing *l)
{
	for (size_t i = 0; l->options->pid && i < l->process.n; i++) {
		int len = (int)strlen(l->process.modules[i].name);

		if (len > l->width)
			l->width = len < 24 ? len : 24;
	}
	for (size_t i = 0; i < l->process.n; i++) {
		struct module *m = &l->process.modules[i];

		if (m->lack)
			continue;
		if (module_is(m, l->glob.binary))
			list_module(l, m);
		list_markers(l, m);
	}
	if (l->shown || l->out.failed)
		return EXIT_DONE;
	explain_nothing(l);
	return EXIT_FAILED;
}

/* Which argument is the file, and which the glob? */
static int take_args(struct listing *l, const char **file)
{
	const struct options *o = l->options;
	int next = o->pid ? 0 : 1;
	char why[256];

	if (o->n_args < next)
		return usage_error(o->verb, "-p PID or a FILE says of what");
	if (o->n_args > next + 1)
		return usage_error(o->verb, "one GLOB at most, not '%s' too",
				   o->args[next + 1]);
	*file = o->pid ? NULL : o->args[0];
	l->any = o->n_args == next;
	if (o->lines && o->vars)
		return usage_error(o->verb, "either --lines or --vars");
	if (l->any && (o->lines || o->vars))
		return usage_error(o->verb, "--%s: of which function?",
				   o->lines ? "lines" : "vars");
	if (l->any) {
		l->glob.text = "*";
		return 0;
	}
	if (!spec_parse(&l->glob, o->args[next], why, sizeof(why)))
		return usage_error(o->verb, "%s", why);
	if ((l->glob.func && !l->glob.has_offset) || o->lines || o->vars)
		return 0;
	spec_free(&l->glob);
	return usage_error(o->verb,
			   "'%s' is not the name of a function, nor "
			   "a glob",
			   o->args[next]);
}

int cmd_list(const struct options *o)
{
	struct listing l = { .options = o };
	int status = EXIT_FAILED;
	const char *file = NULL;

	if (take_args(&l, &file) != 0)
		return EXIT_USAGE;
	if (output_open(&l.out, o->output) != 0)
		goto out;
	if ((file ? process_read_file(&l.process, file)
		  : process_read(&l.process, o->pid)) == 0)
		status = o->lines  ? sources_lines(&l.process, &l.glob, o->json,
						   &l.out)
			 : o->vars ? sources_vars(&l.process, &l.glob, o->json,
						  &l.out)
				   : list(&l);
	if (output_close(&l.out) != 0)
		status = EXIT_FAILED;
out:
	process_free(&l.process);
	spec_free(&l.glob);
	return status;
}

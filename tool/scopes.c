/* SPDX-License-Identifier: MIT */
/*
 * scopes.c - probes that mean something else at each place
 */
#include <stdlib.h>

#include "access.h"
#include "probe.h"
#include "scopes.h"
#include "text.h"

/* The debug information of the last module that was asked about. */
struct opened {
	struct module *module;
	struct debug *debug;
};

static const struct debug *debug_of(struct opened *o, struct module *m)
{
	if (o->module == m)
		return o->debug;
	debug_close(o->debug);
	o->module = m;
	say_progress("reading the debug information of %s", m->name);
	o->debug = m->lack ? NULL : debug_open(m->image);
	say_progress(NULL);
	return o->debug;
}

/* @at gets a probe of its own. */
static int give(struct target *t, struct place *at, struct opened *o)
{
	struct module *m = at->module;
	struct probe_wish wish = t->run->wish;
	const char *text = t->run->options->args[at->owner];
	struct scope s;
	char why[400];
	bool ok;

	if (t->n_asked == TL_MAX_PROGRAMS) {
		say_error("'%s': these are more than %d places; variables, and "
			  "arguments of markers and of Go's functions, are for "
			  "fewer",
			  text, TL_MAX_PROGRAMS);
		return -1;
	}
	t->asked = must_grow(t->asked, t->n_asked + 1, sizeof(*t->asked));
	scope_open(&s, debug_of(o, m), m->image, place_in_debug(at), at->line,
		   m->bias, at->name, at->marker);
	if (at->go)
		scope_is_go(&s);
	wish.scope = &s.base;
	ok = probe_parse(&t->asked[t->n_asked], text, &wish, why, sizeof(why));
	at->owner = t->n_asked++;
	scope_close(&s);
	if (!ok)
		say_error("%s", why);
	return ok ? 0 : -1;
}

int scopes_give(struct target *t)
{
	size_t written = t->n_asked;
	struct opened o = { NULL, NULL };
	int err = 0;

	for (size_t i = 0; i < t->places.n && t->run->apart && !err; i++) {
		struct place *at = &t->places.place[i];
		const struct probe *p = &t->asked[at->owner];

		if (p->names || (p->entry && (at->marker || at->go)))
			err = give(t, at, &o);
	}
	debug_close(o.debug);
	/* What was written alone, without a place, is no program. */
	for (size_t i = 0; i < written; i++)
		if (t->asked[i].names)
			t->asked[i].has_program = false;
	return err;
}

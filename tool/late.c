/* SPDX-License-Identifier: MIT */
/*
 * late.c - probes on libraries that are loaded later
 *
 * Who names a library that is not mapped waits for it.  The dynamic linker calls
 * a function of its own for debuggers whenever its list of libraries has changed;
 * a probe there lets its caller wait until we have looked and armed, which is
 * before a constructor of the library runs.  When a library goes its probes have
 * been unmapped with it: they wait again, and what was counted is kept.
 */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "late.h"
#include "run.h"
#include "text.h"

struct late {
	bool *waits; /* of each PROBE as it was written */
	/* Each look that has found something: modules of places stay. */
	struct process **look;
	size_t n_looks;
	uint64_t linker, linker_end;
};

static bool is_there(const struct process *p, const char *binary)
{
	for (size_t i = 0; i < p->n; i++)
		if (module_is(&p->modules[i], binary))
			return true;
	return false;
}

/* The function that the dynamic linker calls; false: there is none. */
static bool find_linker(struct late *l, const struct process *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct module *m = &p->modules[i];

		for (size_t k = 0; k < m->image->n && !m->lack; k++) {
			const struct symbol *s = &m->image->symbols[k];

			if (strcmp(s->name, "_dl_debug_state") != 0)
				continue;
			l->linker = s->addr + m->bias;
			l->linker_end = l->linker + (s->size ? s->size : 1);
			return true;
		}
	}
	return false;
}

static struct late *begin(struct target *t)
{
	struct late *l = must_alloc(1, sizeof(*l));

	l->waits = must_alloc(t->n_asked, sizeof(*l->waits));
	if (find_linker(l, &t->process))
		return l;
	free(l->waits);
	free(l);
	return NULL;
}

/* The string that @m's dynamic section has for @tag, the @n th; NULL: none. */
static const char *dynamic(const struct module *m, int64_t tag, size_t n)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Dyn d;

	while (m->image->elf && (scn = elf_nextscn(m->image->elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNAMIC)
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; data && gelf_getdyn(data, i, &d); i++)
			if (d.d_tag == tag && !n--)
				return elf_strptr(m->image->elf, sh.sh_link,
						  d.d_un.d_val);
	}
	return NULL;
}

/* Is @m there because another module needs it? */
static bool is_needed(const struct process *p, const struct module *m)
{
	const char *name = m->lack ? NULL : dynamic(m, DT_SONAME, 0), *needed;

	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0;
		     !p->modules[i].lack &&
		     (needed = dynamic(&p->modules[i], DT_NEEDED, k));
		     k++)
			if (!strcmp(needed, name ? name : m->name))
				return true;
	return false;
}

/* May one that is called @binary, and is there, go again? */
static bool may_go(const struct process *p, const char *binary)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct module *m = &p->modules[i];

		if (module_is(m, binary) && !m->is_main && !is_needed(p, m))
			return true;
	}
	return false;
}

/* Of all that are followed, most will never load it. */
static void tell_waiting(struct target *t, const struct probe *p)
{
	const struct run *r = t->run;
	void (*say)(const char *fmt, ...) =
		r->follower && r->n_targets > 1 ? say_detail : say_note;

	say("%s is not loaded: '%s' %s for it", p->spec.binary, p->spec.text,
	    r->options->dry_run ? "would wait" : "waits");
}

int late_wait(struct target *t, size_t i)
{
	const struct probe *p = &t->asked[i];
	bool there;

	if (!p->spec.binary || !strstr(p->spec.binary, ".so"))
		return 0;
	there = is_there(&t->process, p->spec.binary);
	if (there && (p->names || !may_go(&t->process, p->spec.binary)))
		return 0;
	if (!t->late)
		t->late = begin(t);
	if (!t->late || there)
		return 0;
	if (p->names) {
		say_error(
			"'%s': %s is not loaded, and variables are known only "
			"where the code is; name $arg1 ... or registers",
			p->head, p->spec.binary);
		return -1;
	}
	t->late->waits[i] = true;
	tell_waiting(t, p);
	return 1;
}

const char *late_waiting(const struct target *t, size_t i)
{
	return t->late && t->late->waits[i] ? t->asked[i].spec.text : NULL;
}

/* ---- one look ---------------------------------------------------------------- */

static void add_times(struct session_times *to, const struct session_times *t)
{
	if (!t->calls && !t->missed)
		return;
	if (!to->calls || (t->calls && t->min < to->min))
		to->min = t->min;
	if (t->max > to->max)
		to->max = t->max;
	to->calls += t->calls;
	to->missed += t->missed;
	to->total += t->total;
	for (size_t i = 0; i < SESSION_BUCKETS; i++)
		to->bucket[i] += t->bucket[i];
}

void figure_add_before(struct figure *f)
{
	f->hits += f->before.hits;
	f->missed += f->before.missed;
	if (f->times && f->before.times)
		add_times(f->times, f->before.times);
}

/* The figure of a place of that name whose library has gone, or NULL. */
static struct figure *gone_figure(struct target *t, const struct place *at)
{
	for (size_t i = 0; i < t->n_figures; i++) {
		struct figure *f = &t->figures[i];

		if (f->gone && f->place->owner == at->owner &&
		    strcmp(f->place->name, at->name) == 0)
			return f;
	}
	return NULL;
}

/* A figure for place @i, or the one of its that there was. */
static void add_figure(struct target *t, size_t i)
{
	struct figure *f = gone_figure(t, &t->places.place[i]);

	if (!f) {
		f = &t->figures[t->n_figures++];
		*f = (struct figure){ 0 };
		if (t->run->action == SESSION_TIME)
			f->times = must_alloc(1, sizeof(*f->times));
	} else {
		f->gone = false;
		f->before.hits = f->hits;
		f->before.missed = f->missed;
		if (f->times && !f->before.times)
			f->before.times = must_alloc(1, sizeof(*f->times));
		if (f->times)
			*f->before.times = *f->times;
	}
	f->place = &t->places.place[i];
	f->probe = &t->probes[i];
}

/* Have room for more places; what points to them goes along. */
static void make_room(struct target *t, size_t more)
{
	size_t n = t->places.n + more;
	struct place *place = t->places.place;
	struct session_probe *probe = t->probes;
	size_t *at = must_alloc(t->n_figures + 1, sizeof(*at));

	for (size_t i = 0; i < t->n_figures; i++)
		at[i] = (size_t)(t->figures[i].place - place);
	t->places.place = must_grow(place, n + 1, sizeof(*place));
	t->places.room = n + 1;
	t->probes = must_grow(probe, n + 1, sizeof(*probe));
	t->figures = must_grow(t->figures, t->n_figures + more + 1,
			       sizeof(*t->figures));
	for (size_t i = 0; i < t->n_figures; i++) {
		t->figures[i].place = &t->places.place[at[i]];
		t->figures[i].probe = &t->probes[at[i]];
	}
	free(at);
}

/* Arm the places of probe @i in @p. */
static void arm(struct target *t, struct process *p, size_t i)
{
	const struct probe *asked = &t->asked[i];
	struct places kept = t->places, found;
	size_t first = kept.n;
	int armed;

	t->places = (struct places){ 0 };
	t->late->waits[i] = false;
	if (target_find_places(t, p, i) != 0) {
		places_free(&t->places);
		t->places = kept;
		return;
	}
	found = t->places;
	t->places = kept;
	make_room(t, found.n);
	memcpy(t->places.place + first, found.place,
	       found.n * sizeof(*found.place));
	t->places.n += found.n;
	free(found.place);
	target_make_probes(t, first);
	if (t->run->grown)
		t->run->grown(t);
	armed = session_add(t->session, t->probes + first, found.n);
	if (armed < 0)
		say_error("'%s': %s", asked->head, session_error());
	for (size_t k = first; k < t->places.n && armed >= 0; k++) {
		char *why;

		if (!t->probes[k].err) {
			add_figure(t, k);
			continue;
		}
		why = target_reason(t, t->probes[k].action, &t->probes[k]);
		say_note("not armed: %s: %s", t->places.place[k].name, why);
		free(why);
	}
	if (armed > 0)
		say_note("%s is loaded: %d probe%s of '%s' armed",
			 asked->spec.binary, armed, armed == 1 ? "" : "s",
			 asked->spec.text);
}

static bool still_there(const struct process *p, const struct module *m)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->modules[i].bias == m->bias &&
		    strcmp(p->modules[i].path, m->path) == 0)
			return true;
	return false;
}

/* What was in libraries that have gone waits again. */
static void note_gone(struct target *t, const struct process *p)
{
	target_read(t);
	for (size_t i = 0; i < t->n_figures; i++) {
		struct figure *f = &t->figures[i];
		size_t owner = f->place->owner;
		const struct probe *asked = &t->asked[owner];

		if (f->gone || still_there(p, f->place->module))
			continue;
		f->gone = true;
		/* Those of a name alone do not know where to wait. */
		if (owner >= (size_t)t->run->options->n_args ||
		    !asked->spec.binary || asked->names)
			continue;
		if (!t->late->waits[owner])
			say_note("%s is not loaded any more: '%s' waits for it",
				 asked->spec.binary, asked->spec.text);
		t->late->waits[owner] = true;
	}
}

static void look(struct target *t)
{
	struct process *p = must_alloc(1, sizeof(*p));
	struct late *l = t->late;
	size_t before = t->places.n;

	if (process_read(p, t->pid) != 0) {
		free(p);
		return;
	}
	note_gone(t, p);
	for (size_t i = 0; i < (size_t)t->run->options->n_args; i++)
		if (l->waits[i] && is_there(p, t->asked[i].spec.binary))
			arm(t, p, i);
	if (t->places.n == before) {
		process_free(p);
		free(p);
		return;
	}
	l->look = must_grow(l->look, l->n_looks + 1, sizeof(struct process *));
	l->look[l->n_looks++] = p;
}

int late_begin(struct target *t)
{
	struct late *l = t->late;
	bool waits = false;
	int err;

	if (!l)
		return 0;
	for (int i = 0; i < t->run->options->n_args; i++)
		waits |= l->waits[i];
	err = session_watch_loader(t->session, l->linker, l->linker_end);
	if (err < 0 && waits)
		say_error("%s", session_error());
	/* It may have come since we have looked. */
	if (!err && waits)
		look(t);
	/* What is there may go, or not. */
	return err < 0 && waits ? -1 : 0;
}

void late_serve(struct target *t)
{
	uint32_t n = t->late && t->session ? session_loaded(t->session) : 0;

	if (!n)
		return;
	target_speak(t);
	look(t);
	target_speak(NULL);
	session_caught_up(t->session, n);
}

void late_free(struct target *t)
{
	struct late *l = t->late;

	for (size_t i = 0; l && i < l->n_looks; i++) {
		process_free(l->look[i]);
		free(l->look[i]);
	}
	if (l) {
		free(l->look);
		free(l->waits);
	}
	free(l);
	t->late = NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * forecast.c - what arming would make of probes, by what the files show
 *
 * The planner is the one that arms (survey/), on the code as the file has it and the
 * loader moved it.  It is told what the guardian tells the agent: the bounds
 * of the functions that are probed, what leads into them, and how far split-off
 * parts go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "forecast.h"
#include "frames.h"
#include "object.h"
#include "survey.h"

struct view {
	struct module *module;
	const struct session_probe *probes;
	const struct places *places;
	struct object_code code;
};

/* ---- what the survey asks ---------------------------------------------------- */

static int read_code(void *arg, void *dst, uint64_t addr, size_t n)
{
	const struct view *v = arg;
	const void *p =
		tl_inroads_bytes(&v->code.inroads, addr - v->module->bias, n);

	if (!p)
		return -EFAULT;
	memcpy(dst, p, n);
	return 0;
}

static uint32_t inroads_at(void *arg, uint64_t addr)
{
	const struct view *v = arg;

	return tl_inroads_at(&v->code.inroads, addr - v->module->bias);
}

static bool function_at(void *arg, uint64_t addr, uint64_t *start,
			uint64_t *end)
{
	const struct view *v = arg;
	uint64_t bias = v->module->bias;

	for (size_t i = 0; i < v->places->n; i++)
		if (addr >= v->probes[i].start && addr < v->probes[i].end) {
			*start = v->probes[i].start;
			*end = v->probes[i].end;
			return true;
		}
	if (!frames_bounds(v->module->image, addr - bias, start, end))
		return false;
	*start += bias;
	*end += bias;
	return true;
}

/* ---- a file ------------------------------------------------------------------- */

/* As the loader does; those of the file's own bytes that are there. */
static void set_word(void *arg, uint64_t addr, uint64_t value)
{
	struct view *v = arg;
	const uint8_t *p = tl_inroads_bytes(&v->code.inroads, addr, 8);
	uint8_t *bytes = v->code.bytes;

	value += v->module->bias;
	if (p)
		memcpy(bytes + (p - bytes), &value, sizeof(value));
}

static void add_border(void *arg, uint64_t start, uint64_t end, bool part)
{
	(void)part;
	tl_inroads_function(arg, start, end);
}

static bool open_view(struct view *v)
{
	bool followed = false;
	uint64_t bias = v->module->bias;

	if (v->module->lack || v->module->image->fd < 0 ||
	    object_code_read(&v->code, v->module->image->fd))
		return false;
	for (size_t i = 0; i < v->places->n; i++) {
		const struct session_probe *p = &v->probes[i];

		if (v->places->place[i].module != v->module || !p->end)
			continue;
		tl_inroads_function(&v->code.inroads, p->start - bias,
				    p->end - bias);
		followed |= session_follows(p->action);
	}
	if (followed) /* as the guardian does: leads.c */
		tl_inroads_functions(&v->code.inroads, add_border,
				     &v->code.inroads);
	if (tl_inroads_find(&v->code.inroads))
		return false;
	tl_inroads_words(&v->code.inroads, set_word, v);
	return true;
}

/* ---- probes ------------------------------------------------------------------- */

/* A jump that a probe before @p takes, or would be covered by, is in its way. */
static bool is_in_the_way(const struct session_probe *p, unsigned int window,
			  const struct session_probe *other,
			  unsigned int others)
{
	return (p->addr > other->addr && p->addr < other->addr + others) ||
	       (other->addr > p->addr && other->addr < p->addr + window);
}

/* What a probe takes: bytes from its address on, and its island. */
struct taken {
	unsigned int window;
	uint64_t island; /* 0: none */
};

static bool is_jump(const struct session_probe *p)
{
	return p->kind == SESSION_JUMP || p->kind == SESSION_ISLAND;
}

static void refuse_probe(struct session_probe *p, int err, enum tl_why why)
{
	p->err = err;
	p->why = why;
	p->kind = SESSION_NOT_ARMED;
	p->by_exits = false;
}

/* Take one of @place for an island of its own: false, if none is free. */
static bool find_island(const struct survey_place *place,
			const struct session_probe *probes, size_t i,
			struct taken *taken)
{
	for (unsigned int n = 0; n < place->n_islands; n++) {
		uint64_t at = place->island[n], end = at + SURVEY_ISLAND;
		bool is_free = true;

		for (size_t k = 0; k < i && is_free; k++)
			is_free = (probes[k].addr >= end ||
				   probes[k].addr + taken[k].window <= at) &&
				  (taken[k].island >= end ||
				   taken[k].island + SURVEY_ISLAND <= at);
		if (is_free) {
			taken[i].island = at;
			return true;
		}
	}
	return false;
}

static void foretell(const struct survey *s, struct session_probe *probes,
		     size_t i, struct taken *taken, bool breakpoints)
{
	struct session_probe *p = &probes[i];
	struct survey_place place;
	unsigned int window;
	bool covered;
	int err = survey_place(s, p->addr, p->start, p->end, &place);

	p->why = place.why;
	window = place.window;
	if (window && place.n_islands) {
		if (find_island(&place, probes, i, taken))
			p->why = TL_WHY_NONE;
		else
			window = 0;
	}
	for (size_t k = 0; k < i && window; k++)
		if (is_jump(&probes[k]) &&
		    is_in_the_way(p, window, &probes[k], taken[k].window)) {
			window = 0;
			p->why = TL_WHY_OTHER_PROBE;
		}
	taken[i].window = window;
	if (!window)
		taken[i].island = 0;
	p->kind = !window	    ? SESSION_BREAKPOINT
		  : taken[i].island ? SESSION_ISLAND
				    : SESSION_JUMP;
	if (err || (!window && !breakpoints)) {
		refuse_probe(p, err ? err : -TL_EBUSY, p->why);
		return;
	}
	if (!session_follows(p->action))
		return;
	switch (survey_returns(s, p->addr, p->start, p->end, !breakpoints,
			       p->by_exits, &covered)) {
	case SURVEY_EXITS:
		p->by_exits = true;
		if (covered && !breakpoints)
			refuse_probe(p, -TL_EBUSY, TL_WHY_OTHER_PROBE);
		break;
	case SURVEY_ADDRESS:
		p->by_exits = false;
		break;
	case SURVEY_NOT:
		taken[i] = (struct taken){ 0 };
		refuse_probe(p, -TL_EOPNOTSUPP, TL_WHY_NONE);
	}
}

void forecast(struct process *p, const struct places *places,
	      struct session_probe *probes, bool breakpoints)
{
	struct taken *taken = calloc(places->n + 1, sizeof(*taken));
	bool go = p->n && !p->modules[0].lack &&
		  image_is_go(p->modules[0].image);

	for (size_t m = 0; taken && m < p->n; m++) {
		struct view v = { .module = &p->modules[m],
				  .probes = probes,
				  .places = places };
		const struct survey s = { .read = read_code,
					  .inroads = inroads_at,
					  .function = function_at,
					  .go = go,
					  .arg = &v };
		bool tried = false, known = false;

		for (size_t i = 0; i < places->n; i++) {
			if (places->place[i].module != v.module ||
			    probes[i].err)
				continue;
			if (!tried)
				known = open_view(&v);
			tried = true;
			if (known)
				foretell(&s, probes, i, taken, breakpoints);
			else
				refuse_probe(&probes[i], -TL_EOPNOTSUPP,
					     TL_WHY_FORBIDDEN);
		}
		object_code_free(&v.code);
	}
	free(taken);
}

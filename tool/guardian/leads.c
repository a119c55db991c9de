/* SPDX-License-Identifier: MIT */
/*
 * leads.c - what leads into the functions of the target's objects
 *
 * The agent plans in the target, but the files are ours to read.  An object is
 * looked at when the first probes in it are added, and again when others come,
 * whose functions have borders of their own; what was found is kept, a bit for a
 * byte, and the file is not.
 */
#include "leads.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <object.h>

struct lead {
	struct map map; /* text of the object, as it was mapped first */
	uint64_t bias;	/* address in the process minus in the file */
	struct object_code code;
	unsigned int learnt; /* in which turn of leads_learn() */
	bool known;
	bool followed; /* it has probes that follow calls */
};

static struct lead **leads;
static size_t n_leads;

static bool bias_of(struct lead *l, int fd)
{
	struct object o;

	if (object_read(&o, fd))
		return false;
	l->bias = l->map.start - object_address(&o, l->map.offset);
	return true;
}

static struct lead *lead_of(const struct map *m)
{
	struct lead **grown, *l;

	for (size_t i = 0; i < n_leads; i++)
		if (map_same_file(m, &leads[i]->map) &&
		    m->start - m->offset ==
			    leads[i]->map.start - leads[i]->map.offset)
			return leads[i];
	grown = realloc(leads, (n_leads + 1) * sizeof(*leads));
	if (!grown)
		return NULL;
	leads = grown;
	l = calloc(1, sizeof(*l));
	if (l) {
		l->map = *m;
		leads[n_leads++] = l;
	}
	return l;
}

static void add_border(void *arg, uint64_t start, uint64_t end, bool part)
{
	(void)part;
	tl_inroads_function(arg, start, end);
}

/*
 * Calls may be followed into whatever function they go on to: each that the unwind
 * tables know has borders then.
 */
static void add_borders(struct lead *l, const struct session_probe *probe)
{
	if (l->followed || !session_follows(probe->action))
		return;
	l->followed = true;
	tl_inroads_functions(&l->code.inroads, add_border, &l->code.inroads);
}

/* Read the file, and find again what crosses the borders, old and new. */
static void look(struct lead *l, pid_t pid, const struct maps *maps,
		 const struct session_probe *probes, size_t n)
{
	void *old = l->code.marks;
	size_t room = old ? tl_inroads_room(&l->code.inroads) : 0;
	int fd = map_open(&l->map, pid);

	l->known = fd >= 0 && !object_code_read(&l->code, fd) && bias_of(l, fd);
	if (fd >= 0)
		close(fd);
	if (l->known && old && room == tl_inroads_room(&l->code.inroads))
		tl_inroads_same_borders(&l->code.inroads, old);
	else
		l->followed = false;
	for (size_t i = 0; l->known && i < n; i++) {
		const struct map *m = maps_find(maps, probes[i].addr);

		if (!probes[i].end || !m || lead_of(m) != l)
			continue;
		tl_inroads_function(&l->code.inroads, probes[i].start - l->bias,
				    probes[i].end - l->bias);
		add_borders(l, &probes[i]);
	}
	l->known = l->known && !tl_inroads_find(&l->code.inroads);
	free(l->code.bytes);
	l->code.bytes = NULL;
	free(old);
}

/* Another object is where @l was: what lay there has been unmapped. */
static bool is_over(const struct lead *l, const struct lead *other)
{
	const struct tl_inroads *a = &l->code.inroads;
	const struct tl_inroads *b = &other->code.inroads;

	return l->bias + a->low < other->bias + b->high &&
	       other->bias + b->low < l->bias + a->high;
}

void leads_learn(pid_t pid, const struct maps *maps,
		 const struct session_probe *probes, size_t n)
{
	static unsigned int turn;

	turn++;
	for (size_t i = 0; i < n; i++) {
		const struct map *m = maps_find(maps, probes[i].addr);
		struct lead *l = m && map_is_text(m) ? lead_of(m) : NULL;

		if (!l || l->learnt == turn)
			continue;
		l->learnt = turn;
		look(l, pid, maps, probes, n);
		for (size_t k = 0; k < n_leads; k++)
			if (leads[k] != l && leads[k]->learnt != turn &&
			    leads[k]->known && is_over(l, leads[k]))
				leads[k]->known = false;
	}
}

uint32_t leads_at(uint64_t addr)
{
	for (size_t i = 0; i < n_leads; i++) {
		const struct lead *l = leads[i];
		uint32_t mask;

		if (!l->known)
			continue;
		mask = tl_inroads_at(&l->code.inroads, addr - l->bias);
		if (!(mask & TL_INROADS_UNKNOWN))
			return mask;
	}
	return TL_INROADS_UNKNOWN;
}

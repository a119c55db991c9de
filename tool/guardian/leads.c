/* SPDX-License-Identifier: MIT */
/*
 * leads.c - what leads into the functions of the target's objects
 *
 * The agent plans in the target, but the files are ours to read.  An object is
 * looked at when the first probes in it are added, and again when others come,
 * whose functions have borders of their own; what was found is kept, a bit for a
 * byte, and the file is not.
 *
 * Under --follow each new program has a guardian of its own, and the same files.
 * So the tool looks first (leads_foretell()), and the guardians, which are forked
 * from it, find what it has found.
 */
#include "leads.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <object.h>

struct lead {
	struct map map; /* text of the object, as it was mapped first */
	uint64_t bias;	/* address in the process minus in the file */
	struct object_code code;
	unsigned int learnt; /* in which turn of leads_learn() */
	bool known;
	bool followed; /* it has probes that follow calls */
	bool foretold; /* code is that of a foretold one, whose it stays */
};

static struct lead **leads;
static size_t n_leads;

/* A function, by the file's addresses. */
struct border {
	uint64_t start;
	uint64_t end;
};

/* What the tool found in a file, with these functions in it. */
struct foretold {
	struct foretold *next;
	struct stat file;
	struct asked {
		struct border *borders;
		size_t n;
		bool followed; /* a probe follows its calls */
	} asked;
	struct object_code code;
};

#define FORETOLD_MAX 32

static struct foretold *all_foretold;

static bool bias_of(const struct map *m, int fd, uint64_t *bias)
{
	struct object o;

	if (object_read(&o, fd))
		return false;
	*bias = m->start - object_address(&o, m->offset);
	return true;
}

/* ---- what is known beforehand -------------------------------------------- */

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       same_time(&a->st_mtim, &b->st_mtim) &&
	       same_time(&a->st_ctim, &b->st_ctim);
}

/* Is @m of the object that @as maps, where that one has it? */
static bool same_object(const struct map *m, const struct map *as)
{
	return m && map_same_file(m, as) &&
	       m->start - m->offset == as->start - as->offset;
}

/* What is asked of the object that @m maps at @bias.  False: no memory. */
static bool find_asked(struct asked *a, const struct map *m, uint64_t bias,
		       const struct maps *maps,
		       const struct session_probe *probes, size_t n)
{
	*a = (struct asked){ calloc(n + 1, sizeof(*a->borders)), 0, false };
	for (size_t i = 0; a->borders && i < n; i++) {
		if (!probes[i].end ||
		    !same_object(maps_find(maps, probes[i].addr), m))
			continue;
		a->borders[a->n++] = (struct border){ probes[i].start - bias,
						      probes[i].end - bias };
		a->followed |= session_follows(probes[i].action);
	}
	return a->borders;
}

static struct foretold *find_foretold(const struct stat *file,
				      const struct asked *a)
{
	struct foretold *f = all_foretold;

	while (f && (!same_file(&f->file, file) || f->asked.n != a->n ||
		     f->asked.followed != a->followed ||
		     memcmp(f->asked.borders, a->borders,
			    a->n * sizeof(*a->borders))))
		f = f->next;
	return f;
}

static void drop_foretold(struct foretold **at)
{
	struct foretold *f = *at;

	*at = f->next;
	free(f->code.bytes);
	free(f->code.marks);
	free(f->asked.borders);
	free(f);
}

/* The newest comes first, and the oldest go. */
static void keep_foretold(struct foretold *f)
{
	struct foretold **at = &all_foretold;

	f->next = all_foretold;
	all_foretold = f;
	for (size_t n = 0; *at; n++)
		if (n >= FORETOLD_MAX)
			drop_foretold(at);
		else
			at = &(*at)->next;
}

static void add_border(void *arg, uint64_t start, uint64_t end, bool part)
{
	(void)part;
	tl_inroads_function(arg, start, end);
}

/* Look at the file @fd for what is asked of it, whose memory becomes ours. */
static void foretell(int fd, const struct stat *file, const struct asked *a)
{
	struct foretold *f = calloc(1, sizeof(*f));
	struct tl_inroads *in = f ? &f->code.inroads : NULL;

	if (!f) {
		free(a->borders);
		return;
	}
	*f = (struct foretold){ .file = *file, .asked = *a };
	if (object_code_read(&f->code, fd)) {
		drop_foretold(&f);
		return;
	}
	for (size_t i = 0; i < a->n; i++)
		tl_inroads_function(in, a->borders[i].start, a->borders[i].end);
	if (a->followed)
		tl_inroads_functions(in, add_border, in);
	if (tl_inroads_find(in)) {
		drop_foretold(&f);
		return;
	}
	free(f->code.bytes);
	f->code.bytes = NULL;
	keep_foretold(f);
}

static void foretell_object(pid_t pid, const struct map *m,
			    const struct maps *maps,
			    const struct session_probe *probes, size_t n)
{
	struct asked a = { 0 };
	struct stat file;
	uint64_t bias;
	int fd = map_open(m, pid);

	if (fd < 0)
		return;
	if (!fstat(fd, &file) && bias_of(m, fd, &bias) &&
	    find_asked(&a, m, bias, maps, probes, n) &&
	    !find_foretold(&file, &a))
		foretell(fd, &file, &a);
	else
		free(a.borders);
	close(fd);
}

void leads_foretell(pid_t pid, const struct session_probe *probes, size_t n)
{
	const struct map *last = NULL;
	struct maps maps;

	if (maps_read(&maps, pid))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct map *m = maps_find(&maps, probes[i].addr);
		bool seen = !m || !map_is_text(m) ||
			    (last && same_object(m, last));

		for (size_t k = 0; k < i && !seen; k++)
			seen = same_object(maps_find(&maps, probes[k].addr), m);
		if (!seen)
			foretell_object(pid, m, &maps, probes, n);
		if (m && map_is_text(m))
			last = m;
	}
	maps_free(&maps);
}

/* Is that of @l, which was not looked at before, known?  The file is @fd. */
static bool is_foretold(struct lead *l, int fd, const struct maps *maps,
			const struct session_probe *probes, size_t n)
{
	const struct foretold *f = NULL;
	struct stat file;
	struct asked a;

	if (!all_foretold || l->code.marks || fstat(fd, &file) ||
	    !bias_of(&l->map, fd, &l->bias))
		return false;
	if (find_asked(&a, &l->map, l->bias, maps, probes, n))
		f = find_foretold(&file, &a);
	free(a.borders);
	if (!f)
		return false;
	l->code = f->code;
	l->followed = f->asked.followed;
	l->known = l->foretold = true;
	return true;
}

/* ---- in a guardian -------------------------------------------------------- */

static struct lead *lead_of(const struct map *m)
{
	struct lead **grown, *l;

	for (size_t i = 0; i < n_leads; i++)
		if (same_object(m, &leads[i]->map))
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

	if (fd >= 0 && is_foretold(l, fd, maps, probes, n)) {
		close(fd);
		return;
	}
	l->known = fd >= 0 && !object_code_read(&l->code, fd) &&
		   bias_of(&l->map, fd, &l->bias);
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
	if (!l->foretold)
		free(old);
	l->foretold = false;
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

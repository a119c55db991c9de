/* SPDX-License-Identifier: MIT */
/*
 * binding.c - which of several definitions calls are bound to
 *
 * A name that several libraries define for others, as malloc, is one function for
 * the program: the first that the dynamic linker comes to.  It looks in the program,
 * then in what LD_PRELOAD names, then in what these need, breadth-first, which is
 * the order of the list that it keeps for debuggers:
 *
 *	.dynamic of the program, DT_DEBUG  ->  { version, first }
 *	first  ->  { distance, name, .dynamic, next, … }
 *
 * Behind these are the libraries that were loaded later, in which only those look
 * that were loaded together with them: so only what is needed from the beginning
 * counts.  The list is in the target's memory, and nothing in it is trusted: it says
 * an order, of modules that are known from elsewhere.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binding.h"
#include "text.h"
#include "versions.h"

#define DYNAMICS_MAX 4096
#define OBJECTS_MAX  4096
#define NONE	     ((size_t)-1)

struct search {
	struct process *p;
	size_t *list; /* as the linker has them */
	size_t n;
	bool *needed; /* from the beginning */
	int mem;
};

static bool read_at(int mem, void *dst, size_t size, uint64_t addr)
{
	return pread(mem, dst, size, (off_t)addr) == (ssize_t)size;
}

/* ---- what objects need --------------------------------------------------------- */

static Elf_Scn *dynamic_of(const struct module *m, GElf_Shdr *sh)
{
	Elf_Scn *scn = NULL;

	if (m->lack || m->name[0] == '[')
		return NULL;
	while ((scn = elf_nextscn(m->image->elf, scn)))
		if (gelf_getshdr(scn, sh) && sh->sh_type == SHT_DYNAMIC &&
		    image_section_fits(m->image->elf, scn))
			return scn;
	return NULL;
}

/*
 * Call @fn for each name with @tag in the dynamic section of @m, until it says
 * true; does it?
 */
static bool each_name(const struct module *m, int64_t tag,
		      bool (*fn)(void *arg, const char *name), void *arg)
{
	GElf_Shdr sh;
	Elf_Scn *scn = dynamic_of(m, &sh);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	GElf_Dyn dyn;

	for (int i = 0; data && i < DYNAMICS_MAX; i++) {
		const char *name;

		if (!gelf_getdyn(data, i, &dyn) || dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag != tag)
			continue;
		name = elf_strptr(m->image->elf, sh.sh_link, dyn.d_un.d_val);
		if (name && fn(arg, name))
			return true;
	}
	return false;
}

static bool is_same(void *arg, const char *name)
{
	return strcmp(arg, name) == 0;
}

/* Is @m what is called @name where it is needed? */
static bool answers_to(const struct module *m, const char *name)
{
	return strcmp(m->name, name) == 0 || strcmp(m->path, name) == 0 ||
	       each_name(m, DT_SONAME, is_same, (void *)name);
}

struct asker {
	const struct search *q;
	size_t i; /* does somebody need this one? */
};

static bool needs_it(void *arg, const char *name)
{
	const struct asker *a = arg;

	return answers_to(&a->q->p->modules[a->i], name);
}

static bool needs(const struct search *q, size_t who, size_t i)
{
	struct asker a = { q, i };

	return each_name(&q->p->modules[who], DT_NEEDED, needs_it, &a);
}

/* ---- the list ------------------------------------------------------------------ */

/* Where the dynamic section of @m is in the process, or 0. */
static uint64_t dynamic_at(const struct module *m)
{
	GElf_Shdr sh;

	return dynamic_of(m, &sh) ? sh.sh_addr + m->bias : 0;
}

static uint64_t first_of_list(const struct search *q)
{
	uint64_t at = dynamic_at(&q->p->modules[0]), entry[2], head[2];

	for (int i = 0; at && i < DYNAMICS_MAX; i++, at += sizeof(entry)) {
		if (!read_at(q->mem, entry, sizeof(entry), at) ||
		    entry[0] == DT_NULL)
			break;
		if (entry[0] == DT_DEBUG)
			return read_at(q->mem, head, sizeof(head), entry[1])
				       ? head[1]
				       : 0;
	}
	return 0;
}

/* The module whose dynamic section is at @addr. */
static size_t module_of(const struct process *p, uint64_t addr)
{
	for (size_t i = 0; addr && i < p->n; i++)
		if (dynamic_at(&p->modules[i]) == addr)
			return i;
	return NONE;
}

static void read_list(struct search *q)
{
	uint64_t at = first_of_list(q), node[4];
	bool *there = must_alloc(q->p->n, sizeof(*there));

	for (int i = 0; at && i < OBJECTS_MAX && q->n < q->p->n; i++) {
		size_t m;

		if (!read_at(q->mem, node, sizeof(node), at))
			break;
		at = node[3];
		m = module_of(q->p, node[2]);
		if (m == NONE || there[m])
			continue;
		there[m] = true;
		q->list[q->n++] = m;
	}
	free(there);
}

/*
 * The program and what it needs.  What stands between it and the first of these was
 * preloaded.
 */
static void find_needed(struct search *q)
{
	size_t first = 1;
	bool more = true;

	while (first < q->n && !needs(q, 0, q->list[first]))
		first++;
	if (first == q->n)
		first = 1; /* it needs nothing that is known */
	for (size_t i = 0; i < first && i < q->n; i++)
		q->needed[q->list[i]] = true;
	while (more) {
		more = false;
		for (size_t i = 0; i < q->n; i++)
			for (size_t k = 0; k < q->n && !q->needed[q->list[i]];
			     k++)
				if (q->needed[q->list[k]] &&
				    needs(q, q->list[k], q->list[i]))
					more = q->needed[q->list[i]] = true;
	}
}

size_t binding_order(struct process *p, size_t *order)
{
	struct search q = { .p = p };
	char path[64];
	size_t n = 0;

	if (!p->pid || !p->n || p->modules[0].lack)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)p->pid);
	q.mem = open(path, O_RDONLY | O_CLOEXEC);
	if (q.mem < 0)
		return 0;
	q.list = must_alloc(p->n, sizeof(*q.list));
	q.needed = must_alloc(p->n, sizeof(*q.needed));
	read_list(&q);
	close(q.mem);
	if (q.n && q.list[0] == 0)
		find_needed(&q);
	for (size_t i = 0; i < q.n; i++)
		if (q.needed[q.list[i]])
			order[n++] = q.list[i];
	free(q.list);
	free(q.needed);
	return n;
}

/* ---- names and versions ---------------------------------------------------------- */

bool binding_takes(const struct symbol *s, const char *version)
{
	if (!s->exported)
		return false;
	/* What has no version is whatever version is asked for. */
	return version && s->version ? strcmp(s->version, version) == 0
				     : !s->old;
}

const char *binding_version(const struct process *p, const char *name)
{
	Elf *elf = p->modules[0].lack ? NULL : p->modules[0].image->elf;
	struct versions *v = elf ? versions_read(elf) : NULL;
	const char *version = NULL, *is;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Sym sym;
	bool old;

	while (v && !version && (scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNSYM ||
		    !image_section_fits(elf, scn))
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 1; data && gelf_getsym(data, i, &sym); i++) {
			is = sym.st_shndx == SHN_UNDEF
				     ? elf_strptr(elf, sh.sh_link, sym.st_name)
				     : NULL;
			if (is && strcmp(is, name) == 0)
				version = version_of(v, (size_t)i, &old);
		}
	}
	versions_free(v);
	return version;
}

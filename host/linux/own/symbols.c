/* SPDX-License-Identifier: MIT */
/*
 * symbols.c - names and bounds of functions, from the files that are mapped
 *
 * A file whose code is mapped is a module, from its first executable mapping to
 * its last: pages between may be mapped from nowhere, once text.c had to replace
 * them.  Its functions are read from the file's .symtab and .dynsym when somebody first
 * asks about an address in it, and kept sorted, with their inroads.  What is mapped is looked up again when the last look is
 * older than some milliseconds, since libraries come and go.
 *
 * All of it is used with the registration lock held.
 */
#include "own/own.h"

#include "common/elf.h"
#include "object/inroads.h"

#define MAX_MODULES 256
#define PATH_BYTES  256
#define FRESH_NS    20000000L

struct function {
	uintptr_t start;
	uintptr_t end;
};

struct module {
	uintptr_t start; /* of what is executable */
	uintptr_t end;
	uintptr_t base;	 /* where the file's offset 0 would be */
	uint64_t offset; /* of start */
	uint64_t dev;
	uint64_t inode;
	bool seen;
	bool loaded;
	uintptr_t bias; /* of the file's addresses */
	struct function *fn;
	size_t n;
	size_t room;
	struct tl_inroads inroads; /* marks NULL: nothing is known */
	char path[PATH_BYTES];
};

static struct module modules[MAX_MODULES];
static size_t n_modules;

/* ---- ELF, as far as it is needed ----------------------------------------------- */

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

#define PT_LOAD	      1
#define SHT_SYMTAB    2
#define SHT_DYNSYM    11
#define STT_OBJECT    1
#define STT_FUNC      2
#define STT_GNU_IFUNC 10

struct file {
	const uint8_t *at;
	size_t size;
};

/* @n bytes at @offset of the file, or NULL if they are not all there. */
static const void *part(const struct file *f, uint64_t offset, uint64_t n)
{
	if (offset > f->size || n > f->size - offset || (offset & 3))
		return NULL;
	return f->at + offset;
}

static int open_file(struct file *f, const char *path)
{
	int fd = tl_open(path, TL_O_RDONLY);
	const struct elf_header *h;
	long size, at;

	if (fd < 0)
		return fd;
	size = tl_sys3(__NR_lseek, fd, 0, 2);
	at = size > 0 ? tl_mmap(0, size, TL_PROT_READ, TL_MAP_PRIVATE, fd, 0)
		      : -TL_EINVAL;
	tl_close(fd);
	if (tl_failed(at))
		return at;
	f->at = (const uint8_t *)at;
	f->size = size;
	h = part(f, 0, sizeof(*h));
	if (h && *(const uint32_t *)h->ident == 0x464c457f &&
	    h->phentsize == sizeof(struct elf_segment) &&
	    (!h->shnum || h->shentsize == sizeof(struct elf_section)))
		return 0;
	tl_sys2(__NR_munmap, at, size);
	return -TL_EINVAL;
}

static void close_file(struct file *f)
{
	tl_sys2(__NR_munmap, (long)f->at, f->size);
}

/* Where the file's address 0 is, from what is mapped where. */
static bool find_bias(const struct file *f, struct module *m)
{
	const struct elf_header *h = (const void *)f->at;
	const struct elf_segment *p =
		part(f, h->phoff, (uint64_t)h->phnum * sizeof(*p));

	for (unsigned int i = 0; p && i < h->phnum; i++) {
		uint64_t first = p[i].offset & ~(TL_PAGE - 1);

		if (p[i].type != PT_LOAD || m->offset < first ||
		    m->offset >= p[i].offset + p[i].filesz)
			continue;
		m->bias = m->start + p[i].offset - p[i].vaddr - m->offset;
		return true;
	}
	return false;
}

/* Call @fn for each symbol that is defined until it returns non-zero; that, or 0. */
static int each_symbol(const struct file *f,
		       int (*fn)(const struct elf_symbol *sym, const char *name,
				 void *arg),
		       void *arg)
{
	const struct elf_header *h = (const void *)f->at;
	const struct elf_section *s =
		part(f, h->shoff, (uint64_t)h->shnum * sizeof(*s));
	int ret = 0;

	for (unsigned int i = 0; s && i < h->shnum; i++) {
		const struct elf_symbol *sym;
		const char *names;
		uint64_t room;

		if ((s[i].type != SHT_SYMTAB && s[i].type != SHT_DYNSYM) ||
		    s[i].link >= h->shnum)
			continue;
		sym = part(f, s[i].offset, s[i].size);
		room = s[s[i].link].size;
		names = (const char *)f->at + s[s[i].link].offset;
		if (!sym || s[s[i].link].offset > f->size ||
		    room > f->size - s[s[i].link].offset || !room ||
		    names[room - 1])
			continue;
		for (uint64_t n = s[i].size / sizeof(*sym); n && !ret;
		     n--, sym++)
			if (sym->shndx && sym->name < room)
				ret = fn(sym, names + sym->name, arg);
	}
	return ret;
}

/* ---- the functions of a module --------------------------------------------------- */

static bool is_function(const struct elf_symbol *sym)
{
	return sym->size && ((sym->info & 15) == STT_FUNC ||
			     (sym->info & 15) == STT_GNU_IFUNC);
}

static int count(const struct elf_symbol *sym, const char *name, void *arg)
{
	(void)name;
	*(size_t *)arg += is_function(sym);
	return 0;
}

static int collect(const struct elf_symbol *sym, const char *name, void *arg)
{
	struct module *m = arg;

	(void)name;
	if (!is_function(sym) || m->n == m->room)
		return 0;
	m->fn[m->n].start = m->bias + sym->value;
	m->fn[m->n].end = m->bias + sym->value + sym->size;
	m->n++;
	return 0;
}

static void sift(struct function *fn, size_t at, size_t n)
{
	struct function f = fn[at];
	size_t child;

	for (; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && fn[child + 1].start > fn[child].start)
			child++;
		if (fn[child].start <= f.start)
			break;
		fn[at] = fn[child];
	}
	fn[at] = f;
}

static void sort(struct function *fn, size_t n)
{
	for (size_t i = n / 2; i--;)
		sift(fn, i, n);
	for (size_t i = n; i-- > 1;) {
		struct function last = fn[i];

		fn[i] = fn[0];
		fn[0] = last;
		sift(fn, 0, i);
	}
}

/* Of several symbols for one function keep one. */
static size_t merge(struct function *fn, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept && fn[kept - 1].start == fn[i].start) {
			if (fn[i].end > fn[kept - 1].end)
				fn[kept - 1].end = fn[i].end;
			continue;
		}
		fn[kept++] = fn[i];
	}
	return kept;
}

/* Where its functions are entered from elsewhere; needs m->fn. */
static void load_inroads(struct module *m, const struct file *f)
{
	struct tl_inroads *r = &m->inroads;
	void *marks;

	if (tl_inroads_open(r, f->at, f->size))
		return;
	marks = tlh_alloc(tl_inroads_room(r));
	if (!marks)
		return;
	tl_inroads_use(r, marks);
	for (size_t i = 0; i < m->n; i++) {
		tl_inroads_function(r, m->fn[i].start - m->bias,
				    m->fn[i].end - m->bias);
	}
	if (!tl_inroads_find(r))
		return;
	tlh_free(marks, tl_inroads_room(r));
	r->marks = NULL;
}

static void load(struct module *m)
{
	struct file f;

	m->loaded = true;
	m->fn = NULL;
	m->n = m->room = 0;
	m->inroads.marks = NULL;
	if (open_file(&f, m->path))
		return;
	each_symbol(&f, count, &m->room);
	if (m->room && find_bias(&f, m))
		m->fn = tlh_alloc(m->room * sizeof(*m->fn));
	if (m->fn) {
		each_symbol(&f, collect, m);
		sort(m->fn, m->n);
		m->n = merge(m->fn, m->n);
		load_inroads(m, &f);
	}
	close_file(&f);
}

static void unload(struct module *m)
{
	if (m->fn)
		tlh_free(m->fn, m->room * sizeof(*m->fn));
	if (m->loaded && m->inroads.marks)
		tlh_free(m->inroads.marks, tl_inroads_room(&m->inroads));
	m->inroads.marks = NULL;
	m->fn = NULL;
	m->loaded = false;
}

/* ---- what is mapped ------------------------------------------------------------------ */

static bool same(const struct module *m, const struct tl_map *map)
{
	return m->base == map->start - map->offset && m->dev == map->dev &&
	       m->inode == map->inode;
}

static void add_module(const struct tl_map *map)
{
	struct module *m;
	size_t i;

	if (n_modules == MAX_MODULES)
		return;
	m = &modules[n_modules++];
	m->start = map->start;
	m->end = map->end;
	m->base = map->start - map->offset;
	m->offset = map->offset;
	m->dev = map->dev;
	m->inode = map->inode;
	m->loaded = false;
	m->seen = true;
	for (i = 0; i < PATH_BYTES - 1 && map->path[i]; i++)
		m->path[i] = map->path[i];
	m->path[i] = 0;
}

static int note_mapping(const struct tl_map *map, void *arg)
{
	struct module *m = modules;

	(void)arg;
	if (!(map->prot & TL_PROT_EXEC) || map->path[0] != '/')
		return 0;
	while (m < modules + n_modules && !same(m, map))
		m++;
	if (m == modules + n_modules) {
		add_module(map);
		return 0;
	}
	m->seen = true;
	if (map->end > m->end)
		m->end = map->end;
	if (map->start < m->start) {
		m->start = map->start;
		m->offset = map->offset;
	}
	return 0;
}

static void move_module(struct module *to, const struct module *from)
{
	if (to == from)
		return;
	for (size_t i = 0; i < sizeof(*to); i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
}

static struct tl_timespec looked;

void tl_symbols_forget(void)
{
	looked = (struct tl_timespec){ 0, 0 };
}

static void refresh(void)
{
	struct tl_timespec now = { 0, 0 };
	size_t kept = 0;

	tl_sys2(__NR_clock_gettime, 1, (long)&now); /* CLOCK_MONOTONIC */
	if (n_modules &&
	    (now.sec - looked.sec) * 1000000000L + now.nsec - looked.nsec <
		    FRESH_NS)
		return;
	looked = now;
	for (size_t i = 0; i < n_modules; i++)
		modules[i].seen = false;
	tl_maps_each(note_mapping, NULL);
	for (size_t i = 0; i < n_modules; i++) {
		if (!modules[i].seen) {
			unload(&modules[i]);
			continue;
		}
		move_module(&modules[kept++], &modules[i]);
	}
	n_modules = kept;
}

/* ---- the questions ---------------------------------------------------------------- */

/* The last function that begins at or before @addr, or NULL. */
static const struct function *find(const struct module *m, uintptr_t addr)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (m->fn[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &m->fn[low - 1] : NULL;
}

/* The module that has code at @addr, read; NULL: none. */
static struct module *module_at(uintptr_t addr)
{
	struct module *m;

	refresh();
	for (m = modules; m < modules + n_modules; m++)
		if (addr >= m->start && addr < m->end)
			break;
	if (m == modules + n_modules)
		return NULL;
	if (!m->loaded)
		load(m);
	return m;
}

int tl_symbols_function(uintptr_t addr, uintptr_t *start, uintptr_t *end)
{
	struct module *m = module_at(addr);
	const struct function *fn = m ? find(m, addr) : NULL;

	if (!fn || addr >= fn->end || fn->end > m->end)
		return -TL_ENOENT;
	*start = fn->start;
	*end = fn->end;
	return 0;
}

uint32_t tl_symbols_inroads(uintptr_t addr)
{
	struct module *m = module_at(addr);

	return m && m->inroads.marks
		       ? tl_inroads_at(&m->inroads, addr - m->bias)
		       : TL_INROADS_UNKNOWN;
}

struct wanted {
	const char *name;
	unsigned int type;
	uint64_t value;
};

static int match(const struct elf_symbol *sym, const char *name, void *arg)
{
	struct wanted *w = arg;
	const char *a = name, *b = w->name;

	if ((sym->info & 15) != w->type)
		return 0;
	while (*a && *a == *b)
		a++, b++;
	if (*a != *b)
		return 0;
	w->value = sym->value;
	return 1;
}

/* The mapping of code and the addresses of a file go together; data is elsewhere. */
static bool find_symbol(struct wanted *w, uintptr_t *addr)
{
	struct file f;

	for (struct module *m = modules; m < modules + n_modules; m++) {
		bool found;

		if (open_file(&f, m->path))
			continue;
		found = each_symbol(&f, match, w) && find_bias(&f, m);
		close_file(&f);
		*addr = m->bias + w->value;
		if (found && (w->type == STT_OBJECT ||
			      (*addr >= m->start && *addr < m->end)))
			return true;
	}
	return false;
}

/* A function, or else a variable: it can be watched, and no probe can be there. */
int tl_symbols_lookup(const char *name, uintptr_t *addr)
{
	struct wanted function = { .name = name, .type = STT_FUNC };
	struct wanted variable = { .name = name, .type = STT_OBJECT };

	refresh();
	return find_symbol(&function, addr) || find_symbol(&variable, addr)
		       ? 0
		       : -TL_ENOENT;
}

/* SPDX-License-Identifier: MIT */
/*
 * module_elf.c - from a relocatable object to code and data in the text area
 *
 * Sections go to one of three areas by what may be done with them, each in whole
 * pages:
 *
 *     text    X        filled and relocated in a copy, then written by text_write()
 *     read    neither  written, then sealed
 *     data    W        with what the module knows as __this_module at its end
 *
 * So no page is ever writable and executable.  All areas are within reach of the
 * kernel's text: what the compiler makes for the kernel needs no stubs and no
 * table of addresses.  The file is checked, every offset against what it is an
 * offset into.
 */

#include "module_elf.h"
#include <kern/arch.h>
#include <kern/errno.h>
#include <kern/isa.h>
#include <kern/memory.h>
#include <kern/printk.h>
#include <kern/string.h>

#define ET_REL	   1
#define SHT_SYMTAB 2
#define SHT_STRTAB 3
#define SHT_RELA   4
#define SHT_NOBITS 8
#define SHF_WRITE  1
#define SHF_ALLOC  2
#define SHF_EXEC   4
#define SHN_UNDEF  0
#define SHN_ABS	   0xfff1
#define STB_WEAK   2
#define STT_FUNC   2

#define MAX_SECTIONS 256
#define MAX_SIZE     (1ul << 20)

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_section {
	uint32_t name, type;
	uint64_t flags, addr, offset, size;
	uint32_t link, info;
	uint64_t addralign, entsize;
};

struct elf_symbol {
	uint32_t name;
	uint8_t info, other;
	uint16_t shndx;
	uint64_t value, size;
};

struct elf_rela {
	uint64_t offset;
	uint32_t type, symbol;
	int64_t addend;
};

enum area { TEXT, READ, DATA, NR_AREAS };

struct object {
	struct module *m;
	const char *file;
	size_t file_size;
	const struct elf_section *sections;
	size_t n_sections;
	const char *section_names;
	size_t section_names_size;
	const struct elf_symbol *symbols;
	size_t n_symbols;
	const char *names;
	size_t names_size;
	size_t self; /* the offset of __this_module in its area */
	size_t size[NR_AREAS];
	char *copy;		    /* of the text, while it is made */
	uintptr_t at[MAX_SECTIONS]; /* where each section will run, or 0 */
};

static struct module_area *area_of(const struct object *o, enum area a)
{
	return a == TEXT ? &o->m->text : a == READ ? &o->m->read : &o->m->data;
}

/* ---- the file -------------------------------------------------------------------- */

static const void *contents(const struct object *o, const struct elf_section *s)
{
	bool table = s->type == SHT_SYMTAB || s->type == SHT_RELA;

	if (s->offset > o->file_size || s->size > o->file_size - s->offset ||
	    (table && s->offset % 8))
		return NULL;
	return o->file + s->offset;
}

static const char *strings(const struct object *o, uint32_t i, size_t *size)
{
	const char *at;

	if (i >= o->n_sections || o->sections[i].type != SHT_STRTAB)
		return NULL;
	at = contents(o, &o->sections[i]);
	*size = o->sections[i].size;
	return at && *size && !at[*size - 1] ? at : NULL;
}

static int read_file(struct object *o)
{
	static const uint8_t magic[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
	const struct elf_header *h = (const void *)o->file;

	if (o->file_size < sizeof(*h) ||
	    memcmp(h->ident, magic, sizeof(magic)) || h->type != ET_REL ||
	    h->machine != KERN_ELF_MACHINE ||
	    h->shentsize != sizeof(*o->sections) || h->shnum > MAX_SECTIONS ||
	    h->shoff % 8 || h->shoff > o->file_size ||
	    h->shnum > (o->file_size - h->shoff) / sizeof(*o->sections))
		return -ENOEXEC;
	o->sections = (const void *)(o->file + h->shoff);
	o->n_sections = h->shnum;
	o->section_names = strings(o, h->shstrndx, &o->section_names_size);
	for (size_t i = 1; i < o->n_sections; i++) {
		const struct elf_section *s = &o->sections[i];

		if (s->type != SHT_SYMTAB)
			continue;
		o->symbols = contents(o, s);
		o->n_symbols = s->size / sizeof(*o->symbols);
		o->names = strings(o, s->link, &o->names_size);
	}
	return o->section_names && o->symbols && o->names ? 0 : -ENOEXEC;
}

static const char *section_name(const struct object *o,
				const struct elf_section *s)
{
	return s->name < o->section_names_size ? o->section_names + s->name
					       : "";
}

static const char *symbol_name(const struct object *o, size_t i)
{
	uint32_t at = o->symbols[i].name;

	return at < o->names_size ? o->names + at : "";
}

/* Is it one of the home's, and compiled for that? */
static int check_home(struct object *o)
{
	for (size_t i = 1; i < o->n_sections && module_home; i++) {
		const struct elf_section *s = &o->sections[i];
		const void *abi = contents(o, s);

		if (strcmp(section_name(o, s), module_home->abi_section))
			continue;
		o->m->homes = true;
		return abi ? module_home->check(abi, s->size) : -ENOEXEC;
	}
	return 0;
}

/* ---- layout ------------------------------------------------------------------------ */

static enum area place_of(const struct elf_section *s)
{
	return s->flags & SHF_EXEC ? TEXT : s->flags & SHF_WRITE ? DATA : READ;
}

static size_t align(size_t at, size_t to)
{
	return to ? (at + to - 1) & -to : at;
}

/* Offsets plus 1 in o->at[]; the sizes of the areas. */
static int lay_out(struct object *o)
{
	for (size_t i = 1; i < o->n_sections; i++) {
		const struct elf_section *s = &o->sections[i];
		size_t *end = &o->size[place_of(s)];

		if (!(s->flags & SHF_ALLOC))
			continue;
		if ((s->flags & (SHF_EXEC | SHF_WRITE)) ==
			    (SHF_EXEC | SHF_WRITE) ||
		    s->size > MAX_SIZE || s->addralign > KERN_PAGE_SIZE ||
		    s->addralign & (s->addralign - 1) ||
		    (s->type != SHT_NOBITS && !contents(o, s)))
			return -ENOEXEC;
		*end = align(*end, s->addralign);
		o->at[i] = *end + 1;
		*end += s->size;
	}
	o->self = align(o->size[DATA], 16);
	if (o->m->homes)
		o->size[DATA] = o->self + module_home->self_size;
	return 0;
}

static int allocate(struct object *o)
{
	for (enum area a = TEXT; a < NR_AREAS; a++) {
		struct module_area *area = area_of(o, a);

		area->pages =
			(o->size[a] + KERN_PAGE_SIZE - 1) / KERN_PAGE_SIZE;
		if (!area->pages)
			continue;
		area->start = (uintptr_t)(a == TEXT ? text_alloc(area->pages)
						    : data_alloc(area->pages));
		if (!area->start)
			return -ENOMEM;
	}
	o->copy = kmalloc(o->size[TEXT] + 1);
	return o->copy ? 0 : -ENOMEM;
}

/* Where byte @addr of an area can be written until that is sealed. */
static void *writable(const struct object *o, uintptr_t addr)
{
	return addr - o->m->text.start < o->size[TEXT]
		       ? o->copy + (addr - o->m->text.start)
		       : (void *)addr;
}

static void fill_in(struct object *o)
{
	for (size_t i = 1; i < o->n_sections; i++) {
		const struct elf_section *s = &o->sections[i];

		if (!o->at[i])
			continue;
		o->at[i] += area_of(o, place_of(s))->start - 1;
		if (s->type != SHT_NOBITS)
			memcpy(writable(o, o->at[i]), contents(o, s), s->size);
		if (!strcmp(section_name(o, s), "__param")) {
			o->m->params = (void *)o->at[i];
			o->m->params_size = s->size;
		}
	}
	if (o->m->homes)
		o->m->self = (void *)(o->m->data.start + o->self);
}

/* ---- symbols ------------------------------------------------------------------------- */

static uintptr_t find_export(const struct object *o, const char *name)
{
	if (o->m->homes)
		return strcmp(name, "__this_module") ? module_home->find(name)
						     : (uintptr_t)o->m->self;
	for (const struct export *e = exports_start; e < exports_end; e++)
		if (!strcmp(e->name, name))
			return e->addr;
	return 0;
}

/* The address of symbol @i; false: nobody has it. */
static bool resolve(const struct object *o, size_t i, uintptr_t *value)
{
	const struct elf_symbol *s = &o->symbols[i];

	if (!i || s->shndx == SHN_ABS) {
		*value = s->value;
		return true;
	}
	if (s->shndx == SHN_UNDEF) {
		*value = find_export(o, symbol_name(o, i));
		if (*value || s->info >> 4 == STB_WEAK)
			return true;
		printk("module %s: unknown symbol %s\n", o->m->name,
		       symbol_name(o, i));
		return false;
	}
	if (s->shndx >= o->n_sections || !o->at[s->shndx])
		return false;
	*value = o->at[s->shndx] + s->value;
	return true;
}

static bool is_function(const struct object *o, size_t i)
{
	const struct elf_symbol *s = &o->symbols[i];

	return (s->info & 15) == STT_FUNC && s->size && s->shndx != SHN_UNDEF &&
	       s->shndx < o->n_sections && o->at[s->shndx];
}

/* The module's functions, for symbols.h; its beginning and its end. */
static int keep_symbols(struct object *o)
{
	struct module *m = o->m;

	m->names = kmalloc(o->names_size);
	m->symbols = kmalloc((o->n_symbols + 1) * sizeof(*m->symbols));
	if (!m->names || !m->symbols)
		return -ENOMEM;
	memcpy(m->names, o->names, o->names_size);
	for (size_t i = 1; i < o->n_symbols; i++) {
		const struct elf_symbol *s = &o->symbols[i];
		struct symbol *sym = &m->symbols[m->n_symbols];

		if (!is_function(o, i) || s->name >= o->names_size)
			continue;
		m->n_symbols++;
		sym->addr = o->at[s->shndx] + s->value;
		sym->size = s->size;
		sym->name = m->names + s->name;
		if (!strcmp(sym->name, "init_module"))
			m->init = (int (*)(void))sym->addr;
		else if (!strcmp(sym->name, "cleanup_module"))
			m->exit = (void (*)(void))sym->addr;
	}
	return 0;
}

/* ---- relocations ----------------------------------------------------------------------- */

static int relocate_section(const struct object *o,
			    const struct elf_section *rela)
{
	const struct elf_section *s = &o->sections[rela->info];
	const struct elf_rela *r = contents(o, rela);
	size_t n = rela->size / sizeof(*r);
	uintptr_t value, place;
	int err;

	if (!r)
		return -ENOEXEC;
	for (; n; n--, r++) {
		if (r->symbol >= o->n_symbols || r->offset >= s->size)
			return -ENOEXEC;
		if (!resolve(o, r->symbol, &value))
			return -ENOENT;
		place = o->at[rela->info] + r->offset;
		err = arch_relocate(r->type, writable(o, place),
				    s->size - r->offset, place,
				    value + (uint64_t)r->addend);
		if (err) {
			printk("module %s: a relocation of type %u %s\n",
			       o->m->name, r->type,
			       err == -ERANGE ? "does not reach"
					      : "is not known here");
			return -ENOEXEC;
		}
	}
	return 0;
}

static int relocate(const struct object *o)
{
	int err = 0;

	for (size_t i = 1; i < o->n_sections && !err; i++) {
		const struct elf_section *s = &o->sections[i];

		if (s->type == SHT_RELA && s->info < o->n_sections &&
		    o->at[s->info])
			err = relocate_section(o, s);
	}
	return err;
}

/* ---- all of it --------------------------------------------------------------------------- */

/* From here on it is text that runs, on any CPU. */
static int seal(const struct object *o)
{
	struct module *m = o->m;

	if (m->read.pages)
		data_seal((void *)m->read.start, m->read.pages);
	return m->text.pages ? text_write((void *)m->text.start, o->copy,
					  o->size[TEXT])
			     : -ENOEXEC;
}

int module_map(struct module *m, const char *file, size_t size)
{
	struct object *o = kmalloc(sizeof(*o));
	int err = -ENOMEM;

	if (!o)
		return err;
	o->m = m;
	o->file = file;
	o->file_size = size;
	err = read_file(o);
	if (!err)
		err = check_home(o);
	if (!err)
		err = lay_out(o);
	if (!err)
		err = allocate(o);
	if (!err) {
		fill_in(o);
		err = relocate(o);
	}
	if (!err)
		err = keep_symbols(o);
	if (!err)
		err = seal(o);
	if (err)
		module_unmap(m);
	kfree(o->copy);
	kfree(o);
	return err;
}

void module_unmap(struct module *m)
{
	if (m->text.start)
		text_free((void *)m->text.start, m->text.pages);
	if (m->read.start)
		data_free((void *)m->read.start, m->read.pages);
	if (m->data.start)
		data_free((void *)m->data.start, m->data.pages);
	kfree(m->symbols);
	kfree(m->names);
}

/* SPDX-License-Identifier: MIT */
/*
 * elf.c - from a compiled module to code and data in memory
 *
 * A module is what the compiler made of one C file (or `ld -r` of several): a
 * relocatable object.  It is not given to the program's own loader, because then
 * its names would be the program's, and what it lacks would be found there by
 * chance.  It finds what exports.c lists and nothing else.
 *
 *     text                     read only                data
 *     +------------+-------+   +------------+-------+   +---------------+--------+
 *     | sections X | stubs |   | sections R | words |   | sections W    | struct |
 *     |            |       |   |            |       |   | and zeroes    | module |
 *     +------------+-------+   +------------+-------+   +---------------+--------+
 *
 * There is a word (the address) for every symbol that is reached by way of the
 * global offset table or is not the module's own, and a stub (a jump by way of
 * the word) for each of the latter, since those may be farther away than a call
 * reaches.
 *
 * All of it is written while the memory is writable and not executable, and then
 * given its protection once and for all.
 *
 * The file is not trusted to be sound: every offset is checked against what it
 * is an offset into.  It is trusted to mean no harm, as its code is going to run.
 */
#include "module/module.h"

#include "common/elf.h"

#define ET_REL	    1
#define SHT_NULL    0
#define SHT_SYMTAB  2
#define SHT_STRTAB  3
#define SHT_RELA    4
#define SHT_NOBITS  8
#define SHT_REL	    9
#define SHF_WRITE   1
#define SHF_ALLOC   2
#define SHF_EXEC    4
#define SHF_TLS	    0x400
#define SHF_COMPR   0x800
#define SHN_UNDEF   0
#define SHN_ABS	    0xfff1
#define SHN_COMMON  0xfff2
#define STB_LOCAL   0
#define STB_WEAK    2
#define STT_SECTION 3
#define STT_IFUNC   10

#define MAX_FILE     (64UL << 20)
#define MAX_SECTIONS 4096
#define STUB_BYTES   16
#define UNKNOWN_SAID 8

struct elf_rela {
	uint64_t offset;
	uint32_t type, symbol;
	int64_t addend;
};

/* A module being loaded. */
struct loading {
	struct tl_module *m;
	const char *path;

	uint8_t *file;
	size_t file_size;
	size_t n_sections;
	const struct elf_section *sections;
	const char *section_names;
	size_t section_names_size;
	const struct elf_symbol *symbols;
	size_t n_symbols;
	const char *names;
	size_t names_size;

	uint64_t *at;	/* of each section in memory: from the start, plus 1 */
	uint32_t *word; /* of each symbol: its number, plus 1 */
	size_t n_words;
	size_t stubs; /* where they are, from the start */
	size_t words;
	size_t self;
};

static int refuse(const struct loading *l, int err, const char *why,
		  const char *what)
{
	tl_kmod_say("%s: %s%s\n", l->path, why, what);
	return err;
}

/* ---- the file ------------------------------------------------------------------ */

static int read_file(struct loading *l)
{
	/* A pipe is not waited for. */
	int fd = tl_open(l->path, TL_O_RDONLY | TL_O_NONBLOCK);
	size_t done = 0;
	long size, n;
	int err = 0;

	if (fd < 0) {
		tl_kmod_say("%s: cannot be opened (error %d)\n", l->path, -fd);
		return fd;
	}
	size = tl_sys3(__NR_lseek, fd, 0, 2);
	if (size < (long)sizeof(struct elf_header) || size > (long)MAX_FILE) {
		err = refuse(l, -TL_ENOEXEC, "not a module: ", "its size");
		goto close;
	}
	l->file = tlh_alloc(size);
	if (!l->file) {
		err = refuse(l, -TL_ENOMEM, "no memory", "");
		goto close;
	}
	l->file_size = size;
	tl_sys3(__NR_lseek, fd, 0, 0);
	while (done < l->file_size) {
		n = tl_sys3(__NR_read, fd, (long)(l->file + done),
			    l->file_size - done);
		if (n == -TL_EINTR)
			continue;
		if (n <= 0) {
			err = refuse(l, n ? n : -TL_EIO, "cannot be read", "");
			break;
		}
		done += n;
	}
close:
	tl_close(fd);
	return err;
}

/* @n bytes at @offset of the file, or NULL if they are not all there. */
static const void *part(const struct loading *l, uint64_t offset, uint64_t n)
{
	if (offset > l->file_size || n > l->file_size - offset || (offset & 7))
		return NULL;
	return l->file + offset;
}

static const void *contents(const struct loading *l,
			    const struct elf_section *s)
{
	if (s->offset > l->file_size || s->size > l->file_size - s->offset)
		return NULL;
	return l->file + s->offset;
}

/* The strings of section @i, which end with a zero. */
static const char *strings(const struct loading *l, uint32_t i, size_t *size)
{
	const char *at;

	if (i >= l->n_sections || l->sections[i].type != SHT_STRTAB)
		return NULL;
	at = contents(l, &l->sections[i]);
	*size = l->sections[i].size;
	return at && *size && !at[*size - 1] ? at : NULL;
}

static int read_header(struct loading *l)
{
	const struct elf_header *h = (const void *)l->file;
	static const uint8_t magic[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	if (memcmp(h->ident, magic, sizeof(magic)))
		return refuse(l, -TL_ENOEXEC,
			      "not a module: ", "not a 64-bit ELF file");
	if (h->type != ET_REL || h->machine != TL_ELF_MACHINE)
		return refuse(l, -TL_ENOEXEC, "not a module: ",
			      "not a relocatable object for this machine");
	l->n_sections = h->shnum;
	if (h->shentsize == sizeof(*l->sections) && h->shnum &&
	    h->shnum <= MAX_SECTIONS)
		l->sections =
			part(l, h->shoff, l->n_sections * sizeof(*l->sections));
	if (l->sections)
		l->section_names =
			strings(l, h->shstrndx, &l->section_names_size);
	if (!l->section_names)
		return refuse(l, -TL_ENOEXEC,
			      "not a module: ", "damaged sections");
	return 0;
}

static const char *section_name(const struct loading *l,
				const struct elf_section *s)
{
	return s->name < l->section_names_size ? l->section_names + s->name
					       : "?";
}

static const struct elf_section *find_section(const struct loading *l,
					      const char *name)
{
	for (size_t i = 1; i < l->n_sections; i++)
		if ((l->sections[i].flags & SHF_ALLOC) &&
		    !strcmp(section_name(l, &l->sections[i]), name))
			return &l->sections[i];
	return NULL;
}

static int read_symbols(struct loading *l)
{
	for (size_t i = 1; i < l->n_sections; i++) {
		const struct elf_section *s = &l->sections[i];

		if (s->type != SHT_SYMTAB)
			continue;
		l->n_symbols = s->size / sizeof(*l->symbols);
		l->symbols = part(l, s->offset, s->size);
		l->names = strings(l, s->link, &l->names_size);
	}
	if (!l->symbols || !l->names)
		return refuse(l, -TL_ENOEXEC, "not a module: ",
			      "no symbols (was it stripped?)");
	return 0;
}

static const char *symbol_name(const struct loading *l, size_t i)
{
	uint32_t at = l->symbols[i].name;

	return at < l->names_size ? l->names + at : "";
}

/* Was it compiled for this library? */
static int check_abi(const struct loading *l)
{
	static const struct kmod_abi ours = KMOD_ABI;
	const struct elf_section *s = find_section(l, ".kmod_abi");
	const uint8_t *at = s ? contents(l, s) : NULL;

	if (!at || !s->size || s->size % sizeof(ours))
		return refuse(
			l, -TL_ENOEXEC, "not a module for Trapline: ",
			"it was compiled without MODULE, or with other headers");
	for (size_t i = 0; i < s->size; i += sizeof(ours))
		if (memcmp(at + i, &ours, sizeof(ours)))
			return refuse(
				l, -TL_ENOEXEC,
				"compiled for another version of Trapline", "");
	return 0;
}

/* ---- the layout ------------------------------------------------------------------ */

static enum tl_part part_of(const struct elf_section *s)
{
	return s->flags & SHF_EXEC    ? TL_PART_TEXT
	       : s->flags & SHF_WRITE ? TL_PART_DATA
				      : TL_PART_READ;
}

static bool begins_with(const char *s, const char *what)
{
	return !strncmp(s, what, strlen(what));
}

static int check_section(const struct loading *l, const struct elf_section *s)
{
	const char *name = section_name(l, s);

	if ((s->flags & SHF_EXEC) && (s->flags & SHF_WRITE))
		return refuse(
			l, -TL_ENOEXEC,
			"a section is both writable and executable: ", name);
	if (s->flags & SHF_TLS)
		return refuse(
			l, -TL_ENOEXEC,
			"thread-local variables are not supported: ", name);
	if (begins_with(name, ".init_array") ||
	    begins_with(name, ".fini_array") ||
	    begins_with(name, ".preinit_array") || begins_with(name, ".ctors"))
		return refuse(l, -TL_ENOEXEC,
			      "constructors are not supported: ", name);
	if ((s->flags & SHF_COMPR) || s->size > MAX_FILE ||
	    (s->addralign & (s->addralign - 1)) || s->addralign > TL_PAGE ||
	    (s->type != SHT_NOBITS && !contents(l, s)))
		return refuse(l, -TL_ENOEXEC, "a damaged section: ", name);
	return 0;
}

static size_t align(size_t at, size_t to)
{
	return to ? (at + to - 1) & ~(to - 1) : at;
}

/* Which symbols need a word? */
static int count_words(struct loading *l)
{
	l->word = tlh_alloc((l->n_symbols + 1) * sizeof(*l->word));
	if (!l->word)
		return refuse(l, -TL_ENOMEM, "no memory", "");
	for (size_t i = 1; i < l->n_symbols; i++)
		if (l->symbols[i].info >> 4 != STB_LOCAL)
			l->word[i] = ++l->n_words;
	return 0;
}

static int lay_out(struct loading *l)
{
	size_t end = 0;
	int err;

	l->at = tlh_alloc(l->n_sections * sizeof(*l->at));
	if (!l->at)
		return refuse(l, -TL_ENOMEM, "no memory", "");
	for (int p = 0; p < TL_NR_PARTS; p++) {
		for (size_t i = 1; i < l->n_sections; i++) {
			const struct elf_section *s = &l->sections[i];

			if (!(s->flags & SHF_ALLOC) ||
			    part_of(s) != (enum tl_part)p)
				continue;
			err = check_section(l, s);
			if (err)
				return err;
			end = align(end, s->addralign);
			l->at[i] = end + 1;
			end += s->size;
		}
		end = align(end, 16);
		if (p == TL_PART_TEXT) {
			l->stubs = end;
			end += l->n_words * STUB_BYTES;
		} else if (p == TL_PART_READ) {
			l->words = end;
			end += l->n_words * sizeof(uint64_t);
		} else {
			l->self = end;
			end += sizeof(struct module);
		}
		end = tl_page_up(end);
		l->m->end_of[p] = end;
	}
	l->m->size = end;
	return 0;
}

static int map(struct loading *l)
{
	long at = tl_mmap(0, l->m->size, TL_PROT_READ | TL_PROT_WRITE,
			  TL_MAP_PRIVATE | TL_MAP_ANONYMOUS, -1, 0);

	if (tl_failed(at))
		return refuse(l, at, "no memory", "");
	l->m->start = at;
	for (size_t i = 1; i < l->n_sections; i++) {
		const struct elf_section *s = &l->sections[i];

		if (l->at[i] && s->type != SHT_NOBITS)
			memcpy((void *)(at + l->at[i] - 1), contents(l, s),
			       s->size);
	}
	l->m->self = (struct module *)(at + l->self);
	return 0;
}

/* ---- symbols ---------------------------------------------------------------------- */

static uintptr_t word_at(const struct loading *l, size_t symbol)
{
	return l->m->start + l->words +
	       (l->word[symbol] - 1) * sizeof(uint64_t);
}

static uintptr_t stub_at(const struct loading *l, size_t symbol)
{
	return l->m->start + l->stubs + (l->word[symbol] - 1) * STUB_BYTES;
}

/* The address of symbol @i of the module's own; false: it has none. */
static bool own_symbol(const struct loading *l, size_t i, uintptr_t *value)
{
	const struct elf_symbol *s = &l->symbols[i];

	if (s->shndx == SHN_ABS) {
		*value = s->value;
		return true;
	}
	if (s->shndx >= l->n_sections || !l->at[s->shndx] ||
	    s->value > l->sections[s->shndx].size)
		return false;
	*value = l->m->start + l->at[s->shndx] - 1 + s->value;
	return true;
}

/*
 * The addresses of all global symbols, in their words; how many there are that
 * nobody has, each with a line in the log.
 */
static int resolve(struct loading *l)
{
	unsigned int unknown = 0;
	uintptr_t value;

	for (size_t i = 1; i < l->n_symbols; i++) {
		const struct elf_symbol *s = &l->symbols[i];
		const char *name = symbol_name(l, i);

		if (s->shndx == SHN_COMMON)
			return refuse(l, -TL_ENOEXEC,
				      "compile with -fno-common, because of ",
				      name);
		if ((s->info & 15) == STT_IFUNC)
			return refuse(
				l, -TL_ENOEXEC,
				"indirect functions are not supported: ", name);
		if (!l->word[i])
			continue;
		if (s->shndx != SHN_UNDEF) {
			if (!own_symbol(l, i, &value))
				continue; /* in what is not loaded */
		} else if (!strcmp(name, "__this_module")) {
			value = (uintptr_t)l->m->self;
		} else if (!strcmp(name, "_GLOBAL_OFFSET_TABLE_")) {
			value = l->m->start + l->words;
		} else {
			value = tl_kmod_export(name);
			if (!value && s->info >> 4 != STB_WEAK) {
				if (unknown++ < UNKNOWN_SAID)
					refuse(l, 0, "unknown symbol ", name);
				continue;
			}
		}
		*(uint64_t *)word_at(l, i) = value;
	}
	if (unknown > UNKNOWN_SAID)
		refuse(l, 0, "and more unknown symbols", "");
	return unknown ? -TL_ENOENT : 0;
}

static void write_stubs(const struct loading *l)
{
	for (size_t i = 1; i < l->n_symbols; i++)
		if (l->word[i])
			tl_module_write_stub((uint8_t *)stub_at(l, i),
					     word_at(l, i));
}

/* ---- relocations ------------------------------------------------------------------- */

/* A function of somebody else's may be too far away; its stub is not. */
static bool by_way_of_stub(const struct loading *l, const struct elf_rela *r)
{
	return tl_module_by_stub(r->type) &&
	       l->symbols[r->symbol].shndx == SHN_UNDEF &&
	       *(uint64_t *)word_at(l, r->symbol) &&
	       *(uint64_t *)word_at(l, r->symbol) != (uintptr_t)l->m->self;
}

static int symbol_value(const struct loading *l, const struct elf_rela *r,
			uintptr_t *value)
{
	if (!r->symbol) {
		*value = 0;
		return 0;
	}
	if (r->symbol >= l->n_symbols)
		return -TL_ENOEXEC;
	if (!l->word[r->symbol])
		return !tl_module_by_word(r->type) &&
				       own_symbol(l, r->symbol, value)
			       ? 0
			       : -TL_ENOEXEC;
	*value = tl_module_by_word(r->type) ? word_at(l, r->symbol)
		 : by_way_of_stub(l, r)	    ? stub_at(l, r->symbol)
					: *(uint64_t *)word_at(l, r->symbol);
	return 0;
}

static int relocate_one(const struct loading *l, size_t section,
			const struct elf_rela *r)
{
	const struct elf_section *s = &l->sections[section];
	uintptr_t place, value;
	int err = symbol_value(l, r, &value);

	if (!err && r->offset < s->size) {
		place = l->m->start + l->at[section] - 1 + r->offset;
		err = tl_module_relocate(r->type, (void *)place,
					 s->size - r->offset, place,
					 value + r->addend);
	} else if (!err) {
		err = -TL_ENOEXEC;
	}
	if (!err)
		return 0;
	if (err == -TL_ERANGE)
		return refuse(l, -TL_ENOEXEC,
			      "out of reach (compile with -fPIC): ",
			      symbol_name(l, r->symbol));
	tl_kmod_say("%s: a relocation of type %u in %s cannot be done\n",
		    l->path, r->type, section_name(l, s));
	return -TL_ENOEXEC;
}

static int relocate(const struct loading *l)
{
	for (size_t i = 1; i < l->n_sections; i++) {
		const struct elf_section *s = &l->sections[i];
		const struct elf_rela *r;
		int err;

		if ((s->type != SHT_RELA && s->type != SHT_REL) ||
		    s->info >= l->n_sections || !l->at[s->info])
			continue;
		r = part(l, s->offset, s->size);
		if (!r || s->type == SHT_REL ||
		    l->sections[s->info].type == SHT_NOBITS)
			return refuse(l, -TL_ENOEXEC, "damaged relocations",
				      "");
		for (size_t n = s->size / sizeof(*r); n; n--, r++) {
			err = relocate_one(l, s->info, r);
			if (err)
				return err;
		}
	}
	return 0;
}

static int protect(struct loading *l)
{
	static const int prot[TL_NR_PARTS] = {
		[TL_PART_TEXT] = TL_PROT_READ | TL_PROT_EXEC,
		[TL_PART_READ] = TL_PROT_READ,
		[TL_PART_DATA] = TL_PROT_READ | TL_PROT_WRITE,
	};
	size_t from = 0;

	for (int p = 0; p < TL_NR_PARTS; p++) {
		size_t to = l->m->end_of[p];
		long err = to == from
				   ? 0
				   : tl_sys3(__NR_mprotect, l->m->start + from,
					     to - from, prot[p]);

		if (err)
			return refuse(l, err,
				      "its memory cannot be made executable",
				      "");
		from = to;
	}
	tl_text_written(l->m->start, l->m->end_of[TL_PART_TEXT]);
	return 0;
}

/* ---- the module --------------------------------------------------------------------- */

/* The module's name: that of the file, without what stands around it. */
static int set_name(struct loading *l)
{
	const char *base = strrchr(l->path, '/');
	char *name = l->m->self->name;
	size_t n;

	base = base ? base + 1 : l->path;
	n = strlen(base);
	if (n > 2 && (!strcmp(base + n - 2, ".o")))
		n -= 2;
	else if (n > 3 && (!strcmp(base + n - 3, ".ko")))
		n -= 3;
	if (!n || n >= MODULE_NAME_LEN)
		return refuse(l, -TL_EINVAL, "the name is too long", "");
	for (size_t i = 0; i < n; i++)
		name[i] = base[i] == '-' ? '_' : base[i];
	return 0;
}

static uintptr_t function(const struct loading *l, const char *name)
{
	uintptr_t value;

	for (size_t i = 1; i < l->n_symbols; i++)
		if (l->word[i] && l->symbols[i].shndx != SHN_UNDEF &&
		    !strcmp(symbol_name(l, i), name) &&
		    own_symbol(l, i, &value))
			return value;
	return 0;
}

static int fill_in(struct loading *l)
{
	const struct elf_section *params = find_section(l, "__param");

	l->m->init = (int (*)(void))function(l, "init_module");
	l->m->exit = (void (*)(void))function(l, "cleanup_module");
	if (params) {
		l->m->params.n = params->size / sizeof(*l->m->params.rows);
		l->m->params.rows =
			(void *)(l->m->start + l->at[params - l->sections] - 1);
	}
	return set_name(l);
}

void tl_module_unmap(struct tl_module *m)
{
	if (m->start)
		tl_sys2(__NR_munmap, m->start, m->size);
	tlh_free(m->params.args, m->params.args_size);
	*m = (struct tl_module){ 0 };
}

int tl_module_load(struct tl_module *m, const char *path)
{
	struct loading l = { .m = m, .path = path };
	int err;

	err = read_file(&l);
	if (!err)
		err = read_header(&l);
	if (!err)
		err = check_abi(&l);
	if (!err)
		err = read_symbols(&l);
	if (!err)
		err = count_words(&l);
	if (!err)
		err = lay_out(&l);
	if (!err)
		err = map(&l);
	if (!err)
		err = fill_in(&l);
	if (!err)
		err = resolve(&l);
	if (!err) {
		write_stubs(&l);
		err = relocate(&l);
	}
	if (!err)
		err = protect(&l);
	if (err)
		tl_module_unmap(m);
	tlh_free(l.at, l.n_sections * sizeof(*l.at));
	tlh_free(l.word, (l.n_symbols + 1) * sizeof(*l.word));
	tlh_free(l.file, l.file_size);
	return err;
}

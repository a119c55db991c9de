/* SPDX-License-Identifier: MIT */
/*
 * image.c - the functions of one ELF file
 *
 * Read by libelf with plain reads, never by mapping the file: a file that is
 * cut short meanwhile gives an error and not a SIGBUS.  Names stay where libelf
 * keeps them, so that a table in which a million symbols share one long string
 * costs no more than the string.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debugfile.h"
#include "frames.h"
#include "gofuncs.h"
#include "image.h"
#include "markers.h"
#include "minidebug.h"
#include "names.h"
#include "object.h"
#include "text.h"
#include "versions.h"

/* Nobody's symbol has a longer name; what has is not looked at. */
#define NAME_MAX_BYTES 16384
#define SEGMENTS_MAX   4096

/*
 * A table that is larger was made to fill our memory: a sparse file costs its
 * maker nothing.
 */
#define TABLE_MAX (1ULL << 30)

static int read_segments(struct image *img)
{
	size_t n = 0;
	GElf_Phdr ph;

	if (elf_getphdrnum(img->elf, &n) != 0)
		return -1;
	if (n > SEGMENTS_MAX)
		n = SEGMENTS_MAX;
	img->code = must_alloc(n, sizeof(*img->code));
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(img->elf, (int)i, &ph))
			continue;
		if (ph.p_type != PT_LOAD || !(ph.p_flags & PF_X) ||
		    ph.p_vaddr + ph.p_filesz < ph.p_vaddr)
			continue;
		img->code[img->n_code++] = (struct segment){ ph.p_vaddr,
							     ph.p_filesz,
							     ph.p_offset };
	}
	return 0;
}

/* An object that is not linked yet has no segments, only sections. */
static void code_from_sections(struct image *img)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(img->elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_EXECINSTR) ||
		    sh.sh_addr + sh.sh_size < sh.sh_addr ||
		    img->n_code == SEGMENTS_MAX)
			continue;
		img->code = must_grow(img->code, img->n_code + 1,
				      sizeof(*img->code));
		img->code[img->n_code++] = (struct segment){ sh.sh_addr,
							     sh.sh_size,
							     sh.sh_offset };
	}
}

static const struct segment *code_at(const struct image *img, uint64_t addr)
{
	for (size_t i = 0; i < img->n_code; i++)
		if (addr - img->code[i].vaddr < img->code[i].size)
			return &img->code[i];
	return NULL;
}

bool image_has_code(const struct image *img, uint64_t addr)
{
	return code_at(img, addr) != NULL;
}

bool image_code(const struct image *img, uint64_t addr, void *dst, size_t n)
{
	const struct segment *s = code_at(img, addr);

	return s && img->fd >= 0 && s->vaddr + s->size - addr >= n &&
	       pread(img->fd, dst, n, (off_t)(addr - s->vaddr + s->offset)) ==
		       (ssize_t)n;
}

bool image_is_go(struct image *img)
{
	struct object o;

	if (!img->go)
		img->go = img->fd >= 0 && !object_read(&o, img->fd) && o.go
				  ? 1
				  : -1;
	return img->go > 0;
}

/* Fill in @out from @sym.  False: it is not a function of this image. */
static bool symbol_of(const struct image *img, const GElf_Sym *sym,
		      const char *name, struct symbol *out)
{
	unsigned int type = GELF_ST_TYPE(sym->st_info);
	unsigned int bind = GELF_ST_BIND(sym->st_info);
	const struct segment *seg;

	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS ||
	    sym->st_shndx == SHN_COMMON || !name || !*name ||
	    strnlen(name, NAME_MAX_BYTES) == NAME_MAX_BYTES)
		return false;
	switch (type) {
	case STT_FUNC:
		out->kind = SYMBOL_FUNC;
		break;
	case STT_GNU_IFUNC:
		out->kind = SYMBOL_IFUNC;
		break;
	case STT_NOTYPE:
		/* $x and the like mark data in ARM code. */
		if (name[0] == '$' || name[0] == '.')
			return false;
		out->kind = SYMBOL_LABEL;
		break;
	default:
		return false;
	}
	out->addr = sym->st_value;
	if (img->machine == EM_ARM && out->kind != SYMBOL_LABEL)
		out->addr &= ~1ULL; /* set for Thumb code */
	seg = code_at(img, out->addr);
	if (!seg)
		return false;
	out->size = sym->st_size;
	if (out->size > seg->vaddr + seg->size - out->addr)
		out->size = seg->vaddr + seg->size - out->addr;
	out->name = out->plain = out->shown = name;
	out->bind = bind == STB_LOCAL ? 2 : bind == STB_WEAK ? 1 : 0;
	out->version = NULL;
	out->first = out->old = out->exported = false;
	return true;
}

/* May the section @index of @elf be read into memory? */
static bool is_affordable(Elf *elf, size_t index)
{
	Elf_Scn *scn = elf_getscn(elf, index);
	GElf_Shdr sh;

	return scn && gelf_getshdr(scn, &sh) &&
	       (sh.sh_type == SHT_NOBITS || sh.sh_size <= TABLE_MAX);
}

bool image_section_fits(void *elf, void *section)
{
	return is_affordable(elf, elf_ndxscn(section));
}

static void add_symbol(struct image *img, const struct symbol *found)
{
	if (img->n == img->room) {
		img->room = img->room + img->room / 2 + 256;
		img->symbols = must_grow(img->symbols, img->room,
					 sizeof(*img->symbols));
	}
	img->symbols[img->n++] = *found;
}

/* A function that Go's own table knows. */
static void take_go(void *arg, uint64_t addr, uint64_t size, const char *name)
{
	struct image *img = arg;
	const GElf_Sym sym = {
		.st_info = GELF_ST_INFO(STB_LOCAL, STT_FUNC),
		.st_shndx = 1, /* of the file */
		.st_value = addr,
		.st_size = size,
	};
	struct symbol found;

	if (symbol_of(img, &sym, name, &found))
		add_symbol(img, &found);
}

/* Of .dynsym: may other objects be bound to it? */
static bool is_for_others(const GElf_Sym *sym)
{
	unsigned int visibility = GELF_ST_VISIBILITY(sym->st_other);

	return GELF_ST_BIND(sym->st_info) != STB_LOCAL &&
	       (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

/*
 * @versions: of .dynsym's symbols.  .symtab has those that have one again, under
 * names like memcpy@@GLIBC_2.14.
 */
static void read_table(struct image *img, Elf *elf, Elf_Scn *scn,
		       const GElf_Shdr *sh, const struct versions *versions)
{
	bool dynamic = sh->sh_type == SHT_DYNSYM;
	size_t entry = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT), count;
	Elf_Data *data;

	if (!is_affordable(elf, elf_ndxscn(scn)) ||
	    !is_affordable(elf, sh->sh_link))
		return;
	data = elf_getdata(scn, NULL);
	if (!data || !data->d_buf || !entry || (sh->sh_flags & SHF_COMPRESSED))
		return;
	count = data->d_size / entry;
	for (size_t i = 1; i < count && i <= INT32_MAX; i++) {
		struct symbol found;
		const char *name;
		GElf_Sym sym;

		if (!gelf_getsym(data, (int)i, &sym))
			break;
		name = elf_strptr(elf, sh->sh_link, sym.st_name);
		if (!symbol_of(img, &sym, name, &found) ||
		    (!dynamic && versions && strchr(name, '@')))
			continue;
		if (dynamic) {
			found.version = version_of(versions, i, &found.old);
			found.exported = is_for_others(&sym);
		}
		add_symbol(img, &found);
	}
}

/* Read every table of type @type in @elf.  Returns whether there was one. */
static bool read_tables(struct image *img, Elf *elf, unsigned int type,
			const struct versions *versions)
{
	Elf_Scn *scn = NULL;
	bool any = false;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != type)
			continue;
		/* A debug file has headers of what it left out. */
		any = true;
		read_table(img, elf, scn, &sh, versions);
	}
	return any;
}

/* How far from a name to show: 0 is the best. */
static unsigned int plainness(const struct symbol *s)
{
	unsigned int score = s->kind == SYMBOL_LABEL ? 64 : 0;

	score += s->old ? 128 : 0;
	score += s->bind == 2 ? 32 : 0;
	score += (unsigned int)strspn(s->name, "_") & 31;
	return score;
}

static int by_address(const void *va, const void *vb)
{
	const struct symbol *a = va, *b = vb;
	unsigned int pa, pb;
	size_t la, lb;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	pa = plainness(a);
	pb = plainness(b);
	if (pa != pb)
		return pa < pb ? -1 : 1;
	la = strlen(a->name);
	lb = strlen(b->name);
	if (la != lb)
		return la < lb ? -1 : 1;
	if (strcmp(a->name, b->name) != 0)
		return strcmp(a->name, b->name);
	return strcmp(a->version ? a->version : "",
		      b->version ? b->version : "");
}

/* Is @b another entry for @a, which comes before it? */
static bool is_again(const struct symbol *a, const struct symbol *b)
{
	return a->addr == b->addr && strcmp(a->name, b->name) == 0 &&
	       (!a->version || !b->version ||
		strcmp(a->version, b->version) == 0);
}

/* Sort, drop what .symtab and .dynsym both have, mark the names to show. */
static void order_symbols(struct image *img)
{
	size_t n = 0;

	if (img->n)
		qsort(img->symbols, img->n, sizeof(*img->symbols), by_address);
	for (size_t i = 0; i < img->n; i++) {
		struct symbol *s = &img->symbols[i];
		struct symbol *last = n ? &img->symbols[n - 1] : NULL;

		if (last && is_again(last, s)) {
			if (s->size > last->size)
				last->size = s->size;
			last->exported |= s->exported;
			if (!last->version) {
				last->version = s->version;
				last->old = s->old;
			}
			continue;
		}
		s->first = !last || last->addr != s->addr;
		img->symbols[n++] = *s;
	}
	img->n = n;
}

/*
 * A symbol without a size ends where the unwind tables say, or where the next
 * one begins, or with the code.
 */
static void complete_sizes(struct image *img)
{
	uint64_t next = UINT64_MAX, start, end, size = 0;
	size_t i = img->n;

	while (i > 0) {
		size_t last = i;

		while (i > 0 &&
		       img->symbols[i - 1].addr == img->symbols[last - 1].addr)
			i--;
		size = 0;
		for (size_t k = i; k < last; k++)
			if (img->symbols[k].size > size)
				size = img->symbols[k].size;
		if (!size) {
			const struct symbol *s = &img->symbols[i];
			const struct segment *seg = code_at(img, s->addr);

			end = seg->vaddr + seg->size;
			if (next < end)
				end = next;
			size = end - s->addr;
			if (frames_bounds(img, s->addr, &start, &end) &&
			    start == s->addr && end - start < size)
				size = end - start;
		}
		for (size_t k = i; k < last; k++)
			if (!img->symbols[k].size)
				img->symbols[k].size = size;
		next = img->symbols[i].addr;
	}
}

static void read_symbols(struct image *img, const char *path,
			 const struct image_opener *opener)
{
	struct versions *versions = versions_read(img->elf);

	img->has_symtab = read_tables(img, img->elf, SHT_SYMTAB, versions);
	read_tables(img, img->elf, SHT_DYNSYM, versions);
	if (!img->has_symtab && opener &&
	    debugfile_find(img->elf, path, opener, &img->debug_fd,
			   &img->debug_elf, &img->debug_file))
		img->has_symtab =
			read_tables(img, img->debug_elf, SHT_SYMTAB, versions);
	if (!img->has_symtab)
		img->mini_elf = minidebug_open(img->elf, &img->mini_memory);
	if (img->mini_elf)
		img->has_symtab =
			read_tables(img, img->mini_elf, SHT_SYMTAB, versions);
	versions_free(versions);
	if (!img->has_symtab)
		gofuncs_read(img->elf, take_go, img);
	order_symbols(img);
	complete_sizes(img);
}

static int image_read(struct image *img, const char *path,
		      const struct image_opener *opener, const char **why)
{
	GElf_Ehdr eh;

	if (!img->elf || elf_kind(img->elf) != ELF_K_ELF) {
		*why = "it is not an ELF file";
		return -1;
	}
	if (!gelf_getehdr(img->elf, &eh)) {
		*why = "its ELF header is broken";
		return -1;
	}
	img->is_64 = gelf_getclass(img->elf) == ELFCLASS64;
	img->machine = eh.e_machine;
	img->type = eh.e_type;
	if (read_segments(img) != 0) {
		*why = "its program headers are broken";
		return -1;
	}
	if (!img->n_code)
		code_from_sections(img);
	read_symbols(img, path, opener);
	return 0;
}

int image_open(struct image *img, int fd, const char *path,
	       const struct image_opener *opener, const char **why)
{
	*img = (struct image){ .fd = fd, .debug_fd = -1 };
	elf_version(EV_CURRENT);
	img->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (image_read(img, path, opener, why) == 0)
		return 0;
	image_close(img);
	return -1;
}

int image_open_memory(struct image *img, void *memory, size_t size,
		      const char **why)
{
	*img = (struct image){ .fd = -1, .debug_fd = -1, .memory = memory };
	elf_version(EV_CURRENT);
	img->elf = elf_memory(memory, size);
	if (image_read(img, NULL, NULL, why) == 0)
		return 0;
	image_close(img);
	return -1;
}

void image_close(struct image *img)
{
	image_names_free(img);
	markers_free(img->markers);
	frames_free(img->frames);
	if (img->cfi)
		dwarf_cfi_end(img->cfi);
	if (img->debug_elf)
		elf_end(img->debug_elf);
	if (img->mini_elf)
		elf_end(img->mini_elf);
	if (img->elf)
		elf_end(img->elf);
	if (img->fd >= 0)
		close(img->fd);
	if (img->debug_fd >= 0)
		close(img->debug_fd);
	free(img->debug_file);
	free(img->symbols);
	free(img->code);
	free(img->memory);
	free(img->mini_memory);
	*img = (struct image){ .fd = -1, .debug_fd = -1 };
}

const struct symbol *image_find(const struct image *img, uint64_t addr)
{
	size_t low = 0, high = img->n;
	const struct symbol *s;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (img->symbols[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return NULL;
	for (s = &img->symbols[low - 1]; !s->first; s--)
		;
	if (s->addr != addr && addr - s->addr >= s->size)
		return NULL;
	return s;
}

bool image_is_affordable(void *elf, uint64_t flags)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && (sh.sh_flags & flags) == flags &&
		    !is_affordable(elf, elf_ndxscn(scn)))
			return false;
	return true;
}

void *image_cfi(struct image *img)
{
	if (!img->cfi_tried) {
		img->cfi_tried = true;
		if (image_is_affordable(img->elf, SHF_ALLOC))
			img->cfi = dwarf_getcfi_elf(img->elf);
	}
	return img->cfi;
}

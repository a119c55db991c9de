/* SPDX-License-Identifier: MIT */
/*
 * gofuncs.c - the functions of a Go program, from what its runtime needs
 *
 * The section .gopclntab (.data.rel.ro.gopclntab where addresses have to be
 * relocated) since Go 1.18, all numbers little-endian here:
 *
 *	 0 u32	magic: 0xfffffff0 of 1.18, 0xfffffff1 since 1.20
 *	 4 u8	0, 0, least size of an instruction, size of an address: 8
 *	 8 u64	how many functions
 *	16 u64	how many files
 *	24 u64	where the text begins: what function addresses are relative to
 *	32 u64	names, relative to the section
 *	40 u64	three more tables, of no interest here
 *	64 u64	functions, relative to the section
 *
 * A row of functions is the address and the offset of a record from the beginning
 * of the rows, a u32 each; behind the last row is the address where the last one
 * ends.  A record holds the address again and the offset of the name.
 * Source: src/runtime/symtab.go and src/debug/gosym of Go, read for the layout.
 */
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "gofuncs.h"
#include "isa.h"
#include "image.h"

#define HEADER_BYTES 72
#define RECORD_BYTES 8
#define TEXT_AT	     24
#define NAME_MAX     16384
#define TRIES	     16 /* of what looks like a table, in one section */

struct table {
	const uint8_t *bytes;
	uint64_t size;
	uint64_t text; /* what addresses are relative to */
	uint64_t rows, n;
};

/* @n bytes at @at of the table, little-endian; 0 if it does not reach that far. */
static uint64_t number(const struct table *t, uint64_t at, unsigned int n)
{
	uint64_t value = 0;

	if (at > t->size || t->size - at < n)
		return 0;
	for (unsigned int i = 0; i < n; i++)
		value |= (uint64_t)t->bytes[at + i] << 8 * i;
	return value;
}

/* What the loader adds its bias to at the address @at; 0: nothing. */
static uint64_t relocated(Elf *elf, uint64_t at)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Rela rela;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA ||
		    !(sh.sh_flags & SHF_ALLOC) || !image_section_fits(elf, scn))
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; data && gelf_getrela(data, i, &rela); i++)
			if (rela.r_offset == at &&
			    GELF_R_TYPE(rela.r_info) == ISA_RELATIVE)
				return (uint64_t)rela.r_addend;
	}
	return 0;
}

/* The name whose offset the record at @record has; NULL: there is none. */
static const char *name_of(const struct table *t, uint64_t record,
			   uint64_t addr)
{
	uint64_t at, names = number(t, 32, 8);
	const char *name;

	if (record > t->size || t->size - record < RECORD_BYTES ||
	    number(t, record, 4) != addr || names >= t->size)
		return NULL;
	at = number(t, record + 4, 4);
	if (at >= t->size - names)
		return NULL;
	at += names;
	name = (const char *)t->bytes + at;
	if (!*name ||
	    !memchr(name, 0, t->size - at < NAME_MAX ? t->size - at : NAME_MAX))
		return NULL;
	return name;
}

/* Could the table begin at @at of the bytes @data?  Then it is @t. */
static bool is_header(const Elf_Data *data, uint64_t at, struct table *t)
{
	uint64_t magic, rows;

	if (data->d_size < HEADER_BYTES || at > data->d_size - HEADER_BYTES)
		return false;
	*t = (struct table){ .bytes = (const uint8_t *)data->d_buf + at,
			     .size = data->d_size - at };
	magic = number(t, 0, 4);
	if ((magic != 0xfffffff0 && magic != 0xfffffff1) || number(t, 4, 2) ||
	    t->bytes[7] != 8)
		return false;
	t->n = number(t, 8, 8);
	rows = number(t, 64, 8);
	if (!t->n || rows >= t->size || t->n > (t->size - rows) / 8 ||
	    t->size - rows - t->n * 8 < 4)
		return false;
	t->rows = rows;
	return name_of(t, rows + number(t, rows + 4, 4), number(t, rows, 4));
}

/* Is it known where its text begins? */
static bool has_text(Elf *elf, const GElf_Shdr *sh, uint64_t at,
		     struct table *t)
{
	t->text = number(t, TEXT_AT, 8);
	if (!t->text)
		t->text = relocated(elf, sh->sh_addr + at + TEXT_AT);
	return t->text;
}

/* Find it in the section @scn: at its beginning, or if @inside anywhere. */
static bool find_in(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, bool inside,
		    struct table *t)
{
	unsigned int tries = 0;
	Elf_Data *data;

	if ((sh->sh_flags & SHF_COMPRESSED) || !image_section_fits(elf, scn))
		return false;
	data = elf_getdata(scn, NULL);
	if (!data || !data->d_buf)
		return false;
	for (uint64_t at = 0; at < data->d_size; at += 8) {
		if (is_header(data, at, t)) {
			if (has_text(elf, sh, at, t))
				return true;
			tries++;
		}
		if (!inside || tries == TRIES)
			break;
	}
	return false;
}

/* What links C and Go puts the table into .data.rel.ro, with other things. */
static bool find_table(Elf *elf, struct table *t)
{
	Elf_Scn *scn = NULL;
	size_t strings;
	GElf_Ehdr eh;
	GElf_Shdr sh;

	if (!gelf_getehdr(elf, &eh) || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf_getshdrstrndx(elf, &strings) != 0)
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;
		bool inside;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS)
			continue;
		name = elf_strptr(elf, strings, sh.sh_name);
		if (!name)
			continue;
		inside = !strcmp(name, ".data.rel.ro");
		if ((inside || !strcmp(name, ".gopclntab") ||
		     !strcmp(name, ".data.rel.ro.gopclntab")) &&
		    find_in(elf, scn, &sh, inside, t))
			return true;
	}
	return false;
}

void gofuncs_read(void *elf,
		  void (*take)(void *arg, uint64_t addr, uint64_t size,
			       const char *name),
		  void *arg)
{
	struct table t;

	if (!find_table(elf, &t))
		return;
	for (uint64_t i = 0; i < t.n; i++) {
		uint64_t row = t.rows + 8 * i, addr = number(&t, row, 4);
		uint64_t next = number(&t, row + 8, 4);
		const char *name =
			name_of(&t, t.rows + number(&t, row + 4, 4), addr);

		if (name && next > addr && t.text + next > t.text)
			take(arg, t.text + addr, next - addr, name);
	}
}

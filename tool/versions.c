/* SPDX-License-Identifier: MIT */
/*
 * versions.c - the versions of an object's dynamic symbols
 *
 * .gnu.version has a number for each symbol of .dynsym, .gnu.version_d the name of
 * each number that this object defines, .gnu.version_r of each that it wants of others.
 */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "text.h"
#include "versions.h"

#define NUMBERS	 0x8000u
#define HIDDEN	 0x8000u
#define NAME_MAX 256

struct versions {
	Elf_Data *symbols;
	const char *name[NUMBERS];
};

/* The chain is as long as the file says, and leads forward. */
static void read_names(struct versions *v, Elf *elf, Elf_Scn *scn,
		       const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Verdaux aux;
	GElf_Verdef def;
	int at = 0;

	if (!data || !image_section_fits(elf, elf_getscn(elf, sh->sh_link)))
		return;
	for (unsigned int i = 0; i < NUMBERS; i++) {
		const char *name;

		if (!gelf_getverdef(data, at, &def) ||
		    def.vd_aux > INT32_MAX - (unsigned int)at ||
		    !gelf_getverdaux(data, at + (int)def.vd_aux, &aux))
			return;
		name = elf_strptr(elf, sh->sh_link, aux.vda_name);
		if (name && strnlen(name, NAME_MAX) < NAME_MAX &&
		    !(def.vd_flags & VER_FLG_BASE))
			v->name[def.vd_ndx & (NUMBERS - 1)] = name;
		if (!def.vd_next || def.vd_next > INT32_MAX - (unsigned int)at)
			return;
		at += (int)def.vd_next;
	}
}

/* The same of what is wanted: a chain of files, each with a chain of names. */
static void read_wanted(struct versions *v, Elf *elf, Elf_Scn *scn,
			const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	unsigned int n = 0;
	GElf_Vernaux aux;
	GElf_Verneed need;
	int at = 0;

	if (!data || !image_section_fits(elf, elf_getscn(elf, sh->sh_link)))
		return;
	while (n < NUMBERS && gelf_getverneed(data, at, &need)) {
		int in = need.vn_aux <= INT32_MAX - (unsigned int)at
				 ? at + (int)need.vn_aux
				 : -1;

		while (in >= 0 && n++ < NUMBERS &&
		       gelf_getvernaux(data, in, &aux)) {
			const char *name =
				elf_strptr(elf, sh->sh_link, aux.vna_name);

			if (name && strnlen(name, NAME_MAX) < NAME_MAX)
				v->name[aux.vna_other & (NUMBERS - 1)] = name;
			if (!aux.vna_next ||
			    aux.vna_next > INT32_MAX - (unsigned int)in)
				break;
			in += (int)aux.vna_next;
		}
		if (!need.vn_next ||
		    need.vn_next > INT32_MAX - (unsigned int)at)
			return;
		at += (int)need.vn_next;
	}
}

struct versions *versions_read(void *elf)
{
	struct versions *v = must_alloc(1, sizeof(*v));
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || !image_section_fits(elf, scn))
			continue;
		if (sh.sh_type == SHT_GNU_versym)
			v->symbols = elf_getdata(scn, NULL);
		if (sh.sh_type == SHT_GNU_verdef)
			read_names(v, elf, scn, &sh);
		if (sh.sh_type == SHT_GNU_verneed)
			read_wanted(v, elf, scn, &sh);
	}
	if (v->symbols)
		return v;
	free(v);
	return NULL;
}

void versions_free(struct versions *v)
{
	free(v);
}

const char *version_of(const struct versions *v, size_t index, bool *old)
{
	GElf_Versym number;

	*old = false;
	if (!v || index > INT32_MAX ||
	    !gelf_getversym(v->symbols, (int)index, &number))
		return NULL;
	*old = (number & HIDDEN) && v->name[number & (NUMBERS - 1)];
	return v->name[number & (NUMBERS - 1)];
}

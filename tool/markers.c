/* SPDX-License-Identifier: MIT */
/*
 * markers.c - static probe points that programs bring along (USDT)
 *
 * <sys/sdt.h> leaves a nop in the code and a note in the section .note.stapsdt: its
 * descriptor is the nop's address, the address that .stapsdt.base had when that
 * was written (a prelinked file has it elsewhere), the semaphore's address, and
 * three strings.
 */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "markers.h"
#include "match.h"
#include "text.h"

#define NOTE_TYPE   3
#define MARKERS_MAX 65536

/* The string at *@at, which ends before @end; *@at: behind it.  NULL: none. */
static const char *take_string(const char **at, const char *end)
{
	const char *s = *at,
		   *zero = s < end ? memchr(s, 0, (size_t)(end - s)) : NULL;

	if (!zero)
		return NULL;
	*at = zero + 1;
	return s;
}

static void take_note(struct image *img, const char *desc, size_t len,
		      uint64_t base, struct markers *out)
{
	const char *at = desc + 24, *end = desc + len;
	uint64_t word[3], moved;
	struct marker m;

	if (len < sizeof(word))
		return;
	memcpy(word, desc, sizeof(word));
	moved = base ? base - word[1] : 0;
	m = (struct marker){
		.addr = word[0] + moved,
		.semaphore = word[2] ? word[2] + moved : 0,
		.provider = take_string(&at, end),
		.name = take_string(&at, end),
		.args = take_string(&at, end),
	};
	if (!m.args || !*m.provider || !*m.name ||
	    !image_has_code(img, m.addr) || out->n == MARKERS_MAX)
		return;
	if (out->n == out->room) {
		out->room = out->room * 2 + 16;
		out->marker =
			must_grow(out->marker, out->room, sizeof(*out->marker));
	}
	out->marker[out->n++] = m;
}

static void take_section(struct image *img, Elf_Scn *scn, uint64_t base,
			 struct markers *out)
{
	Elf_Data *data = image_section_fits(img->elf, scn)
				 ? elf_getdata(scn, NULL)
				 : NULL;
	size_t at = 0, next, name, desc;
	GElf_Nhdr note;

	while (data && (next = gelf_getnote(data, at, &note, &name, &desc))) {
		const char *bytes = data->d_buf;

		if (note.n_type == NOTE_TYPE && note.n_namesz == 8 &&
		    memcmp(bytes + name, "stapsdt", 8) == 0)
			take_note(img, bytes + desc, note.n_descsz, base, out);
		at = next;
	}
}

static int by_name(const void *va, const void *vb)
{
	const struct marker *a = va, *b = vb;
	int order = strcmp(a->provider, b->provider);

	if (!order)
		order = strcmp(a->name, b->name);
	return order ? order : a->addr < b->addr ? -1 : a->addr > b->addr;
}

static struct markers *read_markers(struct image *img)
{
	struct markers *out = must_alloc(1, sizeof(*out));
	Elf_Scn *scn = NULL, *notes[16];
	size_t n = 0, names;
	uint64_t base = 0;
	GElf_Shdr sh;

	if (!img->elf || elf_getshdrstrndx(img->elf, &names) != 0)
		return out;
	while ((scn = elf_nextscn(img->elf, scn))) {
		const char *name;

		if (!gelf_getshdr(scn, &sh))
			continue;
		name = elf_strptr(img->elf, names, sh.sh_name);
		if (name && strcmp(name, ".stapsdt.base") == 0)
			base = sh.sh_addr;
		if (name && strcmp(name, ".note.stapsdt") == 0 && n < 16)
			notes[n++] = scn;
	}
	for (size_t i = 0; i < n; i++)
		take_section(img, notes[i], base, out);
	if (out->n)
		qsort(out->marker, out->n, sizeof(*out->marker), by_name);
	return out;
}

const struct markers *image_markers(struct image *img)
{
	if (!img->markers)
		img->markers = read_markers(img);
	return img->markers;
}

void markers_free(struct markers *m)
{
	if (m)
		free(m->marker);
	free(m);
}

/* @name with `-` as `__`, as it is in the file; the caller frees it. */
static char *as_in_file(const char *name)
{
	size_t len = strlen(name), n = 0;
	char *out = must_alloc(2 * len + 1, 1);

	for (; *name; name++) {
		if (*name == '-')
			out[n++] = '_';
		out[n++] = *name == '-' ? '_' : *name;
	}
	return out;
}

bool marker_is(const struct marker *m, const char *provider, const char *name)
{
	char *plain;
	bool is;

	if (provider && strcmp(m->provider, provider) != 0 &&
	    !(glob_is(provider) && glob_match(provider, m->provider)))
		return false;
	if (glob_is(name))
		return glob_match(name, m->name);
	plain = as_in_file(name);
	is = strcmp(m->name, plain) == 0;
	free(plain);
	return is;
}

/* SPDX-License-Identifier: MIT */
/*
 * minidebug.c - the symbols that a stripped file keeps compressed
 *
 * Fedora and its like strip their programs, but leave in each the names of its
 * functions: an ELF file with nothing else in it, compressed by xz, in the section
 * .gnu_debugdata.
 */
#include <gelf.h>
#include <libelf.h>
#include <lzma.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "minidebug.h"

/* A few bytes of xz can become any number; more than this was made to do so. */
#define UNPACKED_MAX (64u << 20)
#define MEMORY_MAX   (256u << 20)
#define FIRST	     (1u << 20)

static Elf_Scn *find_section(Elf *elf)
{
	Elf_Scn *scn = NULL;
	const char *name;
	GElf_Shdr sh;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0 ||
	    !image_section_fits(elf, elf_getscn(elf, names)))
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS ||
		    (sh.sh_flags & SHF_COMPRESSED))
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		if (name && strcmp(name, ".gnu_debugdata") == 0)
			return image_section_fits(elf, scn) ? scn : NULL;
	}
	return NULL;
}

/* All of the stream @in; how many bytes are in *@out, 0: it is spoilt. */
static size_t unpack(const Elf_Data *in, uint8_t **out)
{
	lzma_stream s = LZMA_STREAM_INIT;
	size_t room = 0, size = 0;
	lzma_ret ret = LZMA_OK;
	uint8_t *grown;

	*out = NULL;
	if (lzma_stream_decoder(&s, MEMORY_MAX, 0) != LZMA_OK)
		return 0;
	s.next_in = in->d_buf;
	s.avail_in = in->d_size;
	while (ret == LZMA_OK && room < UNPACKED_MAX) {
		room = room ? room * 2 : FIRST;
		grown = realloc(*out, room);
		if (!grown)
			break;
		*out = grown;
		s.next_out = grown + size;
		s.avail_out = room - size;
		ret = lzma_code(&s, LZMA_FINISH);
		size = room - s.avail_out;
	}
	lzma_end(&s);
	return ret == LZMA_STREAM_END ? size : 0;
}

void *minidebug_open(void *elf, void **memory)
{
	Elf_Scn *scn = find_section(elf);
	Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;
	uint8_t *bytes = NULL;
	Elf *mini = NULL;
	size_t size;

	if (!data || !data->d_buf)
		return NULL;
	size = unpack(data, &bytes);
	if (size)
		mini = elf_memory((char *)bytes, size);
	if (mini && elf_kind(mini) == ELF_K_ELF) {
		*memory = bytes;
		return mini;
	}
	if (mini)
		elf_end(mini);
	free(bytes);
	return NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * debugfile.c - where a stripped file's symbols were put
 */
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "debugfile.h"
#include "image.h"
#include "text.h"

#define DEBUG_ROOT   "/usr/lib/debug"
#define BUILD_ID_MAX 64

static int open_elf(const struct image_opener *opener, const char *path,
		    void **out)
{
	int fd = opener->open(opener->arg, path);

	if (fd < 0)
		return -1;
	*out = elf_begin(fd, ELF_C_READ, NULL);
	if (*out && elf_kind(*out) == ELF_K_ELF)
		return fd;
	if (*out)
		elf_end(*out);
	close(fd);
	return -1;
}

static bool same_build_id(Elf *a, Elf *b)
{
	const void *ida, *idb;
	ssize_t na = dwelf_elf_gnu_build_id(a, &ida);
	ssize_t nb = dwelf_elf_gnu_build_id(b, &idb);

	return na > 0 && na == nb && memcmp(ida, idb, (size_t)na) == 0;
}

static bool by_build_id(Elf *elf, const struct image_opener *opener, int *fd,
			void **out, char **name)
{
	char hex[2 * BUILD_ID_MAX + 1] = "", *path;
	const unsigned char *id;
	const void *bits;
	ssize_t n = dwelf_elf_gnu_build_id(elf, &bits);

	if (n < 2 || n > BUILD_ID_MAX)
		return false;
	id = bits;
	for (ssize_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	path = must_print(DEBUG_ROOT "/.build-id/%.2s/%s.debug", hex, hex + 2);
	*fd = open_elf(opener, path, out);
	if (*fd >= 0 && same_build_id(elf, *out)) {
		*name = path;
		return true;
	}
	if (*fd >= 0) {
		elf_end(*out);
		close(*fd);
	}
	free(path);
	return false;
}

/* The CRC-32 of the whole file, as .gnu_debuglink has it. */
static bool file_crc(int fd, uint32_t *out)
{
	unsigned char block[65536];
	uint32_t table[256], crc = ~0u;
	off_t at = 0;
	ssize_t n;

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		table[i] = c;
	}
	while ((n = pread(fd, block, sizeof(block), at)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			crc = table[(crc ^ block[i]) & 0xff] ^ crc >> 8;
		at += n;
	}
	*out = ~crc;
	return n == 0;
}

static bool try_link(const struct image_opener *opener, char *path,
		     uint32_t want, int *fd, void **out, char **name)
{
	uint32_t crc;

	*fd = open_elf(opener, path, out);
	if (*fd >= 0 && file_crc(*fd, &crc) && crc == want) {
		*name = path;
		return true;
	}
	if (*fd >= 0) {
		elf_end(*out);
		close(*fd);
	}
	free(path);
	return false;
}

static bool by_link(Elf *elf, const char *path,
		    const struct image_opener *opener, int *fd, void **out,
		    char **name)
{
	GElf_Word crc;
	const char *link = dwelf_elf_gnu_debuglink(elf, &crc);
	const char *slash = path ? strrchr(path, '/') : NULL;
	int dir = slash ? (int)(slash - path) : 0;

	/* The name of a file, not a way to other places. */
	if (!link || !slash || !*link || strchr(link, '/') ||
	    strnlen(link, 256) == 256)
		return false;
	return try_link(opener, must_print("%.*s/%s", dir, path, link), crc, fd,
			out, name) ||
	       try_link(opener, must_print("%.*s/.debug/%s", dir, path, link),
			crc, fd, out, name) ||
	       try_link(opener,
			must_print(DEBUG_ROOT "%.*s/%s", dir, path, link), crc,
			fd, out, name);
}

bool debugfile_find(Elf *elf, const char *path,
		    const struct image_opener *opener, int *fd, void **out,
		    char **name)
{
	*out = NULL;
	if (by_build_id(elf, opener, fd, out, name) ||
	    by_link(elf, path, opener, fd, out, name))
		return true;
	*fd = -1;
	*out = NULL;
	return false;
}

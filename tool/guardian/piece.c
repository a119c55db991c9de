/* SPDX-License-Identifier: MIT */
/*
 * piece.c - where a piece of code begins and ends, from unwind information
 *
 * Symbols may be stripped, and the tool tells only those that it probes; but
 * what can be unwound is listed, sorted by address, in .eh_frame_hdr, which is
 * mapped:
 *
 *     hdr:    1, encodings (1b 03 3b), .eh_frame, n
 *             n times: code - hdr, fde - hdr
 *     fde:    length, back to its CIE, code - here, length of the code
 *
 * Other encodings are possible and not met; then nobody knows.  The target is
 * not to be trusted: what is read is only compared, and bounded.
 */
#define _GNU_SOURCE
#include "piece.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "object.h"
#include "worker.h"

#define PIECE_MAX (1u << 20)

struct header {
	uint8_t version, frames, count, table;
	int32_t eh_frame;
	uint32_t n;
};

struct row {
	int32_t code;
	int32_t fde;
};

struct fde {
	uint32_t length;
	uint32_t cie;
	int32_t code;
	uint32_t size;
};

/* The address, before loading, of the header; 0: there is none. */
static uint64_t header_address(int fd)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	if (pread(fd, &e, sizeof(e), 0) != sizeof(e) ||
	    e.e_phentsize != sizeof(p))
		return 0;
	for (unsigned int i = 0; i < e.e_phnum; i++)
		if (pread(fd, &p, sizeof(p),
			  (off_t)(e.e_phoff + i * sizeof(p))) == sizeof(p) &&
		    p.p_type == PT_GNU_EH_FRAME)
			return p.p_vaddr;
	return 0;
}

/* The last row whose code is not behind @addr. */
static int find_row(int mem, uint64_t hdr, uint64_t addr, struct row *row)
{
	uint32_t low = 0, high;
	struct header h;

	if (mem_read(mem, &h, hdr, sizeof(h)) || h.version != 1 ||
	    h.count != 0x03 || h.table != 0x3b)
		return -ENOENT;
	for (high = h.n; low < high;) {
		uint32_t mid = low + (high - low) / 2;

		if (mem_read(mem, row, hdr + sizeof(h) + mid * sizeof(*row),
			     sizeof(*row)))
			return -ENOENT;
		if (hdr + (uint64_t)(int64_t)row->code <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low ||
	    mem_read(mem, row, hdr + sizeof(h) + (low - 1ul) * sizeof(*row),
		     sizeof(*row)))
		return -ENOENT;
	return 0;
}

int piece_find(const struct maps *maps, pid_t pid, int mem, uint64_t addr,
	       uint64_t *start, uint64_t *end)
{
	const struct map *m = maps_find(maps, addr);
	uint64_t hdr, at;
	struct object o;
	struct row row;
	struct fde fde;
	int fd, err;

	fd = m && map_is_text(m) ? map_open(m, pid) : -1;
	if (fd < 0)
		return -ENOENT;
	err = object_read(&o, fd);
	hdr = err ? 0 : header_address(fd);
	close(fd);
	if (!hdr)
		return -ENOENT;
	hdr += m->start - object_address(&o, m->offset);
	if (find_row(mem, hdr, addr, &row))
		return -ENOENT;
	*start = hdr + (uint64_t)(int64_t)row.code;
	at = hdr + (uint64_t)(int64_t)row.fde;
	if (mem_read(mem, &fde, at, sizeof(fde)) ||
	    at + offsetof(struct fde, code) + (uint64_t)(int64_t)fde.code !=
		    *start ||
	    fde.size > PIECE_MAX || addr - *start >= fde.size)
		return -ENOENT;
	*end = *start + fde.size;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * own.c - the probes that a program with libtrapline has itself
 *
 * The library's note says where its directory is (trapline/agent.h), and that where
 * its points are.  All of it is read from outside, while the program goes on: lists
 * are followed no farther than there can be probes, and what makes no sense is left
 * out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <session.h>
#include <trapline/agent.h>

#include "guardian.h"
#include "library.h"
#include "worker.h"

#define MOST_BITS   22
#define MOST_PROBES (1u << 20)
#define MOST_BYTES  4096 /* of a point or a probe */

struct look {
	int mem;
	struct tl_directory d;
	uint8_t disarmed; /* not 0: all are */
	struct session_own *own;
	size_t n, room;
	size_t seen; /* points and probes, of which there are not so many */
};

static bool read_word(const struct look *l, uint64_t at, void *dst, size_t size)
{
	return mem_read(l->mem, dst, at, size) == 0;
}

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* Do its offsets lie in what they are offsets of? */
static bool makes_sense(const struct tl_directory *d)
{
	const uint64_t in_point[] = { d->point_addr, d->point_link + 8ull,
				      d->point_probes };
	const uint64_t bytes[] = { d->point_text, d->point_why,
				   d->point_island };
	const uint64_t in_probe[] = { d->probe_next,   d->probe_pre,
				      d->probe_flags,  d->probe_counter,
				      d->probe_missed, d->return_missed,
				      d->return_exits };

	if (d->size < sizeof(*d) || d->point_size > MOST_BYTES ||
	    d->probe_size > MOST_BYTES)
		return false;
	for (size_t i = 0; i < sizeof(in_point) / sizeof(*in_point); i++)
		if (in_point[i] > d->point_size - 8)
			return false;
	for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); i++)
		if (bytes[i] >= d->point_size)
			return false;
	for (size_t i = 0; i < sizeof(in_probe) / sizeof(*in_probe); i++)
		if (in_probe[i] > d->probe_size - 8)
			return false;
	return d->point_size >= 8 && d->probe_size >= 8;
}

static uint64_t word(const uint8_t *bytes, uint32_t at)
{
	uint64_t w;

	memcpy(&w, bytes + at, sizeof(w));
	return w;
}

static uint64_t count(const struct look *l, uint64_t counter)
{
	uint64_t sum = 0, part;

	for (unsigned int i = 0; i < TL_SHARDS; i++)
		if (read_word(l, counter + ((uint64_t)i << TL_SHARD_SHIFT),
			      &part, sizeof(part)))
			sum += part;
	return sum;
}

static enum session_kind kind_of(const struct tl_directory *d,
				 const uint8_t *point)
{
	if (point[d->point_text] == d->text_breakpoint)
		return SESSION_BREAKPOINT;
	if (point[d->point_text] != d->text_jump)
		return SESSION_NOT_ARMED;
	return point[d->point_island] ? SESSION_ISLAND : SESSION_JUMP;
}

static struct session_own *add(struct look *l)
{
	if (l->n == l->room) {
		size_t room = l->room * 2 + 16;
		struct session_own *more =
			realloc(l->own, room * sizeof(*more));

		if (!more)
			return NULL;
		l->own = more;
		l->room = room;
	}
	memset(&l->own[l->n], 0, sizeof(*l->own));
	return &l->own[l->n++];
}

/* @probe has probe_size bytes, of which those of a kretprobe may not be there. */
static void take_probe(struct look *l, const uint8_t *point,
		       const uint8_t *probe)
{
	const struct tl_directory *d = &l->d;
	uint32_t flags = (uint32_t)word(probe, d->probe_flags);
	uint64_t counter = word(probe, d->probe_counter);
	struct session_own *o = flags & d->home ? NULL : add(l);
	unsigned int why = point[d->point_why];

	if (!o)
		return;
	o->addr = word(point, d->point_addr);
	o->enabled = !(flags & d->off) && !l->disarmed;
	o->kind = o->enabled ? kind_of(d, point) : SESSION_NOT_ARMED;
	o->why = !o->enabled	   ? TL_WHY_DISABLED
		 : why < TL_NR_WHY ? (enum tl_why)why
				   : TL_WHY_NONE;
	o->missed = word(probe, d->probe_missed);
	o->counted = counter != 0;
	if (counter)
		o->hits = count(l, counter);
	o->is_return = word(probe, d->probe_pre) == address(d->return_pre);
	if (!o->is_return)
		return;
	o->missed += (uint32_t)word(probe, d->return_missed);
	o->by_exits = word(probe, d->return_exits) != 0;
}

/* A kprobe may be the last that is mapped: what is behind it reads as nothing. */
static bool read_probe(const struct look *l, uint8_t *probe, uint64_t at)
{
	memset(probe, 0, l->d.probe_size);
	return read_word(l, at, probe, l->d.probe_size) ||
	       read_word(l, at, probe, sizeof(struct kprobe));
}

static void take_point(struct look *l, const uint8_t *point)
{
	uint64_t at = word(point, l->d.point_probes);
	uint8_t probe[MOST_BYTES];

	while (at && l->seen++ < MOST_PROBES && read_probe(l, probe, at)) {
		take_probe(l, point, probe);
		at = word(probe, l->d.probe_next);
	}
}

/* 0, or a negative errno. */
static int take_table(struct look *l)
{
	const struct tl_directory *d = &l->d;
	uint64_t table = 0, head = 0, at, *heads;
	uint32_t bits = 0, which = 0;
	uint8_t point[MOST_BYTES];

	if (!read_word(l, address(d->table), &table, sizeof(table)))
		return -EIO;
	if (!table)
		table = address(d->first_table);
	if (!read_word(l, table + d->table_head, &head, sizeof(head)) ||
	    !read_word(l, table + d->table_bits, &bits, sizeof(bits)) ||
	    !read_word(l, table + d->table_which, &which, sizeof(which)) ||
	    bits > MOST_BITS || which > 1)
		return -EIO;
	if (!head) /* never used */
		return 0;
	heads = malloc(sizeof(*heads) << bits);
	if (!heads || !read_word(l, head, heads, sizeof(*heads) << bits)) {
		free(heads);
		return -EIO;
	}
	for (uint64_t i = 0; i < 1ull << bits; i++)
		for (at = heads[i]; at && l->seen++ < MOST_PROBES &&
				    read_word(l, at, point, d->point_size);
		     at = word(point, d->point_link + 8 * which))
			take_point(l, point);
	free(heads);
	return 0;
}

static int by_address(const void *va, const void *vb)
{
	const struct session_own *a = va, *b = vb;

	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

int session_own(pid_t pid, struct session_own **out, size_t *n)
{
	struct look l = { 0 };
	struct library lib;
	char path[64];
	int err;

	*out = NULL;
	*n = 0;
	if (library_find(&lib, pid) || !lib.copies)
		return 0;
	if (!lib.directory)
		return refuse(-EOPNOTSUPP,
			      "its libtrapline is older than this trapline");
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	l.mem = open(path, O_RDONLY | O_CLOEXEC);
	if (l.mem < 0)
		return refuse(-errno, "its memory cannot be read");
	err = read_word(&l, lib.directory, &l.d, sizeof(l.d)) &&
			      makes_sense(&l.d)
		      ? 0
		      : -EIO;
	if (!err && !read_word(&l, address(l.d.disarmed), &l.disarmed, 1))
		err = -EIO;
	if (!err)
		err = take_table(&l);
	close(l.mem);
	if (err) {
		free(l.own);
		return refuse(err, "its tables make no sense");
	}
	if (l.n)
		qsort(l.own, l.n, sizeof(*l.own), by_address);
	*out = l.own;
	*n = l.n;
	return 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * frames.c - the functions that the unwind tables of a file know
 *
 * A row of these tables (which is what libdw finds by address) is a part of a
 * function; its bounds are those of its description.
 */
#include <stdlib.h>

#include "frames.h"
#include "object.h"
#include "text.h"

struct frame {
	uint64_t start, end;
};

struct frames {
	struct frame *frame; /* by address */
	size_t n, room;
};

static void note(void *arg, uint64_t start, uint64_t end, bool part)
{
	struct frames *f = arg;

	(void)part;
	if (f->n == f->room) {
		f->room = f->room * 2 + 256;
		f->frame = must_grow(f->frame, f->room, sizeof(*f->frame));
	}
	f->frame[f->n++] = (struct frame){ start, end };
}

static int by_start(const void *va, const void *vb)
{
	const struct frame *a = va, *b = vb;

	return a->start < b->start ? -1 : a->start > b->start;
}

static struct frames *read_frames(struct image *img)
{
	struct frames *f = must_alloc(1, sizeof(*f));
	struct object_code code;

	if (img->fd >= 0 && object_code_read(&code, img->fd) == 0) {
		tl_inroads_functions(&code.inroads, note, f);
		if (f->n)
			qsort(f->frame, f->n, sizeof(*f->frame), by_start);
	}
	if (img->fd >= 0)
		object_code_free(&code);
	return f;
}

bool frames_bounds(struct image *img, uint64_t addr, uint64_t *start,
		   uint64_t *end)
{
	size_t low = 0, high;

	if (!img->frames)
		img->frames = read_frames(img);
	high = img->frames->n;
	/* The last one that begins at @addr or before. */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (img->frames->frame[mid].start <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || addr >= img->frames->frame[low - 1].end)
		return false;
	*start = img->frames->frame[low - 1].start;
	*end = img->frames->frame[low - 1].end;
	return image_has_code(img, *start) && image_has_code(img, *end - 1);
}

void frames_free(struct frames *f)
{
	if (f)
		free(f->frame);
	free(f);
}

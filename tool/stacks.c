/* SPDX-License-Identifier: MIT */
/*
 * stacks.c - how often which stack was seen
 */
#include "stacks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define SLOTS (4 * STACKS_MOST)

static uint32_t hash_of(uint32_t group, const char *const *frame, size_t n)
{
	uint64_t h = group * 0x9e3779b97f4a7c15ull + n;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ (uintptr_t)frame[i]) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	return (uint32_t)h % SLOTS;
}

static void add_new(struct stacks *s, uint32_t *slot, uint32_t group,
		    const char *const *frame, size_t n)
{
	struct stack *k;

	if (s->n == STACKS_MOST) {
		s->lost++;
		return;
	}
	if (s->n == s->room) {
		s->room = s->room * 2 + 64;
		s->stack = must_grow(s->stack, s->room, sizeof(*s->stack));
	}
	k = &s->stack[s->n++];
	*k = (struct stack){ .count = 1, .group = group, .n = (uint32_t)n };
	k->frame = must_alloc(n + 1, sizeof(*k->frame));
	memcpy(k->frame, frame, n * sizeof(*frame));
	*slot = (uint32_t)s->n;
}

void stacks_add(struct stacks *s, uint32_t group, const char *const *frame,
		size_t n)
{
	uint32_t at = hash_of(group, frame, n);

	if (!s->slot)
		s->slot = must_alloc(SLOTS, sizeof(*s->slot));
	/* A quarter of them at most is in use. */
	for (;; at = (at + 1) % SLOTS) {
		struct stack *k = &s->stack[s->slot[at] - 1];

		if (!s->slot[at]) {
			add_new(s, &s->slot[at], group, frame, n);
			return;
		}
		if (k->group == group && k->n == n &&
		    !memcmp(k->frame, frame, n * sizeof(*frame))) {
			k->count++;
			return;
		}
	}
}

void stacks_append(struct stacks *s, const struct stacks *from,
		   const char *outermost)
{
	s->room = s->n + from->n;
	s->stack = must_grow(s->stack, s->room + 1, sizeof(*s->stack));
	for (size_t i = 0; i < from->n; i++) {
		struct stack *k = &s->stack[s->n++];

		*k = from->stack[i];
		k->frame = must_alloc(k->n + 1, sizeof(*k->frame));
		memcpy(k->frame, from->stack[i].frame,
		       k->n * sizeof(*k->frame));
		if (outermost)
			k->frame[k->n++] = outermost;
	}
}

static int by_name(const struct stack *a, const struct stack *b)
{
	for (uint32_t i = 1; i <= a->n && i <= b->n; i++) {
		int order = strcmp(a->frame[a->n - i], b->frame[b->n - i]);

		if (order)
			return order;
	}
	return a->n < b->n ? -1 : a->n > b->n;
}

static int by_count(const void *va, const void *vb)
{
	const struct stack *a = va, *b = vb;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return by_name(a, b);
}

void stacks_sort(struct stacks *s)
{
	free(s->slot);
	s->slot = NULL;
	if (s->n)
		qsort(s->stack, s->n, sizeof(*s->stack), by_count);
}

void stacks_free(struct stacks *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->stack[i].frame);
	free(s->stack);
	free(s->slot);
	*s = (struct stacks){ 0 };
}

/* ---- as text and JSON ------------------------------------------------------ */

void stacks_print_folded(const struct stacks *s, struct output *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct stack *k = &s->stack[i];

		for (uint32_t f = k->n; f > 0; f--)
			output_text(out, "%s%s", k->frame[f - 1],
				    f > 1 ? ";" : "");
		output_text(out, " %" PRIu64 "\n", k->count);
	}
}

struct json_object *stack_json(const char *const *frame, size_t n)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < n; i++)
		json_object_array_add(list, json_object_new_string(frame[i]));
	return list;
}

/* ---- as a picture ------------------------------------------------------------ */

#define WIDTH  1200.0
#define LINE   18
#define MARGIN 10
#define TOP    40

static int by_path(const void *va, const void *vb)
{
	return by_name(va, vb);
}

static void put_escaped(struct output *out, const char *s, size_t most)
{
	for (; *s && most; s++) {
		/* A character is counted by its first byte. */
		most -= (*s & 0xc0) != 0x80;
		if (*s == '<' || *s == '>' || *s == '&' || *s == '"')
			output_text(out, "&#%d;", *s);
		else
			output_text(out, "%c", *s);
	}
	while ((*s & 0xc0) == 0x80)
		output_text(out, "%c", *s++);
}

/* From yellow to red, the same for the same name. */
static void put_colour(struct output *out, const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	output_text(out, "rgb(%u,%u,%u)", 215 + h % 35, 90 + h / 64 % 120,
		    40 + h / 8192 % 30);
}

struct picture {
	struct output *out;
	const struct stack *stack; /* by their paths from the outermost */
	double scale;
	uint64_t total;
	int height;
};

static void put_box(const struct picture *p, const char *name, uint64_t from,
		    uint64_t count, uint32_t depth)
{
	double x = MARGIN + (double)from * p->scale;
	double w = (double)count * p->scale;
	int y = p->height - MARGIN - (int)(depth + 1) * LINE;

	if (w < 0.2)
		return;
	output_text(p->out, "<g><title>");
	put_escaped(p->out, name, SIZE_MAX);
	output_text(p->out, ": %" PRIu64 " (%.2f %%)</title>", count,
		    100.0 * (double)count / (double)p->total);
	output_text(p->out,
		    "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" "
		    "fill=\"",
		    x, y, w, LINE - 1);
	put_colour(p->out, name);
	output_text(p->out, "\"/>");
	if (w > 30) {
		output_text(p->out, "<text x=\"%.2f\" y=\"%d\">", x + 3,
			    y + LINE - 5);
		put_escaped(p->out, name, (size_t)((w - 6) / 7.3));
		output_text(p->out, "</text>");
	}
	output_text(p->out, "</g>\n");
}

static const char *frame_at(const struct stack *s, uint32_t depth)
{
	return depth < s->n ? s->frame[s->n - 1 - depth] : NULL;
}

/* The boxes of stacks [@i, @end) at @depth and above, from @from on. */
static void put_boxes(const struct picture *p, size_t i, size_t end,
		      uint32_t depth, uint64_t from)
{
	while (i < end) {
		const char *name = frame_at(&p->stack[i], depth);
		uint64_t count = 0;
		size_t first = i;

		for (; i < end && frame_at(&p->stack[i], depth) == name; i++)
			count += p->stack[i].count;
		if (name) {
			put_box(p, name, from, count, depth);
			put_boxes(p, first, i, depth + 1, from);
		}
		from += count;
	}
}

void stacks_print_svg(const struct stacks *s, struct output *out,
		      const char *title)
{
	struct stack *sorted = must_alloc(s->n + 1, sizeof(*sorted));
	struct picture p = { .out = out, .stack = sorted };
	uint32_t deepest = 0;

	for (size_t i = 0; i < s->n; i++) {
		sorted[i] = s->stack[i];
		p.total += sorted[i].count;
		if (sorted[i].n > deepest)
			deepest = sorted[i].n;
	}
	if (s->n)
		qsort(sorted, s->n, sizeof(*sorted), by_path);
	p.height = TOP + (int)(deepest + 1) * LINE + MARGIN;
	p.scale = p.total ? (WIDTH - 2 * MARGIN) / (double)p.total : 0;
	output_text(out,
		    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
		    "height=\"%d\" viewBox=\"0 0 %.0f %d\">\n"
		    "<style>text{font:12px monospace}"
		    "g:hover rect{stroke:#000}</style>\n"
		    "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
		    "<text x=\"%d\" y=\"24\">",
		    WIDTH, p.height, WIDTH, p.height, MARGIN);
	put_escaped(out, title, SIZE_MAX);
	output_text(out, ": %" PRIu64 "</text>\n", p.total);
	if (p.total) {
		put_box(&p, "all", 0, p.total, 0);
		p.height -= LINE;
		put_boxes(&p, 0, s->n, 0, 0);
	}
	output_text(out, "</svg>\n");
	free(sorted);
}

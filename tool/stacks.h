/* SPDX-License-Identifier: MIT */
/*
 * stacks.h - how often which stack was seen
 */
#ifndef TL_STACKS_H
#define TL_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include "output.h"
#include "session.h"

struct stack {
	uint64_t count;
	uint32_t group; /* of which probe */
	uint32_t n;
	const char **frame; /* the innermost first */
};

/* More different ones than that are counted as lost. */
#define STACKS_MOST 65536

struct stacks {
	struct stack *stack;
	uint32_t *slot; /* one more than the index; by hash */
	size_t n, room;
	uint64_t lost;
};

/* Names are compared by their addresses, and must outlive @s. */
void stacks_add(struct stacks *s, uint32_t group, const char *const *frame,
		size_t n);

/*
 * Copy what is in @from behind what is in @s, where none of it is yet, with
 * @outermost behind its frames if that is not NULL; the names must outlive @s, too.
 */
void stacks_append(struct stacks *s, const struct stacks *from,
		   const char *outermost);

/* The most frequent first; nothing can be added any more. */
void stacks_sort(struct stacks *s);
void stacks_free(struct stacks *s);

/* A line for each: the outermost first, divided by ;, and how often. */
void stacks_print_folded(const struct stacks *s, struct output *out);

/* A flame graph with @title. */
void stacks_print_svg(const struct stacks *s, struct output *out,
		      const char *title);

/* Frames as a list. */
struct json_object *stack_json(const char *const *frame, size_t n);

#endif

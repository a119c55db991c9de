/* SPDX-License-Identifier: MIT */
/*
 * data.h - from what a user calls a variable to bytes in a process
 *
 *	[BINARY:]NAME[.MEMBER|[INDEX]]...[+OFFSET]	0xADDRESS
 *
 * NAME is looked up in the debug information, whose types members and indices want,
 * and then in the symbol tables: in the program first, then in its libraries.  It may
 * be that of C++ or Rust with all that it is in (`ns::name`), or of Go (`main.name`).
 */
#ifndef TL_DATA_H
#define TL_DATA_H

#include "process.h"

enum data_type {
	DATA_UNSIGNED,
	DATA_SIGNED,
	DATA_BOOL,
	DATA_FLOAT,
	DATA_POINTER,
};

struct data {
	uint64_t addr; /* in the process */
	uint64_t size; /* 0: not known */
	enum data_type type;
	bool typed; /* by debug information */
	/* It is so many bits of that, from this one on; 0: all of it. */
	unsigned int bits, bit;
};

/* The bits of @d alone, as a value of @size bytes, in place of all of it. */
void data_take_bits(const struct data *d, uint8_t *bytes, size_t size);

/*
 * The last colon of @text that is none of a `::`, which belongs to a name of C++ or
 * Rust; NULL: there is none.
 */
char *data_colon(const char *text);

/* 0, or -1 after a line that says why not. */
int data_find(struct process *p, const char *text, struct data *out);

/* The value of @size bytes at @bytes as @d has it.  Returns @dst. */
char *data_text(char *dst, size_t room, const struct data *d,
		const uint8_t *bytes, size_t size);

#endif

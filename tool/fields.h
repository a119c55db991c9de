/* SPDX-License-Identifier: MIT */
/*
 * fields.h - what a user wants to see of a hit
 *
 *	[NAME=]FETCH[:TYPE]
 *	FETCH: $arg1 ... $retval, %rdi ..., +OFFSET(FETCH), -OFFSET(FETCH)
 *	TYPE: u8 ... u64, s8 ... s64, x8 ... x64, string, string[N]
 */
#ifndef TL_FIELDS_H
#define TL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <events.h>

struct field {
	char *name;
	char type; /* u, s, x: a number; t: a string */
	uint8_t bytes;
};

struct fields {
	struct field field[TL_MAX_FIELDS];
	uint32_t n;
	bool args; /* there is a $argN: good at an entry only */
	struct tl_program program;
};

/*
 * Take the arguments in @text apart, which are divided by blanks; @returns: they
 * are of a return.  False: @why (of @size bytes) says what is wrong.
 * fields_free() frees what it holds in either case.
 */
bool fields_parse(struct fields *f, const char *text, bool returns, char *why,
		  size_t size);
void fields_free(struct fields *f);

#endif

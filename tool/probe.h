/* SPDX-License-Identifier: MIT */
/*
 * probe.h - a PROBE as a user writes it, and the program that it means
 *
 *	[BINARY:]FUNC[+OFFSET][%return] ARG... [if COND] [by KEY]
 *	ARG: [NAME=]FETCH[:TYPE]
 *	FETCH: $arg1 ... $retval, tid, %rdi ..., +OFFSET(FETCH), -OFFSET(FETCH),
 *	       and variables: NAME, A->MEMBER, A.MEMBER, A[INDEX], *A, &A
 *	TYPE: u8 ... u64, s8 ... s64, x8 ... x64, string, string[N]
 *	COND: an expression of C over FETCH[:TYPE] and numbers, of 64 bits; and
 *	      FETCH:string == "TEXT"
 *	KEY: comm, tid, FETCH[:TYPE], an expression
 */
#ifndef TL_PROBE_H
#define TL_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <events.h>

#include "spec.h"

struct expr_scope;

struct field {
	char *name;
	char type; /* u, s, x, f: a number; t: a string; d: a duration in ticks */
	uint8_t bytes;
	uint16_t limit; /* of a string */
	bool row;	/* which is an array of so many bytes */
};

struct probe {
	char *head; /* what @spec points into */
	struct spec spec;
	bool call;  /* follows calls: %return, or a matter of time */
	bool entry; /* only the entry of a function, or a marker, will do */
	bool names; /* there are variables: it means what a scope makes of it */

	struct field field[TL_MAX_FIELDS];
	uint32_t n_fields;
	bool filtered; /* there is a COND, or a least duration */
	bool keyed;
	struct field key; /* its type n: the name of a thread */

	bool has_program;
	struct tl_program program;
	uint32_t min_at; /* where the least duration is to be put; 0: nowhere */
};

enum probe_use { PROBE_TRACE, PROBE_COUNT, PROBE_TIME, PROBE_STACK };

/*
 * What the command wants of a probe: which command it is; room for a least
 * duration; that many bytes of the stack with each event.
 */
struct probe_wish {
	enum probe_use use;
	bool min;
	uint32_t stack;
	uint32_t
		tid; /* only of this thread, as the target sees it; 0: of all */
	const struct expr_scope
		*scope; /* NULL: nothing is known of the place */
};

/*
 * Take @text apart.  False: @why (of @size bytes) says what is wrong with it.
 * probe_free() frees what @p holds in either case.
 */
bool probe_parse(struct probe *p, const char *text,
		 const struct probe_wish *wish, char *why, size_t size);
void probe_free(struct probe *p);

/* Keep calls that took @ticks or longer; with wish.min only. */
void probe_set_min(struct probe *p, uint64_t ticks);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * variables.h - the variables that are visible at an instruction, and where they are
 */
#ifndef TL_VARIABLES_H
#define TL_VARIABLES_H

#include "debug.h"

enum location_kind {
	LOCATION_NONE,	 /* optimized out, here at least */
	LOCATION_VALUE,	 /* the steps give the value */
	LOCATION_MEMORY, /* the steps give the address */
	LOCATION_PIECES, /* registers, one after the other: see LOCATION_PIECE */
	LOCATION_ODD,	 /* in a way that is not understood */
};

enum location_op {
	LOCATION_REGISTER, /* begin with DWARF register @n */
	LOCATION_CONSTANT, /* begin with @n */
	LOCATION_ADDRESS,  /* begin with address @n of the file */
	LOCATION_ADD,	   /* add @n */
	LOCATION_LOAD,	   /* load the word there */
	LOCATION_PIECE,	   /* that was the register of the next @n bytes */
	LOCATION_GAP,	   /* the next @n bytes are nowhere */
};

#define LOCATION_STEPS 12

struct location {
	enum location_kind kind;
	bool framed; /* counted from a register, as the function has set it */
	unsigned int n;
	struct {
		enum location_op op;
		int64_t n;
	} step[LOCATION_STEPS];
};

struct variable {
	const char *name; /* as long as the debug information lives */
	Dwarf_Die die;	  /* with DW_AT_type, perhaps by its origin */
	bool parameter;
	int line; /* where it is declared; 0: not known */
	struct location at;
};

struct variables {
	struct variable *variable; /* the innermost block's first */
	size_t n, room;
	size_t *slot, slots; /* by the names: 1 more than the index; 0: free */
	bool known; /* the debug information has a function there … */
	Dwarf_Die function;
	bool entry; /* … and this is its entry */
};

/*
 * What is visible at the instruction at @addr of the file, the function's
 * parameters and locals and, if @globals, the variables of its unit.  The first
 * instruction of a function may be of an inlined copy, too; it stands for the
 * function unless @line, for then a line of that copy may be meant.  False: the
 * debug information has no function there.
 */
bool variables_at(const struct debug *d, struct image *img, uint64_t addr,
		  bool line, bool globals, struct variables *out);
void variables_free(struct variables *v);

/* Where it is, in words: `%rdi` or `%x0`, `at %rsp+24`, `optimized out`.  Caller frees. */
char *location_text(const struct location *at);

#endif

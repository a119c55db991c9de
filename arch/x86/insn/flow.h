/* SPDX-License-Identifier: MIT */
/*
 * flow.h - between the files that follow control flow
 *
 * flow.c finds the window and asks whether it is safe; scan.c finds every
 * address that a function may jump to; table.c reads jump tables; jump.c tells
 * what indirect jumps are, and bases.c looks closer at what is calculated; pads.c
 * finds what is never executed.
 */
#ifndef X86_FLOW_H
#define X86_FLOW_H

#include "insn.h"

/* Longer ones are refused. */
#define X86_FUNCTION_MAX (1u << 20)

/* Bytes of the program, a piece at a time. */
struct x86_reader {
	const struct x86_flow *flow;
	uint64_t at;
	unsigned int len;
	uint8_t buf[64];
};

/* What a scan has been through; the last instructions, for jmp *%reg. */
#define X86_TRAIL 16
struct x86_trail {
	uint32_t attrs;
	uint8_t enc, map, opcode, kind, rex;
	uint8_t modrm, reg, rm, base, index, scale;
	bool has_modrm;
};

#define X86_LEAS      48
#define X86_TABLE_MAX 4096 /* entries of one table */
#define X86_SWEPT     8
#define X86_LABELS    8

struct x86_scan {
	const struct x86_flow *flow;
	void (*fn)(void *arg, uint64_t target);
	void *arg;
	struct x86_reader reader;

	/* Data whose address is taken: where a table ends at the latest. */
	uint64_t leas[X86_LEAS];
	unsigned int nr_leas;

	unsigned int entries; /* of tables, still to be read */
	bool offset_table;    /* one of 32-bit offsets was found */
	bool wide_table;      /* one of 64-bit offsets was found */
	bool pointer_table;   /* one of addresses was found */
	bool any_table;	      /* one that leads into the function */
	bool wants_offsets;   /* a jmp that needs the first */
	bool wants_wide;      /* … the second */
	bool wants_pointers;  /* … the third */
	bool wants_no_table;  /* a jmp that is a tail call if there is none */
	uint16_t sums;	      /* registers of which such addresses are sums */
	uint16_t code_bases;  /* registers that point into the function */

	/*
	 * Which registers hold the addresses of tables that were found, and
	 * which ones jumps want to do so: copied from each other, or by way of
	 * the stack.
	 */
	uint16_t tables;
	uint16_t wants_tables;
	uint16_t copies[16];
	uint16_t to_stack;
	uint16_t from_stack;
	bool wants_stack; /* a table's address is added from the stack */

	/*
	 * Addresses of the function's own code that it takes: tables may hold
	 * offsets from them.  Registers that got an address of data, and those
	 * that ought to have, where a jump goes through such a table.
	 */
	uint64_t labels[X86_LABELS];
	unsigned int nr_labels;
	uint16_t data;
	uint16_t wants_data;

	/*
	 * It calculates with a register that gets such an address somewhere;
	 * it goes where a register or memory says.  facts: NULL if there is no
	 * memory to look closer.
	 */
	bool moved;
	bool goes;
	bool calls_inside; /* its own code: so it may pop an address of that */
	struct x86_facts *facts;

	bool unresolved;
	bool may_leave; /* an indirect jump that is, or may be, a tail call */
	bool fip_get;
	bool direct; /* what is being reported is a branch's target, */
	bool guess;  /* … is of any table and any label, to be sure, */
	bool sum;    /* … is of a table with its label */

	uint64_t swept[X86_SWEPT]; /* the last jumps out that were followed */
	unsigned int nr_swept;

	struct x86_trail trail[X86_TRAIL];
	unsigned int nr_trail; /* since the last break */
	bool from_start;       /* the trail goes back to the function's start */
};

/*
 * Decode at @addr, not reading at or beyond @limit.  0, or negative: not an
 * instruction, or not readable.
 */
int x86_read_insn(struct x86_reader *r, struct x86_insn *in, uint64_t addr,
		  uint64_t limit);

/* The same reader for data: 0, or negative if not all is readable. */
int x86_read_data(struct x86_reader *r, void *dst, uint64_t src, size_t n);

/* Is one of the caller's addresses in [@from, @to)? */
bool x86_known_target(const struct x86_flow *flow, uint64_t from, uint64_t to);

/* It was learnt, and all of it is understood. */
bool x86_flow_sure(const struct x86_flow *flow);

/* Is it what compilers fill up with? */
bool x86_is_filler(const struct x86_insn *in);

/* Is @addr in the function or one of its parts? */
bool x86_in_function(const struct x86_flow *flow, uint64_t addr);

/* May there be code at @addr? */
bool x86_in_text(const struct x86_flow *flow, uint64_t addr);

/*
 * Look for a table at @addr, and report its entries: of offsets from itself, of
 * 32 bits and of 64, or of 64-bit addresses.  At most @max entries.  The first
 * tells whether one leads into the function, the second whether there is anything
 * at all that leads to code.
 */
bool x86_offset_tables(struct x86_scan *s, uint64_t addr, unsigned int max);
bool x86_pointer_table(struct x86_scan *s, uint64_t addr, unsigned int max);

/*
 * Report what the entries of all tables that the function may know of lead to if
 * they are offsets from one of its labels.
 */
void x86_label_tables(struct x86_scan *s);

/*
 * Report what the offsets at @addr lead to, which are from @label.  With s->sum
 * the table ends where one leads to the inside of an instruction.
 */
void x86_label_table(struct x86_scan *s, uint64_t addr, uint64_t label);

/*
 * Report every address that the function and its parts may jump to, whether in
 * them or not.  OK, UNDECODABLE or INDIRECT.
 */
enum x86_flow_result x86_scan(struct x86_scan *s);

/*
 * Call @fn for each direct jump in [at, until), whatever the bytes: those that
 * are no instructions, or not readable, are stepped over.
 */
void x86_sweep(struct x86_reader *r, uint64_t at, uint64_t until,
	       void (*fn)(void *arg, uint64_t from, uint64_t target),
	       void *arg);

/* Classify an indirect jump, with what came before it in s->trail. */
void x86_scan_indirect(struct x86_scan *s, const struct x86_insn *in);

/* A return: is it a jump, to an address that was just put where it looks? */
void x86_scan_return(struct x86_scan *s);

/* A jump out of the function: does it only go on to a jump through a register? */
void x86_scan_thunk(struct x86_scan *s, const struct x86_insn *jump);

/* Note what @in does to registers that hold addresses of tables or code. */
void x86_scan_registers(struct x86_scan *s, const struct x86_insn *in);

/* Keep @in for those who look back, until control goes elsewhere. */
void x86_scan_trail(struct x86_scan *s, const struct x86_insn *in);
struct x86_trail x86_trail_of(const struct x86_insn *in);

/* May it be that the instruction names the register, but as an address? */
bool x86_names_register(const struct x86_trail *t, uint8_t reg);

/* Is it a jump to the sum of a label and an offset, from what s->trail shows? */
bool x86_scan_is_label_jump(struct x86_scan *s, const struct x86_insn *in);

/*
 * Is nothing calculated with addresses of the function's code but what is
 * understood?  After everything else: all targets must have been reported.
 */
bool x86_bases_are_followed(struct x86_scan *s);

/* Are all registers accounted for that ought to hold the address of a table? */
bool x86_scan_tables_known(struct x86_scan *s);

/*
 * Follow a jump out of the function, for the case that it leads to a piece of
 * the function that was split off (foo.cold) and jumps back.
 */
void x86_scan_outside(struct x86_scan *s, const struct x86_insn *jump);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * variables.c - the variables that are visible at an instruction, and where they are
 *
 * A location is a small program of DWARF's (DWARF 5, section 2.5).  Those that
 * compilers write for scalars and pointers are a register, or a register and an
 * offset, or an address; they become a list of steps.  Whatever else there is
 * stays odd, and is not guessed at.
 */
#include <dwarf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "registers.h"
#include "text.h"
#include "variables.h"

#define GLOBALS_MAX 262144

/* What a location is judged by. */
struct point {
	const struct debug *debug;
	struct image *image;
	Dwarf_Die function; /* the real one, not an inlined copy */
	uint64_t addr;
	bool entry;	       /* of the function */
	Dwarf_Attribute *attr; /* whose location is looked at; or NULL */
	bool frame;	       /* the frame's address is looked at */
};

static bool step(struct location *at, enum location_op op, int64_t n)
{
	if (at->n == LOCATION_STEPS ||
	    (op == LOCATION_REGISTER && !dwarf_register_name(n)))
		return false;
	at->step[at->n].op = op;
	at->step[at->n++].n = n;
	return true;
}

/* ---- DWARF's programs -------------------------------------------------------- */

static bool translate(struct point *p, struct location *at, const Dwarf_Op *op,
		      size_t n);

/* The canonical frame address, which the unwind tables know. */
static bool frame_address(struct point *p, struct location *at)
{
	Dwarf_Frame *frame = NULL;
	Dwarf_Op *ops;
	bool ok = false;
	size_t n;

	/* It is not told by itself. */
	if (p->frame || !image_cfi(p->image) ||
	    dwarf_cfi_addrframe(image_cfi(p->image), p->addr, &frame) != 0)
		return false;
	p->frame = true;
	if (dwarf_frame_cfa(frame, &ops, &n) == 0)
		ok = translate(p, at, ops, n);
	p->frame = false;
	free(frame);
	return ok;
}

/* What offsets of the function's own variables are counted from. */
static bool frame_base(struct point *p, struct location *at)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	if (!dwarf_attr_integrate(&p->function, DW_AT_frame_base, &attr) ||
	    dwarf_getlocation_addr(&attr, p->addr, &ops, &n, 1) != 1 || n != 1)
		return false;
	if (ops[0].atom == DW_OP_call_frame_cfa)
		return frame_address(p, at);
	if (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31) {
		at->framed = true;
		return step(at, LOCATION_REGISTER, ops[0].atom - DW_OP_reg0);
	}
	if (ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31)
		return translate(p, at, ops, n);
	return false;
}

/* At the entry, what a register was at the entry is what it is. */
static bool entry_value(struct point *p, struct location *at,
			const Dwarf_Op *op)
{
	Dwarf_Attribute inner;
	Dwarf_Op *ops;
	size_t n;

	if (!p->entry || !p->attr ||
	    dwarf_getlocation_attr(p->attr, op, &inner) != 0 ||
	    dwarf_getlocation(&inner, &ops, &n) != 0 || n != 1 ||
	    ops[0].atom < DW_OP_reg0 || ops[0].atom > DW_OP_reg31)
		return false;
	return step(at, LOCATION_REGISTER, ops[0].atom - DW_OP_reg0);
}

/* An address that stands in a table. */
static bool indexed_address(struct point *p, struct location *at,
			    const Dwarf_Op *op)
{
	Dwarf_Attribute table;
	Dwarf_Addr addr;

	return p->attr && dwarf_getlocation_attr(p->attr, op, &table) == 0 &&
	       dwarf_formaddr(&table, &addr) == 0 &&
	       step(at, LOCATION_ADDRESS, (int64_t)addr);
}

/* One operation that begins, or goes on with, the only value on the stack. */
static bool translate_one(struct point *p, struct location *at,
			  const Dwarf_Op *op)
{
	int64_t number = (int64_t)op->number;

	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return !at->n &&
		       step(at, LOCATION_REGISTER, op->atom - DW_OP_breg0) &&
		       step(at, LOCATION_ADD, number);
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		return !at->n &&
		       step(at, LOCATION_CONSTANT, op->atom - DW_OP_lit0);
	switch (op->atom) {
	case DW_OP_bregx:
		return !at->n && step(at, LOCATION_REGISTER, number) &&
		       step(at, LOCATION_ADD, (int64_t)op->number2);
	case DW_OP_fbreg:
		return !at->n && frame_base(p, at) &&
		       step(at, LOCATION_ADD, number);
	case DW_OP_call_frame_cfa:
		return !at->n && frame_address(p, at);
	case DW_OP_addrx:
		return !at->n && indexed_address(p, at, op);
	case DW_OP_addr:
		return !at->n && step(at, LOCATION_ADDRESS, number);
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return !at->n && step(at, LOCATION_CONSTANT, number);
	case DW_OP_plus_uconst:
		return at->n && step(at, LOCATION_ADD, number);
	case DW_OP_deref:
		return at->n && step(at, LOCATION_LOAD, 0);
	}
	return false;
}

static bool translate(struct point *p, struct location *at, const Dwarf_Op *op,
		      size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!translate_one(p, at, &op[i]))
			return false;
	return n > 0;
}

/* Registers, each with how many bytes it holds; or none, and what nobody has. */
static bool translate_pieces(struct location *at, const Dwarf_Op *op, size_t n)
{
	at->kind = LOCATION_PIECES;
	for (size_t i = 0; i < n; i++) {
		bool in = op[i].atom >= DW_OP_reg0 && op[i].atom <= DW_OP_reg31;

		if (in && !step(at, LOCATION_REGISTER, op[i].atom - DW_OP_reg0))
			return false;
		i += in;
		if (i == n || op[i].atom != DW_OP_piece ||
		    !step(at, in ? LOCATION_PIECE : LOCATION_GAP,
			  (int64_t)op[i].number))
			return false;
	}
	return true;
}

static bool translate_all(struct point *p, struct location *at,
			  const Dwarf_Op *op, size_t n)
{
	size_t last = n;

	if (n > 1 && op[n - 1].atom == DW_OP_piece)
		return translate_pieces(at, op, n);

	at->kind = LOCATION_MEMORY;
	if (n == 1 && op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31) {
		at->kind = LOCATION_VALUE;
		return step(at, LOCATION_REGISTER, op->atom - DW_OP_reg0);
	}
	if (n && op[n - 1].atom == DW_OP_stack_value) {
		at->kind = LOCATION_VALUE;
		last--;
	}
	if (last == 1 && (op->atom == DW_OP_entry_value ||
			  op->atom == DW_OP_GNU_entry_value))
		return entry_value(p, at, op);
	return translate(p, at, op, last);
}

/*
 * Data of 1 to 8 bytes says nothing of its sign: gcc writes what is below zero in
 * another form.  The type says how much of it is shown.
 */
static bool number_of(Dwarf_Attribute *attr, Dwarf_Sword *out)
{
	switch (dwarf_whatform(attr)) {
	case DW_FORM_data1:
	case DW_FORM_data2:
	case DW_FORM_data4:
	case DW_FORM_data8:
	case DW_FORM_udata:
		return dwarf_formudata(attr, (Dwarf_Word *)out) == 0;
	}
	return dwarf_formsdata(attr, out) == 0;
}

/* A value that the compiler has worked out. */
static bool constant(Dwarf_Die *die, struct location *at)
{
	Dwarf_Attribute attr;
	Dwarf_Sword value;

	if (!dwarf_attr_integrate(die, DW_AT_const_value, &attr) ||
	    !number_of(&attr, &value))
		return false;
	at->kind = LOCATION_VALUE;
	return step(at, LOCATION_CONSTANT, value);
}

static struct location locate(struct point *p, Dwarf_Die *die)
{
	struct location at = { 0 };
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t n;

	if (constant(die, &at))
		return at;
	at = (struct location){ .kind = LOCATION_NONE };
	if (!dwarf_attr_integrate(die, DW_AT_location, &attr) ||
	    dwarf_getlocation_addr(&attr, p->addr, &ops, &n, 1) != 1 || !n)
		return at;
	p->attr = &attr;
	if (!translate_all(p, &at, ops, n))
		at.kind = LOCATION_ODD;
	p->attr = NULL;
	return at;
}

/* ---- Who is visible ---------------------------------------------------------- */

/* The slot of @name: that of the variable of this name, or a free one. */
static size_t *slot_of(struct variables *out, const char *name)
{
	size_t at = 5381;

	for (const char *c = name; *c; c++)
		at = at * 33 + (unsigned char)*c;
	for (at %= out->slots; out->slot[at]; at = (at + 1) % out->slots)
		if (!strcmp(out->variable[out->slot[at] - 1].name, name))
			break;
	return &out->slot[at];
}

/* Room for twice as many names as there are. */
static void more_slots(struct variables *out)
{
	free(out->slot);
	out->slots = out->n * 4 + 64;
	out->slot = must_alloc(out->slots, sizeof(*out->slot));
	for (size_t i = 0; i < out->n; i++)
		*slot_of(out, out->variable[i].name) = i + 1;
}

static void add(struct point *p, Dwarf_Die *die, struct variables *out)
{
	const char *name = debug_name(p->debug, die);
	struct variable *v;
	size_t *slot;

	if (!name || !*name)
		return;
	if (out->n * 2 >= out->slots)
		more_slots(out);
	/* An inner one hides what has the same name outside. */
	slot = slot_of(out, name);
	if (*slot)
		return;
	if (out->n == out->room) {
		out->room = out->room * 2 + 16;
		out->variable = must_grow(out->variable, out->room,
					  sizeof(*out->variable));
	}
	v = &out->variable[out->n++];
	*slot = out->n;
	*v = (struct variable){
		.name = name,
		.die = *die,
		.parameter = dwarf_tag(die) == DW_TAG_formal_parameter,
		.at = locate(p, die),
	};
	if (dwarf_decl_line(die, &v->line) != 0)
		v->line = 0;
}

static void add_children(struct point *p, Dwarf_Die *scope, bool globals,
			 struct variables *out)
{
	size_t most = out->n + GLOBALS_MAX;
	Dwarf_Die child;
	int err;

	for (err = dwarf_child(scope, &child); err == 0 && out->n < most;
	     err = dwarf_siblingof(&child, &child)) {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_variable ||
		    (tag == DW_TAG_formal_parameter && !globals))
			add(p, &child, out);
	}
}

/*
 * What is around @addr, from the innermost block out to the unit, inlined copies
 * and the functions that they are in among them.  How many; *@out is to be freed.
 */
static int scopes_at(const struct debug *d, uint64_t addr, Dwarf_Die **out)
{
	Dwarf_Die unit;

	*out = NULL;
	return debug_unit_at(d, addr, &unit) ? debug_scopes(&unit, addr, out)
					     : 0;
}

bool variables_at(const struct debug *d, struct image *img, uint64_t addr,
		  bool line, bool globals, struct variables *out)
{
	struct point p = { .debug = d, .image = img, .addr = addr };
	bool found = false, inlined = false;
	Dwarf_Die *scopes;
	Dwarf_Addr entry;
	int n = scopes_at(d, addr, &scopes), first = 0;

	/* The function first, by which the others' places are told. */
	for (int i = 0; i < n && !found; i++)
		if (dwarf_tag(&scopes[i]) == DW_TAG_subprogram) {
			found = true;
			p.function = scopes[i];
			p.entry = dwarf_entrypc(&scopes[i], &entry) == 0 &&
				  entry == addr;
			first = p.entry && !line ? i : 0;
		}
	for (int i = first; found && i < n; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag == DW_TAG_compile_unit) {
			if (globals)
				add_children(&p, &scopes[i], true, out);
			break;
		}
		/* Behind an inlined copy come its caller's, which it cannot see. */
		if (!inlined)
			add_children(&p, &scopes[i], false, out);
		inlined |= tag == DW_TAG_inlined_subroutine;
	}
	free(scopes);
	out->known = found;
	out->function = p.function;
	out->entry = p.entry;
	return found;
}

void variables_free(struct variables *v)
{
	free(v->variable);
	free(v->slot);
	*v = (struct variables){ 0 };
}

char *location_text(const struct location *at)
{
	char *text, *more;

	if (at->kind == LOCATION_NONE)
		return must_dup("optimized out");
	if (at->kind == LOCATION_ODD)
		return must_dup("in pieces, or to be computed");
	text = must_dup(at->kind == LOCATION_MEMORY ? "at " : "");
	for (unsigned int i = 0; i < at->n; i++) {
		int64_t n = at->step[i].n;

		switch (at->step[i].op) {
		case LOCATION_PIECE:
		case LOCATION_GAP:
			more = must_print(
				"%s%s%s", text,
				at->step[i].op == LOCATION_GAP ? "nowhere" : "",
				i + 1 < at->n ? ", " : "");
			break;
		case LOCATION_REGISTER:
			more = must_print("%s%%%s", text,
					  dwarf_register_name(n));
			break;
		case LOCATION_CONSTANT:
			more = must_print("%s%" PRId64, text, n);
			break;
		case LOCATION_ADDRESS:
			more = must_print("%s0x%" PRIx64, text, (uint64_t)n);
			break;
		case LOCATION_ADD:
			more = n ? must_print("%s%+" PRId64, text, n)
				 : must_dup(text);
			break;
		default:
			more = must_print("%s, loaded", text);
			break;
		}
		free(text);
		text = more;
	}
	return text;
}

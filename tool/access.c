/* SPDX-License-Identifier: MIT */
/*
 * access.c - variables, and what is reached from them, by debug information
 *
 * What C writes behind a name is a walk over types: each step has a node, which is
 * the value or the address of what was reached so far, and the type of that.
 */
#define _GNU_SOURCE
#include "access.h"

#include <ctype.h>
#include <dwarf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "isa.h"
#include "match.h"
#include "registers.h"
#include "text.h"

#define DEEPEST	    24 /* stars, brackets, anonymous members */
#define STRING_SIZE 128
#define STRUCTS_MAX 1024 /* that are looked through for one member */

/* What was reached. */
struct thing {
	const struct node *node;
	bool memory;	 /* the node is its address */
	bool address_of; /* & was there: the node is a pointer to it */
	Dwarf_Die type;	 /* without names for it and qualifiers */
	bool known;	 /* there is a type; else it is void, or a dry run */
	unsigned int bit, bits; /* of a bit-field */
	bool across;		/* it does not lie in one of its type */
	unsigned int indexed;	/* dimensions of an array that are behind us */
	const struct location
		*pieces; /* it is in registers, there is no node: */
	uint64_t from;	 /* so many bytes of that are in front of it */
};

static const struct scope *scope_of(const struct expr *e)
{
	return (const struct scope *)e->scope;
}

/* ---- Types ------------------------------------------------------------------- */

/* The type of @die, or of what it came from, without other names for it. */
static bool type_of(Dwarf_Die *die, Dwarf_Die *out)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, DW_AT_type, &attr) &&
	       dwarf_formref_die(&attr, out) && debug_peel(out, out);
}

static bool has_tag(const struct thing *t, int tag)
{
	return t->known && dwarf_tag((Dwarf_Die *)&t->type) == tag;
}

static bool is_struct(const struct thing *t)
{
	return has_tag(t, DW_TAG_structure_type) ||
	       has_tag(t, DW_TAG_class_type) || has_tag(t, DW_TAG_union_type);
}

static bool is_pointer(const struct thing *t)
{
	return has_tag(t, DW_TAG_pointer_type);
}

static bool is_reference(const struct thing *t)
{
	return has_tag(t, DW_TAG_reference_type) ||
	       has_tag(t, DW_TAG_rvalue_reference_type);
}

/* How many things dimension @die of an array has; 0: not known. */
static uint64_t length_of(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word n;

	if (dwarf_attr(die, DW_AT_count, &attr) &&
	    dwarf_formudata(&attr, &n) == 0)
		return n;
	if (dwarf_attr(die, DW_AT_upper_bound, &attr) &&
	    dwarf_formudata(&attr, &n) == 0)
		return n + 1;
	return 0;
}

/* How many dimensions are left, and how many things in all that is left. */
static unsigned int dimensions(const struct thing *t, uint64_t *things)
{
	unsigned int n = 0;
	Dwarf_Die child;
	int err;

	*things = 1;
	for (err = dwarf_child((Dwarf_Die *)&t->type, &child); err == 0;
	     err = dwarf_siblingof(&child, &child))
		if (dwarf_tag(&child) == DW_TAG_subrange_type &&
		    n++ >= t->indexed &&
		    __builtin_mul_overflow(*things, length_of(&child), things))
			*things = 0;
	return n > t->indexed ? n - t->indexed : 0;
}

/* Its bytes; 0: not known. */
static uint64_t size_of(const struct thing *t)
{
	struct thing of = { .known = false };
	uint64_t things = 1;
	Dwarf_Word bytes;

	if (has_tag(t, DW_TAG_array_type)) {
		dimensions(t, &things);
		of.known = type_of((Dwarf_Die *)&t->type, &of.type);
		t = &of;
	}
	if (!t->known || !debug_size((Dwarf_Die *)&t->type, &bytes) ||
	    __builtin_mul_overflow(bytes, things, &bytes))
		return 0;
	return bytes;
}

static Dwarf_Word encoding_of(const struct thing *t)
{
	Dwarf_Attribute attr;
	Dwarf_Word encoding = 0;

	if (!t->known || dwarf_tag((Dwarf_Die *)&t->type) != DW_TAG_base_type ||
	    !dwarf_attr((Dwarf_Die *)&t->type, DW_AT_encoding, &attr) ||
	    dwarf_formudata(&attr, &encoding) != 0)
		return 0;
	return encoding;
}

static bool is_signed(const struct thing *t)
{
	struct thing base = *t;
	Dwarf_Word encoding;

	/* An enumeration has the sign of what it is kept in. */
	if (has_tag(t, DW_TAG_enumeration_type))
		base.known = type_of((Dwarf_Die *)&t->type, &base.type);
	encoding = encoding_of(&base);

	return encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
}

/* Is it a letter of a text? */
static bool is_letter(const struct thing *t)
{
	Dwarf_Word encoding = encoding_of(t);

	return size_of(t) == 1 &&
	       (encoding == DW_ATE_signed_char ||
		encoding == DW_ATE_unsigned_char || encoding == DW_ATE_UTF);
}

/* What a pointer points to, or an array is of. */
static struct thing behind(const struct thing *t)
{
	struct thing to = { .memory = true };
	uint64_t things;

	if (has_tag(t, DW_TAG_array_type) && dimensions(t, &things) > 1) {
		to.known = true;
		to.type = t->type;
		to.indexed = t->indexed + 1;
		return to;
	}
	to.known = type_of((Dwarf_Die *)&t->type, &to.type);
	return to;
}

static char *type_name(struct expr *e, const struct thing *t)
{
	const char *name =
		t->known ? debug_name(scope_of(e)->debug, (Dwarf_Die *)&t->type)
			 : NULL;

	return must_dup(name ? name : is_pointer(t) ? "a pointer" : "this");
}

/* ---- Nodes ------------------------------------------------------------------- */

static bool to_value(struct expr *e, struct thing *t);

static bool offset(struct expr *e, struct thing *t, int64_t by)
{
	if (t->pieces) {
		t->from += (uint64_t)by;
		return true;
	}
	if (by)
		t->node = expr_offset(e, t->node, by);
	return t->node != NULL;
}

/* A reference is what it refers to. */
static bool follow_reference(struct expr *e, struct thing *t)
{
	struct thing to;

	if (!is_reference(t))
		return true;
	to = behind(t);
	if (!to_value(e, t))
		return false;
	to.node = t->node;
	*t = to;
	return true;
}

/* DWARF's register @n; locations name no others. */
static const struct node *register_node(struct expr *e, int64_t n)
{
	return expr_register(e, (uint16_t)dwarf_register_word(n));
}

/* The register that has it, or the bits of one that are it. */
static bool piece_to_value(struct expr *e, struct thing *t)
{
	uint64_t bytes = is_pointer(t) ? 8 : size_of(t), at = 0, n;
	const struct location *in = t->pieces;

	t->pieces = NULL;
	for (unsigned int i = 0; i < in->n; at += n, i++) {
		unsigned int reg = i;

		n = 8;
		if (in->step[i].op == LOCATION_GAP)
			n = (uint64_t)in->step[i].n;
		else if (i + 1 < in->n && in->step[i + 1].op == LOCATION_PIECE)
			n = (uint64_t)in->step[++i].n;
		/* A register has no more than 8. */
		if (t->from < at || t->from + bytes > at + (n < 8 ? n : 8) ||
		    !bytes || t->across || has_tag(t, DW_TAG_array_type))
			continue;
		if (in->step[reg].op != LOCATION_REGISTER)
			return expr_wrong(e, "this is optimized out there");
		t->node = register_node(e, in->step[reg].n);
		if (t->node && (t->from > at || t->bits))
			t->node = expr_bits(
				e, t->node,
				(unsigned int)(t->from - at) * 8 + t->bit,
				t->bits ? t->bits : (unsigned int)bytes * 8,
				is_signed(t));
		return t->node != NULL;
	}
	return expr_wrong(e,
			  "this is in no single register; name a part of it");
}

/* The value instead of the address; an array's is the address. */
static bool to_value(struct expr *e, struct thing *t)
{
	uint64_t bytes = size_of(t);

	if (t->pieces)
		return piece_to_value(e, t);

	if (!t->memory || has_tag(t, DW_TAG_array_type)) {
		t->memory = false;
		return true;
	}
	if (is_reference(t) || is_pointer(t))
		bytes = 8;
	if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
		return expr_wrong(e,
				  "a value of %" PRIu64 " bytes cannot be "
				  "fetched; name a part of it",
				  bytes);
	t->memory = false;
	if (t->across) {
		t->node = expr_span(e, t->node, t->bit, t->bits, is_signed(t));
		return t->node != NULL;
	}
	t->node = expr_load(e, t->node, (uint8_t)bytes);
	if (t->node && t->bits)
		t->node = expr_bits(e, t->node, t->bit, t->bits, is_signed(t));
	return t->node != NULL;
}

/* ---- Names ------------------------------------------------------------------- */

static const struct node *node_of(struct expr *e, const struct location *at)
{
	const struct node *n = NULL;

	for (unsigned int i = 0; i < at->n; i++) {
		int64_t v = at->step[i].n;

		switch (at->step[i].op) {
		case LOCATION_REGISTER:
			n = register_node(e, v);
			break;
		case LOCATION_CONSTANT:
			n = expr_number(e, v);
			break;
		case LOCATION_ADDRESS:
			n = expr_number(e, v + (int64_t)scope_of(e)->bias);
			break;
		case LOCATION_ADD:
			n = v ? expr_offset(e, n, v) : n;
			break;
		case LOCATION_LOAD:
			n = expr_load(e, n, 8);
			break;
		case LOCATION_PIECE:
		case LOCATION_GAP:
			break; /* piece_to_value() has these */
		}
		if (!n)
			return NULL;
	}
	return n;
}

/* Does an argument of this type take a general register? */
static bool is_word(const struct thing *t)
{
	switch (encoding_of(t)) {
	case 0:
		return is_pointer(t) || is_reference(t) ||
		       has_tag(t, DW_TAG_enumeration_type);
	case DW_ATE_float:
	case DW_ATE_complex_float:
	case DW_ATE_imaginary_float:
	case DW_ATE_decimal_float:
		return false;
	}
	return size_of(t) <= 8;
}

/*
 * Code that is not optimized makes its frame, and stores its parameters there,
 * behind the entry.  Is @v in a frame that is not there yet?
 */
static bool is_not_there_yet(const struct scope *s, const struct variable *v)
{
	const struct location *at = &v->at;
	int64_t sum = 0;

	if (!s->variables.entry || (!v->parameter && !s->go) ||
	    at->kind != LOCATION_MEMORY || at->step[0].op != LOCATION_REGISTER)
		return false;
	/* Arguments of Go's have a place on the stack, and are in registers. */
	if (s->go)
		return true;
	for (unsigned int i = 1; i < at->n; i++)
		sum += at->step[i].op == LOCATION_ADD ? at->step[i].n : 0;
	return at->framed || at->step[0].n == ISA_DWARF_FP ||
	       (at->step[0].n == ISA_DWARF_SP && sum < ISA_STACK_ARGS);
}

/*
 * Then it is where the ABI says: integers and pointers in registers, the rest on
 * the stack.  False: not all in front of it are such.
 */
static bool take_by_abi(struct expr *e, const struct variable *v,
			struct thing *t)
{
	Dwarf_Die child, *fn = (Dwarf_Die *)&scope_of(e)->variables.function;
	struct thing of = { .known = false };
	int err, n = 0;

	/* A structure that is returned may have taken the first register. */
	of.known = type_of(fn, &of.type);
	if (of.known && !is_word(&of))
		return false;
	for (err = dwarf_child(fn, &child); err == 0;
	     err = dwarf_siblingof(&child, &child)) {
		if (dwarf_tag(&child) != DW_TAG_formal_parameter)
			continue;
		of.known = type_of(&child, &of.type);
		if (!is_word(&of))
			return false;
		if (dwarf_dieoffset(&child) ==
		    dwarf_dieoffset((Dwarf_Die *)&v->die))
			break;
		n++;
	}
	if (err)
		return false;
	t->memory = n >= ISA_ARGS;
	t->node = expr_register(e, t->memory ? sp_word()
					     : argument_word((unsigned int)n));
	return !t->memory || offset(e, t, ISA_STACK_ARGS + 8 * (n - ISA_ARGS));
}

static bool no_variable(struct expr *e, const char *name)
{
	const struct variables *all = &scope_of(e)->variables;
	struct near near;

	near_init(&near, name);
	for (size_t i = 0; i < all->n; i++)
		near_offer(&near, all->variable[i].name, NULL, 0);
	if (near.n)
		expr_wrong(e, "no variable '%s' is visible there; near: %s",
			   name, near.best[0].name);
	else
		expr_wrong(e,
			   "no variable '%s' is visible there; 'trapline "
			   "list --vars' shows which are",
			   name);
	return false;
}

static bool take_variable(struct expr *e, const struct variable *v,
			  struct thing *t)
{
	t->known = type_of((Dwarf_Die *)&v->die, &t->type);
	if (is_not_there_yet(scope_of(e), v)) {
		if (!scope_of(e)->go && take_by_abi(e, v, t))
			return t->node != NULL;
		return expr_wrong(
			e, "'%s' is not in its place yet at the entry; %s",
			v->name,
			scope_of(e)->go ? "use $argN"
					: "probe a line behind it");
	}
	if (v->at.kind == LOCATION_NONE)
		return expr_wrong(e, "'%s' is optimized out there", v->name);
	if (v->at.kind == LOCATION_ODD)
		return expr_wrong(e,
				  "'%s' is not in one place there, or in a "
				  "vector register",
				  v->name);
	if (v->at.kind == LOCATION_PIECES ||
	    (v->at.kind == LOCATION_VALUE && is_struct(t) &&
	     v->at.step[0].op == LOCATION_REGISTER && v->at.n == 1)) {
		t->pieces = &v->at;
		return true;
	}
	t->memory = v->at.kind == LOCATION_MEMORY;
	t->node = node_of(e, &v->at);
	return t->node != NULL;
}

static bool parse_name(struct expr *e, struct thing *t)
{
	size_t len = expr_word_length(e->at);
	const struct variables *all;
	char *name;
	bool ok;

	*t = (struct thing){ .known = false };
	if (!len || isdigit((unsigned char)*e->at))
		return expr_wrong(e, "here belongs the name of a variable");
	e->names = true;
	name = must_print("%.*s", (int)len, e->at);
	all = &scope_of(e)->variables;
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->variable[i].name, name) == 0) {
			ok = take_variable(e, &all->variable[i], t) &&
			     follow_reference(e, t);
			e->at += ok ? len : 0;
			free(name);
			return ok;
		}
	ok = no_variable(e, name);
	free(name);
	return ok;
}

/* ---- Members ----------------------------------------------------------------- */

/* Below zero, it begins in the next one of its type. */
static bool bit_offset(Dwarf_Attribute *attr, Dwarf_Sword *out)
{
	int err = dwarf_whatform(attr) == DW_FORM_sdata
			  ? dwarf_formsdata(attr, out)
			  : dwarf_formudata(attr, (Dwarf_Word *)out);

	return err == 0 && *out >= -64 && *out < 64;
}

/* Where in its structure, and which bits of it. */
static bool place_member(Dwarf_Die *member, int64_t *at, struct thing *t)
{
	Dwarf_Word bit, bits, bytes;
	Dwarf_Attribute attr;
	Dwarf_Sword left;

	*at = 0;
	if (dwarf_attr_integrate(member, DW_AT_data_member_location, &attr) &&
	    dwarf_formudata(&attr, (Dwarf_Word *)at) != 0)
		return false;
	t->bits = t->bit = 0;
	t->across = false;
	if (!dwarf_attr(member, DW_AT_bit_size, &attr))
		return true;
	bytes = size_of(t);
	if (dwarf_formudata(&attr, &bits) != 0 || !bits || bits > 64 ||
	    !bytes || bytes > 8)
		return false;
	if (dwarf_attr(member, DW_AT_data_bit_offset, &attr)) {
		if (dwarf_formudata(&attr, &bit) != 0)
			return false;
		t->across = bit % (bytes * 8) + bits > bytes * 8;
		*at = (int64_t)(bit / 8 / bytes * bytes);
		bit -= (Dwarf_Word)*at * 8;
	} else if (dwarf_attr(member, DW_AT_bit_offset, &attr)) {
		/* Of old: from the most significant bit of the type. */
		if (!bit_offset(&attr, &left) ||
		    left + (Dwarf_Sword)bits > (Dwarf_Sword)bytes * 8)
			return false;
		t->across = left < 0;
		bit = bytes * 8 - bits - (Dwarf_Word)left;
	} else {
		bit = 0;
	}
	if (bit + bits > bytes * 8 && !t->across)
		return false;
	t->bit = (unsigned int)bit;
	t->bits = (unsigned int)bits;
	return true;
}

/* Find @name in @t, also in members without a name and in what it is derived of. */
static bool find_member(struct expr *e, struct thing *t, const char *name,
			struct near *near, unsigned int depth,
			unsigned int *left)
{
	Dwarf_Die child;
	int err;

	if (depth == DEEPEST || !*left)
		return false;
	--*left;
	for (err = dwarf_child(&t->type, &child); err == 0;
	     err = dwarf_siblingof(&child, &child)) {
		const char *own = debug_name(scope_of(e)->debug, &child);
		struct thing in = *t;
		int64_t at;

		if (dwarf_tag(&child) != DW_TAG_member &&
		    dwarf_tag(&child) != DW_TAG_inheritance)
			continue;
		in.known = type_of(&child, &in.type);
		if (!place_member(&child, &at, &in))
			continue;
		if (own && dwarf_tag(&child) == DW_TAG_member) {
			near_offer(near, own, NULL, 0);
			if (strcmp(own, name) != 0)
				continue;
			if (!offset(e, &in, at))
				return false;
			*t = in;
			return true;
		}
		if (!is_struct(&in) || !offset(e, &in, at) ||
		    !find_member(e, &in, name, near, depth + 1, left))
			continue;
		*t = in;
		return true;
	}
	return false;
}

static bool parse_member(struct expr *e, struct thing *t)
{
	size_t len = expr_word_length(e->at);
	unsigned int left = STRUCTS_MAX;
	struct near near;
	char *name, *type;
	bool ok;

	if (!len)
		return expr_wrong(e, "here belongs the name of a member");
	if (is_pointer(t))
		return expr_wrong(e, "in front of this is a pointer, which "
				     "takes -> in place of .");
	if (!is_struct(t) || (!t->memory && !t->pieces))
		return expr_wrong(e, "what is in front of this has no members");
	name = must_print("%.*s", (int)len, e->at);
	near_init(&near, name);
	ok = find_member(e, t, name, &near, 0, &left) && follow_reference(e, t);
	if (ok) {
		e->at += len;
	} else {
		type = type_name(e, t);
		expr_wrong(e, "%s has no member '%s'%s%s", type, name,
			   near.n ? "; near: " : "",
			   near.n ? near.best[0].name : "");
		free(type);
	}
	free(name);
	return ok;
}

/* The thing that the pointer or array @t leads to, @index of them further on. */
static bool dereference(struct expr *e, struct thing *t,
			const struct node *index)
{
	struct thing to;
	uint64_t bytes;

	if (!is_pointer(t) && !has_tag(t, DW_TAG_array_type))
		return expr_wrong(e, "what is in front of this is no pointer");
	to = behind(t);
	if (!to_value(e, t))
		return false;
	to.node = t->node;
	bytes = size_of(&to);
	if (index && !bytes)
		return expr_wrong(e, "the size of what this points to is not "
				     "known");
	if (index)
		to.node = expr_index(e, to.node, index, (int64_t)bytes);
	*t = to;
	return t->node != NULL;
}

/* ---- Expressions ------------------------------------------------------------- */

static bool parse_prefix(struct expr *e, struct thing *t, unsigned int depth);

static bool parse_index(struct expr *e, struct thing *t)
{
	const struct node *index = expr_parse(e);

	if (!index)
		return false;
	expr_skip_blanks(e);
	if (*e->at != ']')
		return expr_wrong(e, "here belongs a ]");
	if (!dereference(e, t, index))
		return false;
	e->at++;
	return follow_reference(e, t);
}

static bool parse_postfix(struct expr *e, struct thing *t, unsigned int depth)
{
	bool ok;

	if (*e->at == '(') {
		e->at++;
		ok = parse_prefix(e, t, depth + 1);
		if (ok && *e->at != ')')
			return expr_wrong(e, "here belongs a )");
		e->at += ok;
	} else {
		ok = parse_name(e, t);
	}
	while (ok) {
		if (*e->at == '.') {
			/* As Go writes it. */
			ok = !scope_of(e)->go || !is_pointer(t) ||
			     dereference(e, t, NULL);
			e->at += ok;
			ok = ok && parse_member(e, t);
		} else if (e->at[0] == '-' && e->at[1] == '>') {
			ok = dereference(e, t, NULL);
			e->at += ok ? 2 : 0;
			ok = ok && parse_member(e, t);
		} else if (*e->at == '[') {
			e->at++;
			ok = parse_index(e, t);
		} else {
			break;
		}
	}
	return ok;
}

static bool parse_prefix(struct expr *e, struct thing *t, unsigned int depth)
{
	char sign = *e->at;

	if (depth == DEEPEST)
		return expr_wrong(e, "more than %d brackets in one another",
				  DEEPEST);
	if (sign != '*' && sign != '&')
		return parse_postfix(e, t, depth);
	e->at++;
	if (!parse_prefix(e, t, depth + 1))
		return false;
	if (sign == '*')
		return dereference(e, t, NULL) && follow_reference(e, t);
	if (!t->memory || t->bits || t->address_of)
		return expr_wrong(e, "this has no address");
	t->memory = false;
	t->address_of = true;
	return true;
}

/* ---- What it is -------------------------------------------------------------- */

/* A text where it points to letters, or is a row of them. */
static bool is_text(const struct thing *t, uint64_t *limit)
{
	struct thing to;

	if (t->address_of || (!is_pointer(t) && !has_tag(t, DW_TAG_array_type)))
		return false;
	to = behind(t);
	*limit = STRING_SIZE;
	if (has_tag(t, DW_TAG_array_type) && size_of(t))
		*limit = size_of(t);
	if (*limit > TL_MAX_STRING)
		*limit = TL_MAX_STRING;
	return is_letter(&to);
}

static void describe(const struct thing *t, struct field *f)
{
	uint64_t limit, bytes;

	*f = (struct field){ .name = f->name, .type = 'x', .bytes = 8 };
	if (is_text(t, &limit)) {
		f->type = 't';
		f->limit = (uint16_t)limit;
		f->row = has_tag(t, DW_TAG_array_type) && size_of(t) == limit;
		return;
	}
	if (t->address_of || !t->known || is_pointer(t) ||
	    has_tag(t, DW_TAG_array_type))
		return;
	bytes = size_of(t);
	if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
		return;
	f->bytes = t->bits ? 8 : (uint8_t)bytes;
	f->type = encoding_of(t) == DW_ATE_float && bytes >= 4 ? 'f'
		  : is_signed(t)			       ? 's'
							       : 'u';
}

/* Structures that are texts: where their letters are, and how many. */
struct text_shape {
	const char *type; /* its name, or how that begins: with a * */
	bool go;
	const char *at, *length; /* members, and members of these */
};

static const struct text_shape text_shapes[] = {
	{ "string", true, "str", "len" },
	{ "[]uint8", true, "array", "len" },
	{ "basic_string<char,*", false, "_M_dataplus._M_p",
	  "_M_string_length" },
	{ "basic_string_view<char,*", false, "_M_str", "_M_len" },
	{ "&str", false, "data_ptr", "length" }, /* Rust's */
};

static const struct text_shape *shape_of(struct expr *e, const struct thing *t)
{
	const struct text_shape *found = NULL;
	char *name = type_name(e, t);

	for (size_t i = 0;
	     i < sizeof(text_shapes) / sizeof(*text_shapes) && !found; i++) {
		const struct text_shape *s = &text_shapes[i];
		size_t len = strcspn(s->type, "*");

		if (s->go == scope_of(e)->go && !strncmp(name, s->type, len) &&
		    (s->type[len] || !name[len]))
			found = s;
	}
	free(name);
	return found;
}

/* The member of @t to which @path leads. */
static bool follow_path(struct expr *e, struct thing *t, const char *path)
{
	unsigned int left = STRUCTS_MAX;
	struct near near;
	bool found = true;

	near_init(&near, path);
	while (found && *path) {
		size_t len = strcspn(path, ".");
		char *name = must_print("%.*s", (int)len, path);

		found = is_struct(t) &&
			find_member(e, t, name, &near, 0, &left);
		free(name);
		path += len + (path[len] == '.');
	}
	return found;
}

/*
 * The text that @t is, of the shape @s; NULL: it looks otherwise, or something is
 * wrong with it, which *@wrong says.
 */
static const struct node *shaped_text(struct expr *e, const struct thing *t,
				      const struct text_shape *s, bool *wrong)
{
	struct thing at = *t, length = *t;

	*wrong = false;
	if (!follow_path(e, &at, s->at) ||
	    !follow_path(e, &length, s->length) || !is_pointer(&at) ||
	    size_of(&length) != 8)
		return NULL;
	*wrong = true;
	if (!to_value(e, &at) || !to_value(e, &length))
		return NULL;
	return expr_text(e, at.node, length.node);
}

/* The text that the structure @t is; NULL: it is none, or after a line. */
static const struct node *take_text(struct expr *e, const struct thing *t,
				    const char *begin)
{
	const struct text_shape *s = shape_of(e, t);
	const struct node *text = NULL;
	bool wrong = false;
	char *type;

	if (s)
		text = shaped_text(e, t, s, &wrong);
	if (text || wrong)
		return text;
	type = type_name(e, t);
	e->at = begin;
	expr_wrong(e, "this is a %s; name a member of it", type);
	free(type);
	return NULL;
}

static const struct node *take_name(struct expr *e, struct field *f)
{
	struct thing t = { .known = false };
	const char *begin = e->at;

	if (!scope_of(e)->variables.known)
		return expr_wrong(e,
				  scope_of(e)->debug
					  ? "the debug information does not "
					    "know %s"
					  : "there is no debug information "
					    "for %s; use $argN and "
					    "registers",
				  scope_of(e)->place);
	if (!parse_prefix(e, &t, 0))
		return NULL;
	if (is_struct(&t) && !t.address_of) {
		*f = (struct field){ .name = f->name,
				     .type = 't',
				     .bytes = 8,
				     .limit = STRING_SIZE };
		return take_text(e, &t, begin);
	}
	describe(&t, f);
	return to_value(e, &t) ? t.node : NULL;
}

/* ---- Scopes ------------------------------------------------------------------ */

void scope_open(struct scope *s, const struct debug *d, struct image *img,
		uint64_t addr, bool line, uint64_t bias, const char *place,
		const struct marker *marker)
{
	*s = (struct scope){
		.base = { .name = take_name,
			  .arg = marker ? marker_arg : NULL },
		.debug = d,
		.place = place,
		.bias = bias,
		.marker = marker,
	};
	if (d)
		variables_at(d, img, addr, line, true, &s->variables);
}

static const struct node *go_arg(struct expr *e, unsigned int n)
{
	int word = go_argument_word(n - 1);
	unsigned int most = 0;

	if (word >= 0)
		return expr_register(e, (uint16_t)word);
	while (go_argument_word(most) >= 0)
		most++;
	return expr_wrong(e, "Go has $arg1 to $arg%u in registers", most);
}

void scope_is_go(struct scope *s)
{
	s->go = true;
	s->base.arg = go_arg;
}

void scope_close(struct scope *s)
{
	variables_free(&s->variables);
}

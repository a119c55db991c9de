/* SPDX-License-Identifier: MIT */
/*
 * data.c - from what a user calls a variable to bytes in a process
 */
#include <ctype.h>
#include <dwarf.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "debug.h"
#include "names.h"
#include "resolve.h"
#include "spec.h"
#include "text.h"

#define STRUCTS_MAX 1024 /* that are looked through for members */
#define SCOPES_MAX  64	 /* namespaces in each other */

/* What the user wrote, taken apart. */
struct request {
	const char *text;
	char *binary; /* NULL: any */
	char *name;
	const char *path; /* members and indices, into text */
	uint64_t offset;
};

/*
 * Is @symbol, of a file's table, what people write as @name?  Names with `::` are
 * mangled there; the last part of it stands in the mangled one as it is.
 */
static bool is_called(const char *symbol, const char *name)
{
	const char *last = name;
	char *plain;
	bool is;

	if (strcmp(symbol, name) == 0)
		return true;
	for (const char *at = name; (at = strstr(at, "::")); last = at)
		at += 2;
	if (last == name || !strstr(symbol, last))
		return false;
	plain = name_demangle(symbol, false);
	is = plain && strcmp(plain, name) == 0;
	free(plain);
	return is;
}

/* ---- symbol tables ------------------------------------------------------------ */

struct found {
	uint64_t addr, size;
	bool any, many, thread_local;
};

static void take_symbol(const GElf_Sym *sym, struct found *f)
{
	int type = GELF_ST_TYPE(sym->st_info);

	if (sym->st_shndx == SHN_UNDEF)
		return;
	if (type == STT_TLS)
		f->thread_local = true;
	if (type != STT_OBJECT && type != STT_NOTYPE && type != STT_COMMON)
		return;
	f->many |= f->any && f->addr != sym->st_value;
	f->any = true;
	f->addr = sym->st_value;
	f->size = sym->st_size;
}

static void search_table(Elf *elf, Elf_Scn *scn, const char *name,
			 struct found *f)
{
	Elf_Data *data;
	GElf_Shdr sh;
	GElf_Sym sym;

	if (!gelf_getshdr(scn, &sh) || !sh.sh_entsize ||
	    (sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM) ||
	    !image_section_fits(elf, scn))
		return;
	data = elf_getdata(scn, NULL);
	for (size_t i = 0; data && i < sh.sh_size / sh.sh_entsize; i++) {
		const char *is;

		if (!gelf_getsym(data, (int)i, &sym))
			break;
		is = elf_strptr(elf, sh.sh_link, sym.st_name);
		if (is && is_called(is, name))
			take_symbol(&sym, f);
	}
}

static bool search_symbols(const struct module *m, const char *name,
			   struct found *f)
{
	Elf *elves[] = { m->image->debug_elf, m->image->elf };

	for (int i = 0; i < 2; i++) {
		Elf_Scn *scn = NULL;

		while (elves[i] && (scn = elf_nextscn(elves[i], scn)))
			search_table(elves[i], scn, name, f);
	}
	return f->any;
}

/* ---- debug information ----------------------------------------------------------- */

struct search {
	const struct debug *debug;
	const char *name;
	Dwarf_Die die;
	uint64_t addr;
	bool found, many;
};

/* Go's locations are blocks, which dwarf_getlocation() does not take for any. */
static bool address_of(Dwarf_Die *die, uint64_t *addr)
{
	Dwarf_Attribute attr;
	Dwarf_Block block;

	if (!dwarf_attr_integrate(die, DW_AT_location, &attr) ||
	    dwarf_formblock(&attr, &block) != 0 ||
	    block.length != 1 + sizeof(*addr) || block.data[0] != DW_OP_addr)
		return false;
	memcpy(addr, block.data + 1, sizeof(*addr));
	return true;
}

/* Its name alone, or with all that it is in. */
static bool is_meant(const struct search *s, Dwarf_Die *die)
{
	const char *name = debug_name(s->debug, die), *linkage;

	if (!name)
		return false;
	if (strcmp(name, s->name) == 0)
		return true;
	if (!strstr(s->name, "::"))
		return false;
	linkage = debug_linkage_name(s->debug, die);
	return linkage && is_called(linkage, s->name);
}

/* What lies in @scope, a unit or a namespace. */
static void search_scope(Dwarf_Die *scope, struct search *s, unsigned int depth)
{
	Dwarf_Die child;
	uint64_t addr;
	int err;

	for (err = dwarf_child(scope, &child); err == 0;
	     err = dwarf_siblingof(&child, &child)) {
		if (dwarf_tag(&child) == DW_TAG_namespace && depth < SCOPES_MAX)
			search_scope(&child, s, depth + 1);
		if (dwarf_tag(&child) != DW_TAG_variable ||
		    !address_of(&child, &addr) || !is_meant(s, &child))
			continue;
		s->many |= s->found && s->addr != addr;
		s->found = true;
		s->addr = addr;
		s->die = child;
	}
}

static bool search_unit(Dwarf_Die *unit, void *arg)
{
	search_scope(unit, arg, 0);
	return true;
}

/* The type of @die without names and qualifiers. */
static bool type_of(Dwarf_Die *die, Dwarf_Die *type)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, DW_AT_type, &attr) &&
	       dwarf_formref_die(&attr, type) && debug_peel(type, type);
}

static bool is_struct(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);

	return tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
	       tag == DW_TAG_class_type;
}

/* A member that is so many bits of its structure; 0: it is none. */
struct field {
	uint64_t bit; /* of the structure, which begins at @offset below */
	unsigned int bits;
};

/* @at: what its member location says.  False: it makes no sense. */
static bool find_bits(Dwarf_Die *member, uint64_t at, struct field *f)
{
	Dwarf_Word bits, bytes = 0;
	Dwarf_Attribute attr;
	Dwarf_Sword left;
	Dwarf_Die type;

	f->bits = 0;
	if (!dwarf_attr(member, DW_AT_bit_size, &attr))
		return true;
	if (dwarf_formudata(&attr, &bits) != 0 || !bits || bits > 64)
		return false;
	f->bits = (unsigned int)bits;
	if (dwarf_attr(member, DW_AT_data_bit_offset, &attr))
		return dwarf_formudata(&attr, &f->bit) == 0;
	f->bit = at * 8;
	if (!dwarf_attr(member, DW_AT_bit_offset, &attr))
		return true;
	/* Of old: from the most significant bit of what it is kept in. */
	if (dwarf_formsdata(&attr, &left) != 0 || left < -64 || left > 64)
		return false;
	if (dwarf_attr(member, DW_AT_byte_size, &attr)) {
		if (dwarf_formudata(&attr, &bytes) != 0)
			return false;
	} else if (!type_of(member, &type) || !debug_size(&type, &bytes)) {
		return false;
	}
	f->bit += bytes * 8 - bits - (uint64_t)left;
	return true;
}

/*
 * Where member @name of @type is; those of members without a name are its own.
 * The byte of a field's bit is none of @offset.
 */
static bool find_member(const struct debug *d, Dwarf_Die *type,
			const char *name, uint64_t *offset, Dwarf_Die *out,
			struct field *f, unsigned int *left)
{
	Dwarf_Die child;
	int err;

	if (!*left || !is_struct(type))
		return false;
	--*left;
	for (err = dwarf_child(type, &child); err == 0;
	     err = dwarf_siblingof(&child, &child)) {
		Dwarf_Attribute attr;
		Dwarf_Word at = 0;
		Dwarf_Die inner;
		const char *is;

		if (dwarf_tag(&child) != DW_TAG_member)
			continue;
		if (dwarf_attr(&child, DW_AT_data_member_location, &attr) &&
		    dwarf_formudata(&attr, &at) != 0)
			continue;
		if (!type_of(&child, &inner))
			continue;
		is = debug_name(d, &child);
		if (is && strcmp(is, name) == 0) {
			if (!find_bits(&child, at, f))
				return false;
			*offset += f->bits ? 0 : at;
			*out = inner;
			return true;
		}
		if (!is && find_member(d, &inner, name, offset, out, f, left)) {
			*offset += at;
			return true;
		}
	}
	return false;
}

/* How many things a dimension of an array has; 0: not known. */
static uint64_t length_of(Dwarf_Die *range)
{
	Dwarf_Attribute attr;
	Dwarf_Word n;

	if (dwarf_attr(range, DW_AT_count, &attr))
		return dwarf_formudata(&attr, &n) == 0 ? n : 0;
	if (dwarf_attr(range, DW_AT_upper_bound, &attr) &&
	    dwarf_formudata(&attr, &n) == 0)
		return n + 1;
	return 0;
}

/* Index dimension @*done, the first one being 0, of the array @type by @i. */
static bool index_array(Dwarf_Die *type, unsigned int *done, uint64_t i,
			uint64_t *offset)
{
	unsigned int dimension = 0;
	uint64_t length = 0;
	Dwarf_Die element, child;
	Dwarf_Word stride;
	int err;

	if (dwarf_tag(type) != DW_TAG_array_type || !type_of(type, &element) ||
	    !debug_size(&element, &stride) || !stride)
		return false;
	for (err = dwarf_child(type, &child); err == 0;
	     err = dwarf_siblingof(&child, &child)) {
		if (dwarf_tag(&child) != DW_TAG_subrange_type)
			continue;
		if (dimension == *done)
			length = length_of(&child);
		else if (dimension > *done &&
			 (__builtin_mul_overflow(stride, length_of(&child),
						 &stride) ||
			  !stride))
			return false;
		dimension++;
	}
	if ((length && i >= length) ||
	    __builtin_mul_overflow(i, stride, &stride))
		return false;
	*offset += stride;
	if (++*done < dimension)
		return true;
	*done = 0;
	*type = element;
	return true;
}

/* Follow `.member` and `[3]`.  False, after a line. */
static bool follow(const struct debug *d, const struct request *q,
		   Dwarf_Die *type, uint64_t *offset, struct field *f)
{
	unsigned int left = STRUCTS_MAX, done = 0;
	const char *at = q->path;

	while (*at == '.' || *at == '[') {
		char word[128];
		size_t n = strcspn(at + 1, at[0] == '[' ? "]" : ".[+");
		uint64_t i;
		Dwarf_Die next;

		snprintf(word, sizeof(word), "%.*s", (int)n, at + 1);
		if (at[0] == '[') {
			if (!parse_u64(word, &i) || at[1 + n] != ']' ||
			    !index_array(type, &done, i, offset)) {
				say_error("%s: there is no element [%s]",
					  q->text, word);
				return false;
			}
			at += n + 2;
			continue;
		}
		if (!find_member(d, type, word, offset, &next, f, &left)) {
			say_error("%s: there is no member '%s'", q->text, word);
			return false;
		}
		*type = next;
		at += n + 1;
	}
	if (done)
		say_error("%s: this is a row of an array; name one of it",
			  q->text);
	return !done;
}

static void describe(Dwarf_Die *type, struct data *out)
{
	Dwarf_Attribute attr;
	Dwarf_Word encoding = 0, size = 0;
	Dwarf_Die base = *type;

	if (debug_size(type, &size))
		out->size = size;
	out->typed = true;
	out->type = DATA_UNSIGNED;
	if (dwarf_tag(type) == DW_TAG_pointer_type)
		out->type = DATA_POINTER;
	if (dwarf_tag(type) == DW_TAG_enumeration_type)
		out->type = DATA_SIGNED;
	/* It has the sign of what it is kept in. */
	if (dwarf_tag(type) == DW_TAG_enumeration_type && !type_of(type, &base))
		base = *type;
	if (dwarf_tag(&base) != DW_TAG_base_type ||
	    !dwarf_attr(&base, DW_AT_encoding, &attr) ||
	    dwarf_formudata(&attr, &encoding) != 0)
		return;
	if (encoding == DW_ATE_unsigned || encoding == DW_ATE_unsigned_char)
		out->type = DATA_UNSIGNED;
	if (encoding == DW_ATE_signed || encoding == DW_ATE_signed_char)
		out->type = DATA_SIGNED;
	if (encoding == DW_ATE_boolean)
		out->type = DATA_BOOL;
	if (encoding == DW_ATE_float && (size == 4 || size == 8))
		out->type = DATA_FLOAT;
}

/*
 * The fewest bytes that @f is in, a register's if there are such: who writes
 * its neighbours is not to be met more often than must be.  False, after a line.
 */
static bool place_bits(const struct request *q, const struct field *f,
		       struct data *out)
{
	uint64_t first = out->addr + f->bit / 8;
	uint64_t last = out->addr + (f->bit + f->bits - 1) / 8;
	uint64_t len = 1;

	while (len < 8 && first / len != last / len)
		len *= 2;
	if (first / len != last / len) {
		len = last - first + 1;
		out->addr = first;
	} else {
		out->addr = first / len * len;
	}
	if (len > 8) {
		say_error("%s: these bits lie in more than 8 bytes", q->text);
		return false;
	}
	out->size = len;
	out->bits = f->bits;
	out->bit = (unsigned int)((first - out->addr) * 8 + f->bit % 8);
	return true;
}

/* 1: found; 0: not here; -1: after a line. */
static int find_typed(struct module *m, const struct request *q,
		      struct data *out)
{
	struct debug *d = debug_open(m->image);
	struct search s = { .debug = d, .name = q->name };
	int ret = 0;
	Dwarf_Die type;

	if (!d)
		return 0;
	debug_units(d, search_unit, &s);
	if (s.many) {
		say_error("%s: there are several variables of that name; an "
			  "address tells which",
			  q->text);
		ret = -1;
	} else if (s.found && type_of(&s.die, &type)) {
		struct field f = { 0 };
		uint64_t offset = 0;

		ret = follow(d, q, &type, &offset, &f) ? 1 : -1;
		if (ret == 1) {
			describe(&type, out);
			out->addr = m->bias + s.addr + offset;
			if (f.bits && !place_bits(q, &f, out))
				ret = -1;
		}
	}
	debug_close(d);
	return ret;
}

static int find_plain(struct module *m, const struct request *q,
		      struct data *out)
{
	struct found f = { 0 };

	if (!search_symbols(m, q->name, &f) && !f.thread_local)
		return 0;
	if (f.thread_local) {
		say_error("%s: each thread has its own; an address tells which",
			  q->text);
		return -1;
	}
	if (f.many) {
		say_error("%s: there are several variables of that name; an "
			  "address tells which",
			  q->text);
		return -1;
	}
	if (*q->path == '.' || *q->path == '[') {
		say_error("%s: %s has no debug information that knows its "
			  "parts; NAME+OFFSET:LEN will do",
			  q->text, m->name);
		return -1;
	}
	*out = (struct data){ .addr = m->bias + f.addr, .size = f.size };
	return 1;
}

/* ---- what the user wrote ------------------------------------------------------------ */

char *data_colon(const char *text)
{
	const char *at = text + strlen(text);

	while (at > text)
		if (*--at == ':') {
			if (at == text || at[-1] != ':')
				return (char *)at;
			at--;
		}
	return NULL;
}

static int take_apart(struct request *q, const char *text)
{
	const char *name = text, *colon = data_colon(text);
	size_t n;
	char *plus;

	*q = (struct request){ .text = text };
	if (colon) {
		q->binary = must_print("%.*s", (int)(colon - text), text);
		name = colon + 1;
	}
	n = strcspn(name, ".[+");
	/* `name.0`, `name.constprop.1`: of symbol tables, not a member. */
	while (name[n] == '.' && isdigit((unsigned char)name[n + 1]))
		n += 1 + strcspn(name + n + 1, ".[+");
	q->name = must_print("%.*s", (int)n, name);
	q->path = name + n;
	plus = strchr(q->path, '+');
	if (plus && !parse_u64(plus + 1, &q->offset)) {
		say_error("%s: '%s' is no offset", text, plus + 1);
		return -1;
	}
	if (!n) {
		say_error("'%s': there is no name", text);
		return -1;
	}
	return 0;
}

static int find_in_modules(struct process *p, const struct request *q,
			   struct data *out)
{
	for (size_t i = 0; i < p->n; i++) {
		struct module *m = &p->modules[i];
		int ret;

		if (m->lack || !module_is(m, q->binary) ||
		    (!q->binary && m->name[0] == '['))
			continue;
		ret = find_typed(m, q, out);
		if (!ret)
			ret = find_plain(m, q, out);
		if (ret)
			return ret;
	}
	return 0;
}

/* A `.` can be of the name itself, as in Go's `main.counter`. */
static bool lengthen(struct request *q)
{
	char *longer;
	size_t n;

	if (*q->path != '.')
		return false;
	n = 1 + strcspn(q->path + 1, ".[+");
	longer = must_print("%s%.*s", q->name, (int)n, q->path);
	free(q->name);
	q->name = longer;
	q->path += n;
	return true;
}

int data_find(struct process *p, const char *text, struct data *out)
{
	struct request q;
	int ret;

	*out = (struct data){ 0 };
	if (strncmp(text, "0x", 2) == 0) {
		if (parse_u64(text, &out->addr))
			return 0;
		say_error("%s: that is no address", text);
		return -1;
	}
	ret = take_apart(&q, text);
	if (!ret) {
		do
			ret = find_in_modules(p, &q, out);
		while (!ret && lengthen(&q));
		if (!ret)
			say_error("%s: no variable of that name is found",
				  text);
		ret = ret == 1 ? 0 : -1;
	}
	if (q.offset) {
		out->addr += q.offset;
		out->size = 0;
		out->type = DATA_UNSIGNED;
		out->typed = false;
		out->bits = 0;
	}
	free(q.binary);
	free(q.name);
	return ret;
}

char *data_text(char *dst, size_t room, const struct data *d,
		const uint8_t *bytes, size_t size)
{
	uint64_t v = 0;
	unsigned int up = 64 - 8 * (unsigned int)size;
	double number;
	float small;

	memcpy(&v, bytes, size);
	if (d->type == DATA_FLOAT && size == 8) {
		memcpy(&number, bytes, 8);
		snprintf(dst, room, "%.17g", number);
	} else if (d->type == DATA_FLOAT && size == 4) {
		memcpy(&small, bytes, 4);
		snprintf(dst, room, "%.9g", (double)small);
	} else if (d->type == DATA_SIGNED) {
		snprintf(dst, room, "%" PRId64, (int64_t)(v << up) >> up);
	} else if (d->type == DATA_POINTER) {
		snprintf(dst, room, "0x%" PRIx64, v);
	} else if (d->type == DATA_BOOL && v < 2) {
		snprintf(dst, room, "%s", v ? "true" : "false");
	} else {
		snprintf(dst, room, "%" PRIu64, v);
	}
	return dst;
}

void data_take_bits(const struct data *d, uint8_t *bytes, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, bytes, size);
	v = v >> d->bit << (64 - d->bits);
	if (d->type == DATA_SIGNED)
		v = (uint64_t)((int64_t)v >> (64 - d->bits));
	else
		v >>= 64 - d->bits;
	memcpy(bytes, &v, size);
}

/* SPDX-License-Identifier: MIT */
/*
 * scan.c - every address that a function may jump to
 *
 * The function is decoded from its start to its end, and so are its other
 * parts.  An address may be jumped to if
 *
 *   - a direct branch or call names it;
 *   - the function takes it (lea, mov $, a pointer next to rip), as computed
 *     gotos and hand-written code do;
 *   - a table of offsets or pointers whose address the function takes, or
 *     names in an operand, holds it.
 *
 * With all of these reported, an indirect jump is harmless when it can only go
 * where one of them leads, or is a tail call.  jump.c decides which.
 */
#include "flow.h"

#define ENTRIES_MAX 65536

static bool is_lea(const struct x86_insn *in)
{
	return in->enc == X86_LEGACY && in->map == 0 && in->opcode == 0x8d;
}

/* An immediate as wide as an address can be: mov, push. */
static bool has_address_immediate(const struct x86_insn *in)
{
	if (in->enc != X86_LEGACY || in->map != 0 || in->imm_size < 4)
		return false;
	return (in->opcode & 0xf8) == 0xb8 || in->opcode == 0xc7 ||
	       in->opcode == 0x68;
}

/* The operand is an array at a fixed address, as in code that is not PIC. */
static bool is_absolute_array(const struct x86_insn *in, unsigned int scale)
{
	return (in->attrs & X86_A_MEM) && in->base == X86_REG_NONE &&
	       in->index != X86_REG_NONE && in->scale == scale;
}

static void remember(uint64_t *list, unsigned int *nr, unsigned int max,
		     uint64_t addr)
{
	for (unsigned int i = 0; i < *nr; i++) {
		if (list[i] == addr)
			return;
	}
	if (*nr < max)
		list[(*nr)++] = addr;
}

static void remember_lea(struct x86_scan *s, const struct x86_insn *in)
{
	uint64_t addr = in->mem_addr;

	if (has_address_immediate(in) && x86_in_function(s->flow, in->imm)) {
		remember(s->labels, &s->nr_labels, X86_LABELS, in->imm);
		if (!(in->attrs & X86_A_MEM))
			s->code_bases |= 1u << (in->rm & 15);
	}
	if (!is_lea(in) || !(in->attrs & X86_A_RIPREL))
		return;
	if (x86_in_function(s->flow, addr)) {
		remember(s->labels, &s->nr_labels, X86_LABELS, addr);
		s->code_bases |= 1u << (in->reg & 15);
	} else
		remember(s->leas, &s->nr_leas, X86_LEAS, addr);
}

/* @reg has the address now. */
static void address_taken(struct x86_scan *s, uint64_t addr, uint8_t reg)
{
	bool had_pointers = s->pointer_table, table;

	s->fn(s->arg, addr);
	s->pointer_table = false;
	table = x86_offset_tables(s, addr, X86_TABLE_MAX);
	x86_pointer_table(s, addr, X86_TABLE_MAX);
	if (table || s->pointer_table)
		s->tables |= 1u << (reg & 15);
	s->pointer_table |= had_pointers;
}

static void follow_data(struct x86_scan *s, const struct x86_insn *in)
{
	uint64_t array = (int64_t)in->disp;

	if (is_lea(in) && (in->attrs & X86_A_RIPREL)) {
		address_taken(s, in->mem_addr, in->reg);
		if (!x86_in_function(s->flow, in->mem_addr))
			s->data |= 1u << (in->reg & 15);
	} else if (in->attrs & X86_A_RIPREL)
		x86_pointer_table(s, in->mem_addr, 8);
	else if (is_absolute_array(in, 8))
		x86_pointer_table(s, array, X86_TABLE_MAX);
	else if (is_absolute_array(in, 4))
		x86_offset_tables(s, array, X86_TABLE_MAX);
	if (has_address_immediate(in) && x86_in_text(s->flow, in->imm))
		address_taken(s, in->imm, in->rm);
}

static void report_branch(struct x86_scan *s, uint64_t target)
{
	s->direct = true;
	s->fn(s->arg, target);
	s->direct = false;
}

static void follow_flow(struct x86_scan *s, const struct x86_insn *in)
{
	switch (in->kind) {
	case X86_JMP:
	case X86_JCC:
	case X86_LOOP:
		report_branch(s, in->target);
		if (x86_in_function(s->flow, in->target))
			break;
		if (!s->flow->closed)
			x86_scan_outside(s, in);
		if (in->kind == X86_JMP)
			x86_scan_thunk(s, in);
		break;
	case X86_CALL:
		if (in->target != s->flow->start &&
		    x86_in_function(s->flow, in->target))
			s->calls_inside = true;
		report_branch(s, in->target);
		break;
	case X86_XBEGIN:
		report_branch(s, in->target);
		break;
	case X86_JMP_IND:
		x86_scan_indirect(s, in);
		break;
	case X86_RET:
		x86_scan_return(s);
		break;
	}
}

struct x86_trail x86_trail_of(const struct x86_insn *in)
{
	return (struct x86_trail){
		.attrs = in->attrs,
		.enc = in->enc,
		.map = in->map,
		.opcode = in->opcode,
		.kind = in->kind,
		.rex = in->rex,
		.has_modrm = in->modrm_off,
		.modrm = in->modrm,
		.reg = in->reg,
		.rm = in->rm,
		.base = in->base,
		.index = in->index,
		.scale = in->scale,
	};
}

void x86_scan_trail(struct x86_scan *s, const struct x86_insn *in)
{
	if (in->attrs & X86_A_NOFALL) {
		s->nr_trail = 0;
		s->from_start = false;
		return;
	}
	s->trail[s->nr_trail++ % X86_TRAIL] = x86_trail_of(in);
}

static void visit(struct x86_scan *s, const struct x86_insn *in)
{
	if (in->attrs & X86_A_FIP_GET)
		s->fip_get = true;
	x86_scan_registers(s, in);
	follow_data(s, in);
	follow_flow(s, in);
	x86_scan_trail(s, in);
}

static bool walk(struct x86_scan *s, uint64_t start, uint64_t end,
		 void (*fn)(struct x86_scan *s, const struct x86_insn *in))
{
	struct x86_insn in;

	s->nr_trail = 0;
	s->from_start = start == s->flow->start;
	while (start < end && !s->unresolved) {
		if (x86_read_insn(&s->reader, &in, start, end))
			return false;
		fn(s, &in);
		start = in.next;
	}
	return true;
}

static bool walk_all(struct x86_scan *s,
		     void (*fn)(struct x86_scan *s, const struct x86_insn *in))
{
	const struct x86_flow *flow = s->flow;

	if (!walk(s, flow->start, flow->end, fn))
		return false;
	for (unsigned int i = 0; i < flow->nr_parts; i++) {
		if (!walk(s, flow->parts[i].start, flow->parts[i].end, fn))
			return false;
	}
	return true;
}

enum x86_flow_result x86_scan(struct x86_scan *s)
{
	s->entries = ENTRIES_MAX;
	s->nr_leas = 0;
	s->nr_labels = 0;
	if (!walk_all(s, remember_lea) || !walk_all(s, visit))
		return X86_FLOW_UNDECODABLE;
	if (s->goes && s->calls_inside)
		s->unresolved = true;
	s->moved |= (s->code_bases && s->goes) || (s->sums & s->code_bases);
	if (s->wants_data || s->moved)
		x86_label_tables(s);
	/*
	 * What is calculated with addresses of code: offsets from a label, not
	 * from the table?  Also decides what wants_no_table is.
	 */
	if (s->moved && !s->unresolved && !x86_bases_are_followed(s))
		s->unresolved = true;
	if ((s->wants_offsets && !s->offset_table) ||
	    (s->wants_wide && !s->wide_table) ||
	    (s->wants_pointers && !s->pointer_table))
		s->unresolved = true;
	if (s->wants_no_table && s->any_table)
		s->unresolved = true;
	if (!x86_scan_tables_known(s))
		s->unresolved = true;
	return s->unresolved ? X86_FLOW_INDIRECT : X86_FLOW_OK;
}

void x86_sweep(struct x86_reader *r, uint64_t at, uint64_t until,
	       void (*fn)(void *arg, uint64_t from, uint64_t target), void *arg)
{
	struct x86_insn in;
	uint8_t byte;

	while (at < until) {
		if (!x86_read_insn(r, &in, at, UINT64_MAX)) {
			if (in.target && in.kind != X86_CALL)
				fn(arg, at, in.target);
			at = in.next;
		} else if (x86_read_data(r, &byte, at, 1)) {
			at = (at | 0xfff) + 1; /* the next page */
			if (!at)
				return;
		} else {
			at++;
		}
	}
}

void x86_flow_sweep(const struct x86_flow *flow,
		    void (*fn)(void *arg, uint64_t from, uint64_t target),
		    void *arg)
{
	struct x86_reader reader = { .flow = flow };

	x86_sweep(&reader, flow->start, flow->end, fn, arg);
}

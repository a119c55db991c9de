/* SPDX-License-Identifier: MIT */
/*
 * jump.c - jumps that leave the scan: through a register, or out of the function
 *
 * An indirect jump is one of
 *
 *   through a table    the address comes out of an add to a register, or from
 *                      memory with a scaled index.  Such a table must have been
 *                      found, or the jump is unresolved.
 *   a tail call        the address comes from memory at a fixed place, from an
 *                      argument, or the stack has just been given back.
 *   unknown            anything else.  Unresolved if the function has jump
 *                      tables at all; if it has none, it is a tail call.
 *
 * To tell them apart the instructions before the jump are gone through
 * backwards until the register is set.
 */
#include "flow.h"

/* ---- indirect jumps ---- */

enum origin {
	FROM_OFFSETS,
	FROM_POINTERS,
	FROM_ELSEWHERE, /* a tail call */
	FROM_UNKNOWN,
	FROM_ARITHMETIC, /* a computed address */
};

static bool register_form(const struct x86_trail *t)
{
	return t->modrm >= 0xc0;
}

/* Instructions that name the register without changing it. */
static bool only_reads(const struct x86_trail *t, uint8_t reg)
{
	switch (t->opcode) {
	case 0x38: /* cmp */
	case 0x39:
	case 0x3a:
	case 0x3b:
	case 0x84: /* test */
	case 0x85:
		return true;
	case 0x80: /* cmp $ */
	case 0x81:
	case 0x83:
		return (t->reg & 7) == 7;
	case 0xf6: /* test $ */
	case 0xf7:
		return (t->reg & 7) == 0;
	case 0x88: /* mov to memory or another register */
	case 0x89:
		return !register_form(t) || t->rm != reg;
	case 0x8a: /* mov from it to another register */
	case 0x8b:
	case 0x63:
		return t->reg != reg;
	case 0x00: /* arithmetic that goes elsewhere */
	case 0x01:
	case 0x08:
	case 0x09:
	case 0x20:
	case 0x21:
	case 0x28:
	case 0x29:
	case 0x30:
	case 0x31:
		return !register_form(t) || t->rm != reg;
	case 0x02:
	case 0x03:
	case 0x0a:
	case 0x0b:
	case 0x22:
	case 0x23:
	case 0x2a:
	case 0x2b:
	case 0x32:
	case 0x33:
		return t->reg != reg;
	case 0xc6: /* mov $ to memory */
	case 0xc7:
		return !register_form(t);
	}
	return t->opcode >= 0x50 && t->opcode <= 0x57; /* push */
}

static bool names_register(const struct x86_trail *t, uint8_t reg)
{
	bool has_reg_field = t->opcode != 0x80 && t->opcode != 0x81 &&
			     t->opcode != 0x83 && (t->opcode & 0xf6) != 0xf6 &&
			     t->opcode != 0xc6 && t->opcode != 0xc7;

	if (t->enc != X86_LEGACY)
		return t->enc == X86_VEX && t->map > 1 &&
		       (t->reg == reg || t->rm == reg);
	if (t->map == 0 && t->opcode >= 0x50 && t->opcode <= 0x5f)
		return t->rm == reg;
	if (t->map == 0 && t->opcode >= 0x90 && t->opcode <= 0x97)
		return t->rm == reg;
	if (t->map == 0 && t->opcode >= 0xb0 && t->opcode <= 0xbf)
		return t->rm == reg;
	if (!t->modrm)
		return reg == 0;
	if (has_reg_field && t->reg == reg)
		return true;
	return register_form(t) && t->rm == reg;
}

static enum origin origin_of_load(const struct x86_trail *t)
{
	if (t->index == X86_REG_NONE)
		return FROM_ELSEWHERE;
	return t->scale == 8 ? FROM_POINTERS : FROM_ARITHMETIC;
}

static enum origin origin_of_lea(const struct x86_trail *t)
{
	if (t->attrs & X86_A_RIPREL)
		return FROM_ELSEWHERE; /* reported when seen */
	if (t->index != X86_REG_NONE && t->scale == 1)
		return FROM_OFFSETS;
	return FROM_ARITHMETIC;
}

static bool gives_back_stack(const struct x86_trail *t)
{
	if (t->map != 0 || t->enc != X86_LEGACY)
		return false;
	if (t->opcode >= 0x58 && t->opcode <= 0x5f)
		return true;
	if (t->opcode == 0xc9)
		return true;
	if (t->opcode == 0x81 || t->opcode == 0x83)
		return t->modrm == 0xc4 && t->rm == X86_REG_RSP;
	return t->opcode == 0x8d && t->reg == X86_REG_RSP;
}

/* Nothing in the trail sets the register. */
static enum origin origin_unseen(const struct x86_scan *s, uint8_t reg,
				 bool epilogue, bool called)
{
	bool whole = s->from_start && s->nr_trail <= X86_TRAIL;
	bool argument = reg <= 2 || (reg >= 6 && reg <= 11);

	if (epilogue || (whole && argument && !called))
		return FROM_ELSEWHERE;
	return FROM_UNKNOWN;
}

/* Where the value of @reg comes from, going back from the jump. */
static enum origin origin_of(const struct x86_scan *s, uint8_t reg)
{
	unsigned int n = s->nr_trail < X86_TRAIL ? s->nr_trail : X86_TRAIL;
	bool epilogue = false, called = false;

	for (unsigned int i = 1; i <= n; i++) {
		const struct x86_trail *t =
			&s->trail[(s->nr_trail - i) % X86_TRAIL];

		epilogue |= gives_back_stack(t);
		called |= t->kind == X86_CALL || t->kind == X86_CALL_IND;
		if (!names_register(t, reg) ||
		    (t->enc == X86_LEGACY && t->map == 0 && only_reads(t, reg)))
			continue;
		if (t->enc != X86_LEGACY || t->map != 0)
			return FROM_ARITHMETIC;
		switch (t->opcode) {
		case 0x01:
		case 0x03:
			return FROM_OFFSETS;
		case 0x8d:
			return origin_of_lea(t);
		case 0x89:
			reg = t->reg;
			continue;
		case 0x8b:
			if (t->attrs & X86_A_MEM)
				return origin_of_load(t);
			reg = t->rm;
			continue;
		}
		if ((t->opcode & 0xf8) == 0x58 || (t->opcode & 0xf8) == 0xb8)
			return FROM_ELSEWHERE;
		return FROM_ARITHMETIC;
	}
	return origin_unseen(s, reg, epilogue, called);
}

static enum origin origin_of_operand(struct x86_scan *s,
				     const struct x86_insn *in)
{
	if (!(in->attrs & X86_A_MEM))
		return origin_of(s, in->rm);
	if (in->index == X86_REG_NONE)
		return FROM_ELSEWHERE;
	if (in->scale != 8)
		return FROM_ARITHMETIC;
	if (in->base == X86_REG_NONE &&
	    !x86_pointer_table(s, (int64_t)in->disp, 1))
		return FROM_ARITHMETIC;
	return FROM_POINTERS;
}

void x86_scan_indirect(struct x86_scan *s, const struct x86_insn *in)
{
	switch (origin_of_operand(s, in)) {
	case FROM_OFFSETS:
		s->wants_offsets = true;
		break;
	case FROM_POINTERS:
		s->wants_pointers = true;
		break;
	case FROM_ELSEWHERE:
		break;
	case FROM_UNKNOWN:
		s->wants_no_table = true;
		break;
	case FROM_ARITHMETIC:
		s->unresolved = true;
		break;
	}
}

/* ---- jumps out of the function ---- */

/*
 * A part that was split off lies together, away from the function, and jumps
 * within itself or back.  A tail call goes to another function, which does not
 * jump to us; what is found there does no harm.
 */
#define OUTSIDE_REACH  4096
#define OUTSIDE_BLOCKS 32
#define OUTSIDE_INSNS  512

struct outside {
	uint64_t root;
	uint64_t blocks[OUTSIDE_BLOCKS];
	unsigned int nr;
	unsigned int insns; /* still to be read */
	bool incomplete;
};

static void add_block(struct outside *o, uint64_t addr)
{
	if (addr - o->root + OUTSIDE_REACH > 2 * OUTSIDE_REACH)
		return;
	for (unsigned int i = 0; i < o->nr; i++) {
		if (o->blocks[i] == addr)
			return;
	}
	if (o->nr < OUTSIDE_BLOCKS)
		o->blocks[o->nr++] = addr;
	else
		o->incomplete = true;
}

static void follow_block(struct x86_scan *s, struct outside *o, uint64_t addr)
{
	struct x86_insn in;

	for (;;) {
		if (!o->insns) {
			o->incomplete = true;
			return;
		}
		o->insns--;
		if (x86_in_function(s->flow, addr) ||
		    x86_read_insn(&s->reader, &in, addr, UINT64_MAX))
			return;
		if (in.target && in.kind != X86_CALL) {
			if (x86_in_function(s->flow, in.target))
				s->fn(s->arg, in.target);
			else
				add_block(o, in.target);
		}
		if (in.attrs & X86_A_NOFALL)
			return;
		addr = in.next;
	}
}

void x86_scan_outside(struct x86_scan *s, const struct x86_insn *jump)
{
	struct outside o = {
		.root = jump->target,
		.blocks = { jump->target },
		.nr = 1,
		.insns = OUTSIDE_INSNS,
	};

	for (unsigned int i = 0; i < o.nr; i++)
		follow_block(s, &o, o.blocks[i]);
	/* Functions begin at multiples of 16; what is split off need not. */
	if (o.incomplete && jump->kind != X86_JMP && (jump->target & 15))
		s->unresolved = true;
}

/* SPDX-License-Identifier: MIT */
/*
 * effect.c - which instruction touched an address, and what it did to it
 *
 * What a plain store writes is in its registers still.  What is computed from the old
 * value follows from that.  An exchange leaves the old value in a register, and what
 * it wrote is gone: EFFECT_UNKNOWN, as for vector registers, which are not
 * known here.
 */
#include <string.h>

#include <insn.h>

#include "effect.h"

#define RAX 0
#define RCX 1
#define RSP 4
#define RDI 7

#define FLAG_ZF (1u << 6)
#define FLAG_DF (1u << 10)

static uint64_t cut(uint64_t v, unsigned int size)
{
	return size >= 8 ? v : v & ((1ull << 8 * size) - 1);
}

static unsigned int operand_size(const struct x86_insn *in, bool byte)
{
	if (byte)
		return 1;
	if (in->rex & 8)
		return 8;
	return in->prefixes & X86_P_66 ? 2 : 4;
}

/* Register @n of an instruction whose operands have @size bytes. */
static uint64_t reg(const struct x86_insn *in, const struct effect_regs *r,
		    unsigned int n, unsigned int size)
{
	if (size == 1 && !(in->prefixes & X86_P_REX) && n >= 4 && n < 8)
		return r->gp[n - 4] >> 8 & 0xff; /* ah, ch, dh, bh */
	return cut(r->gp[n & 15], size);
}

/* ---- where ------------------------------------------------------------------ */

/* The address of the ModRM operand.  False: a segment's base is not known. */
static bool address_of(const struct x86_insn *in, const struct effect_regs *r,
		       uint64_t *out)
{
	uint64_t at = (uint64_t)(int64_t)in->disp;

	if (in->prefixes & (X86_P_FS | X86_P_GS))
		return false;
	if (in->attrs & X86_A_RIPREL) {
		*out = in->mem_addr;
		return true;
	}
	if (in->base < 16)
		at += r->gp[in->base];
	if (in->index < 16)
		at += r->gp[in->index] * in->scale;
	*out = in->prefixes & X86_P_67 ? cut(at, 4) : at;
	return true;
}

/* Where a string instruction was that has just gone on by @size. */
static uint64_t string_at(const struct effect_regs *r, unsigned int size)
{
	return r->flags & FLAG_DF ? r->gp[RDI] + size : r->gp[RDI] - size;
}

/* ---- what --------------------------------------------------------------------- */

static void is(struct effect *e, enum effect_kind kind, uint64_t value)
{
	e->kind = kind;
	e->value = cut(value, e->size);
}

/* add, or, adc, sbb, and, sub, xor, cmp; the carry that went in is gone. */
static void arithmetic(struct effect *e, unsigned int which, uint64_t value)
{
	static const enum effect_kind kinds[] = {
		EFFECT_ADD, EFFECT_OR,	EFFECT_UNKNOWN, EFFECT_UNKNOWN,
		EFFECT_AND, EFFECT_ADD, EFFECT_XOR,	EFFECT_READ,
	};

	is(e, kinds[which], which == 5 ? -value : value);
}

static void shift(struct effect *e, unsigned int which, uint64_t by)
{
	static const enum effect_kind kinds[] = {
		EFFECT_UNKNOWN, EFFECT_UNKNOWN, EFFECT_UNKNOWN, EFFECT_UNKNOWN,
		EFFECT_SHL,	EFFECT_SHR,	EFFECT_SHL,	EFFECT_SAR,
	};

	e->kind = kinds[which];
	e->value = by & (e->size == 8 ? 63 : 31);
}

/* Groups by ModRM.reg: 80..83, c0, c1, d0..d3, f6, f7, fe, ff. */
static void group(struct effect *e, const struct x86_insn *in,
		  const struct effect_regs *r)
{
	unsigned int which = in->modrm >> 3 & 7;

	switch (in->opcode & 0xfe) {
	case 0x80:
	case 0x82:
		arithmetic(e, which, (uint64_t)in->imm);
		break;
	case 0xc0:
		shift(e, which, (uint64_t)in->imm);
		break;
	case 0xd0:
		shift(e, which, 1);
		break;
	case 0xd2:
		shift(e, which, r->gp[RCX]);
		break;
	case 0xf6:
		if (which == 2)
			is(e, EFFECT_XOR, ~0ull);
		else if (which == 3)
			is(e, EFFECT_NEG, 0);
		break;
	case 0xfe:
		if (which < 2)
			is(e, EFFECT_ADD, which ? ~0ull : 1);
		break;
	}
}

/* One-byte opcodes with a ModRM operand in memory. */
static void one_byte(struct effect *e, const struct x86_insn *in,
		     const struct effect_regs *r)
{
	uint8_t op = in->opcode;

	e->size = operand_size(in, !(op & 1));
	if (op < 0x40 && (op & 7) < 2) {
		arithmetic(e, op >> 3, reg(in, r, in->reg, e->size));
		return;
	}
	switch (op) {
	case 0x86:
	case 0x87:
		is(e, EFFECT_UNKNOWN, 0);
		e->old_known = true;
		e->old = reg(in, r, in->reg, e->size);
		break;
	case 0x88:
	case 0x89:
		is(e, EFFECT_VALUE, reg(in, r, in->reg, e->size));
		break;
	case 0x8f:
		e->size = in->prefixes & X86_P_66 ? 2 : 8;
		e->kind = EFFECT_UNKNOWN;
		break;
	case 0xc6:
	case 0xc7:
		is(e, EFFECT_VALUE, (uint64_t)in->imm);
		break;
	case 0x83: /* a byte of a number, for operands of any size */
		e->size = operand_size(in, false);
		group(e, in, r);
		break;
	default:
		group(e, in, r);
		break;
	}
}

/* Which condition of setcc holds? */
static bool holds(unsigned int cond, uint64_t f)
{
	bool cf = f & 1, pf = f >> 2 & 1, zf = f >> 6 & 1, sf = f >> 7 & 1;
	bool of = f >> 11 & 1, yes = false;

	switch (cond >> 1) {
	case 0:
		yes = of;
		break;
	case 1:
		yes = cf;
		break;
	case 2:
		yes = zf;
		break;
	case 3:
		yes = cf || zf;
		break;
	case 4:
		yes = sf;
		break;
	case 5:
		yes = pf;
		break;
	case 6:
		yes = sf != of;
		break;
	case 7:
		yes = zf || sf != of;
		break;
	}
	return yes != (cond & 1);
}

/* Compare and exchange writes in any case: what was there, if they differ. */
static void compare_exchange(struct effect *e, const struct x86_insn *in,
			     const struct effect_regs *r)
{
	e->old_known = true;
	e->old = cut(r->gp[RAX], e->size);
	is(e, EFFECT_VALUE,
	   r->flags & FLAG_ZF ? reg(in, r, in->reg, e->size) : e->old);
}

/* Stores of vector registers, in the second map, with or without VEX. */
static unsigned int vector_store(const struct x86_insn *in)
{
	bool wide = in->enc != X86_LEGACY;

	switch (in->opcode) {
	case 0x11:
		if (in->prefixes & X86_P_F3)
			return 4;
		if (in->prefixes & X86_P_F2)
			return 8;
		return wide ? 64 : 16;
	case 0x13:
	case 0x17:
	case 0xd6:
		return 8;
	case 0x29:
	case 0x2b:
	case 0x7f:
	case 0xe7:
		return wide ? 64 : 16;
	case 0x7e:
		return in->prefixes & X86_P_F3 ? 0 : 8;
	}
	return 0;
}

static void two_byte(struct effect *e, const struct x86_insn *in,
		     const struct effect_regs *r)
{
	uint8_t op = in->opcode;

	e->size = operand_size(in, false);
	switch (op) {
	case 0xb0:
	case 0xb1:
		e->size = operand_size(in, op == 0xb0);
		compare_exchange(e, in, r);
		return;
	case 0xc0:
	case 0xc1:
		e->size = operand_size(in, op == 0xc0);
		is(e, EFFECT_UNKNOWN, 0);
		e->old_known = true;
		e->old = reg(in, r, in->reg, e->size);
		return;
	case 0xc3:
		is(e, EFFECT_VALUE, reg(in, r, in->reg, e->size));
		return;
	case 0xba:
	case 0xab:
	case 0xb3:
	case 0xbb: /* single bits */
	case 0xa4:
	case 0xa5:
	case 0xac:
	case 0xad: /* double shifts */
	case 0xc7: /* cmpxchg8b, cmpxchg16b */
		e->kind = EFFECT_UNKNOWN;
		e->size = op == 0xc7 ? 16 : e->size;
		return;
	}
	if (op >= 0x90 && op < 0xa0) {
		e->size = 1;
		is(e, EFFECT_VALUE, holds(op & 15, r->flags));
		return;
	}
	if (vector_store(in)) {
		e->kind = EFFECT_UNKNOWN;
		e->size = vector_store(in);
	}
}

/* Pushes, calls, string stores: an operand that no ModRM names. */
static bool implicit(struct effect *e, const struct x86_insn *in,
		     const struct effect_regs *r)
{
	uint8_t op = in->opcode;

	if (in->enc != X86_LEGACY || in->map)
		return false;
	if (op == 0xaa || op == 0xab || op == 0xa4 || op == 0xa5) {
		e->size = operand_size(in, !(op & 1));
		e->addr = string_at(r, e->size);
		if (op >= 0xaa)
			is(e, EFFECT_VALUE, r->gp[RAX]);
		else
			is(e, EFFECT_UNKNOWN, 0);
		return true;
	}
	if ((op & 0xf8) == 0x50 || op == 0x68 || op == 0x6a) {
		e->size = in->prefixes & X86_P_66 ? 2 : 8;
		e->addr = r->gp[RSP];
		if (op >= 0x68)
			is(e, EFFECT_VALUE, (uint64_t)in->imm);
		else
			is(e, EFFECT_VALUE,
			   r->gp[(op & 7) | (in->rex & 1) << 3]);
		if (op == 0x54 && !(in->rex & 1)) /* itself, as it was */
			e->value += 8;
		return true;
	}
	return false;
}

static bool touches(const struct effect *e, uint64_t addr, size_t len)
{
	return e->addr < addr + len && e->addr + e->size > addr;
}

/* The effect of @in; true: it touches the bytes, or may. */
static bool effect_of(struct effect *e, const struct x86_insn *in,
		      const struct effect_regs *r, uint64_t addr, size_t len)
{
	*e = (struct effect){ .ip = in->addr };
	if (implicit(e, in, r)) {
		e->certain = touches(e, addr, len);
		return e->certain;
	}
	if (!(in->attrs & X86_A_MEM))
		return false;
	e->size = 64; /* at most, for what only reads */
	if (in->enc == X86_LEGACY && in->map == 0)
		one_byte(e, in, r);
	else if (in->map == 1 && in->enc <= X86_EVEX)
		two_byte(e, in, r);
	if (in->map > 1)
		e->kind = EFFECT_UNKNOWN;
	e->certain = address_of(in, r, &e->addr);
	if (!e->certain || touches(e, addr, len))
		return true;
	/* A load may have overwritten what its address was computed from. */
	e->certain = false;
	return e->kind == EFFECT_READ &&
	       (in->reg == in->base || in->reg == in->index);
}

/* ---- before it --------------------------------------------------------------- */

/* How many bytes a vector register of @in has. */
static unsigned int vector_size(const struct x86_insn *in, const uint8_t *code)
{
	uint8_t before = in->opcode_off ? code[in->opcode_off - 1] : 0;

	if (in->enc == X86_EVEX)
		return 16u << (before >> 5 & 3);
	if (in->enc == X86_VEX)
		return before & 4 ? 32 : 16;
	return 16;
}

/* Pushes, calls, string stores. */
static bool implicit_operand(const struct x86_insn *in,
			     const struct effect_regs *r, uint64_t *addr,
			     uint64_t *len)
{
	uint8_t op = in->opcode;

	if (in->enc != X86_LEGACY || in->map)
		return false;
	if (op == 0xaa || op == 0xab || op == 0xa4 || op == 0xa5) {
		*len = operand_size(in, !(op & 1));
		*addr = in->prefixes & X86_P_67 ? cut(r->gp[RDI], 4)
						: r->gp[RDI];
		return true;
	}
	if ((op & 0xf8) == 0x50 || op == 0x68 || op == 0x6a || op == 0x9c ||
	    in->kind == X86_CALL || in->kind == X86_CALL_IND ||
	    (op == 0xff && (in->modrm >> 3 & 7) == 6)) {
		*len = in->prefixes & X86_P_66 && in->kind == X86_NORMAL ? 2
									 : 8;
		*addr = r->gp[RSP] - *len;
		return true;
	}
	return false;
}

bool effect_operand(const struct x86_insn *in, const uint8_t *code,
		    const struct effect_regs *before, uint64_t fs, uint64_t gs,
		    uint64_t *addr, uint64_t *len)
{
	struct x86_insn flat = *in;
	struct effect e = { .size = 64 };

	if (implicit_operand(in, before, addr, len))
		return true;
	if (!(in->attrs & X86_A_MEM))
		return false;
	if (in->enc == X86_LEGACY && in->map == 0)
		one_byte(&e, in, before);
	else if (in->map == 1 && in->enc <= X86_EVEX)
		two_byte(&e, in, before);
	if (e.kind == EFFECT_READ)
		return false;
	if (e.size == 64)
		e.size = vector_size(in, code);
	else if (in->map == 1 && in->opcode == 0xc7)
		e.size = in->rex & 8 ? 16 : 8;
	flat.prefixes &= (uint16_t) ~(X86_P_FS | X86_P_GS);
	if (!address_of(&flat, before, addr))
		return false;
	*addr += in->prefixes & X86_P_FS   ? fs
		 : in->prefixes & X86_P_GS ? gs
					   : 0;
	*len = e.size;
	return true;
}

/* ---- which ----------------------------------------------------------------------- */

/*
 * From an instruction's beginning on: the one that ends at the place.  *@met: there
 * is one, whether or not its operand is at the right place.
 */
static bool find_from_start(struct effect *out, const uint8_t *code,
			    size_t size, uint64_t start,
			    const struct effect_regs *r, uint64_t addr,
			    size_t len, bool *met)
{
	uint64_t at = start;
	struct x86_insn in;

	while (at < r->ip && at - start < size) {
		if (x86_decode(&in, code + (at - start), size - (at - start),
			       at))
			return false;
		*met = in.next == r->ip;
		if (*met)
			return effect_of(out, &in, r, addr, len);
		at = in.next;
	}
	return false;
}

/* Whatever ends there, and has its operand at the right place. */
static bool find_backwards(struct effect *out, const uint8_t *code,
			   uint64_t start, const struct effect_regs *r,
			   uint64_t addr, size_t len)
{
	struct x86_insn in;
	unsigned int found = 0;

	for (unsigned int n = 1; n <= X86_INSN_MAX && n <= r->ip - start; n++) {
		struct effect e;
		uint64_t at = r->ip - n;

		if (x86_decode(&in, code + (at - start), n, at) ||
		    in.next != r->ip || !effect_of(&e, &in, r, addr, len) ||
		    !e.certain)
			continue;
		/* A prefix less is the same instruction but for the prefix. */
		if (found++ && e.kind == out->kind && e.size < out->size)
			continue;
		*out = e;
	}
	if (found)
		out->certain = found == 1;
	return found;
}

bool effect_find(struct effect *out, const uint8_t *code, size_t size,
		 uint64_t start, bool aligned, const struct effect_regs *regs,
		 uint64_t addr, size_t len)
{
	bool met = false;

	*out = (struct effect){ .ip = regs->ip };
	if (regs->ip < start || regs->ip - start > size)
		return false;
	if (aligned &&
	    find_from_start(out, code, size, start, regs, addr, len, &met))
		return true;
	if (!find_backwards(out, code, start, regs, addr, len)) {
		*out = (struct effect){ .ip = regs->ip };
		return false;
	}
	if (met) /* one of the two is wrong */
		out->certain = false;
	return true;
}

/* ---- the new value ------------------------------------------------------------------ */

static uint64_t sign_extend(uint64_t v, unsigned int size)
{
	unsigned int up = 64 - 8 * size;

	return (uint64_t)((int64_t)(v << up) >> up);
}

static uint64_t compute(const struct effect *e, uint64_t old)
{
	switch (e->kind) {
	case EFFECT_ADD:
		return old + e->value;
	case EFFECT_AND:
		return old & e->value;
	case EFFECT_OR:
		return old | e->value;
	case EFFECT_XOR:
		return old ^ e->value;
	case EFFECT_NEG:
		return -old;
	case EFFECT_SHL:
		return e->value < 64 ? old << e->value : 0;
	case EFFECT_SHR:
		return old >> e->value;
	case EFFECT_SAR:
		return (uint64_t)((int64_t)sign_extend(old, e->size) >>
				  e->value);
	default:
		return e->value;
	}
}

/*
 * Does what becomes of the bytes that are watched follow from these alone?  Bits of
 * lower bytes do not depend on higher ones in sums and shifts to the left.
 */
static bool suffices(const struct effect *e, uint64_t addr, size_t len)
{
	switch (e->kind) {
	case EFFECT_VALUE:
	case EFFECT_AND:
	case EFFECT_OR:
	case EFFECT_XOR:
		return true;
	case EFFECT_ADD:
	case EFFECT_NEG:
	case EFFECT_SHL:
		return e->addr >= addr;
	default:
		return e->addr >= addr && e->addr + e->size <= addr + len;
	}
}

bool effect_apply(const struct effect *e, uint64_t addr, size_t len,
		  const uint8_t *old, bool old_known, uint8_t *new_value)
{
	bool covers = e->addr <= addr && e->addr + e->size >= addr + len;
	uint64_t word = 0;

	memcpy(new_value, old, len);
	if (e->kind == EFFECT_READ)
		return old_known;
	if (!e->certain || e->kind == EFFECT_UNKNOWN)
		return false;
	if ((e->kind != EFFECT_VALUE || !covers) && !old_known)
		return false;
	if (e->size > 8 || !suffices(e, addr, len))
		return false;
	for (unsigned int i = 0; i < e->size; i++)
		if (e->addr + i >= addr && e->addr + i < addr + len)
			word |= (uint64_t)old[e->addr + i - addr] << 8 * i;
	word = cut(compute(e, word), e->size);
	for (unsigned int i = 0; i < e->size; i++)
		if (e->addr + i >= addr && e->addr + i < addr + len)
			new_value[e->addr + i - addr] =
				(uint8_t)(word >> 8 * i);
	return true;
}

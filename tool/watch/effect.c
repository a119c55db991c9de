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
#define RBP 5
#define RDI 7

#define STATE_MAX 16384 /* of what saves and loads the CPU's state */

#define FLAG_ZF (1u << 6)
#define FLAG_DF (1u << 10)

static uint64_t cut(uint64_t v, unsigned int size)
{
	return size >= 8 ? v : v & ((1ull << 8 * size) - 1);
}

static uint64_t sign_extend(uint64_t v, unsigned int size)
{
	unsigned int up = 64 - 8 * size;

	return (uint64_t)((int64_t)(v << up) >> up);
}

static unsigned int operand_size(const struct x86_insn *in, bool byte)
{
	if (byte)
		return 1;
	if (in->rex & 8)
		return 8;
	return in->prefixes & X86_P_66 ? 2 : 4;
}

/* What push and pop move: REX.W goes before 66 (SDM vol. 2, 2.2.1.2). */
static unsigned int stack_size(const struct x86_insn *in)
{
	return in->prefixes & X86_P_66 && !(in->rex & 8) ? 2 : 8;
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

/* Has it a vector of addresses, or is it a tile, whose lines are apart? */
static bool gathers(const struct x86_insn *in)
{
	uint8_t op = in->opcode;

	return (in->enc == X86_VEX || in->enc == X86_EVEX) && in->map == 2 &&
	       ((op >= 0x90 && op < 0x94) || (op >= 0xa0 && op < 0xa4) ||
		op == 0xc6 || op == 0xc7 || op == 0x4b);
}

/* How far from its operand is the word with the bit that a register names? */
static uint64_t bit_offset(const struct x86_insn *in,
			   const struct effect_regs *r)
{
	unsigned int size = operand_size(in, false);
	uint8_t op = in->opcode;
	int64_t bit;

	if (in->enc != X86_LEGACY || in->map != 1 ||
	    (op != 0xa3 && op != 0xab && op != 0xb3 && op != 0xbb))
		return 0;
	bit = (int64_t)sign_extend(r->gp[in->reg & 15], size);
	return (uint64_t)(bit >> (size == 8 ? 6 : size == 4 ? 5 : 4)) * size;
}

/*
 * The address of the ModRM operand, without a segment's base.  @unit: what a
 * displacement of one byte counts in, with EVEX (SDM vol. 2, 2.7.5); 0: that is not
 * known.  False: the address is not.
 */
static bool address_of(const struct x86_insn *in, const struct effect_regs *r,
		       unsigned int unit, uint64_t *out)
{
	uint64_t at = (uint64_t)(int64_t)in->disp;

	if (in->attrs & X86_A_RIPREL) {
		*out = in->mem_addr;
		return true;
	}
	if (gathers(in))
		return false;
	if (in->enc == X86_EVEX && in->disp_size == 1) {
		if (!unit && in->disp)
			return false;
		at *= unit;
	}
	if (in->base < 16)
		at += r->gp[in->base];
	if (in->index < 16)
		at += r->gp[in->index] * in->scale;
	at += bit_offset(in, r);
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
		else
			e->size = 10; /* where to go, or what to push */
		break;
	}
}

/* x87, opcodes d8 to df (SDM vol. 2, tables ). */
static void x87(struct effect *e, const struct x86_insn *in)
{
	/* By opcode and ModRM.reg; 0: it only reads. */
	static const uint8_t stores[8][8] = {
		[1] = { [2] = 4, [3] = 4, [6] = 28, [7] = 2 },
		[3] = { [1] = 4, [2] = 4, [3] = 4, [7] = 10 },
		[5] = { [1] = 8, [2] = 8, [3] = 8, [6] = 108, [7] = 2 },
		[7] = { [1] = 2, [2] = 2, [3] = 2, [6] = 10, [7] = 8 },
	};
	unsigned int size = stores[in->opcode & 7][in->modrm >> 3 & 7];

	e->size = 108; /* frstor reads the most */
	if (!size)
		return;
	/* The environment is half as long with words of 16 bits. */
	if (size >= 28 && in->prefixes & X86_P_66 && !(in->rex & 8))
		size -= 14;
	e->kind = EFFECT_UNKNOWN;
	e->size = size;
}

/* One-byte opcodes with a ModRM operand in memory. */
static void one_byte(struct effect *e, const struct x86_insn *in,
		     const struct effect_regs *r)
{
	uint8_t op = in->opcode;

	if (op >= 0xd8 && op < 0xe0) {
		x87(e, in);
		return;
	}
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
	case 0x8c: /* a segment register */
		e->size = 2;
		e->kind = EFFECT_UNKNOWN;
		break;
	case 0x63: /* movslq */
	case 0x8e: /* mov to a segment register */
		e->size = 4;
		break;
	case 0x8f:
		e->size = stack_size(in);
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

/* Compare and exchange writes in any case: what was there, if they differ. */
static void compare_exchange(struct effect *e, const struct x86_insn *in,
			     const struct effect_regs *r)
{
	e->old_known = true;
	e->old = cut(r->gp[RAX], e->size);
	is(e, EFFECT_VALUE,
	   r->flags & FLAG_ZF ? reg(in, r, in->reg, e->size) : e->old);
}

enum pp {
	PP_NONE,
	PP_66,
	PP_F3,
	PP_F2,
};

/* The mandatory prefix, as VEX counts them. */
static enum pp mandatory(const struct x86_insn *in, const uint8_t *code)
{
	enum pp pp = in->prefixes & X86_P_66 ? PP_66 : PP_NONE;

	if (in->enc != X86_LEGACY)
		return code[in->opcode_off - (in->enc == X86_EVEX ? 2 : 1)] & 3;
	for (unsigned int i = 0; i < in->opcode_off; i++)
		if (code[i] == 0xf2 || code[i] == 0xf3)
			pp = code[i] == 0xf2 ? PP_F2 : PP_F3;
	return pp;
}

static bool wide(const struct x86_insn *in, const uint8_t *code)
{
	if (in->enc == X86_LEGACY)
		return in->rex & 8;
	if (in->enc == X86_EVEX)
		return code[in->opcode_off - 2] & 0x80;
	return in->opcode_off >= 3 && code[in->opcode_off - 3] == 0xc4 &&
	       code[in->opcode_off - 1] & 0x80;
}

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

/* Stores of vector and mask registers in the second map: bytes, 0 for none. */
static unsigned int vector_store(const struct x86_insn *in, const uint8_t *code)
{
	unsigned int full = vector_size(in, code);
	enum pp pp = mandatory(in, code);
	bool w = wide(in, code);

	switch (in->opcode) {
	case 0x11:
	case 0x2b:
		return pp == PP_F3 ? 4 : pp == PP_F2 ? 8 : full;
	case 0x13:
	case 0x17:
	case 0xd6:
		return 8;
	case 0x29:
		return full;
	case 0x7f:
	case 0xe7: /* without a prefix: MMX */
		return in->enc == X86_LEGACY && pp == PP_NONE ? 8 : full;
	case 0x7e:
		return pp == PP_F3 ? 0 : w ? 8 : 4;
	case 0x91: /* kmov; the other one is setcc */
		return in->enc != X86_VEX ? 0
		       : pp == PP_66	  ? (w ? 4 : 1)
					  : (w ? 8 : 2);
	case 0xae: /* stmxcsr */
		return (in->modrm >> 3 & 7) == 3 ? 4 : 0;
	}
	return 0;
}

/* vpmov...: numbers of half, a quarter or an eighth of the length (F3). */
static unsigned int narrowed(uint8_t op, unsigned int full)
{
	static const uint8_t shift[6] = { 1, 2, 3, 1, 2, 1 };

	if (op < 0x10 || op >= 0x40 || (op & 15) > 5)
		return 0;
	return full >> shift[op & 15];
}

/* The third map. */
static unsigned int third_map(const struct x86_insn *in, const uint8_t *code,
			      unsigned int *unit)
{
	unsigned int full = vector_size(in, code), size = 0;
	bool vex = in->enc == X86_VEX, evex = in->enc == X86_EVEX;
	enum pp pp = mandatory(in, code);
	uint8_t op = in->opcode;
	bool w = wide(in, code);

	*unit = 0;
	if (in->enc == X86_LEGACY) {
		if (op == 0xf1 && pp != PP_F2) /* movbe */
			return operand_size(in, false);
		if (op == 0xf9 || op == 0xf6 || op == 0xf5)
			/* movdiri, wrss, wruss; not adcx, adox */
			return (op == 0xf6 && pp != PP_NONE) ? 0 : w ? 8 : 4;
		return 0;
	}
	if (vex && (op == 0x2e || op == 0x2f || op == 0x8e))
		return full;		       /* vmaskmov, vpmaskmov */
	if (vex && (op == 0x49 || op == 0x4b)) /* sttilecfg, tilestored */
		return (op == 0x49 && pp == PP_66) ||
				       (op == 0x4b && pp == PP_F3)
			       ? 64
			       : 0;
	if (vex && op >= 0xe0 && op < 0xf0)
		return w ? 8 : 4; /* cmpccxadd */
	if (evex && pp == PP_F3)
		size = *unit = narrowed(op, full);
	if (evex && pp == PP_66 && (op == 0x8a || op == 0x8b || op == 0x63)) {
		*unit = op == 0x63 ? (w ? 2 : 1) : (w ? 8 : 4);
		size = full; /* compressed: at most */
	}
	return evex && op >= 0xa0 && op < 0xa4 ? full : size; /* scattered */
}

/* The fourth map: numbers and parts of a vector. */
static unsigned int fourth_map(const struct x86_insn *in, const uint8_t *code)
{
	switch (in->opcode) {
	case 0x14:
		return 1;
	case 0x15:
		return 2;
	case 0x16:
		return wide(in, code) ? 8 : 4;
	case 0x17:
		return 4;
	case 0x19:
	case 0x39:
		return in->enc == X86_LEGACY ? 0 : 16;
	case 0x1b:
	case 0x3b:
		return in->enc == X86_EVEX ? 32 : 0;
	case 0x1d: /* halves of floats */
		return in->enc == X86_LEGACY ? 0 : vector_size(in, code) / 2;
	}
	return 0;
}

/*
 * How many bytes does @in store, at most, of the maps that have no general
 * registers?  0: none.  *@unit: as address_of() wants it.
 */
static unsigned int stored(const struct x86_insn *in, const uint8_t *code,
			   unsigned int *unit)
{
	unsigned int size = 0;

	if (in->enc != X86_LEGACY && in->enc != X86_VEX && in->enc != X86_EVEX)
		return 0;
	if (in->map == 2)
		return third_map(in, code, unit);
	if (in->map == 1)
		size = vector_store(in, code);
	else if (in->map == 3)
		size = fourth_map(in, code);
	else if (in->map == 5 && (in->opcode == 0x11 || in->opcode == 0x7e))
		size = 2;
	*unit = size;
	return size;
}

/* What saves the CPU's state; 0: nothing is known to be written. */
static unsigned int state_stored(const struct x86_insn *in, enum pp pp)
{
	unsigned int which = in->modrm >> 3 & 7;

	switch (in->opcode) {
	case 0x00: /* sldt, str */
		return which < 2 ? 2 : 0;
	case 0x01: /* sgdt, sidt, smsw */
		return which < 2 ? 10 : which == 4 ? 2 : 0;
	case 0x78: /* vmread */
		return 8;
	case 0xae: /* fxsave, stmxcsr, xsave, xsaveopt */
		if (pp != PP_NONE)
			return 0;
		return which == 0		  ? 512
		       : which == 3		  ? 4
		       : which == 4 || which == 6 ? STATE_MAX
						  : 0;
	case 0xc7: /* cmpxchg8b, xsavec, xsaves, vmptrst */
		if (which == 1)
			return in->rex & 8 ? 16 : 8;
		return which == 4 || which == 5 ? STATE_MAX
		       : which == 7		? 8
						: 0;
	}
	return 0;
}

/* As one_byte(), behind 0f, without VEX. */
static void two_byte(struct effect *e, const struct x86_insn *in,
		     const uint8_t *code, const struct effect_regs *r)
{
	unsigned int size = state_stored(in, mandatory(in, code)), unit;
	uint8_t op = in->opcode;

	if (op >= 0x90 && op < 0xa0) {
		e->size = 1;
		is(e, EFFECT_VALUE, x86_cond_true(op & 15, r->flags));
		return;
	}
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
		e->size = operand_size(in, false);
		is(e, EFFECT_VALUE, reg(in, r, in->reg, e->size));
		return;
	case 0xba:
		if ((in->modrm >> 3 & 7) == 4) /* bt */
			return;
		/* fall through */
	case 0xab:
	case 0xb3:
	case 0xbb: /* single bits */
	case 0xa4:
	case 0xa5:
	case 0xac:
	case 0xad: /* double shifts */
		size = operand_size(in, false);
		break;
	}
	if (!size)
		size = stored(in, code, &unit);
	if (size) {
		e->kind = EFFECT_UNKNOWN;
		e->size = size;
	} else if (op == 0xae || op == 0xc7) { /* xrstor and the like */
		e->size = STATE_MAX;
	}
}

/* What @in does with its ModRM operand; *@unit: as address_of() wants it. */
static void with_operand(struct effect *e, const struct x86_insn *in,
			 const uint8_t *code, const struct effect_regs *r,
			 unsigned int *unit)
{
	e->size = 64; /* at most, for what only reads */
	*unit = 0;
	if (in->enc == X86_LEGACY && in->map == 0) {
		one_byte(e, in, r);
	} else if (in->enc == X86_LEGACY && in->map == 1) {
		two_byte(e, in, code, r);
	} else if (stored(in, code, unit)) {
		e->kind = EFFECT_UNKNOWN;
		e->size = stored(in, code, unit);
	}
}

/* Pushed, at @r's rsp or below it. */
static void pushed(struct effect *e, const struct x86_insn *in,
		   const struct effect_regs *r, unsigned int size, bool behind)
{
	uint8_t op = in->opcode;

	e->size = size;
	e->addr = r->gp[RSP] - (behind ? 0 : size);
	e->kind = EFFECT_UNKNOWN;
	if (in->map)
		return;
	if (op == 0x68 || op == 0x6a)
		is(e, EFFECT_VALUE, (uint64_t)in->imm);
	else if ((op & 0xf8) == 0x50)
		is(e, EFFECT_VALUE, r->gp[in->rm & 15]);
	if (op == 0x54 && !(in->rex & 1) && behind) /* itself, as it was */
		is(e, EFFECT_VALUE, e->value + size);
}

/* At *(%rdi), by a string instruction that goes on then. */
static void string(struct effect *e, const struct x86_insn *in,
		   const struct effect_regs *r, bool behind)
{
	uint8_t op = in->opcode;

	e->size = operand_size(in, !(op & 1));
	if ((op & 0xfe) == 0x6c && e->size == 8) /* insl */
		e->size = 4;
	e->addr = behind ? string_at(r, e->size) : r->gp[RDI];
	if (in->prefixes & X86_P_67)
		e->addr = cut(e->addr, 4);
	if (op >= 0xaa)
		is(e, EFFECT_VALUE, r->gp[RAX]);
	else
		is(e, EFFECT_UNKNOWN, 0);
}

/* Frames of procedures in procedures; SDM vol. 2, ENTER. */
static void enter(struct effect *e, const struct x86_insn *in,
		  const uint8_t *code, const struct effect_regs *r, bool behind)
{
	unsigned int level = code[in->imm_off + 2] & 31;
	unsigned int one = stack_size(in);

	e->kind = EFFECT_UNKNOWN;
	e->size = one * (level ? level + 1 : 1);
	e->addr = (behind ? r->gp[RBP] + one : r->gp[RSP]) - e->size;
}

/* mov from or to an address in the code. */
static void absolute(struct effect *e, const struct x86_insn *in,
		     const uint8_t *code, const struct effect_regs *r)
{
	e->size = operand_size(in, !(in->opcode & 1));
	memcpy(&e->addr, code + in->disp_off, in->disp_size);
	if (in->opcode >= 0xa2)
		is(e, EFFECT_VALUE, r->gp[RAX]);
}

/* One-byte opcodes whose operand no ModRM names, but a segment may be. */
static bool implicit_one_byte(struct effect *e, const struct x86_insn *in,
			      const uint8_t *code, const struct effect_regs *r,
			      bool behind, bool *segment)
{
	uint8_t op = in->opcode;

	if ((op & 0xfe) == 0x6c || (op & 0xfe) == 0xa4 || (op & 0xfe) == 0xaa)
		string(e, in, r, behind);
	else if ((op & 0xf8) == 0x50 || op == 0x68 || op == 0x6a ||
		 op == 0x9c || (op == 0xff && (in->modrm >> 3 & 7) == 6))
		pushed(e, in, r, stack_size(in), behind);
	else if (in->kind == X86_CALL || in->kind == X86_CALL_IND)
		pushed(e, in, r, 8, behind);
	else if (in->kind == X86_CALL_FAR)
		pushed(e, in, r, 2 * operand_size(in, false), behind);
	else if (op == 0xc8)
		enter(e, in, code, r, behind);
	else if (op >= 0xa0 && op < 0xa4)
		absolute(e, in, code, r);
	else
		return false;
	*segment = op >= 0xa0 && op < 0xa4;
	return true;
}

/*
 * What is written that no ModRM names, with the registers before it, or @behind it.
 * *@segment: in the segment that a prefix names.
 */
static bool implicit(struct effect *e, const struct x86_insn *in,
		     const uint8_t *code, const struct effect_regs *r,
		     bool behind, bool *segment)
{
	bool legacy = in->enc == X86_LEGACY;
	uint8_t op = in->opcode;

	if (legacy && in->map == 0)
		return implicit_one_byte(e, in, code, r, behind, segment);
	*segment = true;
	if (legacy && in->map == 1 && (op == 0xa0 || op == 0xa8)) {
		pushed(e, in, r, stack_size(in), behind); /* fs, gs */
		*segment = false;
		return true;
	}
	e->kind = EFFECT_UNKNOWN;
	if (in->map == 1 && op == 0xf7 && in->enc <= X86_VEX) {
		e->size = mandatory(in, code) == PP_66 ? 16 : 8; /* maskmov */
		e->addr = r->gp[RDI];
	} else if (legacy && in->map == 1 && op == 0x01 && in->modrm == 0xfc) {
		e->size = 64; /* clzero */
		e->addr = r->gp[RAX] & ~63ull;
	} else if (legacy && in->map == 2 && op == 0xf8) {
		e->size = 64; /* movdir64b, enqcmd */
		e->addr = r->gp[in->reg & 15];
		*segment = false;
	} else {
		e->kind = EFFECT_READ;
		return false;
	}
	if (in->prefixes & X86_P_67)
		e->addr = cut(e->addr, 4);
	return true;
}

static bool touches(const struct effect *e, uint64_t addr, size_t len)
{
	return e->addr < addr + len && e->addr + e->size > addr;
}

/* The effect of @in, whose bytes are @code; true: it touches the bytes, or may. */
static bool effect_of(struct effect *e, const struct x86_insn *in,
		      const uint8_t *code, const struct effect_regs *r,
		      uint64_t addr, size_t len)
{
	bool based = in->prefixes & (X86_P_FS | X86_P_GS), segment;
	unsigned int unit;

	*e = (struct effect){ .ip = in->addr };
	if (implicit(e, in, code, r, true, &segment)) {
		e->certain = !(based && segment) && touches(e, addr, len);
		if (e->certain || (based && segment))
			return true;
	}
	if (!(in->attrs & X86_A_MEM))
		return false;
	*e = (struct effect){ .ip = in->addr };
	with_operand(e, in, code, r, &unit);
	e->certain = !based && address_of(in, r, unit, &e->addr);
	if (in->enc == X86_LEGACY && !in->map && in->opcode == 0xff &&
	    (in->modrm >> 3 & 7) == 6 && in->base == RSP)
		e->addr += stack_size(in); /* it was computed before the push */
	if (!e->certain || touches(e, addr, len))
		return true;
	/* A load may have overwritten what its address was computed from. */
	e->certain = false;
	return e->kind == EFFECT_READ &&
	       (in->reg == in->base || in->reg == in->index);
}

/* ---- before it --------------------------------------------------------------- */

bool effect_operand(const struct x86_insn *in, const uint8_t *code,
		    const struct effect_regs *before, uint64_t fs, uint64_t gs,
		    uint64_t *addr, uint64_t *len)
{
	uint64_t base = in->prefixes & X86_P_FS	  ? fs
			: in->prefixes & X86_P_GS ? gs
						  : 0;
	struct effect e = { 0 };
	unsigned int unit;
	bool segment = true;

	if (implicit(&e, in, code, before, false, &segment)) {
		if (e.kind == EFFECT_READ)
			return false;
	} else {
		if (!(in->attrs & X86_A_MEM))
			return false;
		with_operand(&e, in, code, before, &unit);
		if (e.kind == EFFECT_READ || e.size == STATE_MAX ||
		    !address_of(in, before, unit, &e.addr))
			return false;
		/* pop: its address is computed when rsp has moved. */
		if (in->enc == X86_LEGACY && !in->map && in->opcode == 0x8f &&
		    in->base == RSP)
			e.addr += e.size;
	}
	*addr = e.addr + (segment ? base : 0);
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
			return effect_of(out, &in, code + (at - start), r, addr,
					 len);
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
		    in.next != r->ip ||
		    !effect_of(&e, &in, code + (at - start), r, addr, len) ||
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

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
	FROM_OFFSETS, /* a sum of two registers */
	FROM_WIDE,    /* of a register and memory */
	FROM_POINTERS,
	FROM_LABEL,	/* a sum of an offset and the address of a label */
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
	case 0xff: /* call, jmp, push; inc and dec change it */
		return (t->reg & 7) >= 2;
	case 0xc6: /* mov $ to memory */
	case 0xc7:
		return !register_form(t);
	}
	return t->opcode >= 0x50 && t->opcode <= 0x57; /* push */
}

/* Is an operand a byte, so that 4 to 7 may mean ah, ch, dh, bh? */
static bool has_bytes(const struct x86_trail *t)
{
	uint8_t op = t->opcode;

	if (t->enc != X86_LEGACY || t->rex || t->map > 1)
		return false;
	if (t->map == 1)
		return (op & 0xf0) == 0x90 || op == 0xb0 || op == 0xb6 ||
		       op == 0xbe || op == 0xc0;
	switch (op) {
	case 0x80:
	case 0x84:
	case 0x86:
	case 0x88:
	case 0x8a:
	case 0xc0:
	case 0xc6:
	case 0xd0:
	case 0xd2:
	case 0xf6:
	case 0xfe:
		return true;
	}
	return (op < 0x40 && !(op & 5)) || (op >= 0xb0 && op <= 0xb7);
}

/* Does it set rax, or rdx, without naming it? */
static bool sets_implicitly(const struct x86_trail *t, uint8_t reg)
{
	if (reg != 0 && reg != 2)
		return false;
	if (t->enc != X86_LEGACY || t->kind != X86_NORMAL)
		return false;
	if (t->map == 1)
		return t->opcode == 0x31 || t->opcode == 0xa2 ||
		       t->opcode == 0xb0 || t->opcode == 0xb1 ||
		       t->opcode == 0xc7 || t->opcode == 0x01;
	if (t->map != 0)
		return false;
	if (t->opcode == 0xf6 || t->opcode == 0xf7)
		return (t->reg & 7) >= 4;
	if ((t->opcode & 0xf8) == 0x90) /* xchg */
		return reg == 0;
	if (t->opcode < 0x38)
		return reg == 0 && (t->opcode & 6) == 4;
	switch (t->opcode) {
	case 0x98: /* cltq */
	case 0x9f: /* lahf */
	case 0xa0: /* mov moffs */
	case 0xa1:
	case 0xac: /* lods */
	case 0xad:
	case 0xd7: /* xlat */
	case 0xe4: /* in */
	case 0xe5:
	case 0xec:
	case 0xed:
		return reg == 0;
	}
	return t->opcode == 0x99; /* cqto */
}

/* ModRM.reg is part of the opcode (groups 1 to 5, mov $). */
static bool is_group(const struct x86_trail *t)
{
	switch (t->opcode) {
	case 0x80:
	case 0x81:
	case 0x83:
	case 0xc0:
	case 0xc1:
	case 0xc6:
	case 0xc7:
	case 0xd0:
	case 0xd1:
	case 0xd2:
	case 0xd3:
	case 0xf6:
	case 0xf7:
	case 0xfe:
	case 0xff:
		return t->map == 0;
	}
	return false;
}

/* Opcodes after 0F whose operands are general registers. */
static bool is_general_0f(uint8_t op)
{
	switch (op) {
	case 0x02: /* lar, lsl */
	case 0x03:
	case 0x20: /* mov from control and debug registers */
	case 0x21:
	case 0x2c: /* cvttss2si, cvtss2si, movmskps, movd, pextrw, pmovmskb */
	case 0x2d:
	case 0x50:
	case 0x7e:
	case 0xc5:
	case 0xd7:
	case 0xaf: /* imul */
	case 0xc0: /* xadd */
	case 0xc1:
	case 0xc7: /* rdrand */
		return true;
	}
	if (op >= 0x40 && op <= 0x4f) /* cmov */
		return true;
	if (op >= 0x90 && op <= 0x9f) /* setcc */
		return true;
	if (op >= 0xa3 && op <= 0xad) /* bt, shld, bts, shrd */
		return true;
	return (op >= 0xb0 && op <= 0xbf) || (op >= 0xc8 && op <= 0xcf);
}

/* The same for VEX and EVEX, in any map. */
static bool is_general_vex(uint8_t op)
{
	switch (op) {
	case 0x14: /* vpextr… */
	case 0x15:
	case 0x16:
	case 0x17:
	case 0x2c: /* conversions */
	case 0x2d:
	case 0x50: /* vmovmskps */
	case 0x78:
	case 0x79:
	case 0x7e: /* vmovd */
	case 0x93: /* kmov */
	case 0xc5:
	case 0xd7: /* vpmovmskb */
		return true;
	}
	return op >= 0xf0 && op <= 0xf7; /* BMI */
}

/* May it be that the instruction names the register? */
bool x86_names_register(const struct x86_trail *t, uint8_t reg)
{
	uint8_t op = t->opcode;

	if (t->attrs & X86_A_NOP)
		return false;
	if (sets_implicitly(t, reg))
		return true;
	if (reg < 8 && has_bytes(t)) {
		if (reg < 4 &&
		    ((!is_group(t) && t->reg == reg + 4) || t->rm == reg + 4))
			return true;
		if (reg >= 4 && t->map == 0)
			return false;
	}
	if (t->enc == X86_VEX || t->enc == X86_EVEX || t->enc == X86_XOP)
		return is_general_vex(op) &&
		       (t->reg == reg || t->rm == reg || op == 0xf3);
	if (t->map == 1 && !is_general_0f(op))
		return false;
	if (t->map == 0 && op >= 0xd8 && op <= 0xdf) /* x87: fnstsw %ax */
		return op == 0xdf && register_form(t) && reg == 0;
	if (!t->has_modrm)
		return t->rm == reg &&
		       (t->map == 1 || (op >= 0x50 && op <= 0x5f) ||
			(op >= 0x90 && op <= 0x97) ||
			(op >= 0xb0 && op <= 0xbf));
	if (!is_group(t) && t->reg == reg)
		return true;
	return register_form(t) && t->rm == reg;
}

/*
 * A pointer that glibc keeps scrambled is rotated and xored with a word of the
 * thread's (PTR_DEMANGLE); no table has that.
 */
static bool unscrambles(const struct x86_trail *t)
{
	if (t->opcode == 0xc1)
		return (t->reg & 7) <= 1;
	return t->opcode == 0x33 && (t->attrs & X86_A_MEM);
}

/* Memory at a fixed place from rsp or rbp. */
static bool is_stack_slot(const struct x86_trail *t)
{
	return (t->attrs & X86_A_MEM) && t->index == X86_REG_NONE &&
	       (t->base == X86_REG_RSP || t->base == 5);
}

/* @epilogue: the stack is given back between this and the jump. */
static enum origin origin_of_load(const struct x86_trail *t, bool epilogue)
{
	if (is_stack_slot(t) && !epilogue)
		return FROM_ARITHMETIC; /* put there by who knows what */
	if (t->index == X86_REG_NONE || epilogue)
		return FROM_ELSEWHERE;
	if (t->scale == 8)
		return FROM_POINTERS;
	return t->scale == 1 ? FROM_UNKNOWN : FROM_ARITHMETIC;
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

static bool is_call(const struct x86_trail *t)
{
	return t->kind == X86_CALL || t->kind == X86_CALL_IND;
}

/* rbx, rsp, rbp, r12 to r15 survive a call. */
static bool is_callee_saved(uint8_t reg)
{
	return (reg >= 3 && reg <= 5) || reg >= 12;
}

/*
 * What an instruction that names the register makes of it.  For a sum *@sum is
 * the set of the registers that were added.
 */
static enum origin origin_of_result(const struct x86_trail *t, bool epilogue,
				    uint16_t *sum)
{
	if (t->enc != X86_LEGACY || t->map != 0)
		return FROM_ARITHMETIC;
	switch (t->opcode) {
	case 0x01:
	case 0x03:
		*sum = 1u << t->reg;
		if (t->opcode == 3 && is_stack_slot(t))
			return FROM_OFFSETS;
		if (!register_form(t))
			return t->opcode == 3 && t->scale == 8
				       ? FROM_WIDE
				       : FROM_ARITHMETIC;
		*sum |= 1u << t->rm;
		return FROM_OFFSETS;
	case 0x8d:
		*sum = 1u << (t->base & 15) | 1u << (t->index & 15);
		return origin_of_lea(t);
	case 0x8b:
		return origin_of_load(t, epilogue);
	}
	if ((t->opcode & 0xf8) == 0x58 || (t->opcode & 0xf8) == 0xb8)
		return FROM_ELSEWHERE;
	return FROM_ARITHMETIC;
}

/* Nothing in the trail sets the register. */
static enum origin origin_unseen(const struct x86_scan *s, uint8_t reg,
				 bool epilogue)
{
	bool whole = s->from_start && s->nr_trail <= X86_TRAIL;

	if (epilogue || (whole && !is_callee_saved(reg)))
		return FROM_ELSEWHERE;
	return FROM_UNKNOWN;
}

/* The register must hold the address of a table that was found. */
static void want_table(struct x86_scan *s, uint8_t reg)
{
	if (reg < 16)
		s->wants_tables |= 1u << reg;
}

/* lea of a fixed address */
static bool is_address(const struct x86_trail *t)
{
	return t->enc == X86_LEGACY && t->map == 0 && t->opcode == 0x8d &&
	       (t->attrs & X86_A_RIPREL);
}

/*
 * One of the registers of a sum, made @from instructions before the jump, must
 * have been loaded from an array: of 4 or 8 bytes?  The other has the address of
 * the array, or that of a label from which the offsets in it are.
 */
static enum origin origin_of_sum(struct x86_scan *s, unsigned int from,
				 uint16_t sum)
{
	unsigned int n = s->nr_trail < X86_TRAIL ? s->nr_trail : X86_TRAIL;
	uint16_t base, changed = 0; /* between the load and the sum */

	for (unsigned int i = from + 1; i <= n; i++) {
		const struct x86_trail *t =
			&s->trail[(s->nr_trail - i) % X86_TRAIL];
		bool wide = t->opcode == 0x8b && (t->rex & 8);

		if (is_address(t))
			changed |= 1u << t->reg;

		if (t->enc != X86_LEGACY || t->map != 0 ||
		    (t->opcode != 0x63 && t->opcode != 0x8b) ||
		    !(sum & 1u << t->reg) || !(t->attrs & X86_A_MEM) ||
		    t->index == X86_REG_NONE)
			continue;
		if (t->scale != 1 && t->scale != (wide ? 8 : 4))
			continue;
		base = t->base < 16 ? 1u << t->base : 0;
		sum &= ~(1u << t->reg);
		if ((sum != base || (changed & base)) &&
		    (sum & s->code_bases) && !wide && base) {
			s->wants_data |= base;
			return FROM_LABEL;
		}
		s->wants_tables |= base | sum;
		return wide ? FROM_WIDE : FROM_OFFSETS;
	}
	return FROM_ARITHMETIC;
}

/* Where the value of @reg comes from, going back from the jump. */
static enum origin origin_of(struct x86_scan *s, uint8_t reg, uint16_t *sum)
{
	unsigned int n = s->nr_trail < X86_TRAIL ? s->nr_trail : X86_TRAIL;
	bool epilogue = false;
	enum origin origin;

	for (unsigned int i = 1; i <= n; i++) {
		const struct x86_trail *t =
			&s->trail[(s->nr_trail - i) % X86_TRAIL];
		bool plain = t->enc == X86_LEGACY && t->map == 0;

		epilogue |= gives_back_stack(t);
		/* A tail call gives the stack back; else it may lead inside. */
		if (is_call(t) && !is_callee_saved(reg))
			return epilogue ? FROM_ELSEWHERE : FROM_ARITHMETIC;
		if (!x86_names_register(t, reg) ||
		    (plain && (only_reads(t, reg) || unscrambles(t))))
			continue;
		if (plain && t->opcode == 0x89) {
			reg = t->reg;
			continue;
		}
		if (plain && t->opcode == 0x8b && register_form(t)) {
			reg = t->rm;
			continue;
		}
		origin = origin_of_result(t, epilogue, sum);
		if (origin == FROM_POINTERS || origin == FROM_WIDE)
			want_table(s, t->base);
		if (origin == FROM_OFFSETS && (t->attrs & X86_A_MEM) &&
		    t->opcode == 0x03)
			s->wants_stack = true;
		return origin == FROM_OFFSETS ? origin_of_sum(s, i, *sum)
					      : origin;
	}
	return origin_unseen(s, reg, epilogue);
}

static enum origin origin_of_operand(struct x86_scan *s,
				     const struct x86_insn *in, uint16_t *sum)
{
	if (!(in->attrs & X86_A_MEM))
		return origin_of(s, in->rm, sum);
	if (in->index == X86_REG_NONE)
		return in->base == X86_REG_RSP || in->base == 5
			       ? FROM_ARITHMETIC
			       : FROM_ELSEWHERE;
	if (in->scale != 8)
		return FROM_ARITHMETIC;
	if (in->base != X86_REG_NONE) {
		want_table(s, in->base);
		return FROM_POINTERS;
	}
	return x86_pointer_table(s, (int64_t)in->disp, 1) ? FROM_ELSEWHERE
							  : FROM_ARITHMETIC;
}

bool x86_scan_is_label_jump(struct x86_scan *s, const struct x86_insn *in)
{
	uint16_t sum = 0;

	return origin_of_operand(s, in, &sum) == FROM_LABEL;
}

void x86_scan_indirect(struct x86_scan *s, const struct x86_insn *in)
{
	uint16_t sum = 0;

	switch (origin_of_operand(s, in, &sum)) {
	case FROM_OFFSETS:
		s->wants_offsets = true;
		s->sums |= sum;
		break;
	case FROM_WIDE:
		s->wants_wide = true;
		s->sums |= sum;
		break;
	case FROM_POINTERS:
		s->wants_pointers = true;
		break;
	case FROM_LABEL:
		break;
	case FROM_ELSEWHERE:
		s->may_leave = true;
		break;
	case FROM_UNKNOWN:
		s->may_leave = true;
		s->wants_no_table = true;
		break;
	case FROM_ARITHMETIC:
		s->unresolved = true;
		break;
	}
}

/* mov %reg, (%rsp) */
static bool is_store_to_top(const struct x86_insn *in)
{
	return in->enc == X86_LEGACY && in->map == 0 && in->opcode == 0x89 &&
	       (in->attrs & X86_A_MEM) && in->base == X86_REG_RSP &&
	       in->index == X86_REG_NONE && !in->disp;
}

void x86_scan_return(struct x86_scan *s)
{
	const struct x86_trail *t = &s->trail[(s->nr_trail - 1) % X86_TRAIL];

	if (!s->nr_trail || t->enc != X86_LEGACY || t->map != 0)
		return;
	if ((t->opcode >= 0x50 && t->opcode <= 0x57) ||
	    (t->opcode == 0x89 && t->base == X86_REG_RSP &&
	     (t->modrm & 0xc7) == 4))
		s->unresolved = true;
}

/*
 * What compilers put in place of jmp *%reg where speculation is feared: a jump to
 * code that calls over a trap for it, and there writes the register over the
 * return address.
 */
void x86_scan_thunk(struct x86_scan *s, const struct x86_insn *jump)
{
	struct x86_insn in;

	if (x86_read_insn(&s->reader, &in, jump->target, UINT64_MAX))
		return;
	if (in.kind == X86_CALL && in.target - in.next < 64 &&
	    !x86_read_insn(&s->reader, &in, in.target, UINT64_MAX) &&
	    is_store_to_top(&in))
		s->unresolved = true;
	if (in.kind == X86_JMP_IND && !(in.attrs & X86_A_MEM))
		x86_scan_indirect(s, &in);
}

/* ---- registers that hold addresses ---- */

static bool is_stack(const struct x86_insn *in)
{
	return (in->attrs & X86_A_MEM) &&
	       (in->base == X86_REG_RSP || in->base == 5);
}

static void note_move(struct x86_scan *s, const struct x86_insn *in)
{
	bool load = in->opcode == 0x8b;

	if (!(in->attrs & X86_A_MEM))
		s->copies[(load ? in->reg : in->rm) & 15] |=
			1u << ((load ? in->rm : in->reg) & 15);
	else if (is_stack(in) && load)
		s->from_stack |= 1u << (in->reg & 15);
	else if (is_stack(in))
		s->to_stack |= 1u << (in->reg & 15);
}

/*
 * Has one of the two that it adds just been loaded from an array of offsets?  Then
 * that array must be known, whatever becomes of the sum.
 */
static bool adds_offset(struct x86_scan *s, const struct x86_insn *in)
{
	unsigned int n = s->nr_trail < X86_TRAIL ? s->nr_trail : X86_TRAIL;

	for (unsigned int i = 1; i <= n; i++) {
		const struct x86_trail *t =
			&s->trail[(s->nr_trail - i) % X86_TRAIL];

		if (t->enc == X86_LEGACY && t->map == 0 && t->opcode == 0x63 &&
		    (t->attrs & X86_A_MEM) && t->index != X86_REG_NONE &&
		    t->base < 16 && (t->reg == in->reg || t->reg == in->rm)) {
			s->wants_data |= 1u << t->base;
			return true;
		}
	}
	return false;
}

/*
 * Does it add to, or subtract from, a register that may point into the function?
 * 32 bits are enough for an address only where code lies that low.
 */
static bool moves_base(struct x86_scan *s, const struct x86_insn *in)
{
	uint16_t reg = 1u << (in->reg & 15), rm = 0;
	uint16_t bases = s->code_bases;

	if (!(in->rex & 8) && s->flow->end > UINT32_MAX)
		return false;
	if (in->attrs & X86_A_MEM)
		rm = in->base < 16 && in->opcode == 0x8d ? 1u << in->base : 0;
	else
		rm = 1u << (in->rm & 15);
	switch (in->opcode) {
	case 0x8d:
		if (in->index < 16)
			rm |= 1u << in->index;
		return rm & bases;
	case 0x2b: /* a difference of two addresses is none */
		return reg & bases;
	case 0x29: /* less the stack pointer: how deep it is, no address */
		return in->reg != X86_REG_RSP && (rm & bases);
	case 0x01:
	case 0x03:
		if (!(in->attrs & X86_A_MEM) && ((reg | rm) & bases) &&
		    adds_offset(s, in))
			return false;
		return (reg | rm) & bases;
	case 0x31:
	case 0x33:
		return reg != rm && ((reg | rm) & bases);
	case 0x81:
	case 0x83:
		return (in->reg & 7) != 7 && (rm & bases);
	}
	return false;
}

/*
 * Does it add a fixed address of the function's own code to something?  Code that
 * is not position-independent can.
 */
static bool adds_own_address(const struct x86_scan *s,
			     const struct x86_insn *in)
{
	if (in->opcode == 0x8d)
		return in->disp_size == 4 && !(in->attrs & X86_A_RIPREL) &&
		       x86_in_function(s->flow, (int64_t)in->disp);
	return (in->opcode == 0x05 || in->opcode == 0x81) &&
	       in->imm_size == 4 && x86_in_function(s->flow, in->imm) &&
	       (in->opcode == 0x05 || (in->reg & 7) != 7);
}

/* Does it go where a register, or memory, says? */
static bool goes_anywhere(const struct x86_insn *in)
{
	return in->kind == X86_JMP_IND || in->kind == X86_CALL_IND;
}

void x86_scan_registers(struct x86_scan *s, const struct x86_insn *in)
{
	if (in->enc != X86_LEGACY || in->map != 0)
		return;
	if (adds_own_address(s, in))
		s->unresolved = true;
	if (s->code_bases && moves_base(s, in))
		s->moved = true;
	if (goes_anywhere(in))
		s->goes = true;
	if (in->opcode == 0x89 || in->opcode == 0x8b)
		note_move(s, in);
}

/* All registers to which what is in one of @regs may have been moved. */
static uint16_t spread(const struct x86_scan *s, uint16_t regs)
{
	uint16_t before;

	do {
		before = regs;
		for (unsigned int i = 0; i < 16; i++)
			if (s->copies[i] & regs)
				regs |= 1u << i;
		if (s->to_stack & regs)
			regs |= s->from_stack;
	} while (regs != before);
	return regs;
}

bool x86_scan_tables_known(struct x86_scan *s)
{
	uint16_t tables = spread(s, s->tables);

	if (s->wants_stack && !(s->to_stack & tables))
		return false;
	return !(s->wants_tables & ~tables) &&
	       !(s->wants_data & ~spread(s, s->data));
}

/* ---- jumps out of the function ---- */

/*
 * A jump out of the function is a tail call, or leads to a part of it that was
 * split off and jumps back (foo.cold).  Such a part lies together, so all code
 * around is swept for jumps back to us.  Nothing else would do so: other
 * functions jump to our start at most.  Where functions begin, at a multiple of
 * 16, it is almost certainly one, and less is swept.
 */
#define SWEEP_BEFORE 2048
#define SWEEP_AFTER  4096
#define SWEEP_ENTRY  256

static void report_jump(void *arg, uint64_t from, uint64_t target)
{
	struct x86_scan *s = arg;

	if (x86_in_function(s->flow, target) && !x86_in_function(s->flow, from))
		s->fn(s->arg, target);
}

static void sweep(struct x86_scan *s, uint64_t at, uint64_t until)
{
	x86_sweep(&s->reader, at, until, report_jump, s);
}

void x86_scan_outside(struct x86_scan *s, const struct x86_insn *jump)
{
	uint64_t to = jump->target, before = to - SWEEP_BEFORE;

	if (jump->kind == X86_JMP && !(to & 15)) {
		sweep(s, to, to + SWEEP_ENTRY);
		return;
	}
	for (unsigned int i = 0; i < X86_SWEPT; i++) {
		if (to >= s->swept[i] && to < s->swept[i] + SWEEP_AFTER / 2)
			return;
	}
	s->swept[s->nr_swept++ % X86_SWEPT] = to;
	if (before < s->flow->end && to > s->flow->start)
		before = s->flow->end < to ? s->flow->end : to;
	sweep(s, before, to);
	sweep(s, to, to + SWEEP_AFTER);
}

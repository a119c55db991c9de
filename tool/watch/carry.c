/* SPDX-License-Identifier: MIT */
/*
 * carry.c - plain stores, carried out for the thread that was about to make one
 *
 * The arithmetic is the CPU's own: the operation is executed here, on a register, with
 * the thread's flags.  So the flags that manuals call undefined are what this CPU makes
 * of them.  Shifts and rotations are not carried out: what they leave in such
 * flags may depend on the form of the instruction.
 */
#include <insn.h>

#include "carry.h"

#define FLAG_TF	  (1ull << 8)
#define FLAG_RF	  (1ull << 16)
#define FLAG_AC	  (1ull << 18)
#define CACHELINE 64

static uint64_t cut(uint64_t v, unsigned int size)
{
	return size >= 8 ? v : v & ((1ull << 8 * size) - 1);
}

/* ---- which ------------------------------------------------------------------ */

static void set_size(struct carry *c, const struct x86_insn *in, bool byte)
{
	c->size = byte ? 1 : in->rex & 8 ? 8 : in->prefixes & X86_P_66 ? 2 : 4;
}

/* The other operand is register ModRM.reg. */
static void from_register(struct carry *c, const struct x86_insn *in,
			  const struct effect_regs *r)
{
	c->n = in->reg & 15;
	c->shift = 0;
	if (c->size == 1 && !(in->prefixes & X86_P_REX) && c->n >= 4 &&
	    c->n < 8) {
		c->n -= 4;
		c->shift = 8;
	}
	c->source = cut(r->gp[c->n] >> c->shift, c->size);
}

static bool from_number(struct carry *c, const struct x86_insn *in)
{
	c->source = cut((uint64_t)in->imm, c->size);
	return true;
}

/* Groups by ModRM.reg. */
static bool plan_group(struct carry *c, const struct x86_insn *in)
{
	unsigned int which = in->modrm >> 3 & 7;

	switch (in->opcode) {
	case 0x80:
	case 0x81:
	case 0x83:
		c->op = CARRY_ADD + which;
		return which < 7 && from_number(c, in); /* 7: cmp */
	case 0xc6:
	case 0xc7:
		c->op = CARRY_MOV;
		return !which && from_number(c, in);
	case 0xf6:
	case 0xf7:
		c->op = which == 2 ? CARRY_NOT : CARRY_NEG;
		return which == 2 || which == 3;
	case 0xfe:
	case 0xff:
		c->op = which ? CARRY_DEC : CARRY_INC;
		return which < 2;
	}
	return false;
}

static bool plan_one_byte(struct carry *c, const struct x86_insn *in,
			  const struct effect_regs *r)
{
	uint8_t op = in->opcode;

	set_size(c, in, !(op & 1));
	if (op < 0x38 && (op & 7) < 2)
		c->op = CARRY_ADD + (op >> 3);
	else if (op == 0x86 || op == 0x87)
		c->op = CARRY_XCHG;
	else if (op == 0x88 || op == 0x89)
		c->op = CARRY_MOV;
	else
		return plan_group(c, in);
	from_register(c, in, r);
	c->changes = c->op == CARRY_XCHG;
	return true;
}

/* xadd, setcc. */
static bool plan_two_bytes(struct carry *c, const struct x86_insn *in,
			   const struct effect_regs *r)
{
	uint8_t op = in->opcode;

	if (op == 0xc0 || op == 0xc1) {
		set_size(c, in, op == 0xc0);
		from_register(c, in, r);
		c->op = CARRY_XADD;
		c->changes = true;
		return true;
	}
	if (op < 0x90 || op >= 0xa0)
		return false;
	c->size = 1;
	c->op = CARRY_MOV;
	c->source = x86_cond_true(op & 15, r->flags);
	return true;
}

static uint64_t address(const struct x86_insn *in, const struct effect_regs *r)
{
	uint64_t at = (uint64_t)(int64_t)in->disp;

	if (in->attrs & X86_A_RIPREL)
		return in->mem_addr;
	if (in->base < 16)
		at += r->gp[in->base];
	if (in->index < 16)
		at += r->gp[in->index] * in->scale;
	return at;
}

bool carry_plan(struct carry *c, const struct x86_insn *in,
		const struct effect_regs *r)
{
	const uint16_t not_these = X86_P_67 | X86_P_F2 | X86_P_F3 | X86_P_FS |
				   X86_P_GS;
	bool locks = in->attrs & X86_A_LOCK;

	*c = (struct carry){ .ip = in->next };
	if (in->kind != X86_NORMAL || in->enc != X86_LEGACY ||
	    !(in->attrs & X86_A_MEM) || in->prefixes & not_these ||
	    r->flags & (FLAG_TF | FLAG_AC))
		return false;
	if (in->map == 0 ? !plan_one_byte(c, in, r)
			 : in->map != 1 || !plan_two_bytes(c, in, r))
		return false;
	c->addr = address(in, r);
	c->reads = c->op != CARRY_MOV;
	/* A lock over two lines may be forbidden. */
	return !(locks || c->op == CARRY_XCHG) ||
	       (c->addr & (CACHELINE - 1)) + c->size <= CACHELINE;
}

/* ---- what ------------------------------------------------------------------- */

/* Below the red zone: with flags @f, @what, and the flags behind it. */
#define WITH_FLAGS(what, d, s, f)                          \
	__asm__ volatile("lea	-128(%%rsp), %%rsp\n\t"      \
			 "push	%[flags]\n\t"               \
			 "popfq\n\t" what "\n\t"           \
			 "pushfq\n\t"                      \
			 "pop	%[flags]\n\t"                \
			 "lea	128(%%rsp), %%rsp"           \
			 : [to] "+&r"(d), [flags] "+&r"(f) \
			 : [from] "r"(s)                   \
			 : "cc", "memory")

#define TWO(name)                                                       \
	do {                                                            \
		if (size == 1)                                          \
			WITH_FLAGS(name "b %b[from], %b[to]", d, s, f); \
		else if (size == 2)                                     \
			WITH_FLAGS(name "w %w[from], %w[to]", d, s, f); \
		else if (size == 4)                                     \
			WITH_FLAGS(name "l %k[from], %k[to]", d, s, f); \
		else                                                    \
			WITH_FLAGS(name "q %q[from], %q[to]", d, s, f); \
	} while (0)

#define ONE(name)                                             \
	do {                                                  \
		if (size == 1)                                \
			WITH_FLAGS(name "b %b[to]", d, s, f); \
		else if (size == 2)                           \
			WITH_FLAGS(name "w %w[to]", d, s, f); \
		else if (size == 4)                           \
			WITH_FLAGS(name "l %k[to]", d, s, f); \
		else                                          \
			WITH_FLAGS(name "q %q[to]", d, s, f); \
	} while (0)

/* @d and @s of @size bytes; *@flags are those before, then those behind it. */
static uint64_t execute(enum carry_op op, unsigned int size, uint64_t d,
			uint64_t s, uint64_t *flags)
{
	uint64_t f = (*flags & X86_FL_STATUS) | 0x202;

	switch (op) {
	case CARRY_XADD:
	case CARRY_ADD:
		TWO("add");
		break;
	case CARRY_OR:
		TWO("or");
		break;
	case CARRY_ADC:
		TWO("adc");
		break;
	case CARRY_SBB:
		TWO("sbb");
		break;
	case CARRY_AND:
		TWO("and");
		break;
	case CARRY_SUB:
		TWO("sub");
		break;
	case CARRY_XOR:
		TWO("xor");
		break;
	case CARRY_INC:
		ONE("inc");
		break;
	case CARRY_DEC:
		ONE("dec");
		break;
	case CARRY_NOT:
		ONE("not");
		break;
	case CARRY_NEG:
		ONE("neg");
		break;
	case CARRY_MOV:
	case CARRY_XCHG:
		d = s;
		break;
	}
	*flags = (*flags & ~(uint64_t)X86_FL_STATUS) | (f & X86_FL_STATUS);
	return cut(d, size);
}

void carry_out(struct carry *c, const struct effect_regs *r, uint64_t old)
{
	uint64_t field = cut(~0ull, c->size) << c->shift;

	/* A fault has set RF, for the instruction that it was in. */
	c->flags = r->flags & ~FLAG_RF;
	old = cut(old, c->size);
	c->value = execute(c->op, c->size, old, c->source, &c->flags);
	if (!c->changes)
		return;
	c->gp = (r->gp[c->n] & ~field) | old << c->shift;
	if (c->size == 4)
		c->gp = old;
}

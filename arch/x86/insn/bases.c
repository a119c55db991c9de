/* SPDX-License-Identifier: MIT */
/*
 * bases.c - where may a register point into the function?
 *
 * A function that takes the address of its own code may calculate with it, and
 * jump to what comes out.  jump.c knows which registers ever get such an address;
 * they have other uses besides.  Here each of them is followed, from where it
 * gets the address to where it is overwritten, along every way that control may
 * take:
 *
 *     lea label(%rip), %rcx            rcx: a label
 *     lea table(%rip), %rsi            rsi: data
 *     movslq (%rsi,%rax,4), %rax       rax: an offset, from data
 *     add %rcx, %rax                   rax: the sum of a label and an offset
 *     jmp *%rax
 *
 *   B1  On the way nothing is done with the address but this sum, whose three
 *       other lines stand in the same straight piece of code, and jumps to it.
 *   B2  All that such sums can be is reported: the table is read for the label
 *       that its offsets are added to.
 *
 * So an indirect jump goes where something reported leads, or has nothing to do
 * with the function's labels.
 */
#include "flow.h"

#define SWEEPS	     32	   /* of one register; more is refused */
#define FOLLOWED_MAX 65536 /* bytes of a function */

/* What a register holds, in a straight piece of code.  From the outside: ANY. */
enum holds { ANY, A_LABEL, DATA, AN_OFFSET, A_SUM };

#define PAIRS 32 /* of a table and a label */

struct follow {
	struct x86_scan *s;
	uint8_t reg;  /* the one that is followed */
	bool here;    /* it may hold an address of code */
	bool dirty;   /* … a byte of which was changed */
	bool changed; /* somewhere it may, and that was not known */
	bool at_sum;  /* it may at a jump to a sum, so where those lead, too */
	bool at_jump; /* … at another indirect jump */
	bool judge;   /* it is known where it may: is B1 kept? */
	bool broken;  /* no */
	bool collect; /* sums, and nothing else */
	uint8_t holds[16];
	uint64_t at[16]; /* the label, the data, or whence the offset is */
	unsigned int nr_pairs;
	uint64_t pairs[PAIRS][2];
};

static bool bit(const uint8_t *bits, uint64_t i)
{
	return bits[i / 8] & 1 << i % 8;
}

static void spread_to(struct follow *f, uint64_t to)
{
	const struct x86_flow *flow = f->s->flow;
	uint8_t *bits = f->s->facts->scratch;
	uint64_t i = to - flow->start;

	if (to < flow->start || to >= flow->end) {
		f->broken |= f->judge; /* who knows what is done there */
		return;
	}
	if (!bit(bits, i)) {
		bits[i / 8] = (uint8_t)(bits[i / 8] | 1 << i % 8);
		f->changed = true;
	}
}

static void spread_to_all(struct follow *f, const uint8_t *places)
{
	uint8_t *bits = f->s->facts->scratch;

	for (size_t i = 0; i < x86_facts_bytes(f->s->flow); i++) {
		uint8_t more = places[i] & ~bits[i];

		bits[i] |= more;
		f->changed |= more != 0;
	}
}

/* Does it do 64 bits, or 32 that end in zeros? */
static bool is_whole(const struct x86_insn *in)
{
	return (in->rex & 8) || !(in->prefixes & X86_P_66);
}

/* The register that it sets, all of it, whatever was in it; or X86_REG_NONE. */
static uint8_t set_by(const struct x86_insn *in)
{
	bool memory = in->attrs & X86_A_MEM;

	if (in->enc != X86_LEGACY || !is_whole(in))
		return X86_REG_NONE;
	if (in->map == 1) /* movzx, movsx */
		return (in->opcode & 0xf6) == 0xb6 ? in->reg : X86_REG_NONE;
	if (in->map != 0)
		return X86_REG_NONE;
	switch (in->opcode) {
	case 0x8b:
	case 0x8d:
	case 0x63:
		return in->reg;
	case 0x89:
	case 0xc7:
		return memory ? X86_REG_NONE : in->rm;
	case 0x31:
	case 0x33:
		return !memory && in->reg == in->rm ? in->rm : X86_REG_NONE;
	case 0x99: /* cqto */
		return 2;
	case 0xf7: /* mul, imul: rax is used, rdx is not */
		return (in->reg & 6) == 4 && (memory || in->rm != 2)
			       ? 2
			       : X86_REG_NONE;
	}
	if ((in->opcode & 0xf8) == 0x58 || (in->opcode & 0xf8) == 0xb8)
		return in->rm;
	return X86_REG_NONE;
}

static bool is_zeroing(const struct x86_insn *in)
{
	return in->opcode == 0x31 || in->opcode == 0x33;
}

/* cvtsi2sd, movq, pinsr, kmov, broadcasts: their rm is a general register. */
static bool goes_to_vector(const struct x86_insn *in)
{
	switch (in->opcode) {
	case 0x20:
	case 0x22:
	case 0x2a:
	case 0x6e:
	case 0x7a:
	case 0x7b:
	case 0x7c:
	case 0x92:
	case 0xc4:
		return true;
	}
	return false;
}

/* Does it use what was in @reg, beside what x86_names_register() sees? */
static bool uses(const struct x86_insn *in, uint8_t reg)
{
	bool vector = in->enc == X86_VEX || in->enc == X86_EVEX;

	if ((in->attrs & X86_A_MEM) && (in->base == reg || in->index == reg))
		return true;
	if (in->attrs & X86_A_STRING)
		return reg <= 1 || reg == 6 || reg == 7;
	if (in->kind == X86_LOOP)
		return reg == 1;
	if (vector && in->opcode >= 0xf0 && in->opcode <= 0xf7)
		return true; /* a third register, maybe this one */
	if (in->attrs & X86_A_MEM)
		return in->enc == X86_LEGACY && in->map == 1 &&
		       ((in->opcode == 0xc3 && in->reg == reg) || /* movnti */
			(in->opcode == 0xc7 && (reg == 1 || reg == 3)));
	return (vector || in->map == 1) && in->rm == reg && goes_to_vector(in);
}

/* Does setting @reg need what was in it before? */
static bool sets_from_itself(const struct x86_insn *in, uint8_t reg)
{
	if (uses(in, reg))
		return true;
	return !(in->attrs & X86_A_MEM) && !is_zeroing(in) && in->modrm_off &&
	       in->opcode != 0xc7 && in->reg == in->rm;
}

static bool mentions(const struct x86_insn *in, uint8_t reg)
{
	struct x86_trail t = x86_trail_of(in);

	return !(in->attrs & X86_A_NOP) &&
	       (uses(in, reg) || x86_names_register(&t, reg));
}

static bool is_call(const struct x86_insn *in)
{
	return in->kind == X86_CALL || in->kind == X86_CALL_IND;
}

/* rbx, rsp, rbp, r12 to r15 survive a call. */
static bool survives_call(uint8_t reg)
{
	return (reg >= 3 && reg <= 5) || reg >= 12;
}

/* ---- what registers hold ------------------------------------------------------ */

/* add of one register to another: which to which? */
static bool is_sum(const struct follow *f, const struct x86_insn *in,
		   uint8_t *from, uint8_t *to)
{
	if (in->enc != X86_LEGACY || in->map != 0 || !(in->rex & 8) ||
	    (in->attrs & X86_A_MEM) ||
	    (in->opcode != 0x01 && in->opcode != 0x03))
		return false;
	*from = in->opcode == 0x01 ? in->reg : in->rm;
	*to = in->opcode == 0x01 ? in->rm : in->reg;
	return *from < 16 && *to < 16 && f->holds[*from] == A_LABEL &&
	       f->holds[*to] == AN_OFFSET;
}

static enum holds held_after(const struct follow *f, const struct x86_insn *in,
			     uint8_t reg, uint64_t *at)
{
	const struct x86_flow *flow = f->s->flow;
	bool plain = in->enc == X86_LEGACY && in->map == 0 && (in->rex & 8);
	uint8_t from, to;

	*at = f->at[reg];
	if (is_sum(f, in, &from, &to))
		return reg == to ? A_SUM : f->holds[reg];
	if (plain && in->opcode == 0x8d && in->reg == reg &&
	    (in->attrs & X86_A_RIPREL)) {
		*at = in->mem_addr;
		return x86_in_function(flow, *at) ? A_LABEL : DATA;
	}
	if (set_by(in) == reg && in->imm_size >= 4 &&
	    x86_in_function(flow, in->imm)) {
		*at = in->imm;
		return A_LABEL;
	}
	if (plain && in->opcode == 0x63 && in->reg == reg && in->scale == 4 &&
	    in->base < 16 && f->holds[in->base] == DATA &&
	    in->index != X86_REG_NONE) {
		*at = f->at[in->base];
		return AN_OFFSET;
	}
	if (is_call(in) || in->kind == X86_SYSCALL || set_by(in) == reg ||
	    mentions(in, reg))
		return ANY;
	return f->holds[reg];
}

static void note_holds(struct follow *f, const struct x86_insn *in)
{
	uint8_t holds[16];
	uint64_t at[16];

	for (uint8_t i = 0; i < 16; i++)
		holds[i] = (uint8_t)held_after(f, in, i, &at[i]);
	for (uint8_t i = 0; i < 16; i++) {
		f->holds[i] = holds[i];
		f->at[i] = at[i];
	}
}

static void forget_holds(struct follow *f)
{
	for (uint8_t i = 0; i < 16; i++)
		f->holds[i] = ANY;
}

/* ---- following ------------------------------------------------------------------ */

static bool is_branch(const struct x86_insn *in)
{
	return in->target || in->kind == X86_JMP_IND || is_call(in);
}

/* setcc: a byte */
static bool sets_byte(const struct x86_insn *in, uint8_t reg)
{
	return in->enc == X86_LEGACY && in->map == 1 &&
	       (in->opcode & 0xf0) == 0x90 && !(in->attrs & X86_A_MEM) &&
	       in->rm == reg && (in->rex || reg < 4);
}

/* movzx of its own low byte or word: what is left is no address */
static bool cuts_itself(const struct x86_insn *in, uint8_t reg)
{
	return in->enc == X86_LEGACY && in->map == 1 && is_whole(in) &&
	       (in->opcode & 0xfe) == 0xb6 && !(in->attrs & X86_A_MEM) &&
	       in->reg == reg;
}

static bool jumps_to(const struct x86_insn *in, uint8_t reg)
{
	return in->kind == X86_JMP_IND && !(in->attrs & X86_A_MEM) &&
	       in->rm == reg;
}

/*
 * A label that is kept in memory, by a function that goes nowhere it could come
 * from, is one that others are told.
 */
static bool stores(const struct x86_insn *in, uint8_t reg)
{
	return in->enc == X86_LEGACY && in->map == 0 && in->opcode == 0x89 &&
	       (in->rex & 8) && (in->attrs & X86_A_MEM) && in->reg == reg &&
	       in->base != reg && in->index != reg;
}

/* Less an address: what comes out is none, until one is added again. */
static bool subtracts(const struct x86_insn *in, uint8_t reg)
{
	if (in->enc != X86_LEGACY || in->map != 0 || (in->attrs & X86_A_MEM) ||
	    in->reg == in->rm)
		return false;
	return (in->opcode == 0x29 && in->reg == reg) ||
	       (in->opcode == 0x2b && in->rm == reg);
}

/* The register may hold an address of code: and behind @in? */
static bool still_holds(struct follow *f, const struct x86_insn *in)
{
	uint8_t from, to;

	if (is_sum(f, in, &from, &to) && from == f->reg)
		return true;
	if ((jumps_to(in, f->reg) || subtracts(in, f->reg)) && !f->dirty)
		return true;
	if (cuts_itself(in, f->reg) ||
	    (set_by(in) == f->reg && !sets_from_itself(in, f->reg))) {
		f->dirty = false;
		return false;
	}
	if (sets_byte(in, f->reg))
		f->dirty = true;
	else if (mentions(in, f->reg) &&
		 (!stores(in, f->reg) || f->s->goes || f->dirty))
		f->broken |= f->judge;
	if (is_call(in)) {
		/* who unwinds the stack may come back elsewhere with it */
		f->broken |= f->judge && survives_call(f->reg);
		return f->reg != 0 && f->reg != 2;
	}
	return !(in->kind == X86_SYSCALL &&
		 (f->reg == 0 || f->reg == 1 || f->reg == 11));
}

/* A jump that jump.c took for one to a label plus an offset: is it, for sure? */
static void judge_jump(struct follow *f, const struct x86_insn *in)
{
	if (in->rm < 16 && f->holds[in->rm] != A_SUM &&
	    x86_scan_is_label_jump(f->s, in))
		f->s->wants_no_table = true;
}

/* B2 */
static void collect(struct follow *f, const struct x86_insn *in)
{
	uint64_t label, table;
	uint8_t from, to;

	if (!is_sum(f, in, &from, &to))
		return;
	label = f->at[from];
	table = f->at[to];
	for (unsigned int i = 0; i < f->nr_pairs; i++)
		if (f->pairs[i][0] == label && f->pairs[i][1] == table)
			return;
	if (f->nr_pairs == PAIRS) {
		f->broken = true;
		return;
	}
	f->pairs[f->nr_pairs][0] = label;
	f->pairs[f->nr_pairs++][1] = table;
	f->s->sum = true;
	x86_label_table(f->s, table, label);
	f->s->sum = false;
}

static void step(struct follow *f, const struct x86_insn *in)
{
	uint64_t at;
	enum holds gets = held_after(f, in, f->reg, &at);

	if (f->here)
		f->here = still_holds(f, in);
	if (gets == A_LABEL || gets == A_SUM)
		f->here = true;
	if (f->judge && in->kind == X86_JMP_IND && !(in->attrs & X86_A_MEM))
		judge_jump(f, in);
	if (!f->here)
		return;
	f->broken |= f->judge && f->dirty && is_branch(in);
	if (in->kind == X86_JMP_IND && !(in->attrs & X86_A_MEM) &&
	    in->rm < 16 && f->holds[in->rm] == A_SUM)
		f->at_sum = true;
	else if (in->kind == X86_JMP_IND)
		f->at_jump = true;
	if (in->target &&
	    (in->kind != X86_CALL || x86_in_function(f->s->flow, in->target)))
		spread_to(f, in->target);
	if (!(in->attrs & X86_A_NOFALL))
		spread_to(f, in->next);
}

static bool sweep(struct follow *f)
{
	const struct x86_flow *flow = f->s->flow;
	const struct x86_facts *facts = f->s->facts;
	uint64_t at = flow->start;
	struct x86_insn in;

	f->changed = false;
	f->dirty = false;
	forget_holds(f);
	f->s->nr_trail = 0;
	f->s->from_start = true;
	while (at < flow->end) {
		if (x86_read_insn(&f->s->reader, &in, at, flow->end))
			return false;
		if (bit(facts->targets, at - flow->start)) {
			forget_holds(f);
			f->broken |= f->judge && f->dirty;
			f->dirty = false;
		}
		f->here = bit(facts->scratch, at - flow->start);
		if (f->collect)
			collect(f, &in);
		else
			step(f, &in);
		note_holds(f, &in);
		x86_scan_trail(f->s, &in);
		if (in.attrs & X86_A_NOFALL)
			forget_holds(f);
		at = in.next;
	}
	if (f->at_sum || f->at_jump)
		spread_to_all(f, facts->sums);
	if (f->at_jump)
		spread_to_all(f, facts->entries);
	return true;
}

static bool follow(struct x86_scan *s, uint8_t reg)
{
	struct follow f = { .s = s, .reg = reg };
	unsigned int n = 0;

	for (size_t i = 0; i < x86_facts_bytes(s->flow); i++)
		s->facts->scratch[i] = 0;
	do {
		if (n++ == SWEEPS || !sweep(&f))
			return false;
	} while (f.changed);
	f.judge = true;
	return sweep(&f) && !f.broken;
}

bool x86_bases_are_followed(struct x86_scan *s)
{
	struct follow sums = { .s = s, .collect = true };

	if (!s->facts || s->flow->nr_parts ||
	    s->flow->end - s->flow->start > FOLLOWED_MAX)
		return false;
	if (!sweep(&sums) || sums.broken || s->unresolved)
		return false;
	for (uint8_t reg = 0; reg < 16; reg++)
		if (!follow(s, reg))
			return false;
	return true;
}

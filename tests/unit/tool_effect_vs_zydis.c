/* SPDX-License-Identifier: MIT */
/* link: tool/watch/effect.c x86-insn -lZydis */
/*
 * tool_effect_vs_zydis.c - what an instruction writes, beside what Zydis says of it
 *
 * Random instructions of all maps, and random registers.  Where Zydis names an operand
 * in memory that is written, ours must be at the same place and have all of its
 * bytes; where it names none, nothing may be said to be written.
 *
 * TL_SEED replays a run.
 */
#include <stdio.h>
#include <string.h>
#include <Zydis/Zydis.h>

#include <insn.h>

#include "effect.h"
#include "tl_test.h"

#define NR_RANDOM 3000000
#define AT	  0x401000

static ZydisDecoder zydis;
static uint64_t seed;

struct theirs {
	ZydisDecodedInstruction in;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
};

static void show(const uint8_t *code, const struct theirs *t, const char *what,
		 uint64_t ours, uint64_t expected)
{
	char line[200];
	int n = snprintf(line, sizeof(line), "# %s: ours %#lx, not %#lx:", what,
			 (unsigned long)ours, (unsigned long)expected);

	for (unsigned int i = 0; i < t->in.length; i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %02x",
			      code[i]);
	n += snprintf(line + n, sizeof(line) - (size_t)n, " %s\n",
		      ZydisMnemonicGetString(t->in.mnemonic));
	tl_test_write(line, (size_t)n);
	CHECK(false);
}

/* Opcodes that begin with 62, c4, c5, 0f, and any: prefixes before the last two. */
static void make_code(uint8_t *code)
{
	static const uint8_t prefixes[] = {
		0x66, 0xf2, 0xf3, 0x67, 0xf0, 0x64
	};
	static const uint8_t maps[] = { 1, 2, 3, 5, 1, 2, 3, 1 };
	uint64_t r = tl_test_random(&seed);
	unsigned int n = 0;

	for (unsigned int i = 0; i < 16; i++)
		code[i] = (uint8_t)(tl_test_random(&seed) >> 32);
	switch (r & 7) {
	case 0:
	case 1:
		code[0] = 0x62;
		code[1] = (code[1] & 0xf0) | maps[r >> 8 & 7];
		code[2] |= r & 0x100000 ? 0x7c : 4;
		code[3] |= r & 0x100000 ? 8 : 0;
		return;
	case 2:
		code[0] = 0xc4;
		code[1] = (code[1] & 0xe0) | (1 + (r >> 8) % 3);
		code[2] |= r & 0x100000 ? 0x78 : 0;
		return;
	case 3:
		code[0] = 0xc5;
		code[1] |= r & 0x100000 ? 0x78 : 0;
		return;
	}
	for (unsigned int k = r >> 8 & 1; k; k--)
		code[n++] = prefixes[(r >> 16 & 0xff) % sizeof(prefixes)];
	if (r >> 24 & 1)
		code[n++] = 0x40 | (r >> 25 & 15);
	if ((r & 7) < 6)
		return;
	code[n++] = 0x0f;
	if (r & 1 && r >> 32 & 1)
		code[n++] = r >> 33 & 1 ? 0x38 : 0x3a;
}

/* What no operand of Zydis' tells, or not all of it. */
static bool is_left_out(const struct theirs *t)
{
	switch (t->in.mnemonic) {
	case ZYDIS_MNEMONIC_XSAVE:
	case ZYDIS_MNEMONIC_XSAVE64:
	case ZYDIS_MNEMONIC_XSAVEC:
	case ZYDIS_MNEMONIC_XSAVEC64:
	case ZYDIS_MNEMONIC_XSAVEOPT:
	case ZYDIS_MNEMONIC_XSAVEOPT64:
	case ZYDIS_MNEMONIC_XSAVES:
	case ZYDIS_MNEMONIC_XSAVES64:	/* as much as the state has */
	case ZYDIS_MNEMONIC_TILESTORED: /* lines of a matrix */
	case ZYDIS_MNEMONIC_CLZERO:	/* no operand is told */
	case ZYDIS_MNEMONIC_ENQCMD:	/* to a device */
	case ZYDIS_MNEMONIC_ENQCMDS:
	case ZYDIS_MNEMONIC_RSTORSSP: /* shadow stacks */
	case ZYDIS_MNEMONIC_CLRSSBSY:
		return true;
	case ZYDIS_MNEMONIC_ENTER: /* the first of what is pushed is told */
		return t->in.raw.imm[1].value.u & 31;
	case ZYDIS_MNEMONIC_BT:
	case ZYDIS_MNEMONIC_BTC:
	case ZYDIS_MNEMONIC_BTR:
	case ZYDIS_MNEMONIC_BTS: /* how far away the bit is, is not told */
		return !t->in.raw.imm[0].size;
	case ZYDIS_MNEMONIC_POP: /* nor that rsp has moved (SDM vol. 2, POP) */
		return (t->in.raw.modrm.offset && t->in.raw.sib.offset);
	default:
		return t->in.meta.isa_ext == ZYDIS_ISA_EXT_MPX;
	}
}

/* With 67 it takes no base for ebp or r13d (SDM vol. 2, table 2-3: none). */
static bool has_wrong_base(const struct theirs *t)
{
	return t->in.address_width == 32 && t->in.raw.sib.offset &&
	       t->in.raw.sib.base == 5 && !t->in.raw.modrm.mod;
}

static bool is_a_vector_of_addresses(const ZydisDecodedOperand *op)
{
	return op->mem.type == ZYDIS_MEMOP_TYPE_VSIB;
}

static const ZydisDecodedOperand *written(const struct theirs *t)
{
	for (unsigned int i = 0; i < t->in.operand_count; i++)
		if (t->ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    t->ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			return &t->ops[i];
	return NULL;
}

/* Where it is with registers @r; the stack is below rsp. */
static uint64_t place(const struct theirs *t, const ZydisDecodedOperand *op,
		      const struct effect_regs *r)
{
	ZydisRegisterContext c = { 0 };
	ZyanU64 at = 0;

	for (unsigned int n = 0; n < 16; n++) {
		c.values[ZYDIS_REGISTER_RAX + n] = r->gp[n];
		c.values[ZYDIS_REGISTER_EAX + n] = (uint32_t)r->gp[n];
	}
	if (t->in.mnemonic != ZYDIS_MNEMONIC_MOVDIR64B &&
	    op->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN &&
	    op->mem.segment == ZYDIS_REGISTER_SS)
		return r->gp[4] - op->size / 8;
	ZydisCalcAbsoluteAddressEx(&t->in, op, AT, &c, &at);
	return at;
}

/* The operand that ModRM names, if it is the only one and registers tell its place. */
static const ZydisDecodedOperand *named(const struct theirs *t)
{
	if (t->in.mnemonic == ZYDIS_MNEMONIC_POP ||
	    t->in.mnemonic == ZYDIS_MNEMONIC_MOVDIR64B ||
	    t->in.mnemonic == ZYDIS_MNEMONIC_PUSH || t->in.meta.branch_type)
		return NULL;
	for (unsigned int i = 0; i < t->in.operand_count_visible; i++)
		if (t->ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    t->ops[i].mem.type == ZYDIS_MEMOP_TYPE_MEM &&
		    t->ops[i].visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT &&
		    t->ops[i].size)
			return &t->ops[i];
	return NULL;
}

/* Behind it, with registers that it has let be: the last byte of its operand. */
static void judge_behind(const uint8_t *code, const struct x86_insn *in,
			 const struct theirs *t, struct effect_regs *r)
{
	const ZydisDecodedOperand *op = named(t);
	bool evex = in->enc == X86_EVEX && in->disp_size == 1;
	struct effect e;
	uint64_t at;
	bool writes;

	if (!op || in->prefixes & (X86_P_FS | X86_P_GS))
		return;
	at = place(t, op, r) + op->size / 8 - 1;
	writes = op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
	r->ip = in->next;
	if (!effect_find(&e, code, in->len, AT, true, r, at, 1)) {
		show(code, t, "found", 0, 1);
		return;
	}
	if (e.ip != AT || (e.kind != EFFECT_READ) != writes)
		show(code, t, "written", e.kind, writes);
	else if (!e.certain && (writes || !evex))
		show(code, t, "certain", 0, 1);
}

static void judge(const uint8_t *code, const struct x86_insn *in,
		  const struct theirs *t)
{
	const ZydisDecodedOperand *op = written(t);
	struct effect_regs r = { .ip = AT };
	uint64_t addr = 0, len = 0, want;
	bool is;

	for (unsigned int n = 0; n < 16; n++)
		r.gp[n] = tl_test_random(&seed) >> 20;
	judge_behind(code, in, t, &r);
	is = effect_operand(in, code, &r, 0, 0, &addr, &len);
	if (!op) {
		if (is)
			show(code, t, "write", 1, 0);
		return;
	}
	if (!is) {
		if (!is_a_vector_of_addresses(op))
			show(code, t, "write", 0, 1);
		return;
	}
	want = place(t, op, &r);
	if (addr != want)
		show(code, t, "address", addr, want);
	else if (len != op->size / 8)
		show(code, t, "bytes", len, op->size / 8);
}

TL_TEST(what_an_instruction_writes_is_what_zydis_says)
{
	uint64_t compared = 0;
	uint8_t code[16];
	struct x86_insn in;
	struct theirs t;

	seed = tl_test_seed;
	ZydisDecoderInit(&zydis, ZYDIS_MACHINE_MODE_LONG_64,
			 ZYDIS_STACK_WIDTH_64);
	for (unsigned int i = 0; i < NR_RANDOM; i++) {
		make_code(code);
		if (x86_decode(&in, code, X86_INSN_MAX, AT) ||
		    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(
			    &zydis, code, X86_INSN_MAX, &t.in, t.ops)) ||
		    is_left_out(&t) || has_wrong_base(&t))
			continue;
		compared++;
		judge(code, &in, &t);
	}
	CHECK(compared > NR_RANDOM / 10);
}

/* SPDX-License-Identifier: MIT */
/* link: tool/watch/carry.c x86-insn */
/*
 * tool_carry.c - a store that is carried out is what the CPU would have done
 *
 * Each form is executed with random registers, flags and memory, and memory, registers
 * and flags, undefined ones as well, are compared with what carry_out() says.
 */
#define _GNU_SOURCE
#include <string.h>

#include <insn.h>

#include "carry.h"
#include "insn_fixture.h"
#include "tl_test.h"

#define AREA	 256
#define MIDDLE	 128
#define FLAGS	 0xcd5u
#define FLAG_TF	 (1u << 8)
#define FLAG_RF	 (1u << 16)
#define FLAG_AC	 (1u << 18)
#define FLAG_ONE 2u

#define RBX 3
#define RSP 4
#define RSI 6

static uint8_t *area(void)
{
	return page + 4096;
}

static void randomize(void)
{
	for (unsigned int n = 0; n < 16; n++)
		image()->gp[n] = tl_test_random(&seed);
	image()->gp[RBX] = (uint64_t)(area() + MIDDLE);
	image()->gp[RSI] = tl_test_random(&seed) % 16;
	image()->flags = (tl_test_random(&seed) & FLAGS) | FLAG_ONE;
	for (size_t i = 0; i < AREA; i++)
		area()[i] = (uint8_t)tl_test_random(&seed);
	/* Where carries come from. */
	if (tl_test_random(&seed) % 4 == 0)
		memset(area(), tl_test_random(&seed) & 1 ? 0xff : 0, AREA);
}

static unsigned int tried;

static void try_once(const struct x86_insn *in)
{
	static uint8_t before[AREA];
	struct effect_regs r = { .ip = in->addr };
	struct carry c;
	uint64_t old = 0;
	size_t off;

	randomize();
	memcpy(before, area(), AREA);
	memcpy(r.gp, image()->gp, sizeof(r.gp));
	r.flags = image()->flags | FLAG_RF;
	((void (*)(void))(uintptr_t)page)();
	r.gp[RSP] = image()->gp[RSP]; /* which nothing here changes */
	REQUIRE(carry_plan(&c, in, &r));
	off = (size_t)(c.addr - (uint64_t)area());
	REQUIRE(off + c.size <= AREA);
	if (c.reads)
		memcpy(&old, before + off, c.size);
	else
		old = tl_test_random(&seed);
	carry_out(&c, &r, old);
	memcpy(before + off, &c.value, c.size);
	if (c.changes)
		r.gp[c.n] = c.gp;
	CHECK_MEM(area(), before, AREA);
	CHECK_MEM(image()->gp, r.gp, sizeof(r.gp));
	CHECK_EQ(image()->flags & FLAGS, c.flags & FLAGS);
	CHECK_EQ(c.flags & ~(uint64_t)FLAGS, FLAG_ONE);
	CHECK_EQ(c.ip, in->next);
	tried++;
}

static const struct row {
	const char *name;
	uint8_t map, op;
	int group;	  /* of a group; -1: a register */
	unsigned int imm; /* bytes; 4: as many as the operand, up to 4 */
	bool lock;	  /* it may have that prefix */
} rows[] = {
	/* clang-format off */
	{ "add b",   0, 0x00, -1, 0, true },  { "add",    0, 0x01, -1, 0, true },
	{ "or b",    0, 0x08, -1, 0, true },  { "or",     0, 0x09, -1, 0, true },
	{ "adc b",   0, 0x10, -1, 0, true },  { "adc",    0, 0x11, -1, 0, true },
	{ "sbb b",   0, 0x18, -1, 0, true },  { "sbb",    0, 0x19, -1, 0, true },
	{ "and b",   0, 0x20, -1, 0, true },  { "and",    0, 0x21, -1, 0, true },
	{ "sub b",   0, 0x28, -1, 0, true },  { "sub",    0, 0x29, -1, 0, true },
	{ "xor b",   0, 0x30, -1, 0, true },  { "xor",    0, 0x31, -1, 0, true },
	{ "add ib",  0, 0x80, 0, 1, true },   { "or ib",  0, 0x80, 1, 1, true },
	{ "adc ib",  0, 0x80, 2, 1, true },   { "sbb ib", 0, 0x80, 3, 1, true },
	{ "and ib",  0, 0x80, 4, 1, true },   { "sub ib", 0, 0x80, 5, 1, true },
	{ "xor ib",  0, 0x80, 6, 1, true },
	{ "add i",   0, 0x81, 0, 4, true },   { "or i",   0, 0x81, 1, 4, true },
	{ "adc i",   0, 0x81, 2, 4, true },   { "sbb i",  0, 0x81, 3, 4, true },
	{ "and i",   0, 0x81, 4, 4, true },   { "sub i",  0, 0x81, 5, 4, true },
	{ "xor i",   0, 0x81, 6, 4, true },
	{ "add i8",  0, 0x83, 0, 1, true },   { "or i8",  0, 0x83, 1, 1, true },
	{ "adc i8",  0, 0x83, 2, 1, true },   { "sbb i8", 0, 0x83, 3, 1, true },
	{ "and i8",  0, 0x83, 4, 1, true },   { "sub i8", 0, 0x83, 5, 1, true },
	{ "xor i8",  0, 0x83, 6, 1, true },
	{ "mov b",   0, 0x88, -1, 0, false }, { "mov",    0, 0x89, -1, 0, false },
	{ "mov ib",  0, 0xc6, 0, 1, false },  { "mov i",  0, 0xc7, 0, 4, false },
	{ "xchg b",  0, 0x86, -1, 0, true },  { "xchg",   0, 0x87, -1, 0, true },
	{ "xadd b",  1, 0xc0, -1, 0, true },  { "xadd",   1, 0xc1, -1, 0, true },
	{ "inc b",   0, 0xfe, 0, 0, true },   { "dec b",  0, 0xfe, 1, 0, true },
	{ "inc",     0, 0xff, 0, 0, true },   { "dec",    0, 0xff, 1, 0, true },
	{ "not b",   0, 0xf6, 2, 0, true },   { "neg b",  0, 0xf6, 3, 0, true },
	{ "not",     0, 0xf7, 2, 0, true },   { "neg",    0, 0xf7, 3, 0, true },
	{ "seto",    1, 0x90, 0, 0, false },  { "setno",  1, 0x91, 0, 0, false },
	{ "setc",    1, 0x92, 0, 0, false },  { "setnc",  1, 0x93, 0, 0, false },
	{ "setz",    1, 0x94, 0, 0, false },  { "setnz",  1, 0x95, 0, 0, false },
	{ "setna",   1, 0x96, 0, 0, false },  { "seta",   1, 0x97, 0, 0, false },
	{ "sets",    1, 0x98, 0, 0, false },  { "setns",  1, 0x99, 0, 0, false },
	{ "setp",    1, 0x9a, 0, 0, false },  { "setnp",  1, 0x9b, 0, 0, false },
	{ "setl",    1, 0x9c, 0, 0, false },  { "setge",  1, 0x9d, 0, 0, false },
	{ "setle",   1, 0x9e, 0, 0, false },  { "setg",   1, 0x9f, 0, 0, false },
	/* clang-format on */
};

enum place { AT_BASE, AT_DISP, AT_INDEX, AT_RIP, PLACES };

/* ModRM and what follows, but for the displacement from rip; length. */
static size_t put_place(uint8_t *out, enum place place, unsigned int reg)
{
	uint8_t field = (uint8_t)((reg & 7) << 3);

	switch (place) {
	case AT_BASE:
		out[0] = 0x03 | field;
		return 1;
	case AT_DISP:
		out[0] = 0x43 | field;
		out[1] = 0xf0; /* -16 */
		return 2;
	case AT_INDEX: /* 4(%rbx,%rsi,2) */
		out[0] = 0x44 | field;
		out[1] = 0x73;
		out[2] = 4;
		return 3;
	default:
		out[0] = 0x05 | field;
		return 5;
	}
}

struct form {
	const struct row *row;
	uint8_t rex;
	bool wide16, lock;
	unsigned int reg;
	enum place place;
};

static void try_form(const struct form *f)
{
	const struct row *row = f->row;
	size_t n = 0, imm = row->imm, modrm, start;
	struct x86_insn in;
	uint8_t insn[16];
	int32_t rel;

	if (f->lock)
		insn[n++] = 0xf0;
	if (f->wide16)
		insn[n++] = 0x66;
	if (f->rex)
		insn[n++] = (uint8_t)(f->rex | (f->reg >> 3) << 2);
	if (row->map)
		insn[n++] = 0x0f;
	insn[n++] = row->op;
	modrm = n;
	n += put_place(insn + n, f->place,
		       row->group >= 0 ? (unsigned int)row->group : f->reg);
	if (imm == 4 && f->wide16 && !(f->rex & 8))
		imm = 2;
	while (imm--)
		insn[n++] = (uint8_t)tl_test_random(&seed);
	start = emit(insn, n); /* for its place alone */
	if (f->place == AT_RIP) {
		rel = (int32_t)(4096 + MIDDLE - 24) - (int32_t)(start + n);
		memcpy(insn + modrm + 1, &rel, 4);
		start = emit(insn, n);
	}
	REQUIRE(!x86_decode(&in, insn, n, (uint64_t)page + start));
	REQUIRE(in.len == n);
	for (unsigned int round = 0; round < 12; round++)
		try_once(&in);
}

/* An exchange with the stack pointer would lose it. */
static bool spares_the_stack(const struct row *row, unsigned int reg, bool rex)
{
	bool changes = row->op == 0x86 || row->op == 0x87 ||
		       (row->map && row->op <= 0xc1 && row->op >= 0xc0);
	bool byte = !(row->op & 1);

	return !changes || reg != RSP || (byte && !rex);
}

static void try_register(const struct row *row, uint8_t rex, unsigned int reg)
{
	struct form f = { .row = row, .rex = rex, .reg = reg };

	for (f.place = 0; f.place < PLACES; f.place++)
		for (unsigned int k = 0; k < 4; k++) {
			f.wide16 = k & 1;
			f.lock = k & 2;
			if (!f.lock || row->lock)
				try_form(&f);
		}
}

TL_TEST(what_is_carried_out_is_what_the_cpu_does)
{
	static const uint8_t rexes[] = { 0, 0x40, 0x48 };

	REQUIRE(start_page());
	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		ROW(rows[i].name);
		tried = 0;
		for (unsigned int k = 0; k < 3; k++)
			for (unsigned int reg = 0; reg < 16; reg++) {
				if ((reg > 7 && !rexes[k]) ||
				    (rows[i].group >= 0 && reg) ||
				    !spares_the_stack(&rows[i], reg, rexes[k]))
					continue;
				try_register(&rows[i], rexes[k], reg);
			}
		CHECK(tried > 0);
	}
}

static bool is_planned(const uint8_t *code, size_t len,
		       const struct effect_regs *r)
{
	struct x86_insn in;
	struct carry c;

	CHECK(!x86_decode(&in, code, len, 0x1000));
	return carry_plan(&c, &in, r);
}

TL_TEST(what_is_not_certain_is_left_to_its_thread)
{
	static const struct {
		const char *name;
		uint8_t code[12];
		size_t len;
	} all[] = {
		{ "cmp", { 0x48, 0x39, 0x03 }, 3 },
		{ "cmp i8", { 0x83, 0x3b, 0x01 }, 3 },
		{ "test", { 0x85, 0x03 }, 2 },
		{ "load", { 0x8b, 0x03 }, 2 },
		{ "shl", { 0xd1, 0x23 }, 2 },
		{ "shr i", { 0xc1, 0x2b, 0x03 }, 3 },
		{ "rol cl", { 0xd3, 0x03 }, 2 },
		{ "cmpxchg", { 0x0f, 0xb1, 0x0b }, 3 },
		{ "push m", { 0xff, 0x33 }, 2 },
		{ "call m", { 0xff, 0x13 }, 2 },
		{ "pop m", { 0x8f, 0x03 }, 2 },
		{ "mul", { 0xf7, 0x23 }, 2 },
		{ "bts", { 0x0f, 0xab, 0x0b }, 3 },
		{ "stos", { 0xaa }, 1 },
		{ "movnti", { 0x0f, 0xc3, 0x03 }, 3 },
		{ "movups", { 0x0f, 0x11, 0x03 }, 3 },
		{ "mov fs", { 0x64, 0x89, 0x03 }, 3 },
		{ "mov gs", { 0x65, 0x89, 0x03 }, 3 },
		{ "mov a32", { 0x67, 0x89, 0x03 }, 3 },
		{ "xacquire", { 0xf2, 0xf0, 0x01, 0x03 }, 4 },
		{ "mov sreg", { 0x8c, 0x1b }, 2 },
		{ "add r", { 0x01, 0xc3 }, 2 },
	};
	static const uint8_t mov[] = { 0x48, 0x89, 0x03 };
	static const uint8_t lock_add[] = { 0xf0, 0x48, 0x01, 0x03 };
	static const uint8_t xchg[] = { 0x48, 0x87, 0x03 };
	struct effect_regs r = { .flags = FLAG_ONE };

	r.gp[RBX] = 0x2000;
	for (size_t i = 0; i < TL_ARRAY_SIZE(all); i++) {
		ROW(all[i].name);
		CHECK(!is_planned(all[i].code, all[i].len, &r));
	}
	CHECK(is_planned(mov, sizeof(mov), &r));
	r.flags |= FLAG_TF;
	CHECK(!is_planned(mov, sizeof(mov), &r));
	r.flags = FLAG_ONE | FLAG_AC;
	CHECK(!is_planned(mov, sizeof(mov), &r));
	/* A lock over two lines. */
	r.flags = FLAG_ONE;
	CHECK(is_planned(lock_add, sizeof(lock_add), &r));
	r.gp[RBX] = 0x2000 + 60;
	CHECK(!is_planned(lock_add, sizeof(lock_add), &r));
	CHECK(!is_planned(xchg, sizeof(xchg), &r));
	CHECK(is_planned(mov, sizeof(mov), &r));
	r.gp[RBX] = 0x2000 + 56;
	CHECK(is_planned(lock_add, sizeof(lock_add), &r));
}

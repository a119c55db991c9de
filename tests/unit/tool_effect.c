/* SPDX-License-Identifier: MIT */
/* link: tool/watch/effect.c x86-insn */
/*
 * tool_effect.c - what an instruction wrote, said from the registers behind it
 *
 * Each instruction is executed with random registers and memory, and what the CPU
 * made of it is compared with what is said.
 */
#define _GNU_SOURCE
#include <string.h>

#include <insn.h>

#include "effect.h"
#include "insn_fixture.h"
#include "tl_test.h"

static uint8_t buffer[256] __attribute__((aligned(64)));

static void randomize(void)
{
	uint64_t place = (uint64_t)(buffer + 128);

	for (unsigned int n = 0; n < 16; n++)
		image()->gp[n] = tl_test_random(&seed);
	image()->gp[3] = place; /* rbx */
	image()->gp[7] = place; /* rdi */
	image()->gp[6] = (uint64_t)buffer + 16;
	image()->gp[1] = tl_test_random(&seed) % 70; /* rcx, for shifts */
	image()->flags = (tl_test_random(&seed) & 0x8d5) | 2;
	for (size_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = (uint8_t)tl_test_random(&seed);
	/* So that comparing and exchanging comes out both ways. */
	if (tl_test_random(&seed) & 1)
		memcpy(&image()->gp[0], buffer + 128, 8);
}

static unsigned int told;     /* values, of the instruction under test */
static unsigned int foretold; /* and operands */

/* After the run: what is said of the bytes from @addr on? */
static void judge(size_t start, size_t len, const uint8_t *before,
		  uint64_t addr, size_t n)
{
	size_t off = (size_t)(addr - (uint64_t)buffer);
	struct effect_regs r = { .ip = (uint64_t)page + start + len,
				 .flags = image()->flags };
	uint8_t new_value[8], old[8];
	struct effect e;

	memcpy(r.gp, image()->gp, sizeof(r.gp));
	if (!effect_find(&e, page + start, len, (uint64_t)page + start, true,
			 &r, addr, n) ||
	    !e.certain) {
		/* It must not have written there. */
		CHECK_MEM(buffer + off, before + off, n);
		return;
	}
	CHECK_EQ(e.ip, (uint64_t)page + start);
	if (e.old_known && e.addr <= addr && e.addr + e.size >= addr + n) {
		memcpy(old, (const uint8_t *)&e.old + (addr - e.addr), n);
		CHECK_MEM(old, before + off, n);
	}
	memcpy(old, before + off, n);
	if (!effect_apply(&e, addr, n, old, true, new_value))
		return;
	CHECK_MEM(new_value, buffer + off, n);
	told++;
}

/* Before the run: what it is going to write covers all that it has written. */
static void judge_operand(const struct x86_insn *in, const uint8_t *code,
			  const struct effect_regs *r, const uint8_t *before)
{
	uint64_t addr, len;
	bool is = effect_operand(in, code, r, 0, 0, &addr, &len);
	size_t first = sizeof(buffer), last = 0;

	for (size_t i = 0; i < sizeof(buffer); i++)
		if (buffer[i] != before[i]) {
			first = first < i ? first : i;
			last = i + 1;
		}
	if (first >= last)
		return;
	CHECK(is);
	CHECK(addr <= (uint64_t)buffer + first);
	CHECK(addr + len >= (uint64_t)buffer + last);
	CHECK(len <= 16);
	foretold++;
}

static void try_insn(const uint8_t *insn, size_t len)
{
	static uint8_t before[sizeof(buffer)];
	size_t start = emit(insn, len);
	struct x86_insn in;

	REQUIRE(!x86_decode(&in, insn, len, (uint64_t)page + start));
	told = 0;
	for (unsigned int round = 0; round < 8; round++) {
		struct effect_regs r = { .ip = in.addr };

		randomize();
		memcpy(before, buffer, sizeof(buffer));
		memcpy(r.gp, image()->gp, sizeof(r.gp));
		((void (*)(void))(uintptr_t)page)();
		judge_operand(&in, insn, &r, before);
		for (size_t n = 1; n <= 8; n *= 2)
			for (uint64_t a = 112; a < 152; a += n)
				judge(start, len, before, (uint64_t)buffer + a,
				      n);
	}
}

/*
 * Opcodes with a ModRM operand, (%rbx) and 8(%rbx).  `/`: which of a group, -1:
 * a register.  All that is written is known, or never.
 */
static const struct row {
	const char *name;
	uint8_t map, op;
	int group;
	unsigned int imm; /* bytes; 4: as many as the operand, up to 4 */
	bool known;
} rows[] = {
	{ "add b", 0, 0x00, -1, 0, true },
	{ "add", 0, 0x01, -1, 0, true },
	{ "or b", 0, 0x08, -1, 0, true },
	{ "or", 0, 0x09, -1, 0, true },
	{ "adc", 0, 0x11, -1, 0, false },
	{ "sbb", 0, 0x19, -1, 0, false },
	{ "and b", 0, 0x20, -1, 0, true },
	{ "and", 0, 0x21, -1, 0, true },
	{ "sub b", 0, 0x28, -1, 0, true },
	{ "sub", 0, 0x29, -1, 0, true },
	{ "xor b", 0, 0x30, -1, 0, true },
	{ "xor", 0, 0x31, -1, 0, true },
	{ "cmp", 0, 0x39, -1, 0, true },
	{ "add ib", 0, 0x80, 0, 1, true },
	{ "sub i", 0, 0x81, 5, 4, true },
	{ "and i", 0, 0x81, 4, 4, true },
	{ "xor i", 0, 0x81, 6, 4, true },
	{ "add i8", 0, 0x83, 0, 1, true },
	{ "sub i8", 0, 0x83, 5, 1, true },
	{ "or i8", 0, 0x83, 1, 1, true },
	{ "sbb i8", 0, 0x83, 3, 1, false },
	{ "mov b", 0, 0x88, -1, 0, true },
	{ "mov", 0, 0x89, -1, 0, true },
	{ "mov ib", 0, 0xc6, 0, 1, true },
	{ "mov i", 0, 0xc7, 0, 4, true },
	{ "inc b", 0, 0xfe, 0, 0, true },
	{ "dec b", 0, 0xfe, 1, 0, true },
	{ "inc", 0, 0xff, 0, 0, true },
	{ "dec", 0, 0xff, 1, 0, true },
	{ "not b", 0, 0xf6, 2, 0, true },
	{ "not", 0, 0xf7, 2, 0, true },
	{ "neg", 0, 0xf7, 3, 0, true },
	{ "shl i", 0, 0xc1, 4, 1, true },
	{ "shr i", 0, 0xc1, 5, 1, true },
	{ "sar ib", 0, 0xc0, 7, 1, true },
	{ "sar i", 0, 0xc1, 7, 1, true },
	{ "rol i", 0, 0xc1, 0, 1, false },
	{ "shl 1", 0, 0xd1, 4, 0, true },
	{ "shr 1", 0, 0xd0, 5, 0, true },
	{ "sar 1", 0, 0xd1, 7, 0, true },
	{ "shl cl", 0, 0xd3, 4, 0, true },
	{ "shr cl", 0, 0xd3, 5, 0, true },
	{ "sar cl", 0, 0xd3, 7, 0, true },
	{ "xchg b", 0, 0x86, -1, 0, false },
	{ "xchg", 0, 0x87, -1, 0, false },
	{ "cmpxchg b", 1, 0xb0, -1, 0, true },
	{ "cmpxchg", 1, 0xb1, -1, 0, true },
	{ "xadd b", 1, 0xc0, -1, 0, false },
	{ "xadd", 1, 0xc1, -1, 0, false },
	{ "seto", 1, 0x90, 0, 0, true },
	{ "setc", 1, 0x92, 0, 0, true },
	{ "setz", 1, 0x94, 0, 0, true },
	{ "setna", 1, 0x96, 0, 0, true },
	{ "sets", 1, 0x98, 0, 0, true },
	{ "setnp", 1, 0x9b, 0, 0, true },
	{ "setl", 1, 0x9c, 0, 0, true },
	{ "setg", 1, 0x9f, 0, 0, true },
	{ "movss", 1, 0x11, -1, 0, false },
};

/* With a byte register operand, whose exchanged register is not the address? */
static bool keeps_address(const struct row *row, unsigned int reg, bool rex)
{
	bool changes = row->op == 0x86 || row->op == 0x87 ||
		       (row->map && (row->op == 0xc0 || row->op == 0xc1));

	if (!changes)
		return true;
	/* bl and bh are part of rbx; spl is the stack. */
	return reg != 3 && reg != 4 && (rex || reg != 7);
}

static void try_row(const struct row *row, uint8_t rex, bool wide16,
		    unsigned int reg, bool disp)
{
	uint8_t insn[16];
	size_t n = 0, imm = row->imm;

	if (!keeps_address(row, reg, rex))
		return;
	if (wide16)
		insn[n++] = 0x66;
	if (rex)
		insn[n++] = (uint8_t)(rex | (reg >> 3) << 2);
	if (row->map)
		insn[n++] = 0x0f;
	insn[n++] = row->op;
	insn[n++] = (uint8_t)((disp ? 0x43 : 0x03) |
			      (row->group >= 0 ? (unsigned)row->group : reg & 7)
				      << 3);
	if (disp)
		insn[n++] = 8;
	if (imm == 4 && wide16 && !(rex & 8))
		imm = 2;
	while (imm--)
		insn[n++] = (uint8_t)tl_test_random(&seed);
	try_insn(insn, n);
	CHECK_EQ(told > 0, row->known);
}

TL_TEST(what_the_cpu_writes_is_what_is_said)
{
	static const uint8_t rexes[] = { 0, 0x40, 0x48 };

	REQUIRE(start_page());
	for (size_t i = 0; i < TL_ARRAY_SIZE(rows); i++) {
		ROW(rows[i].name);
		foretold = 0;
		for (unsigned int k = 0; k < 3; k++)
			for (unsigned int reg = 0; reg < 16; reg++) {
				if ((reg > 7 && !rexes[k]) ||
				    (rows[i].group >= 0 && reg))
					continue;
				try_row(&rows[i], rexes[k], false, reg, false);
				try_row(&rows[i], rexes[k], false, reg, true);
				if (rows[i].map == 0 || rows[i].group < 0)
					try_row(&rows[i], rexes[k],
						rows[i].op != 0x11, reg, true);
			}
		CHECK_EQ(foretold > 0, rows[i].op != 0x39); /* cmp */
	}
}

TL_TEST(what_a_vector_writes_is_foretold)
{
	static const struct {
		const char *name;
		uint8_t code[8];
		size_t len, bytes;
	} all[] = {
		{ "movups", { 0x0f, 0x11, 0x03 }, 3, 16 },
		{ "movlps", { 0x0f, 0x13, 0x03 }, 3, 8 },
		{ "movsd", { 0xf2, 0x0f, 0x11, 0x43, 0x08 }, 5, 8 },
		{ "vmovups x", { 0xc5, 0xf8, 0x11, 0x03 }, 4, 16 },
		{ "vmovups y", { 0xc5, 0xfc, 0x11, 0x03 }, 4, 32 },
		{ "vmovdqu y", { 0xc4, 0xe1, 0x7e, 0x7f, 0x03 }, 5, 32 },
		{ "vmovups z", { 0x62, 0xf1, 0x7c, 0x48, 0x11, 0x03 }, 6, 64 },
		{ "vmovups ye", { 0x62, 0xf1, 0x7c, 0x28, 0x11, 0x03 }, 6, 32 },
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(all); i++) {
		struct effect_regs r = { .ip = 0x1000 };
		uint64_t addr = 0, len = 0;
		struct x86_insn in;

		ROW(all[i].name);
		r.gp[3] = 0x2000;
		REQUIRE(!x86_decode(&in, all[i].code, all[i].len, 0x1000));
		CHECK(effect_operand(&in, all[i].code, &r, 0, 0, &addr, &len));
		CHECK_EQ(addr, all[i].code[3] == 0x43 ? 0x2008 : 0x2000);
		CHECK_EQ(len, all[i].bytes);
	}
}

TL_TEST(a_bit_may_be_far_from_its_operand)
{
	/* %ecx, of up to 69 bits: (%rbx), 8(%rbx) and (%rbx) */
	static const uint8_t bts[] = { 0x0f, 0xab, 0x0b },
			     btc[] = { 0x48, 0x0f, 0xbb, 0x4b, 0x08 },
			     btr[] = { 0x66, 0x0f, 0xb3, 0x0b };

	REQUIRE(start_page());
	foretold = 0;
	try_insn(bts, sizeof(bts));
	try_insn(btc, sizeof(btc));
	try_insn(btr, sizeof(btr));
	CHECK(foretold > 3);
}

TL_TEST(a_pop_into_memory_goes_by_what_rsp_becomes)
{
	static const uint8_t code[] = { 0x8f, 0x44, 0x24, 0x08 };
	struct effect_regs r = { .ip = 0x1000 };
	uint64_t addr, len, got;
	struct x86_insn in;

	__asm__ volatile("lea	-256(%%rsp), %%rsp\n\t"
			 "push	$77\n\t"
			 "mov	%%rsp, %[rsp]\n\t"
			 "pop	8(%%rsp)\n\t"
			 "mov	8(%%rsp), %[got]\n\t"
			 "lea	256(%%rsp), %%rsp"
			 : [rsp] "=&r"(r.gp[4]), [got] "=&r"(got)
			 :
			 : "memory");
	CHECK_EQ(got, 77); /* so it was 8 bytes above where rsp pointed then */
	REQUIRE(!x86_decode(&in, code, sizeof(code), 0x1000));
	REQUIRE(effect_operand(&in, code, &r, 0, 0, &addr, &len));
	CHECK_EQ(addr, r.gp[4] + 8 + 8);
	CHECK_EQ(len, 8);
}

TL_TEST(no_value_is_told_of_what_is_no_store_of_it)
{
	static const struct {
		const char *name;
		uint8_t code[8];
		size_t len;
		enum effect_kind kind;
	} all[] = {
		{ "fstpt", { 0xdb, 0x3b }, 2, EFFECT_UNKNOWN },
		{ "fldt", { 0xdb, 0x2b }, 2, EFFECT_READ },
		{ "mov %ds", { 0x8c, 0x1b }, 2, EFFECT_UNKNOWN },
		{ "stmxcsr", { 0x0f, 0xae, 0x1b }, 3, EFFECT_UNKNOWN },
		{ "vmovq", { 0xc5, 0xfa, 0x7e, 0x03 }, 4, EFFECT_READ },
		{ "kmovw", { 0xc5, 0xf8, 0x91, 0x0b }, 4, EFFECT_UNKNOWN },
		{ "kmovw k", { 0xc5, 0xf8, 0x90, 0x0b }, 4, EFFECT_READ },
		{ "bt $", { 0x0f, 0xba, 0x23, 0x01 }, 4, EFFECT_READ },
		{ "pinsrb", { 0x66, 0x0f, 0x3a, 0x20, 3, 1 }, 6, EFFECT_READ },
		{ "pextrb",
		  { 0x66, 0x0f, 0x3a, 0x14, 3, 1 },
		  6,
		  EFFECT_UNKNOWN },
		{ "vmovaps 0x40(%rbx)", /* at 0x2000 */
		  { 0x62, 0xf1, 0x7c, 0x48, 0x29, 0x43, 0x01 },
		  7,
		  EFFECT_UNKNOWN },
	};

	for (size_t i = 0; i < TL_ARRAY_SIZE(all); i++) {
		struct effect_regs r = { .ip = 0x1000 + all[i].len };
		struct effect e;

		ROW(all[i].name);
		r.gp[3] = all[i].code[0] == 0x62 ? 0x1fc0 : 0x2000;
		CHECK(effect_find(&e, all[i].code, all[i].len, 0x1000, true, &r,
				  0x2000, 1));
		CHECK(e.certain);
		CHECK_EQ(e.kind, all[i].kind);
	}
}

TL_TEST(string_stores_are_found_where_they_were)
{
	static const uint8_t stosb[] = { 0xaa }, stosw[] = { 0x66, 0xab },
			     stosq[] = { 0x48, 0xab }, movsq[] = { 0x48, 0xa5 };

	REQUIRE(start_page());
	try_insn(stosb, 1);
	CHECK(told > 0);
	try_insn(stosw, 2);
	CHECK(told > 0);
	try_insn(stosq, 2);
	CHECK(told > 0);
	try_insn(movsq, 2);
	CHECK_EQ(told, 0);
}

TL_TEST(the_instruction_before_is_found_from_the_functions_start)
{
	/* mov %rax,(%rbx); add $1,%rax; mov %rcx,8(%rbx); nop */
	static const uint8_t code[] = { 0x48, 0x89, 0x03, 0x48, 0x83, 0xc0,
					0x01, 0x48, 0x89, 0x4b, 0x08, 0x90 };
	struct effect_regs r = { .ip = 0x100b };
	struct effect e;

	r.gp[3] = 0x2000;
	r.gp[1] = 77;
	CHECK(effect_find(&e, code, sizeof(code), 0x1000, true, &r, 0x2008, 8));
	CHECK_EQ(e.ip, 0x1007);
	CHECK_EQ(e.value, 77);
	CHECK(e.certain);
	/* Without a function: by what ends there and leads there. */
	CHECK(effect_find(&e, code + 1, sizeof(code) - 1, 0x1001, false, &r,
			  0x2008, 8));
	CHECK_EQ(e.ip, 0x1007);
	CHECK_EQ(e.value, 77);
	/* Nothing that ends there leads elsewhere. */
	CHECK(!effect_find(&e, code, sizeof(code), 0x1000, true, &r, 0x3000,
			   8));
	CHECK_EQ(e.ip, 0x100b);
}

TL_TEST(an_operand_beside_a_segment_is_not_certain)
{
	/* mov %rax,%fs:0x10 */
	static const uint8_t code[] = { 0x64, 0x48, 0x89, 0x04, 0x25,
					0x10, 0x00, 0x00, 0x00 };
	struct effect_regs r = { .ip = 0x1009 };
	uint8_t old[8] = { 0 }, value[8];
	struct effect e;

	CHECK(effect_find(&e, code, sizeof(code), 0x1000, true, &r, 0x7000, 8));
	CHECK(!e.certain);
	CHECK_EQ(e.ip, 0x1000);
	CHECK(!effect_apply(&e, 0x7000, 8, old, true, value));
}

TL_TEST(what_is_not_known_before_is_not_guessed)
{
	struct effect add = { .kind = EFFECT_ADD,
			      .certain = true,
			      .addr = 0x1000,
			      .size = 8,
			      .value = 1 };
	struct effect part = { .kind = EFFECT_VALUE,
			       .certain = true,
			       .addr = 0x1004,
			       .size = 2,
			       .value = 0x1234 };
	uint8_t old[8] = { 0 }, value[8];

	CHECK(!effect_apply(&add, 0x1000, 8, old, false, value));
	CHECK(effect_apply(&add, 0x1000, 8, old, true, value));
	/* The bytes beside a partial store stay, if they were known. */
	CHECK(!effect_apply(&part, 0x1000, 8, old, false, value));
	CHECK(effect_apply(&part, 0x1000, 8, old, true, value));
	CHECK_EQ(value[4], 0x34);
	CHECK_EQ(value[5], 0x12);
	/* The lower half of an addition is one, the upper half is nothing. */
	CHECK(effect_apply(&add, 0x1000, 4, old, true, value));
	CHECK_EQ(value[0], 1);
	CHECK(!effect_apply(&add, 0x1004, 4, old, true, value));
}

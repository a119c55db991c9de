/* SPDX-License-Identifier: MIT */
/*
 * x86_insn_decode.c - what is said of single instructions
 *
 * Lengths and operands are compared with another decoder in
 * tests/insn/x86/decode_vs_zydis.c; here is what that one does not know: kinds,
 * refusals, conditions, and what is written rather than read.
 */
/* link: x86-insn */
#include <string.h>

#include "insn.h"
#include "tl_test.h"

#define AT 0x555555551000

static int decode(struct x86_insn *in, const char *bytes, size_t len)
{
	return x86_decode(in, (const uint8_t *)bytes, len, AT);
}

#define DECODE(in, bytes) decode(in, bytes, sizeof(bytes) - 1)

/* ---- kinds and refusals ---- */

/* clang-format off */
static const struct kind_case {
	const char *text, *bytes;
	uint8_t len;
	enum x86_kind kind;
	int probe;		/* x86_can_probe() */
	int relocate;		/* x86_relocate(), 0 for a length */
} kinds[] = {
#define K(text, bytes, kind, probe, relocate) \
	{ text, bytes, sizeof(bytes) - 1, kind, probe, relocate }
#define ILL (-X86_EILSEQ)
#define INV (-X86_EINVAL)
#define NOT (-X86_EOPNOTSUPP)
	K("nop",		"\x90",				X86_NORMAL, 0, 0),
	K("jmp rel8",		"\xeb\x10",			X86_JMP, 0, 0),
	K("jmp rel32",		"\xe9\x10\0\0\0",		X86_JMP, 0, 0),
	K("jne rel8",		"\x75\x10",			X86_JCC, 0, 0),
	K("jne rel32",		"\x0f\x85\x10\0\0\0",		X86_JCC, 0, 0),
	K("loopne",		"\xe0\x10",			X86_LOOP, 0, 0),
	K("jrcxz",		"\xe3\x10",			X86_LOOP, 0, 0),
	K("call rel32",		"\xe8\x10\0\0\0",		X86_CALL, 0, 0),
	K("call *%rax",		"\xff\xd0",			X86_CALL_IND, 0, 0),
	K("call *8(%rax)",	"\xff\x50\x08",			X86_CALL_IND, 0, 0),
	K("call *%rsp",		"\xff\xd4",			X86_CALL_IND, 0, NOT),
	K("call *-8(%rsp)",	"\xff\x54\x24\xf8",		X86_CALL_IND, 0, NOT),
	K("call *-1(%rsp)",	"\xff\x54\x24\xff",		X86_CALL_IND, 0, NOT),
	K("call *-15(%rsp)",	"\xff\x54\x24\xf1",		X86_CALL_IND, 0, NOT),
	K("call *-16(%rsp)",	"\xff\x54\x24\xf0",		X86_CALL_IND, 0, 0),
	K("call *0(%rsp)",	"\xff\x14\x24",			X86_CALL_IND, 0, 0),
	K("call *max(%rsp)",	"\xff\x94\x24\xff\xff\xff\x7f",	X86_CALL_IND, 0, -X86_ERANGE),
	K("jmp *%rax",		"\xff\xe0",			X86_JMP_IND, 0, 0),
	K("jmp *8(%rax)",	"\xff\x60\x08",			X86_JMP_IND, 0, 0),
	K("lcall *(%rax)",	"\xff\x18",			X86_CALL_FAR, NOT, NOT),
	K("ljmp *(%rax)",	"\xff\x28",			X86_JMP_FAR, NOT, NOT),
	K("ret",		"\xc3",				X86_RET, 0, 0),
	K("ret $8",		"\xc2\x08\0",			X86_RET, 0, 0),
	K("lret",		"\xcb",				X86_RET_FAR, 0, 0),
	K("lret $8",		"\xca\x08\0",			X86_RET_FAR, 0, 0),
	K("iretq",		"\x48\xcf",			X86_IRET, NOT, NOT),
	K("uiret",		"\xf3\x0f\x01\xec",		X86_IRET, NOT, NOT),
	K("syscall",		"\x0f\x05",			X86_SYSCALL, 0, 0),
	K("sysenter",		"\x0f\x34",			X86_SYSENTER, NOT, NOT),
	K("sysretq",		"\x48\x0f\x07",			X86_SYSRET, NOT, NOT),
	K("sysexit",		"\x0f\x35",			X86_SYSRET, NOT, NOT),
	K("int3",		"\xcc",				X86_INT3, ILL, ILL),
	K("int1",		"\xf1",				X86_INT1, ILL, ILL),
	K("int $0x80",		"\xcd\x80",			X86_INT, ILL, 0),
	K("ud2",		"\x0f\x0b",			X86_UD, ILL, ILL),
	K("ud1",		"\x0f\xb9\xc0",			X86_UD, ILL, ILL),
	K("ud0",		"\x0f\xff\xc0",			X86_UD, ILL, ILL),
	K("hlt",		"\xf4",				X86_HLT, 0, 0),
	K("xbegin",		"\xc7\xf8\x10\0\0\0",		X86_XBEGIN, 0, 0),
	K("data16 xbegin",	"\x66\xc7\xf8\x10\0",		X86_XBEGIN, NOT, NOT),
	K("vmcall",		"\x0f\x01\xc1",			X86_VM, NOT, NOT),
	K("vmlaunch",		"\x0f\x01\xc2",			X86_VM, NOT, NOT),
	K("vmresume",		"\x0f\x01\xc3",			X86_VM, NOT, NOT),
	K("vmmcall",		"\x0f\x01\xd9",			X86_VM, NOT, NOT),
	K("enclu",		"\x0f\x01\xd7",			X86_VM, NOT, NOT),
	K("mov %eax,%ss",	"\x8e\xd0",			X86_LOAD_SS, INV, INV),
	K("mov (%rax),%ss",	"\x8e\x10",			X86_LOAD_SS, INV, INV),
	K("mov %eax,%ds",	"\x8e\xd8",			X86_NORMAL, 0, 0),
	/* 66: another length on AMD, unless REX.W takes it back */
	K("data16 call",	"\x66\xe8\x10\0\0\0",		X86_CALL, NOT, NOT),
	K("data16 jne",		"\x66\x75\x10",			X86_JCC, NOT, NOT),
	K("data16 call *%rax",	"\x66\xff\xd0",			X86_CALL_IND, NOT, NOT),
	K("data16 rex.W call",	"\x66\x48\xe8\x10\0\0\0",	X86_CALL, 0, 0),
};

static const struct {
	const char *text, *bytes;
	uint8_t len;
} invalid[] = {
#define I(text, bytes) { text, bytes, sizeof(bytes) - 1 }
	I("nothing",			""),
	I("push %es",			"\x06"),
	I("daa",			"\x27"),
	I("pusha",			"\x60"),
	I("far call",			"\x9a\0\0\0\0\0\0"),
	I("aam",			"\xd4\x0a"),
	I("salc",			"\xd6"),
	I("far jump",			"\xea\0\0\0\0\0\0"),
	I("group 1 alias",		"\x82\xc0\x01"),
	I("into",			"\xce"),
	I("lea of a register",		"\x8d\xc0"),
	I("mov to %cs",			"\x8e\xc8"),
	I("pop group /1",		"\x8f\xc8\0\0"),
	I("group 4 /2",			"\xfe\xd0"),
	I("group 5 /7",			"\xff\xf8"),
	I("lock without memory",	"\xf0\x01\xc0"),
	I("lock on mov",		"\xf0\x89\x00"),
	I("lock on cmp",		"\xf0\x39\x00"),
	I("VEX after REX",		"\x48\xc5\xf8\x58\xc1"),
	I("VEX after 66",		"\x66\xc5\xf8\x58\xc1"),
	I("VEX with vvvv unused",	"\xc5\xe8\x28\xc1"),
	I("VEX map 4",			"\xc4\xe4\x78\x58\xc1"),
	I("gather into its index",	"\xc4\xe2\x69\x92\x04\x00"),
	I("EVEX reserved bit",		"\x62\xf9\x7c\x48\x58\xc1"),
	I("EVEX zeroing, no mask",	"\x62\xf1\x7c\xc8\x58\xc1"),
	I("EVEX length 3",		"\x62\xf1\x7c\x68\x58\xc1"),
	I("sixteen bytes",		"\x66\x66\x66\x66\x66\x66\x66\x66"
					"\x66\x66\x66\x66\x66\x66\x66\x90"),
};
/* clang-format on */

TL_TEST(kinds_and_refusals_are_linuxs)
{
	uint8_t out[X86_RELOC_MAX];
	const struct kind_case *k;
	struct x86_insn in;
	int n;

	for_each_row(k, kinds) {
		ROW(k->text);
		CHECK_EQ(decode(&in, k->bytes, k->len), 0);
		CHECK_EQ(in.len, k->len);
		CHECK_EQ(in.kind, k->kind);
		CHECK_EQ(x86_can_probe(&in), k->probe);
		n = x86_relocate(&in, (const uint8_t *)k->bytes, AT + 0x10000,
				 out, sizeof(out));
		CHECK_EQ(n < 0 ? n : 0, k->relocate);
	}
}

TL_TEST(what_is_no_instruction_is_refused)
{
	struct x86_insn in;

	for (size_t i = 0; i < TL_ARRAY_SIZE(invalid); i++) {
		ROW(invalid[i].text);
		CHECK_EQ(decode(&in, invalid[i].bytes, invalid[i].len),
			 -X86_EILSEQ);
	}
}

TL_TEST(what_is_cut_off_is_refused)
{
	/* clang-format off */
	static const struct {
		const char *text, *bytes;
		size_t len;
	} whole[] = {
		I("", "\x48\xb8\1\2\3\4\5\6\7\x08"),
		I("", "\x64\x48\xc7\x84\x98\1\2\3\4\5\6\7\x08"),
		I("", "\x66\x0f\x3a\x0f\x05\1\2\3\4\x05"),
		I("", "\xc4\xe3\x71\x0f\x44\x24\x08\x05"),
		I("", "\x62\xf1\x7c\x48\x58\x84\x24\1\2\3\4"),
		I("", "\x0f\x0f\x44\x24\x08\x9e"),
		I("", "\xc8\1\2\3"),
		I("", "\xa1\1\2\3\4\5\6\7\x08"),
	};
	/* clang-format on */
	struct x86_insn in;

	for (size_t i = 0; i < TL_ARRAY_SIZE(whole); i++) {
		CHECK_EQ(decode(&in, whole[i].bytes, whole[i].len), 0);
		CHECK_EQ(in.len, whole[i].len);
		for (size_t n = 0; n < whole[i].len; n++)
			CHECK_EQ(decode(&in, whole[i].bytes, n), -X86_EILSEQ);
	}
}

/* ---- operands, attributes, flags ---- */

TL_TEST(operands_are_found)
{
	struct x86_insn in;

	/* movl $0x11223344, 0x10(%r13,%r9,4) */
	REQUIRE(!DECODE(&in, "\x43\xc7\x44\x8d\x10\x44\x33\x22\x11"));
	CHECK_EQ(in.base, 13);
	CHECK_EQ(in.index, 9);
	CHECK_EQ(in.scale, 4);
	CHECK_EQ(in.disp, 0x10);
	CHECK_EQ(in.disp_off, 4);
	CHECK_EQ(in.disp_size, 1);
	CHECK_EQ(in.imm, 0x11223344);
	CHECK_EQ(in.imm_off, 5);
	CHECK_EQ(in.imm_size, 4);
	CHECK_EQ(in.rex, 0x43);
	CHECK_EQ(in.next, AT + 9);

	/* cmpb $0x7f, -0x10(%rip) */
	REQUIRE(!DECODE(&in, "\x80\x3d\xf0\xff\xff\xff\x7f"));
	CHECK_EQ(in.base, X86_REG_RIP);
	CHECK_EQ(in.mem_addr, AT + 7 - 0x10);
	CHECK(in.attrs & X86_A_RIPREL);

	/* the same address cut to 32 bits */
	REQUIRE(!DECODE(&in, "\x67\x80\x3d\xf0\xff\xff\xff\x7f"));
	CHECK_EQ(in.mem_addr, (uint32_t)(AT + 8 - 0x10));

	/* mov 0x1234, %eax: no rip, SIB without base or index */
	REQUIRE(!DECODE(&in, "\x8b\x04\x25\x34\x12\0\0"));
	CHECK_EQ(in.base, X86_REG_NONE);
	CHECK_EQ(in.index, X86_REG_NONE);
	CHECK(!(in.attrs & X86_A_RIPREL));
	CHECK_EQ(in.mem_addr, 0);

	/* jne .-16, and a REX that does not count */
	REQUIRE(!DECODE(&in, "\x48\x2e\x75\xf0"));
	CHECK_EQ(in.target, AT + 4 - 16);
	CHECK_EQ(in.cond, 5);
	CHECK_EQ(in.rex, 0);
}

/* clang-format off */
static const struct {
	const char *text, *bytes;
	uint8_t len;
	uint32_t has, has_not;
} attrs[] = {
#define A(text, bytes, has, not) { text, bytes, sizeof(bytes) - 1, has, not }
	A("endbr64",		"\xf3\x0f\x1e\xfa",	X86_A_ENDBR, X86_A_NOP),
	A("nopw",		"\x66\x0f\x1f\x44\0\0",	X86_A_NOP, X86_A_ENDBR),
	A("xchg %eax,%eax",	"\x90",			X86_A_NOP, 0),
	A("xchg %r8d,%eax",	"\x41\x90",		0, X86_A_NOP),
	A("pause",		"\xf3\x90",		0, X86_A_NOP),
	A("rdsspq",		"\xf3\x48\x0f\x1e\xc8",	0, X86_A_NOP),
	A("rep movsb",		"\xf3\xa4",		X86_A_STRING | X86_A_REP, 0),
	A("movsb",		"\xa4",			X86_A_STRING, X86_A_REP),
	A("rep ret",		"\xf3\xc3",		X86_A_NOFALL | X86_A_RSP, X86_A_REP),
	A("lock inc",		"\xf0\xff\x00",		X86_A_LOCK, X86_A_RSP),
	A("pushf",		"\x9c",			X86_A_PUSHF | X86_A_RSP, 0),
	A("popf",		"\x9d",			X86_A_POPF | X86_A_RSP, 0),
	A("push",		"\x50",			X86_A_RSP, X86_A_MEM),
	A("mov %rsp,%rbp",	"\x48\x89\xe5",		X86_A_RSP, 0),
	A("mov 8(%rsp),%rax",	"\x48\x8b\x44\x24\x08",	X86_A_RSP | X86_A_MEM, 0),
	A("mov %rax,%rbx",	"\x48\x89\xc3",		0, X86_A_RSP | X86_A_MEM),
	A("fadd",		"\xd8\xc1",		X86_A_FIP_SET, 0),
	A("fldcw",		"\xd9\x28",		0, X86_A_FIP_SET),
	A("fnstenv",		"\xd9\x30",		X86_A_FIP_GET, X86_A_FIP_SET),
	A("fnsave",		"\xdd\x30",		X86_A_FIP_GET, X86_A_FIP_SET),
	A("fxsave",		"\x0f\xae\x00",		X86_A_FIP_GET, 0),
	A("xsave",		"\x0f\xae\x20",		X86_A_FIP_GET, 0),
	A("hlt",		"\xf4",			X86_A_PRIV, X86_A_NOFALL),
	A("jmp",		"\xeb\xfe",		X86_A_NOFALL, 0),
	A("call",		"\xe8\0\0\0\0",		X86_A_RSP, X86_A_NOFALL),
	A("ud2",		"\x0f\x0b",		X86_A_NOFALL, 0),
};

#define ST X86_FL_STATUS

static const struct {
	const char *text, *bytes;
	uint8_t len;
	uint16_t read, set, changed;
} flags[] = {
#define F(text, bytes, read, set, changed) \
	{ text, bytes, sizeof(bytes) - 1, read, set, changed }
	F("mov",	"\x89\xc0",		0, 0, 0),
	F("add",	"\x01\xc0",		0, ST, ST),
	F("test",	"\x85\xc0",		0, ST, ST),
	F("adc",	"\x11\xc0",		X86_FL_CF, ST, ST),
	F("inc",	"\xff\xc0",		0, ST & ~X86_FL_CF, ST & ~X86_FL_CF),
	F("je",		"\x74\0",		X86_FL_ZF, 0, 0),
	F("jg",		"\x7f\0",		X86_FL_ZF | X86_FL_SF | X86_FL_OF, 0, 0),
	F("setb",	"\x0f\x92\xc0",		X86_FL_CF, 0, 0),
	F("shl $1",	"\xd1\xe0",		0, ST, ST),
	F("shl $5",	"\xc1\xe0\x05",		0, ST & ~X86_FL_OF, ST),
	F("shl $32",	"\xc1\xe0\x20",		0, 0, 0),
	F("shlb $9",	"\xc0\xe0\x09",		0, ST & ~(X86_FL_OF | X86_FL_CF), ST),
	F("shl %cl",	"\xd3\xe0",		0, 0, ST),
	F("cmpsb",	"\xa6",			X86_FL_DF, ST, ST),
	F("repe cmpsb",	"\xf3\xa6",		X86_FL_DF | X86_FL_ZF, 0, ST),
	F("pushf",	"\x9c",			ST | X86_FL_DF, 0, 0),
	F("call",	"\xe8\0\0\0\0",		ST | X86_FL_DF, 0, ST | X86_FL_DF),
	F("syscall",	"\x0f\x05",		ST | X86_FL_DF, 0, ST | X86_FL_DF),
	F("cld",	"\xfc",			0, X86_FL_DF, X86_FL_DF),
	F("mulx",	"\xc4\xe2\xfb\xf6\xc1",	0, 0, 0),
	F("ucomiss",	"\x0f\x2e\xc1",		0, ST, ST),
};
/* clang-format on */

TL_TEST(attributes_are_told)
{
	struct x86_insn in;

	for (size_t i = 0; i < TL_ARRAY_SIZE(attrs); i++) {
		ROW(attrs[i].text);
		CHECK_EQ(decode(&in, attrs[i].bytes, attrs[i].len), 0);
		CHECK_EQ(in.attrs & attrs[i].has, attrs[i].has);
		CHECK_EQ(in.attrs & attrs[i].has_not, 0);
	}
}

TL_TEST(flags_are_on_the_safe_side)
{
	struct x86_insn in;

	for (size_t i = 0; i < TL_ARRAY_SIZE(flags); i++) {
		ROW(flags[i].text);
		CHECK_EQ(decode(&in, flags[i].bytes, flags[i].len), 0);
		CHECK_EQ(in.flags_read, flags[i].read);
		CHECK_EQ(in.flags_set, flags[i].set);
		CHECK_EQ(in.flags_changed, flags[i].changed);
	}
}

/* ---- what is written ---- */

/* clang-format off */
/* The red zone is stepped over, as the compiler may use it here. */
#define SETCC(n, cc)							\
	case n:								\
		__asm__("lea -128(%%rsp), %%rsp; push %1; popf\n"	\
			"set" cc " %0; lea 128(%%rsp), %%rsp"		\
			: "=r"(yes) : "r"(fl | 0x202) : "cc", "memory"); \
		break
/* clang-format on */

static bool cpu_condition(unsigned int cond, uint64_t fl)
{
	uint8_t yes = 0;

	switch (cond) {
		SETCC(0, "o");
		SETCC(1, "no");
		SETCC(2, "b");
		SETCC(3, "ae");
		SETCC(4, "e");
		SETCC(5, "ne");
		SETCC(6, "be");
		SETCC(7, "a");
		SETCC(8, "s");
		SETCC(9, "ns");
		SETCC(10, "p");
		SETCC(11, "np");
		SETCC(12, "l");
		SETCC(13, "ge");
		SETCC(14, "le");
		SETCC(15, "g");
	}
	return yes;
}

TL_TEST(conditions_are_those_of_the_cpu)
{
	static const uint16_t bits[] = { X86_FL_CF, X86_FL_PF, X86_FL_ZF,
					 X86_FL_SF, X86_FL_OF };

	for (unsigned int cond = 0; cond < 16; cond++) {
		for (unsigned int set = 0; set < 32; set++) {
			uint64_t fl = 0;

			for (unsigned int i = 0; i < 5; i++)
				fl |= set >> i & 1 ? bits[i] : 0;
			CHECK_EQ(x86_cond_true(cond, fl),
				 cpu_condition(cond, fl));
		}
	}
}

TL_TEST(nops_decode_as_nops)
{
	uint8_t code[64];
	struct x86_insn in;

	for (size_t n = 1; n <= 40; n++) {
		size_t at = 0;

		memset(code, 0xcc, sizeof(code));
		x86_write_nops(code, n);
		CHECK_EQ(code[n], 0xcc);
		while (at < n) {
			REQUIRE(!x86_decode(&in, code + at, n - at, AT));
			REQUIRE(in.attrs & X86_A_NOP);
			at += in.len;
		}
		CHECK_EQ(at, n);
	}
}

TL_TEST(jumps_reach_their_targets)
{
	uint8_t code[20];
	uint64_t literal;
	struct x86_insn in;

	CHECK_EQ(x86_write_jmp(code, AT, AT + 0x7ffffff0), 0);
	REQUIRE(!x86_decode(&in, code, 5, AT));
	CHECK_EQ(in.target, AT + 0x7ffffff0);
	CHECK_EQ(x86_write_jmp(code, AT, AT + 5 + INT32_MAX), 0);
	CHECK_EQ(x86_write_jmp(code, AT, AT + 6 + INT32_MAX), -X86_ERANGE);
	CHECK_EQ(x86_write_jmp(code, AT, AT + 5 + INT32_MIN), 0);
	CHECK_EQ(x86_write_jmp(code, AT, AT + 4 + INT32_MIN), -X86_ERANGE);

	CHECK_EQ(x86_write_jmp_any(code, 20, AT, AT - 100), 5);
	CHECK_EQ(x86_write_jmp_any(code, 4, AT, AT - 100), -X86_ENOSPC);
	CHECK_EQ(x86_write_jmp_any(code, 20, AT, 0x123456789a), 15);
	CHECK_EQ(x86_write_jmp_any(code, 14, AT, 0x123456789a), -X86_ENOSPC);
	REQUIRE(!x86_decode(&in, code, 15, AT));
	CHECK_EQ(in.kind, X86_JMP_IND);
	CHECK_EQ(in.mem_addr, AT + 7);
	memcpy(&literal, code + 7, 8);
	CHECK_EQ(literal, 0x123456789a);
}

/* ---- where in a copy ---- */

static int copy_of(struct x86_insn *in, const char *bytes, size_t len,
		   uint64_t to, uint8_t *out)
{
	if (decode(in, bytes, len))
		return -1;
	return x86_relocate(in, (const uint8_t *)bytes, to, out, X86_RELOC_MAX);
}

#define COPY(in, bytes, to, out) copy_of(in, bytes, sizeof(bytes) - 1, to, out)

TL_TEST(places_in_copies_are_known)
{
	uint8_t out[X86_RELOC_MAX];
	struct x86_insn in;
	int n;

	n = COPY(&in, "\x48\x89\xc3", AT + 0x1000, out);
	CHECK_EQ(n, 3);
	CHECK_EQ(x86_reloc_where(&in, n, 0), X86_AT_START);
	CHECK_EQ(x86_reloc_where(&in, n, 1), X86_AT_NOWHERE);
	CHECK_EQ(x86_reloc_where(&in, n, 3), X86_AT_NEXT);

	n = COPY(&in, "\xe2\x10", AT + 0x1000, out);
	CHECK_EQ(n, 9);
	CHECK_EQ(x86_reloc_where(&in, n, 2), X86_AT_NEXT);
	CHECK_EQ(x86_reloc_where(&in, n, 4), X86_AT_TARGET);
	CHECK_EQ(x86_reloc_where(&in, n, 9), X86_AT_NEXT);

	n = COPY(&in, "\xe8\x10\0\0\0", AT + 0x1000, out);
	CHECK_EQ(n, 6 + 5 + 8);
	CHECK_EQ(x86_reloc_where(&in, n, 6), X86_AT_PUSHED);
	CHECK_EQ(x86_reloc_where(&in, n, n), X86_AT_NOWHERE);

	n = COPY(&in, "\x74\x10", 0x1000, out);
	CHECK_EQ(n, 2 + 15);
	CHECK_EQ(x86_reloc_where(&in, n, 2), X86_AT_TARGET);

	n = COPY(&in, "\x0f\x05", AT + 0x1000, out);
	CHECK_EQ(n, 12);
	CHECK_EQ(x86_reloc_syscall_end(&in), 2);
	CHECK_EQ(x86_reloc_where(&in, n, 2), X86_AT_RCX);
	CHECK_EQ(x86_reloc_where(&in, n, 12), X86_AT_NEXT);

	/* the kernel restarts it two bytes before its end */
	n = COPY(&in, "\x48\x0f\x05", AT + 0x1000, out);
	CHECK_EQ(n, 13);
	CHECK_EQ(x86_reloc_where(&in, n, 1), X86_AT_START);
	CHECK_EQ(x86_reloc_where(&in, n, 3), X86_AT_RCX);

	REQUIRE(!DECODE(&in, "\xcd\x80"));
	CHECK_EQ(x86_reloc_syscall_end(&in), 2);
	REQUIRE(!DECODE(&in, "\x90"));
	CHECK_EQ(x86_reloc_syscall_end(&in), 0);
}

TL_TEST(calls_at_low_addresses_push_an_immediate)
{
	static const uint8_t call[] = { 0xe8, 0x10, 0, 0, 0 };
	uint8_t out[X86_RELOC_MAX];
	struct x86_insn in;

	REQUIRE(!x86_decode(&in, call, sizeof(call), 0x401000));
	CHECK_EQ(x86_relocate(&in, call, 0x500000, out, sizeof(out)), 5 + 5);
	CHECK_EQ(out[0], 0x68);
	CHECK_EQ(x86_reloc_where(&in, 10, 5), X86_AT_PUSHED);
	/* as the immediate is extended by its sign, not from 2 GiB on */
	REQUIRE(!x86_decode(&in, call, sizeof(call), 0x80000000));
	CHECK_EQ(x86_relocate(&in, call, 0x80001000, out, sizeof(out)),
		 6 + 5 + 8);
	REQUIRE(!x86_decode(&in, call, sizeof(call), 0xffffffff80000000));
	CHECK_EQ(x86_relocate(&in, call, 0xffffffff80001000, out, sizeof(out)),
		 5 + 5);
}

/* Behind the push the operand would be 8 further up. */
TL_TEST(a_call_by_the_highest_displacement_is_refused)
{
	static const uint8_t call[] = {
		0xff, 0x94, 0x24, 0xfc, 0xff, 0xff, 0x7f
	};
	uint8_t out[X86_RELOC_MAX];
	struct x86_insn in;

	REQUIRE(!x86_decode(&in, call, sizeof(call), 0x400000));
	CHECK_EQ(x86_relocate(&in, call, 0x500000, out, sizeof(out)),
		 -X86_ERANGE);
}

TL_TEST(xbegin_keeps_its_abort_handler)
{
	uint8_t out[X86_RELOC_MAX];
	struct x86_insn in;

	CHECK_EQ(COPY(&in, "\xc7\xf8\x10\0\0\0", AT + 0x12345, out), 6);
	REQUIRE(!x86_decode(&in, out, 6, AT + 0x12345));
	CHECK_EQ(in.kind, X86_XBEGIN);
	CHECK_EQ(in.target, AT + 6 + 0x10);
	CHECK_EQ(COPY(&in, "\xc7\xf8\x10\0\0\0", 0x1000, out), -X86_ERANGE);
}

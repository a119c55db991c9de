/* SPDX-License-Identifier: MIT */
/* link: arm64-insn */
/*
 * flow.c - what is found out along the ways that control may take
 *
 * A picture shows for each word whether it is inside an exclusive sequence (x)
 * or not (.).
 */
#include <string.h>

#include "insn.h"
#include "tl_test.h"

#define WORDS 200
#define BASE  0x400000ull

/* clang-format off */
#define NOP     0xd503201f
#define CMP     0xeb02001f	/* cmp x0, x2 */
#define LDXR    0xc85f7c20
#define LDAXP   0xc87f8440
#define STXR    0xc8037c20
#define STLXRB  0x0802fc20
#define LDAR    0xc8dffc20
#define CLREX   0xd5033f5f
#define SVC     0xd4000001
#define RET     0xd65f03c0
#define BR      0xd61f0020
#define B(n)    (0x14000000 | ((n) & 0x3ffffff))
#define BL(n)   (0x94000000 | ((n) & 0x3ffffff))
#define BNE(n)  (0x54000001 | ((n) & 0x7ffff) << 5)
#define CBNZ(n) (0x35000003 | ((n) & 0x7ffff) << 5)
#define TBNZ(n) (0x37000003 | ((n) & 0x3fff) << 5)

static const struct flow_case {
	const char *name;
	const char *picture;
	uint32_t code[16];
} cases[] = {
	{ "a loop", "..xx..",
	  { NOP, LDXR, NOP, STXR, CBNZ(-3), RET } },
	{ "a pair of registers, acquired and released", ".xx..",
	  { LDAXP, NOP, STLXRB, CBNZ(-3), RET } },
	{ "compare and swap", ".xxx...",
	  { LDXR, CMP, BNE(4), STXR, CBNZ(-4), NOP, RET } },
	{ "the same, leaving by clrex", ".xxx....",
	  { LDXR, CMP, BNE(4), STXR, CBNZ(-4), RET, CLREX, RET } },
	{ "the store stands before the load", "...x...x",
	  { NOP, B(5), NOP, STXR, CBNZ(2), RET, LDXR, B(-4) } },
	{ "a way around", ".x..x..",
	  { LDXR, B(3), NOP, NOP, STXR, CBNZ(-5), RET } },
	{ "a way there and back", ".xx...xx",
	  { LDXR, TBNZ(5), STXR, CBNZ(-3), RET, NOP, NOP, B(-5) } },
	{ "a loop inside", ".xxxx..",
	  { LDXR, NOP, NOP, TBNZ(-2), STXR, CBNZ(-5), RET } },
	{ "a call inside", ".xx..",
	  { LDXR, BL(100), STXR, CBNZ(-3), RET } },
	{ "a load that gives up the one before", "...xx..",
	  { LDXR, NOP, LDXR, NOP, STXR, CBNZ(-5), RET } },
	{ "a load alone", "....",
	  { LDXR, NOP, CLREX, RET } },
	{ "a load, a return, and a store of others", ".....",
	  { LDXR, NOP, RET, STXR, RET } },
	{ "a load, an indirect jump, and a store of others", ".....",
	  { LDXR, NOP, BR, STXR, RET } },
	{ "ordered, not exclusive", ".xxx.",
	  { LDXR, LDAR, NOP, STXR, RET } },
	{ "a store alone", "...",
	  { NOP, STXR, RET } },
	{ "two sequences", ".x...x..",
	  { LDXR, STXR, CBNZ(-2), NOP, LDXR, STXR, CBNZ(-2), RET } },
};
/* clang-format on */

static uint32_t code[WORDS];

static int read_code(void *ctx, void *dst, uint64_t src, size_t n)
{
	(void)ctx;
	if (src < BASE || src + n > BASE + sizeof(code))
		return -1;
	memcpy(dst, (char *)code + (src - BASE), n);
	return 0;
}

static uint8_t facts[WORDS];

static struct a64_flow flow_of(size_t n)
{
	return (struct a64_flow){ .start = BASE,
				  .end = BASE + 4 * n,
				  .read = read_code,
				  .facts = facts };
}

TL_TEST(arm64_exclusive_sequences_are_found_by_control_flow)
{
	const struct flow_case *c;

	for_each_row(c, cases) {
		size_t n = strlen(c->picture);
		struct a64_flow flow = flow_of(n);
		bool any;

		ROW(c->name);
		memset(facts, 0xff, sizeof(facts));
		memcpy(code, c->code, sizeof(c->code));
		any = a64_flow_learn(&flow);
		for (size_t i = 0; i < n; i++)
			CHECK_EQ(any && a64_flow_in_exclusive(&flow,
							      BASE + 4 * i),
				 c->picture[i] == 'x');
		CHECK(!any || !a64_flow_in_exclusive(&flow, BASE - 4));
		CHECK(!any || !a64_flow_in_exclusive(&flow, BASE + 4 * n));
	}
}

TL_TEST(arm64_a_sequence_may_be_of_any_length)
{
	struct a64_flow flow = flow_of(WORDS);

	for (size_t i = 0; i < WORDS; i++)
		code[i] = NOP;
	code[3] = LDXR;
	code[WORDS - 3] = STXR;
	code[WORDS - 2] = CBNZ(-(WORDS - 5));
	REQUIRE(a64_flow_learn(&flow));
	for (size_t i = 0; i < WORDS; i++)
		CHECK_EQ(a64_flow_in_exclusive(&flow, BASE + 4 * i),
			 i > 3 && i <= WORDS - 3);
	CHECK_EQ(a64_flow_near(&flow, BASE + 4 * 10), BASE + 4 * 3);
	CHECK_EQ(a64_flow_near(&flow, BASE + 4 * (WORDS - 3)),
		 BASE + 4 * (WORDS - 2));
	CHECK_EQ(a64_flow_near(&flow, BASE + 4 * 2), BASE + 4 * 2);
}

/* clang-format off */
static const struct {
	const char *name;
	bool takes;
	uint32_t code[6];
} takers[] = {
	{ "an empty function", false, { RET } },
	{ "one with a frame", false,
	  { 0xa9bf7bfd, 0x910003fd, BL(9), 0xa8c17bfd, RET } },
	{ "one that signs its address", false,
	  { 0xd503233f, 0xa9bf7bfd, 0xa8c17bfd, 0xd50323bf, RET } },
	{ "one that passes it on, as mcount wants it", false,
	  { 0xaa1e03e0, BL(9), RET } },
	{ "stp x29, x30, [x0, #80]", true, { NOP, 0xa9057c1e, RET } },
	{ "str x30, [x0, #8]", true, { 0xf900041e, RET } },
	{ "eor x4, x30, x3: setjmp", true, { 0xca0303c4, RET } },
	{ "vfork", true, { 0xd2882220, 0xd2801b88, SVC, RET } },
	{ "another system call", false, { 0xd2801b88, SVC, RET } },
	{ "br x30", true, { 0xd61f03c0 } },
	{ "behind a branch", false, { B(2), 0xf900041e, RET } },
};
/* clang-format on */

TL_TEST(arm64_functions_that_keep_their_return_address_are_known)
{
	struct a64_flow flow = flow_of(6);
	uint64_t next;

	for (size_t i = 0; i < TL_ARRAY_SIZE(takers); i++) {
		ROW(takers[i].name);
		memcpy(code, takers[i].code, sizeof(takers[i].code));
		CHECK_EQ(a64_flow_takes_return(&flow, &next), takers[i].takes);
	}
}

TL_TEST(arm64_a_function_that_jumps_to_another_says_where)
{
	static const uint32_t jumps[6] = { NOP, B(7), RET };
	static const uint32_t calls[6] = { NOP, BL(7), RET };
	struct a64_flow flow = flow_of(6);
	uint64_t next;

	memcpy(code, jumps, sizeof(jumps));
	CHECK(!a64_flow_takes_return(&flow, &next));
	CHECK_EQ(next, BASE + 4 * 8);
	memcpy(code, calls, sizeof(calls));
	CHECK(!a64_flow_takes_return(&flow, &next));
	CHECK_EQ(next, 0);
}

/* clang-format off */
static const struct {
	const char *name;
	const char *picture; /* r: a return; NULL: not certain */
	size_t words;
	uint32_t code[10];
} exits[] = {
	{ "a function", ".r", 2, { NOP, RET } },
	{ "signed", "..r", 3, { 0xd503233f, 0xd50323bf, RET } },
	{ "retaa, retab", ".r.r", 4, { CBNZ(2), 0xd65f0bff, NOP, 0xd65f0fff } },
	{ "two ways", "..r.r", 5, { CMP, BNE(2), RET, NOP, RET } },
	{ "a loop", ".. r", 4, { NOP, NOP, CBNZ(-1), RET } },
	{ "calls, and itself", "....r", 5,
	  { NOP, BL(100), BL(-2), 0xd63f0020, RET } },
	{ "a call that never returns at the end", ".r.", 3,
	  { CBNZ(2), RET, BL(100) } },
	{ "that, and padding", ".r....", 6,
	  { CBNZ(2), RET, BL(100), NOP, 0, 0 } },
	{ "a trap at the end", ".r.", 3, { CBNZ(2), RET, 0xd4200000 } },
	{ "udf at the end", ".r.", 3, { CBNZ(2), RET, 0x00000001 } },
	{ "it never returns", "..", 2, { NOP, BL(100) } },
	{ "a page of data", ".r", 2, { 0xb0000000, RET } },
	{ "a literal behind it", ".r", 2, { 0x58000080, RET } },

	{ "a jump table, or a tail call by a register", NULL, 2, { BR, RET } },
	{ "braa", NULL, 2, { 0xd71f0802, RET } },
	{ "ret x1", NULL, 2, { 0xd65f0020, RET } },
	{ "a tail call", NULL, 2, { CBNZ(1), B(100) } },
	{ "a conditional one", NULL, 2, { BNE(100), RET } },
	{ "a jump to its start", NULL, 3, { NOP, CBNZ(-1), RET } },
	{ "b to its start", NULL, 3, { NOP, RET, B(-2) } },
	{ "a call of its inside", NULL, 3, { BL(2), NOP, RET } },
	{ "it runs out at the end", NULL, 2, { RET, NOP | 0x20 } },
	{ "a branch at the end", NULL, 2, { RET, TBNZ(-1) } },
	{ "a literal inside", NULL, 4, { 0x58000040, RET, RET, RET } },
	{ "an address inside", NULL, 4, { 0x10000040, RET, RET, RET } },
	{ "eret", NULL, 2, { 0xd69f03e0, RET } },
	{ "no instruction", NULL, 3, { NOP, 0x02000000, RET } },
};
/* clang-format on */

TL_TEST(arm64_where_a_function_returns_is_certain_or_not)
{
	struct a64_exit found[4];
	uint64_t outside;

	for (size_t i = 0; i < TL_ARRAY_SIZE(exits); i++) {
		struct a64_flow flow = flow_of(exits[i].words);
		int n = 0, k = 0;

		ROW(exits[i].name);
		memcpy(code, exits[i].code, sizeof(exits[i].code));
		n = a64_flow_exits(&flow, found, TL_ARRAY_SIZE(found),
				   &outside);
		if (!exits[i].picture) {
			CHECK_EQ(n, -1);
			continue;
		}
		for (size_t w = 0; w < exits[i].words; w++) {
			if (exits[i].picture[w] != 'r')
				continue;
			CHECK(k < n);
			CHECK_EQ(found[k].part, 0);
			CHECK_EQ(found[k++].ret, BASE + 4 * w);
		}
		CHECK_EQ(n, k);
	}
}

/* The function is three words; a part is the five behind four of somebody else's. */
static const struct {
	const char *name;
	int n; /* with the part; 1: its return, 2: one before it, too */
	uint32_t code[3];
	uint32_t part[5];
} tails[] = {
	{ "goes on to the part", 1, { NOP, NOP, B(5) }, { NOP, NOP, RET } },
	{ "or not", 2, { CBNZ(7), NOP, RET }, { NOP, NOP, RET } },
	{ "comes back", 1, { NOP, BNE(6), RET }, { NOP, NOP, B(-8) } },
	{ "that calls it, too", 1, { NOP, BL(6), B(5) }, { NOP, NOP, RET } },
	{ "the part is a loop", 1, { NOP, NOP, B(5) }, { NOP, CBNZ(-1), RET } },

	{ "it comes back to the start",
	  -1,
	  { NOP, NOP, B(5) },
	  { CBNZ(-7), NOP, RET } },
	{ "the part calls its inside",
	  -1,
	  { NOP, NOP, B(5) },
	  { BL(-6), NOP, RET } },
	{ "the inside of the part is called",
	  -1,
	  { NOP, BL(7), B(5) },
	  { NOP, NOP, RET } },
	{ "it leaves the part, too",
	  -1,
	  { NOP, NOP, B(5) },
	  { NOP, NOP, B(9) } },
	{ "the part goes to a register",
	  -1,
	  { NOP, NOP, B(5) },
	  { NOP, BR, RET } },
	{ "the part runs out", -1, { NOP, NOP, B(5) }, { NOP, RET, CMP } },
};

TL_TEST(arm64_the_returns_of_what_a_function_goes_on_to_are_its_exits)
{
	const struct a64_range part = { BASE + 4 * 7, BASE + 4 * 10 };
	struct a64_exit found[4];
	uint64_t outside;

	for (size_t i = 0; i < TL_ARRAY_SIZE(tails); i++) {
		struct a64_flow flow = flow_of(3);
		int n;

		ROW(tails[i].name);
		memset(code, 0xff, sizeof(code));
		memcpy(code, tails[i].code, sizeof(tails[i].code));
		memcpy(code + 7, tails[i].part, sizeof(tails[i].part));
		CHECK_EQ(a64_flow_exits(&flow, found, 4, &outside), -1);
		CHECK_EQ(outside, BASE + 4 * 7);
		flow.parts = &part;
		flow.nr_parts = 1;
		n = a64_flow_exits(&flow, found, 4, &outside);
		CHECK_EQ(n, tails[i].n);
		for (int k = 0; k < n; k++) {
			unsigned int in = part.start <= found[k].ret;

			CHECK_EQ(found[k].part, in);
			CHECK_EQ(found[k].ret, BASE + 4 * (in ? 9 : 2));
		}
	}
	flow_of(3);
}

TL_TEST(arm64_a_function_with_more_returns_than_asked_for_is_not_certain)
{
	struct a64_flow flow = flow_of(5);
	struct a64_exit found[4];
	uint64_t outside;

	for (size_t i = 0; i < 5; i++)
		code[i] = RET;
	CHECK_EQ(a64_flow_exits(&flow, found, 4, &outside), -1);
	CHECK_EQ(outside, 0);
	flow = flow_of(4);
	CHECK_EQ(a64_flow_exits(&flow, found, 4, &outside), 4);
}

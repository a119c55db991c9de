/* SPDX-License-Identifier: MIT */
/* link: tool/probe.c tool/expr.c tool/ISA/registers.c tool/spec.c tool/match.c tool/text.c host/linux/session/program.c -lm */
/*
 * tool_program.c - what is written for a probe is what its program does
 *
 * Expressions are compiled twice: by the C compiler, and as the condition of a
 * probe, which is run.  The check is shown programs that are wrong by one thing.
 */
#include <string.h>

#include "expr.h"
#include "probe.h"
#include "program.h"
#include "tl_test.h"

/* ---- a target of a few bytes ------------------------------------------------ */

#define BASE 0x7000ull

static uint8_t memory[256];
static unsigned int fetches;

uint32_t tl_fetch(const struct tl_hit *h, void *to, uint64_t from, uint32_t len)
{
	uint64_t at = from - BASE;

	(void)h;
	fetches++;
	if (at >= sizeof(memory))
		return 0;
	if (len > sizeof(memory) - at)
		len = (uint32_t)(sizeof(memory) - at);
	memcpy(to, memory + at, len);
	return len;
}

uint32_t tl_thread_number(void)
{
	return 4711;
}

void tl_thread_name(uint64_t name[2])
{
	memset(name, 0, 16);
	memcpy(name, "worker", 6);
}

enum { RAX = 10, RCX = 11, RDX = 12, RSI = 13, RDI = 14, RSP = 19 };

static uint64_t regs[TL_STACK_REGS], at_return[TL_STACK_REGS];
static struct tl_made made;
static const struct expr_scope *scope;

/* What comes of @text with the registers as they are; -1: it is refused. */
static int run(const char *text, enum probe_use use, uint64_t took)
{
	struct probe_wish wish = { .use = use,
				   .min = took != 0,
				   .scope = scope };
	uint64_t saved[TL_SAVED_WORDS], faults = 0;
	struct tl_hit h = { .regs = regs,
			    .saved = saved,
			    .saved_faults = &faults,
			    .took = took };
	struct probe p;
	char why[400];
	int result = -1;

	if (!probe_parse(&p, text, &wish, why, sizeof(why)))
		goto out;
	probe_set_min(&p, 1000000007000ull);
	CHECK(tl_program_check(&p.program, p.call) >= 0);
	CHECK(p.call || tl_program_check(&p.program, false) >= 0);
	result = (int)tl_program_enter(&p.program, &h);
	if (result == TL_PASSED) {
		h.regs = p.call ? at_return : regs;
		result = (int)tl_program_run(&p.program, &h, &made);
	}
out:
	probe_free(&p);
	return result;
}

/* ---- conditions -------------------------------------------------------------- */

typedef int64_t s64;
typedef uint64_t u64;
typedef int32_t s32;
typedef uint32_t u32;

static s64 a, b, c;

/* X(what is written, the same in C) */
/* clang-format off */
#define EXPRESSIONS(X) \
	X("$arg1", a) \
	X("!$arg1", !a) \
	X("$arg1 > 4096", a > 4096) \
	X("$arg1 < $arg2", a < b) \
	X("$arg1 <= $arg2", a <= b) \
	X("$arg1 >= $arg2", a >= b) \
	X("$arg1==$arg2", a == b) \
	X("$arg1!=$arg2", a != b) \
	X("$arg1 > 0 && $arg2 > 0", a > 0 && b > 0) \
	X("$arg1 > 0 || $arg2 > 0", a > 0 || b > 0) \
	X("$arg1 || $arg2 && $arg3", a || (b && c)) \
	X("($arg1 || $arg2) && $arg3", (a || b) && c) \
	X("$arg1 + $arg2 * 3 - $arg3 == 7", (u64)a + (u64)b * 3 - (u64)c == 7) \
	X("$arg1 - $arg2 - 1 > 0", (s64)((u64)a - (u64)b - 1) > 0) \
	X("$arg1 / 7 == -1", a / 7 == -1) \
	X("$arg1 % 7 < 0", a % 7 < 0) \
	X("-$arg1 > 5", (s64)-(u64)a > 5) \
	X("~$arg1 & 4", ~a & 4) \
	X("$arg1 & 3 == 3", a & (3 == 3)) \
	X("($arg1 & 3) == 3", (a & 3) == 3) \
	X("$arg1 ^ $arg2 | 1", (a ^ b) | 1) \
	X("$arg1 >> 3 < 0", (a >> 3) < 0) \
	X("$arg1 << 60 != 0", ((u64)a << 60) != 0) \
	X("$arg1:s32 < 0", (s32)a < 0) \
	X("$arg1:u32 > $arg2:u32", (u32)a > (u32)b) \
	X("$arg1:u64 > $arg2", (u64)a > (u64)b) \
	X("$arg1:u64 / 3 > 1000", (u64)a / 3 > 1000) \
	X("$arg1:x64 >> 60", (u64)a >> 60) \
	X("$arg1:s8 == -1", (int8_t)a == -1) \
	X("$arg1 > 0x7fffffff00", a > 0x7fffffff00) \
	X("$arg1 < -9223372036854775807", a < -INT64_MAX) \
	X("$arg1 == 18446744073709551615", (u64)a == UINT64_MAX) \
	X("!!$arg1 + !!$arg2 == 2", !!a + !!b == 2) \
	X("1<2<3", (1 < 2) < 3) \
	X("%rdi == $arg1", true) \
	X("tid == 4711", true)
/* clang-format on */

static const s64 values[] = {
	0,    1,    -1,	    7,	       -8,	  3,	     4097,
	-255, 4096, 100000, INT32_MIN, INT64_MAX, INT64_MIN, 0x123456789abcdef
};
#define N_VALUES (sizeof(values) / sizeof(*values))

static void check_all(void)
{
#define X(text, value)                                       \
	if (run("f if " text, PROBE_COUNT, 0) !=             \
	    ((value) ? TL_PASSED : TL_FILTERED)) {           \
		ROW(text);                                   \
		CHECK_EQ(run("f if " text, PROBE_COUNT, 0),  \
			 (value) ? TL_PASSED : TL_FILTERED); \
	}
	EXPRESSIONS(X)
#undef X
	CHECK(true);
}

TL_TEST(conditions_are_those_of_c)
{
	for (size_t i = 0; i < N_VALUES; i++)
		for (size_t j = 0; j < N_VALUES; j++) {
			a = values[i];
			b = values[j];
			c = values[(i + j) % N_VALUES];
			regs[RDI] = (u64)a;
			regs[RSI] = (u64)b;
			regs[RDX] = (u64)c;
			check_all();
		}
}

TL_TEST(a_division_that_has_no_result_is_not_known)
{
	regs[RDI] = 5;
	regs[RSI] = 0;
	CHECK_EQ(run("f if $arg1 / $arg2 == 0", PROBE_COUNT, 0), TL_UNKNOWN);
	CHECK_EQ(run("f if $arg1 % $arg2 == 0", PROBE_COUNT, 0), TL_UNKNOWN);
	CHECK_EQ(run("f if $arg1:u64 / $arg2", PROBE_COUNT, 0), TL_UNKNOWN);
	regs[RDI] = (uint64_t)INT64_MIN;
	regs[RSI] = ~0ull;
	CHECK_EQ(run("f if $arg1 / $arg2 == $arg1", PROBE_COUNT, 0), TL_PASSED);
	CHECK_EQ(run("f if $arg1 % $arg2 == 0", PROBE_COUNT, 0), TL_PASSED);
}

TL_TEST(a_bad_address_is_a_fault_that_a_sure_half_outweighs)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "f if +0($arg1) == 5", TL_UNKNOWN },
		{ "f if +0($arg1) != 5", TL_UNKNOWN },
		{ "f if !+0($arg1)", TL_UNKNOWN },
		{ "f if $arg1 && +0($arg1) == 5", TL_FILTERED },
		{ "f if +0($arg1) == 5 || $arg1 == 0", TL_PASSED },
		{ "f if +0($arg1) == 5 || $arg1 == 1", TL_UNKNOWN },
		{ "f if ($arg1 && +0($arg1)) || 0", TL_FILTERED },
		{ "f if $arg1:string == \"x\"", TL_UNKNOWN },
	};

	regs[RDI] = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ROW(rows[i].text);
		CHECK_EQ(run(rows[i].text, PROBE_COUNT, 0), rows[i].want);
	}
	CHECK_EQ(run("f +0($arg1) x=$arg2", PROBE_TRACE, 0), TL_PASSED);
	CHECK_EQ(made.faults, 1);
	CHECK_EQ(made.words[3], 0);
	CHECK_EQ(run("f by +8($arg1)", PROBE_COUNT, 0), TL_PASSED);
	CHECK_EQ(made.key_fault, 1);
}

TL_TEST(texts_are_compared_to_their_ends)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "f if $arg1:string == \"GET\"", TL_PASSED },
		{ "f if $arg1:string != \"GET\"", TL_FILTERED },
		{ "f if $arg1:string == \"GETS\"", TL_FILTERED },
		{ "f if $arg1:string == \"GE\"", TL_FILTERED },
		{ "f if $arg1:string == \"\"", TL_FILTERED },
		{ "f if +3($arg1):string == \"\"", TL_PASSED },
		{ "f if $arg2:string == \"a \\\"b\\\"\"", TL_PASSED },
		{ "f if $arg2:string == \"a by \\\"b\"", TL_FILTERED },
		{ "f if !($arg1:string == \"SET\") && $arg1:string == \"GET\"",
		  TL_PASSED },
		/* It is another one before memory ends. */
		{ "f if $arg3:string == \"xz\"", TL_FILTERED },
		{ "f if $arg3:string == \"xyz\"", TL_UNKNOWN },
	};

	memcpy(memory, "GET", 4);
	memcpy(memory + 16, "a \"b\"", 6);
	memcpy(memory + sizeof(memory) - 2, "xy", 2);
	regs[RDI] = BASE;
	regs[RSI] = BASE + 16;
	regs[RDX] = BASE + sizeof(memory) - 2;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ROW(rows[i].text);
		CHECK_EQ(run(rows[i].text, PROBE_COUNT, 0), rows[i].want);
	}
}

/* A text as Go has it: in two registers, and there may be zeros in it. */
static const struct node *two_words(struct expr *e, struct field *f)
{
	e->at += expr_word_length(e->at);
	f->type = 't';
	f->limit = 16;
	return expr_text(e, expr_register(e, RDI), expr_register(e, RSI));
}

TL_TEST(texts_of_known_length_end_there)
{
	static const struct expr_scope words = { .name = two_words };
	static const struct {
		uint64_t length, told;
	} rows_of[] = {
		{ 0, 0 }, { 2, 2 }, { 5, 5 }, { 8, 8 }, { 17, 16 | TL_CUT }
	};

	scope = &words;
	memcpy(memory, "hello\0there", 12);
	memcpy(memory + 240, "0123456789abcdef", 16);
	regs[RDI] = BASE;
	for (size_t i = 0; i < sizeof(rows_of) / sizeof(*rows_of); i++) {
		regs[RSI] = rows_of[i].length;
		CHECK_EQ(run("f s", PROBE_TRACE, 0), TL_PASSED);
		CHECK_EQ(made.words[TL_EVENT_HEAD / 8], rows_of[i].told);
		memcpy(at_return, regs, sizeof(regs));
		CHECK_EQ(run("f%return s", PROBE_TRACE, 0), TL_PASSED);
		CHECK_EQ(made.words[TL_EVENT_HEAD / 8], rows_of[i].told);
		CHECK_EQ(made.faults, 0);
	}
	regs[RSI] = 3;
	CHECK_EQ(run("f if s == \"hel\"", PROBE_COUNT, 0), TL_PASSED);
	CHECK_EQ(run("f if s == \"he\"", PROBE_COUNT, 0), TL_FILTERED);
	CHECK_EQ(run("f if s == \"hello\"", PROBE_COUNT, 0), TL_FILTERED);
	CHECK_EQ(run("f if s != \"\" && s == \"hel\" && $arg1", PROBE_COUNT, 0),
		 TL_PASSED);
	regs[RSI] = 0;
	CHECK_EQ(run("f if s == \"\"", PROBE_COUNT, 0), TL_PASSED);
	/* To the end of memory, and over it; more than is wanted. */
	regs[RDI] = BASE + 240;
	regs[RSI] = 16;
	CHECK_EQ(run("f s", PROBE_TRACE, 0), TL_PASSED);
	CHECK_EQ(made.words[TL_EVENT_HEAD / 8], 16);
	regs[RSI] = 1000;
	CHECK_EQ(run("f s", PROBE_TRACE, 0), TL_PASSED);
	CHECK_EQ(made.words[TL_EVENT_HEAD / 8], 16 | TL_CUT);
	regs[RDI] = BASE + 248;
	CHECK_EQ(run("f s", PROBE_TRACE, 0), TL_PASSED);
	CHECK_EQ(made.faults, 1);
	CHECK_EQ(run("f if s == \"x\"", PROBE_COUNT, 0), TL_FILTERED);
	regs[RSI] = 20;
	CHECK_EQ(run("f if s == \"89abcdef012345678901\"", PROBE_COUNT, 0),
		 TL_UNKNOWN);
	scope = NULL;
}

TL_TEST(a_false_half_saves_the_fetches_behind_it)
{
	regs[RDI] = 0;
	fetches = 0;
	CHECK_EQ(run("f x=+0($arg2):u64 if $arg1 && +0($arg2)", PROBE_TRACE, 0),
		 TL_FILTERED);
	CHECK_EQ(fetches, 0);
}

/* ---- calls ------------------------------------------------------------------- */

TL_TEST(a_call_has_its_arguments_as_they_were_and_its_result)
{
	memcpy(memory, "entry", 6);
	regs[RDI] = BASE;
	regs[RSI] = 17;
	regs[RAX] = 99;
	at_return[RAX] = (uint64_t)-2;
	at_return[RDI] = 1;
	CHECK_EQ(run("f%return s=$arg1:string n=$arg2 r=$retval %rdi "
		     "if $retval < 0 && $arg2 == 17 && $arg2 + $retval == 15",
		     PROBE_TRACE, 1000000007000),
		 TL_PASSED);
	CHECK_EQ(made.n, 3 + 2 + 1 + 1 + 1 + 1);
	CHECK_EQ(made.words[3], 5);
	CHECK_MEM(&made.words[4], "entry\0\0", 8);
	CHECK_EQ(made.words[5], 17);
	CHECK_EQ(made.words[6], -2);
	CHECK_EQ(made.words[7], 1);
	CHECK_EQ(made.words[8], 1000000007000);
	CHECK(made.to.event);
	CHECK_EQ(run("f%return if $arg2 == 18", PROBE_TRACE, 0), TL_FILTERED);
	CHECK_EQ(run("f%return if $retval == 99", PROBE_COUNT, 0), TL_FILTERED);
	CHECK_EQ(run("f%return if $arg1:string == \"entry\"", PROBE_COUNT, 0),
		 TL_PASSED);
	/* A fault at the entry is one at the return. */
	regs[RDI] = 0;
	CHECK_EQ(run("f%return s=$arg1:string w=+0($arg1) r=$retval",
		     PROBE_TRACE, 0),
		 TL_PASSED);
	CHECK_EQ(made.faults, 3);
	CHECK_EQ(made.words[5], -2);
}

TL_TEST(the_least_duration_is_kept_and_a_shorter_one_is_not)
{
	CHECK_EQ(run("f", PROBE_TIME, 1000000007000), TL_PASSED);
	CHECK(made.to.histogram);
	CHECK_EQ(run("f", PROBE_TIME, 1000000006999), TL_FILTERED);
	CHECK_EQ(run("f", PROBE_TIME, ~0ull), TL_PASSED);
	CHECK_EQ(run("f%return", PROBE_TRACE, 1), TL_FILTERED);
}

TL_TEST(keys_are_words_texts_and_names)
{
	memcpy(memory,
	       "a key of some length that is cut at sixty-four bytes, "
	       "as this one is",
	       69);
	regs[RDI] = BASE;
	regs[RSI] = (uint64_t)-3;
	CHECK_EQ(run("f by $arg2", PROBE_COUNT, 0), TL_PASSED);
	CHECK_EQ(made.key_n, 1);
	CHECK_EQ(made.key[0], -3);
	CHECK(made.to.count);
	CHECK_EQ(run("f by $arg2:u8", PROBE_COUNT, 0), TL_PASSED);
	CHECK_EQ(made.key[0], 253);
	CHECK_EQ(run("f by $arg2 / 2 + 1", PROBE_COUNT, 0), TL_PASSED);
	CHECK_EQ(made.key[0], 0);
	CHECK_EQ(run("f by tid", PROBE_COUNT, 0), TL_PASSED);
	CHECK_EQ(made.key[0], 4711);
	CHECK_EQ(run("f by comm", PROBE_COUNT, 0), TL_PASSED);
	CHECK_EQ(made.key_n, 2);
	CHECK_MEM(made.key, "worker\0\0\0\0\0\0\0\0\0", 16);
	CHECK_EQ(run("f by $arg1:string", PROBE_COUNT, 0), TL_PASSED);
	CHECK_EQ(made.key_n, 8);
	CHECK_MEM(made.key, memory, 64);
	CHECK_EQ(run("f%return by $arg1:string[5]", PROBE_COUNT, 0), TL_PASSED);
	CHECK_EQ(made.key_n, 1);
	CHECK_MEM(made.key, "a key\0\0", 8);
	CHECK_EQ(run("f by $arg1", PROBE_TIME, ~0ull), TL_PASSED);
	CHECK_EQ(made.key[0], BASE);
}

/* ---- what is refused ----------------------------------------------------------- */

TL_TEST(what_is_written_wrong_is_refused_where_it_is_wrong)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "f if", "'', column 1: here belongs a number, " },
		{ "f if $arg1 >",
		  "'$arg1 >', column 8: here belongs a number" },
		{ "f if $arg1 5", "'$arg1 5', column 7: nothing more" },
		{ "f if ($arg1", "'($arg1', column 7: here belongs a )" },
		{ "f if $retval", "'$retval', column 1: $retval is known at" },
		{ "f if $arg1:string",
		  "'$arg1:string', column 13: a string is" },
		{ "f if $arg1:string > 5",
		  "'$arg1:string > 5', column 14: a st" },
		{ "f if $arg1:string == 5",
		  "'$arg1:string == 5', column 17: a " },
		{ "f if $arg1:string == \"x",
		  "'$arg1:string == \"x', column 19:" },
		{ "f if 5 == $arg1:string",
		  "'5 == $arg1:string', column 18: a " },
		{ "f if $foo", "'$foo', column 1: there are $arg1, $arg2" },
		{ "f if 99999999999999999999",
		  "'99999999999999999999', column 1" },
		{ "f if !$arg1:string",
		  "'!$arg1:string', column 14: a string" },
		{ "f by", "'', column 1: here belongs a number" },
		{ "f by $arg1:string[65]",
		  "'$arg1:string[65]', column 17: a key" },
		{ "f by comm by tid",
		  "'comm by tid', column 6: nothing more b" },
		{ "f $arg1", "'$arg1', column 1: arguments are shown by" },
		{ "f+4 if $arg1",
		  "'f+4': $arg1 ... are known only at the entry" },
		{ "f+4%return", "'f+4': a return is of a whole function" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct probe_wish wish = { .use = PROBE_COUNT };
		struct probe p;
		char why[400] = "";

		ROW(rows[i].text);
		CHECK(!probe_parse(&p, rows[i].text, &wish, why, sizeof(why)));
		probe_free(&p);
		why[strlen(rows[i].why)] = '\0';
		CHECK_STR(why, rows[i].why);
	}
}

TL_TEST(what_is_too_much_is_refused)
{
	char text[4000] = "f if 1";
	struct probe_wish wish = { .use = PROBE_COUNT };
	struct probe p;
	char why[400];

	for (int i = 0; i < 100; i++)
		strcat(text, " && 1");
	CHECK(!probe_parse(&p, text, &wish, why, sizeof(why)));
	probe_free(&p);
	strcpy(text, "f if ");
	for (int i = 0; i < 12; i++)
		strcat(text, "1+(");
	strcat(text, "1");
	for (int i = 0; i < 12; i++)
		strcat(text, ")");
	CHECK(!probe_parse(&p, text, &wish, why, sizeof(why)));
	probe_free(&p);
	memset(text, '(', 2000);
	memcpy(text, "f if ", 5);
	text[2000] = '\0';
	CHECK(!probe_parse(&p, text, &wish, why, sizeof(why)));
	probe_free(&p);
}

/* clang-format off */
static const struct bad {
	const char *name;
	bool call;
	uint16_t entry;
	struct tl_op op[4];
} bads[] = {
	{ "no such operation", false, 0, { { 200, 0, 0, 0 } } },
	{ "a word beyond the registers", false, 0, { { TL_OP_REG, 0, 21, 0 }, { TL_OP_FILTER, 0, 0, 0 } } },
	{ "a load of 3 bytes", false, 0, { { TL_OP_REG, 0, 1, 0 }, { TL_OP_LOAD, 3, 0, 0 }, { TL_OP_FILTER, 0, 0, 0 } } },
	{ "nothing to load from", false, 0, { { TL_OP_LOAD, 8, 0, 0 }, { TL_OP_FILTER, 0, 0, 0 } } },
	{ "one thing to add", false, 0, { { TL_OP_REG, 0, 1, 0 }, { TL_OP_ADD, 0, 0, 0 }, { TL_OP_FILTER, 0, 0, 0 } } },
	{ "something is left", false, 0, { { TL_OP_REG, 0, 1, 0 } } },
	{ "a string of no bytes", false, 0, { { TL_OP_REG, 0, 1, 0 }, { TL_OP_STRING, 0, 0, 0 } } },
	{ "a string too long", false, 0, { { TL_OP_REG, 0, 1, 0 }, { TL_OP_STRING, 0, 0, 257 } } },
	{ "a key too long", false, 0, { { TL_OP_REG, 0, 1, 0 }, { TL_OP_KEY_STRING, 0, 0, 65 } } },
	{ "a text beyond the texts", false, 0, { { TL_OP_REG, 0, 1, 0 }, { TL_OP_EQUAL, 10, 250, 0 }, { TL_OP_FILTER, 0, 0, 0 } } },
	{ "a duration of a hit", false, 0, { { TL_OP_TOOK, 0, 0, 0 }, { TL_OP_FILTER, 0, 0, 0 } } },
	{ "a histogram of a hit", false, 0, { { TL_OP_HISTOGRAM, 0, 0, 0 } } },
	{ "an entry of a hit", false, 1, { { TL_OP_CONST, 0, 0, 0 }, { TL_OP_FILTER, 0, 0, 0 } } },
	{ "what was not saved", true, 0, { { TL_OP_SAVED, 0, 0, 0 }, { TL_OP_FILTER, 0, 0, 0 } } },
	{ "saving at a return", true, 0, { { TL_OP_CONST, 0, 0, 0 }, { TL_OP_SAVE, 0, 0, 0 } } },
	{ "saving beyond the room", true, 2, { { TL_OP_CONST, 0, 0, 0 }, { TL_OP_SAVE, 0, 62, 0 } } },
	{ "saving text beyond the room", true, 2, { { TL_OP_CONST, 0, 0, 0 }, { TL_OP_SAVE_STRING, 0, 60, 16 } } },
	{ "saving one word twice", true, 4, { { TL_OP_CONST, 0, 0, 0 }, { TL_OP_SAVE_STRING, 0, 0, 16 }, { TL_OP_CONST, 0, 0, 0 }, { TL_OP_SAVE, 0, 2, 0 } } },
	{ "a field at an entry", true, 2, { { TL_OP_CONST, 0, 0, 0 }, { TL_OP_EMIT, 0, 0, 0 } } },
	{ "an event at an entry", true, 1, { { TL_OP_EVENT, 0, 0, 0 } } },
	{ "an entry that leaves something", true, 1, { { TL_OP_CONST, 0, 0, 0 }, { TL_OP_FILTER, 0, 0, 0 } } },
	{ "something behind the end", false, 0, { { TL_OP_COUNT, 0, 0, 0 }, { TL_OP_CONST, 0, 0, 0 }, { TL_OP_FILTER, 0, 0, 0 } } },
	{ "an end twice", false, 0, { { TL_OP_COUNT, 0, 0, 0 }, { TL_OP_COUNT, 0, 0, 0 } } },
	{ "too much of the stack", false, 0, { { TL_OP_STACK, 0, 0, 32776 }, { TL_OP_EVENT, 0, 0, 0 } } },
};
/* clang-format on */

TL_TEST(the_check_refuses_what_is_wrong_by_one_thing)
{
	struct tl_program p;

	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		p = (struct tl_program){ .version = TL_PROGRAM_VERSION,
					 .entry = bads[i].entry };
		memcpy(p.op, bads[i].op, sizeof(bads[i].op));
		while (p.n < 4 && p.op[p.n].op)
			p.n++;
		ROW(bads[i].name);
		CHECK_EQ(tl_program_check(&p, bads[i].call), -1);
	}
	p = (struct tl_program){ .version = TL_PROGRAM_VERSION };
	CHECK_EQ(tl_program_check(&p, false), 0);
	p.version++;
	CHECK_EQ(tl_program_check(&p, false), -1);
	p = (struct tl_program){ .version = TL_PROGRAM_VERSION,
				 .n = TL_MAX_OPS + 1 };
	CHECK_EQ(tl_program_check(&p, false), -1);
}

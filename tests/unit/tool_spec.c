/* SPDX-License-Identifier: MIT */
/* link: tool/spec.c tool/match.c tool/text.c -lm */
/*
 * tool_spec.c - what is written for a probe is understood, or refused
 */
#include <string.h>

#include "spec.h"
#include "tl_test.h"

/* clang-format off */
static const struct good {
	const char *text, *binary, *func;
	uint64_t offset, addr;
	bool glob;
} goods[] = {
	{ "main",               NULL,        "main",     0,    0,        false },
	{ "call+0x10",          NULL,        "call",     16,   0,        false },
	{ "call+12",            NULL,        "call",     12,   0,        false },
	{ "call+0",             NULL,        "call",     0,    0,        false },
	{ "libc:malloc",        "libc",      "malloc",   0,    0,        false },
	{ "libc.so.6:mem*",     "libc.so.6", "mem*",     0,    0,        true },
	{ "/usr/bin/x:f",       "/usr/bin/x", "f",       0,    0,        false },
	{ "0x401136",           NULL,        NULL,       0,    0x401136, false },
	{ "0XffFF",             NULL,        NULL,       0,    0xffff,   false },
	{ "libc:0x10",          "libc",      NULL,       0,    16,       false },
	{ "std::sort",          NULL,        "std::sort", 0,   0,        false },
	{ "libx:ns::f",         "libx",      "ns::f",    0,    0,        false },
	{ "f.isra.0",           NULL,        "f.isra.0", 0,    0,        false },
	{ "net/http.(*conn).s", NULL, "net/http.(*conn).s", 0, 0,        true },
	{ "a[bc]",              NULL,        "a[bc]",    0,    0,        true },
	{ "A::operator+",       NULL,        "A::operator+", 0, 0,       false },
	{ "A::operator+(A&, B)", NULL, "A::operator+(A&, B)", 0, 0,      false },
	{ "A::operator++",      NULL,        "A::operator++", 0, 0,      false },
	{ "A::operator++0x4",   NULL,        "A::operator+", 4, 0,       false },
	{ "A::operator+++4",    NULL,        "A::operator++", 4, 0,      false },
	{ "operator+=(A)+8",    NULL,        "operator+=(A)", 8, 0,      false },
	{ "lib:A::operator<",   "lib",       "A::operator<", 0, 0,       false },
	{ "operator<<(A::B)",   NULL,        "operator<<(A::B)", 0, 0,   false },
	{ "lib:operator->+3",   "lib",       "operator->", 3, 0,         false },
	{ "A::operator%",       NULL,        "A::operator%", 0, 0,       false },
	{ "A::operator%=(int)", NULL,        "A::operator%=(int)", 0, 0, false },
	{ "A::operator()",      NULL,        "A::operator()", 0, 0,      false },
	{ "operator new",       NULL,        "operator new", 0, 0,       false },
	{ "libx:A::f(int, B*) const", "libx", "A::f(int, B*) const", 0, 0, true },
	{ "f(int, long)+0x10",  NULL,        "f(int, long)", 16, 0,      false },
	{ "std::v<A, B >::f",   NULL,        "std::v<A, B >::f", 0, 0,   false },
	{ "<A as B::C>::f",     NULL,        "<A as B::C>::f", 0, 0,     false },
	{ "f<fn(i32) -> u8>",   NULL,        "f<fn(i32) -> u8>", 0, 0,   false },
	{ "lib:std::v<*>::push", "lib",      "std::v<*>::push", 0, 0,    true },
	{ "(anonymous namespace)::f", NULL, "(anonymous namespace)::f", 0, 0, false },
	{ "a::{lambda(int)#1}::g", NULL,     "a::{lambda(int)#1}::g", 0, 0, false },
	{ "f<(1+2)>",           NULL,        "f<(1+2)>", 0, 0,           false },
	{ "[vdso]:f",           "[vdso]",    "f",        0,    0,        false },
	{ "0x7fffffffffffffff", NULL, NULL, 0, 0x7fffffffffffffff,       false },
};

static const struct good_line {
	const char *text, *binary, *file;
	int line;
} lines[] = {
	{ "t.c:123",    NULL,   "t.c",     123 },
	{ "src/t.c:7",  NULL,   "src/t.c", 7 },
	{ "libx:t.c:8", "libx", "t.c",     8 },
};

static const struct bad {
	const char *text, *why;
} bads[] = {
	{ "",                     "empty" },
	{ ":f",                   "no binary" },
	{ "libc:",                "no function" },
	{ "+4",                   "no function" },
	{ "f+",                   "number" },
	{ "f+x",                  "number" },
	{ "f+0x",                 "number" },
	{ "f+99999999999999999999", "number" },
	{ "0x",                   "address" },
	{ "0xg",                  "address" },
	{ "0x11112222333344445",  "address" },
	{ "123",                  "no line" },
	{ "t.c:0",                "no line" },
	{ "t.c:4294967297",       "no line" },
	{ "f%return",             "trapline time" },
	{ "f%retur",              "return or inlined" },
	{ "f if x > 1",           "conditions" },
	{ "f(int) $arg1",         "conditions" },
	{ "f(int) const $arg1",   "conditions" },
	{ "operator< $arg1",      "conditions" },
	{ "operator new $arg1",   "conditions" },
	{ "f<int x",              "conditions" },
	{ "f const",              "conditions" },
	{ "A::operator%%return",  "trapline time" },
	{ "myoperator+x",         "number" },
};
/* clang-format on */

TL_TEST(probes_are_taken_apart)
{
	const struct good *c;
	struct spec s;
	char why[256];

	for_each_row(c, goods) {
		ROW(c->text);
		REQUIRE(spec_parse(&s, c->text, why, sizeof(why)));
		CHECK_STR(s.text, c->text);
		CHECK_STR(s.binary, c->binary);
		CHECK_STR(s.func, c->func);
		CHECK_EQ(s.offset, c->offset);
		CHECK_EQ(s.addr, c->addr);
		CHECK_EQ(s.glob, c->glob);
		CHECK(!s.file);
		spec_free(&s);
	}
}

TL_TEST(lines_are_taken_apart)
{
	const struct good_line *c;
	struct spec s;
	char why[256];

	for_each_row(c, lines) {
		ROW(c->text);
		REQUIRE(spec_parse(&s, c->text, why, sizeof(why)));
		CHECK_STR(s.binary, c->binary);
		CHECK_STR(s.file, c->file);
		CHECK_EQ(s.line, c->line);
		CHECK(!s.func);
		spec_free(&s);
	}
}

TL_TEST(what_is_no_probe_is_refused_with_its_reason)
{
	const struct bad *c;
	struct spec s;
	char why[256];

	for_each_row(c, bads) {
		ROW(c->text);
		why[0] = '\0';
		CHECK(!spec_parse(&s, c->text, why, sizeof(why)));
		CHECK(strstr(why, c->why) != NULL);
		CHECK(!s.binary && !s.func);
	}
}

TL_TEST(any_bytes_are_survived)
{
	uint64_t state = tl_test_seed;
	struct spec s;
	char text[24], why[64];

	for (unsigned int i = 0; i < 20000; i++) {
		static const char some[] = "a:+0x*[]?9%. \x80(f<>)-";
		size_t len = tl_test_random(&state) % (sizeof(text) - 1);

		for (size_t k = 0; k < len; k++)
			text[k] = some[tl_test_random(&state) %
				       (sizeof(some) - 1)];
		text[len] = '\0';
		if (spec_parse(&s, text, why, sizeof(why))) {
			REQUIRE(!s.func || s.func[0]);
			REQUIRE(!s.binary || s.binary[0]);
			spec_free(&s);
		} else {
			REQUIRE(why[0]);
		}
	}
	CHECK(true);
}

/* clang-format off */
static const struct row {
	const char *text, *probe;
} rows[] = {
	{ "f $arg1",                      "f" },
	{ "A::f() const $arg1",           "A::f() const" },
	{ "A::f() const%return $retval",  "A::f() const%return" },
	{ "A::f() const+4 $arg1",         "A::f() const+4" },
	{ "A::f(int, char) volatile if 1", "A::f(int, char) volatile" },
	{ "operator new%return",          "operator new%return" },
	{ "f const",                      "f" },
	{ "f(int) constant",              "f(int)" },
};
/* clang-format on */

TL_TEST(what_follows_a_probe_is_not_part_of_it)
{
	const struct row *c;

	for_each_row(c, rows) {
		ROW(c->text);
		CHECK_EQ(spec_length(c->text), strlen(c->probe));
	}
}

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 300
"""vars.py - variables and what is reached from them, in events and conditions

Programs that know what their variables hold, compiled in several ways; and the
arguments of markers.
"""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

PROGRAM = r"""
#include <stdio.h>
#include <string.h>
#define NI __attribute__((noinline))
#define KEEP(x) asm volatile("" : : "r"(x) : "memory")
enum color { RED, MINUS = -3 };
enum bare { FEW = 2, MANY = 4000000000u };
struct obj { int refs; char *ptr; };
struct inner { short a; unsigned char b : 3, c : 5; signed int d : 6; };
struct client {
	long id;
	int argc;
	struct obj **argv;
	char name[16];
	double load;
	float part;
	struct inner in;
	union { int u1; unsigned u2; };
	enum color col;
	enum bare few;
	const struct client *next;
	unsigned long flags[4];
	signed char grid[2][3];
	_Bool yes;
};
int counter = -7;
static struct client shared = { .id = 99, .name = "shared" };
NI long many(int a, long b, char c, short d, void *e, int f, int seven,
	     long eight)
{
	KEEP(&a); KEEP(&b); KEEP(&c); KEEP(&d); KEEP(&e); KEEP(&f);
	KEEP(&seven); KEEP(&eight);
	return a + b + c + d + f + seven + eight;
}
NI long serve(struct client *c, int n, const char *why)
{
	long local = c->id * n;
	KEEP(c);
	asm volatile("nop" : "+r"(local) : : "memory"); /* LOCAL */
	KEEP(why);
	KEEP(n);
	return local + c->argc;
}
static inline __attribute__((always_inline)) void twice(int deep)
{
	int more = deep * 10;
	asm volatile("nop" : "+r"(more) : "r"(deep) : "memory"); /* INLINED */
	asm volatile("nop; nop; nop; nop; nop; nop");
}
NI void one(int x) { twice(x); KEEP(x); }
NI void two(int x) { twice(x + 100); KEEP(x); }
int main(void)
{
	struct obj o1 = { 3, "get" }, o2 = { 4, "key" }, *av[] = { &o1, &o2, &o1 };
	struct client second = { .id = 1234 };
	struct client c = { .id = 42, .argc = 2, .argv = av,
		.name = "client one", .load = 0.75, .part = -1.5f,
		.in = { -9, 5, 17, -11 }, .u1 = -1, .col = MINUS, .few = MANY,
		.next = &second, .flags = { 1, 2, 3, 1ul << 63 },
		.grid = { { 1, 2, 3 }, { -4, -5, -6 } }, .yes = 1 };

	KEEP(&second);
	KEEP(&c);
	KEEP(&o1);
	KEEP(&o2);
	KEEP(av);
	for (int i = 0; i < 3; i++) {
		c.id += i;
		counter--;
		shared.argc = i;
		KEEP(&shared);
		serve(&c, i + 1, i & 1 ? "odd" : "even");
		many(i, 2, 3, 4, &c, 6, -7, 8);
		one(i);
		two(i);
	}
	return 0;
}
"""

PLUS = r"""
#include <cstdio>
#define NI __attribute__((noinline))
struct base { int first = 5; };
struct mid { long pad = 1; };
struct shape : mid, base {
	int sides;
	const int &ref;
	shape(int n, const int &r) : sides(n), ref(r) {}
	NI void grow(int much, shape &other);
};
void shape::grow(int much, shape &other)
{
	asm volatile("nop; nop; nop; nop; nop"
		     : : "r"(this), "r"(much), "r"(&other) : "memory");
}
int main()
{
	int seven = 7;
	shape a(3, seven), b(4, seven);
	a.grow(11, b);
}
"""

# The first instruction of boxed() is of get(), which is inlined there.
BOX = r"""
struct box { long id, v; };
static inline __attribute__((always_inline)) long get(const long *self)
{ return *self; }
__attribute__((noinline)) long boxed(struct box *self)
{ return get(&self->v) * 3; }
int main(void)
{
	struct box b = { 42, 5 };

	__asm__ volatile("" : : "r"(&b) : "memory");
	return boxed(&b) != 15;
}
"""

# Values that are in the debug information alone, and what is around them.
KEEP_ALL = r"""
#define NI __attribute__((noinline))
struct thing {
	char name[4], behind[12];
	const char *text;
	struct thing *array[2];
};
NI int work(struct thing *t)
{
	unsigned u = 200; int i = 200, minus = -200, m = 40000;
	unsigned char c = 255, y = 130; char ch = (char)200;
	long l = 0xffffffff; unsigned short s = 65000; unsigned long all = -1ul;
	asm volatile("nop; nop; nop; nop; nop; nop" : : "r"(t) : "memory"); /* HERE */
	return 0;
}
int main(void)
{
	struct thing t = { "abcd", "efghijk", "pointed at", { &t, &t } };
	return work(&t);
}
"""
HERE = next(i for i, x in enumerate(KEEP_ALL.splitlines(), 1)
            if "/* HERE */" in x)


def entries(abbreviation, tag, children, *pairs):
    """An abbreviation of debug information."""
    return (f"\t.byte {abbreviation}, {tag}, {children}"
            + "".join(f", {at}, {form}" for at, form in pairs) + ", 0, 0\n")


NAME, TYPE, LOCATION = (3, 8), (0x49, 0x13), (2, 0x18)
CIRCLES = (r"""
	.text
	.globl work, main
	.type work, @function
work:	.cfi_startproc
	.cfi_escape 0x0f, 1, 0x9c	# the frame is where the frame is
	nop; nop; nop; nop; nop; nop
	ret
	.cfi_endproc
.Lend:	.size work, . - work
	.type main, @function
main:	call work
	xor %eax, %eax
	ret
	.size main, . - main
	.section .note.GNU-stack, "", @progbits
	.section .debug_abbrev, "", @progbits
""" + entries(1, 0x11, 1, (0x11, 1), (0x12, 7))
    + entries(2, 0x2e, 1, NAME, (0x11, 1), (0x12, 7), (0x40, 0x18))
    + entries(3, 0x34, 0, NAME, LOCATION, TYPE)
    + entries(4, 0x16, 0, NAME, TYPE)
    + entries(5, 1, 1, TYPE) + entries(6, 0x21, 0, (0x2f, 0xb))
    + entries(7, 0x13, 1, NAME) + entries(8, 0xd, 0, TYPE, (0x38, 0xb))
    + entries(9, 4, 0, NAME, TYPE) + r"""
	.byte 0
	.section .debug_info, "", @progbits
.Li:	.long .Lie - .Lis
.Lis:	.value 4
	.long 0
	.byte 8, 1
	.quad work, .Lend - work
	.byte 2
	.string "work"
	.quad work, .Lend - work
	.byte 1, 0x9c
""" + "".join(f"""
	.byte 3
	.string "{name}"
	.byte 2, {where}
	.long .L{of} - .Li
""" for name, where, of in [
    ("frame", "0x91, 0", "name"), ("name", "0x77, 8", "name"),
    ("row", "0x77, 8", "row"), ("one", "0x77, 8", "one"),
    ("kind", "0x77, 8", "kind")]) + r"""
	.byte 0
.Lname:	.byte 4
	.string "name"
	.long .Lname - .Li
.Lrow:	.byte 5
	.long .Lrow - .Li
	.byte 6, 7, 0
.Lone:	.byte 7
	.string "one"
""" + 4 * "\t.byte 8\n\t.long .Lone - .Li\n\t.byte 0\n" + r"""
	.byte 0
.Lkind:	.byte 9
	.string "kind"
	.long .Lkind - .Li
	.byte 0
.Lie:
""")

WAYS = [(cc, level, dwarf) for cc in ("gcc", "clang")
        for level in ("-O0", "-O1", "-O2", "-Os") for dwarf in ("4", "5")]


def build(text, cc, level, dwarf, name="v.c"):
    if not shutil.which(cc):
        raise tl.Skip(f"{cc} is not installed")
    d = tl.tempdir()
    source, prog = os.path.join(d, name), os.path.join(d, "vars")
    with open(source, "w", encoding="ascii") as f:
        f.write(text)
    subprocess.run([cc, level, "-g", f"-gdwarf-{dwarf}", "-w", "-o", prog,
                    source], check=True)
    return prog


def run(*args):
    return subprocess.run([tl.TRAPLINE, *map(str, args)], capture_output=True,
                          timeout=60, text=True)


def events(prog, *probes):
    r = run("trace", "--json", *probes, "--", prog)
    tl.check_eq(r.returncode, 0, f"{probes}: {r.stderr}")
    rows = [json.loads(x) for x in r.stdout.splitlines()]
    tl.check_eq(rows[-1]["summary"]["lost"], 0, "lost")
    return rows[:-1]


def line_of(mark):
    return next(i for i, x in enumerate(PROGRAM.splitlines(), 1)
                if f"/* {mark} */" in x)


# What is asked of the second call of serve(), and what it is.
ENTRY = {
    "n": 2, "why": "odd", "c->id": 43, "c->argc": 2, "(*c).argc": 2,
    "c->argv[0]->ptr": "get", "c->argv[n-1]->refs": 4,
    "(*c->argv[1]).ptr": "key", "c->name": "client one",
    "c->name[1]": ord("l"), "c->load": 0.75, "c->part": -1.5,
    "c->in.a": -9, "c->in.b": 5, "c->in.c": 17, "c->in.d": -11,
    "c->u1": -1, "c->u2": 4294967295, "c->col": -3, "c->few": 4000000000,
    "c->next->id": 1234, "c->flags[3]": 1 << 63, "c->grid[1][2]": -6,
    "c->yes": 1, "*c->next->name": 0, "counter": -9, "shared.argc": 1,
    "shared.name": "shared", "hex=counter:x32": "0xfffffff7",
}


@tl.case
def what_a_program_holds_is_what_is_shown():
    asked = list(ENTRY)
    for way in WAYS:
        prog = build(PROGRAM, *way)
        got = {}
        for part in (asked[:10], asked[10:20], asked[20:]):
            rows = events(prog, "serve " + " ".join(part))
            tl.check_eq(len(rows), 3, f"{way} calls")
            got.update(rows[1]["args"])
        for what in asked:
            name = what.split(":")[0].split("=")[0]
            tl.check_eq(got[name], ENTRY[what], f"{way} {what}")


INLINED = """
#define NI __attribute__((noinline))
#define IN inline __attribute__((always_inline))
#define NOPS(x) asm volatile("nop; nop; nop; nop; nop; nop" : "+r"(x))
namespace shop {
struct cart { int v; IN int add(int d) { v += d; NOPS(v); return v; } };
template <class T> IN T mix(T t) { NOPS(t); return t + 1; }
NI int both(int a) { NOPS(a); return a; }
}
NI int run(int n)
{
	shop::cart c = { n };
	c.add(1);
	return c.add(n) + shop::mix(n) + (int)shop::mix(2L) + shop::both(n);
}
int main()
{
	int s = 0;
	for (int i = 0; i < 5; i++)
		s += run(i);
	asm volatile("" : : "r"(s));
}
"""


@tl.case
def inlined_copies_are_probed_by_their_name():
    for level in "-O1", "-O2":
        for cc in "g++", "clang++":
            prog = build(INLINED, cc, level, "5", "v.cc")
            rows = events(prog, "shop::cart::add")
            tl.check_eq(len(rows), 10, f"{cc} {level}: two copies, five calls")
            tl.check_eq(len({r["probe"] for r in rows}), 2, "two copies")
            tl.check(all("inlined at run" in r["probe"] for r in rows),
                     f"{rows[0]}")
            for name, n in [("shop::cart::add(int)", 10), ("shop::mix<int>", 5),
                            ("shop::mix<long>%inlined", 5),
                            ("shop::cart::add%inlined", 10)]:
                tl.check_eq(len(events(prog, name)), n, f"{cc} {level} {name}")
            for args, why in [
                    (["trace", "shop::both%inlined"], "no inlined copy"),
                    (["time", "shop::cart::add"], "do not return"),
                    (["trace", "shop::cart::add%return"], "do not return"),
                    (["trace", "shop::cart::add $arg1"], "not the entry")]:
                r = run(*args, "--", prog)
                tl.check_eq(r.returncode, 1, f"{args}")
                tl.check(why in r.stderr, f"{args}: {r.stderr}")
    prog = build(PROGRAM, "gcc", "-O2", "5")
    rows = events(prog, "twice deep")
    tl.check_eq(sorted(r["args"]["deep"] for r in rows),
                [0, 1, 2, 100, 101, 102], "what they are given")


ODD = r"""
#include <string.h>
#define KEEP(x) asm volatile("" : : "r"(x) : "memory")
struct odd {
	unsigned a : 7, b : 20, c : 9;
	signed d : 31;
	long e : 60;
	unsigned long f : 5, g : 63, h : 3;
} __attribute__((packed));
struct rows { char four[4], eleven[11], behind; };
__attribute__((noinline)) int take(struct odd *o, struct rows *r)
{
	KEEP(o);
	KEEP(r);
	return o->a + r->behind;
}
int main(void)
{
	struct odd o = { 101, 777777, 333, -123456789, -987654321012345l, 19,
			 0x7edcba9876543210ul, 5 };
	struct rows r[3];

	memcpy(r[0].four, "abcd", 4);
	memcpy(r[0].eleven, "hello world", 11);
	memcpy(r[1].four, "abc\0", 4);
	memcpy(r[1].eleven, "hello worlt", 11);
	memcpy(r[2].four, "abcd", 4);
	memcpy(r[2].eleven, "hello\0world", 11);
	for (int i = 0; i < 3; i++) {
		r[i].behind = 'x';
		take(&o, &r[i]);
		o.d++;
	}
	return 0;
}
"""

BITS = {"o->a": 101, "o->b": 777777, "o->c": 333, "o->d": -123456788,
        "o->e": -987654321012345, "o->f": 19, "o->g": 0x7edcba9876543210,
        "o->h": 5}


@tl.case
def bits_that_lie_across_words_are_read():
    for way in WAYS:
        prog = build(ODD, *way)
        rows = events(prog, "take " + " ".join(BITS))
        tl.check_eq(rows[1]["args"], BITS, f"{way}")
        rows = events(prog, "take o->d if o->d == -123456787 && o->c == 333")
        tl.check_eq([r["args"]["o->d"] for r in rows], [-123456787],
                    f"{way} in a condition")


@tl.case
def rows_of_letters_without_an_end_are_compared():
    prog = build(ODD, *WAYS[0])
    for cond, want in [
            ('r->four == "abcd"', 2), ('r->four != "abcd"', 1),
            ('r->four == "abc"', 1), ('r->four == "abce"', 0),
            ('r->eleven == "hello world"', 1), ('r->eleven == "hello"', 1),
            ('r->eleven != "hello world"', 2)]:
        rows = events(prog, f"take r->four if {cond}")
        tl.check_eq(len(rows), want, cond)
    r = run("trace", 'take if r->four == "abcde"', "--", prog)
    tl.check("never" in r.stderr and r.returncode == 1, r.stderr)


MANY = 30000


@tl.case
def the_last_of_many_globals_is_known():
    prog = build("".join(f"int some_global_number_{i} = {i};\n"
                         for i in range(MANY)) +
                 "__attribute__((noinline)) int take(int a)"
                 "{asm volatile(\"nop;nop;nop;nop;nop\");return a;}\n"
                 "int main(void){return take(0);}\n", *WAYS[0])
    rows = events(prog, f"take some_global_number_{MANY - 1} "
                  "some_global_number_7")
    tl.check_eq(list(rows[0]["args"].values()), [MANY - 1, 7], "the values")


@tl.case
def parameters_in_registers_and_on_the_stack():
    for way in WAYS:
        prog = build(PROGRAM, *way)
        rows = events(prog, "many a b c d f seven eight")
        tl.check_eq([list(r["args"].values()) for r in rows],
                    [[i, 2, 3, 4, 6, -7, 8] for i in range(3)], f"{way}")


@tl.case
def locals_of_a_line_and_of_inlined_copies():
    shown = 0
    for way in WAYS:
        prog = build(PROGRAM, *way)
        for mark, name, want in [
                ("LOCAL", "local", [42, 86, 135]),
                ("INLINED", "more", [0, 10, 20, 1000, 1010, 1020])]:
            probe = f"v.c:{line_of(mark)} {name}"
            # Compilers lose track of some; then it must not be guessed at.
            r = run("trace", "--json", probe, "--", prog)
            if r.returncode:
                tl.check("optimized out" in r.stderr, f"{way} {r.stderr}")
                continue
            rows = [json.loads(x) for x in r.stdout.splitlines()][:-1]
            tl.check_eq(sorted(e["args"][name] for e in rows), want,
                        f"{way} {name}")
            shown += 1
    tl.note(f"{shown} of {2 * len(WAYS)} are shown")
    tl.check(shown > len(WAYS), "most are")


@tl.case
def a_function_is_entered_before_what_is_inlined_there():
    for cc in ("gcc", "clang"):
        for level in ("-O1", "-O2"):
            prog = build(BOX, cc, level, "5")
            rows = events(prog, "boxed self->id self->v")
            tl.check_eq([r["args"] for r in rows],
                        [{"self->id": 42, "self->v": 5}], f"{cc} {level}")


@tl.case
def conditions_keys_and_returns_know_variables():
    for way in WAYS[::3]:
        prog = build(PROGRAM, *way)
        rows = events(prog, "serve id=c->id if why == \"even\" && c->id > 42")
        tl.check_eq([r["args"]["id"] for r in rows], [45], f"{way}")
        rows = events(prog, "serve if c->col == -3 && c->few > 3999999999 && "
                            "c->in.d == -11 && c->u2 == 0xffffffff")
        tl.check_eq(len(rows), 3, f"{way} signs")
        rows = events(prog, "serve%return n c->name if c->argv[0]->refs == 3")
        tl.check_eq([(r["args"]["n"], r["args"]["c->name"]) for r in rows],
                    [(n, "client one") for n in (1, 2, 3)], f"{way} returns")
        r = run("count", "--json", "serve by why", "--", prog)
        got = {x["key"]: x["hits"] for x in
               map(json.loads, r.stdout.splitlines()) if "key" in x}
        tl.check_eq(got, {"even": 2, "odd": 1}, f"{way} keys: {r.stderr}")


@tl.case
def constants_have_the_value_that_was_written():
    for way in WAYS:
        prog = build(KEEP_ALL, *way)
        want = {"u": 200, "i": 200, "minus": -200, "c": 255, "l": 0xffffffff,
                "s": 65000, "m": 40000, "all": (1 << 64) - 1, "y": 130,
                "ch": -56}
        for name, value in want.items():
            r = run("trace", "--json", f"v.c:{HERE} {name}", "--", prog)
            if r.returncode:
                tl.check("optimized out" in r.stderr, f"{way} {r.stderr}")
                continue
            row = json.loads(r.stdout.splitlines()[0])
            tl.check_eq(row["args"][name], value, f"{way} {name}")


@tl.case
def a_key_ends_where_its_array_does():
    prog = build(KEEP_ALL, "gcc", "-O2", "5")
    for key, want in [("t->name", "abcd"), ("t->array[0]->name", "abcd"),
                      ("t->array[0]->text", "pointed at"),
                      ("t->text", "pointed at")]:
        r = run("count", "--json", f"work by {key}", "--", prog)
        tl.check_eq(r.returncode, 0, f"{key}: {r.stderr}")
        got = [x["key"] for x in map(json.loads, r.stdout.splitlines())
               if "key" in x]
        tl.check_eq(got, [want], key)


@tl.case
def types_and_frames_that_lead_to_themselves_are_refused():
    d = tl.tempdir()
    source, prog = os.path.join(d, "c.s"), os.path.join(d, "circles")
    with open(source, "w", encoding="ascii") as f:
        f.write(CIRCLES)
    subprocess.run(["gcc", "-o", prog, source], check=True)
    for what in ("frame", "name", "*name", "row", "row[1]", "row[1][2]",
                 "one.x", "kind", "one"):
        r = run("trace", f"work {what}", "--", prog)
        tl.check_eq(r.returncode, 1, f"{what}: {r.stderr}")
    r = run("list", "--vars", prog, "work")
    tl.check_eq(r.returncode, 0, r.stderr)


@tl.case
def classes_bases_and_references():
    for cc in ("g++", "clang++"):
        for level in ("-O0", "-O2"):
            prog = build(PLUS, cc, level, "5", "v.cc")
            rows = events(prog, "shape::grow this->sides this->first "
                                "other.sides other.pad much this->ref &other")
            args = rows[0]["args"]
            other = args.pop("&other")
            tl.check_eq(args, {"this->sides": 3, "this->first": 5,
                               "other.sides": 4, "other.pad": 1, "much": 11,
                               "this->ref": 7}, f"{cc} {level}")
            tl.check(int(other, 16) > 4096, other)


TEXTS = r"""
#include <string>
#include <string_view>
#define KEEP(x) asm volatile("nop; nop; nop; nop; nop" : : "r"(x) : "memory")
#define NI __attribute__((noinline))
namespace shop { namespace inner {
struct owner { int id; std::string name; };
NI long sell(const owner *who, const std::string &what, long n)
{ KEEP(&what); KEEP(who); return n; }
NI long look(std::string_view *at, long n) { KEEP(at); return n; }
} }
int main()
{
	/* The second is too long to be in the string itself, and holds a 0. */
	shop::inner::owner a = { 1, "anne" },
		b = { 2, std::string(70, 'b') + std::string("\0c", 2) };
	std::string_view part = std::string_view("not all of it").substr(4, 3);
	long n = 0;
	for (long i = 0; i < 3; i++) {
		n += shop::inner::sell(&a, "pear", i);
		n += shop::inner::sell(&b, "", i);
		n += shop::inner::look(&part, i);
	}
	return n != 9;
}
"""


def build_cxx(text, cc, *options):
    if not shutil.which(cc):
        raise tl.Skip(f"{cc} is not installed")
    d = tl.tempdir()
    source, prog = os.path.join(d, "t.cc"), os.path.join(d, "t")
    with open(source, "w", encoding="ascii") as f:
        f.write(text)
    # clang leaves it to the library to tell what a string is.
    whole = ["-fstandalone-debug"] if cc == "clang++" else []
    subprocess.run([cc, "-g", *whole, *options, "-std=c++17", "-o", prog,
                    source], check=True)
    return prog


@tl.case
def strings_of_c_plus_plus_are_texts_also_in_namespaces():
    for cc in ("g++", "clang++"):
        for level in ("-O0", "-O1", "-O2"):
            prog = build_cxx(TEXTS, cc, level)
            how = f"{cc} {level}"
            rows = events(prog, "shop::inner::sell who->name what n")
            tl.check_eq([r["args"] for r in rows],
                        [x for i in range(3) for x in
                         ({"who->name": "anne", "what": "pear", "n": i},
                          {"who->name": "b" * 70, "what": "", "n": i})], how)
            rows = events(prog, "shop::inner::look at n")
            tl.check_eq([r["args"]["n"] for r in rows], [0, 1, 2], how)
            rows = events(prog, "shop::inner::look *at")
            tl.check_eq([r["args"]["*at"] for r in rows], ["all"] * 3, how)
            r = run("count", "--json", 'shop::inner::sell if what == '
                    '"pear" by who->name', "--", prog)
            got = {x["key"]: x["hits"] for x in
                   map(json.loads, r.stdout.splitlines()) if "key" in x}
            tl.check_eq(got, {"anne": 3}, f"{how}: {r.stderr}")


FRAMES = r"""
struct two { long a, b; };
volatile long sink;
#define NI extern "C" __attribute__((noinline))
NI void fill(volatile char *room, long x) { room[0] = x; sink = x; }
NI long one(long x) { volatile char room[80]; fill(room, x); return x + room[0]; }
NI long pair(struct two t, long n)
{ volatile char room[80]; fill(room, t.a); sink = t.a + t.b; return n + sink; }
NI long eight(long a, long b, long c, long d, long e, long f, long g, long h)
{ volatile char room[40]; fill(room, a); return sink = a + b + c + d + e + f + g + h; }
int main()
{
	struct two t = { 5, 6 };
	for (long i = 0; i < 3; i++) { one(i); pair(t, i); eight(i, 2, 3, 4, 5, 6, 7, 80 + i); }
}
"""


# Their debug information has places in a frame that is counted from %rsp, as it
# will be: at the entry nothing is there.
@tl.case
def parameters_are_not_looked_for_in_a_frame_that_is_still_to_be_made():
    for cc in ("g++", "clang++"):
        for options in (("-O0",), ("-O0", "-fomit-frame-pointer"), ("-O1",),
                        ("-O2", "-fomit-frame-pointer")):
            prog = build_cxx(FRAMES, cc, *options)
            how = f"{cc} {options}"
            rows = events(prog, "one x")
            tl.check_eq([r["args"]["x"] for r in rows], [0, 1, 2], how)
            rows = events(prog, "eight a h")
            tl.check_eq([r["args"] for r in rows],
                        [{"a": i, "h": 80 + i} for i in range(3)], how)
            r = run("trace", "--json", "pair n", "--", prog)
            if r.returncode:
                tl.check("not in its place yet" in r.stderr, r.stderr)
                continue
            rows = [json.loads(x) for x in r.stdout.splitlines()][:-1]
            tl.check_eq([r["args"]["n"] for r in rows], [0, 1, 2], how)


DECIMAL = """
#include <stdio.h>
__attribute__((noinline)) int take(_Decimal64 d, int x)
{
	__asm__ volatile("nop;nop;nop;nop;nop;nop;nop;nop");
	return x + (int)(d == 1.5DD);
}
int main(int argc, char **argv)
{
	(void)argv;
	return take(1.5DD, argc + 40) != 42;
}
"""


# They are passed as numbers of SSE: what is behind them has another register.
@tl.case
def decimal_floats_are_in_no_general_register():
    prog = build(DECIMAL, "gcc", "-O0", "5")
    r = run("trace", "--json", "take x", "--", prog)
    if r.returncode:
        tl.check("not in its place yet" in r.stderr, r.stderr)
    else:
        tl.check_eq(json.loads(r.stdout.splitlines()[0])["args"], {"x": 41},
                    "x")


@tl.case
def what_cannot_be_shown_is_said():
    prog = build(PROGRAM, "gcc", "-O2", "5")
    bare = prog + ".bare"
    subprocess.run(["strip", "-g", "-o", bare, prog], check=True)
    for probe, status, text in [
            ("serve nix", 1, "no variable 'nix' is visible there"),
            ("serve whi", 1, "near: why"),
            ("serve c->nam", 1, "has no member 'nam'; near: name"),
            ("serve *c", 1, "name a member of it"),
            ("serve c->in", 1, "name a member of it"),
            ("serve n->x", 1, "is no pointer"),
            ("serve n.x", 1, "has no members"),
            ("serve c.id", 1, "a pointer, which takes -> in place of ."),
            ("serve &n", 1, "has no address"),
            ("serve c->load if c->load > 1", 1, "can only be shown"),
            ("serve c->", 2, "name of a member"),
            ("serve c->argv[1", 2, "has no ]"),
            ("serve (c->id", 2, "here belongs a )"),
            ("serve c->id extra!", 2, "nothing more belongs here")]:
        r = run("trace", probe, "--", prog)
        tl.check_eq(r.returncode, status, f"{probe}: {r.stderr}")
        tl.check(text in r.stderr and r.stderr.count("\n") == 1,
                 f"{probe}: {r.stderr}")
    r = run("trace", "serve c->id", "--", bare)
    tl.check_eq(r.returncode, 1, r.stderr)
    tl.check("no debug information" in r.stderr, r.stderr)


tl.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""bound.py - a name that several libraries define is the one that calls go to

Programs and libraries are built here; the program says itself whose function it
has called, and that is what the command must have chosen.
"""
import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

# For all cases.
DIR = tempfile.mkdtemp(prefix="tl-bound-")
atexit.register(shutil.rmtree, DIR, ignore_errors=True)

# who() is exported by all; helper() is each library's own, under one name.
LIBRARY = r"""
#define NI __attribute__((noinline, noclone))
NI int who(void) { return %d; }
static NI int helper(int a) { return a + %d; }
int own_%d(int a) { return helper(a) + 1; }
"""

PROGRAM = r"""
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int who(void);
int own_1(int), own_2(int);
int main(int argc, char **argv)
{
	volatile int sum = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		if (!dlopen(argv[i], RTLD_NOW | RTLD_LOCAL)) {
			puts(dlerror());
			return 1;
		}
	printf("%d\n", who() + 0 * (own_1(1) + own_2(1)));
	while (getchar() == 'c') {
		sum += who();
		printf("%d\n", sum);
	}
	return 0;
}
"""


def library(name, number, *options, source=LIBRARY, count=3):
    path = os.path.join(DIR, name)
    text = source % ((number,) * count)
    tl.compile_to(path, text, "-x", "none", "-shared", "-fPIC", f"-Wl,-soname,{name}",
                  *options)
    return path


def program(name, *options, source=PROGRAM):
    path = os.path.join(DIR, name)
    tl.compile_to(path, source, "-x", "none", f"-Wl,-rpath,{DIR}",
                  "-Wl,--no-as-needed", *options)
    return path


class Target:
    def __init__(self, path, *args, **env):
        self.p = tl.start([path, *args], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, bufsize=1,
                          env={**os.environ, **env})
        self.pid = self.p.pid
        self.who = int(self.p.stdout.readline())

    def quit(self):
        self.p.stdin.close()
        tl.check_eq(self.p.wait(timeout=20), 0, "exit status")


def dry(pid, *probes):
    r = tl.trapline("count", "--dry-run", "--json", "-p", pid, *probes)
    return r, [json.loads(x) for x in r.stdout.splitlines()][:-1]


def chosen(t, probe="who"):
    """The file of what was chosen, and the line that says so."""
    r, rows = dry(t.pid, probe)
    tl.check_eq(r.returncode, 0, f"status ({r.stderr})")
    tl.check_eq(len(rows), 1, f"places: {rows}")
    return os.path.basename(rows[0]["binary"]), r.stderr, \
        rows[0].get("chosen", "")


LIB1 = library("libone.so", 1)
LIB2 = library("libtwo.so", 2)
LIB3 = library("libthree.so", 3)


@tl.case
def the_first_library_that_is_needed_is_meant():
    for order, want in (((LIB1, LIB2), 1), ((LIB2, LIB1), 2)):
        t = Target(program(f"order{want}", *order))
        tl.check_eq(t.who, want, "whose it calls")
        name, err, text = chosen(t)
        other = ("libtwo.so", "libone.so")[want - 1]
        tl.check_eq(name, ("libone.so", "libtwo.so")[want - 1], "chosen")
        line = f"to which the program's calls go; {other} has one, too"
        tl.check(f"who: {name}'s, {line}" in err, err)
        tl.check_eq(text, line, "chosen")
        t.quit()


@tl.case
def what_is_chosen_is_what_is_hit():
    t = Target(program("hit", LIB2, LIB1))
    s = tl.Session("count", t.pid, "who", "libone.so:who", "libtwo.so:who")
    t.p.stdin.write("ccc")
    t.p.stdin.flush()
    for i in range(3):
        tl.check_eq(t.p.stdout.readline(), f"{2 * (i + 1)}\n", "sum")
    hits = {r["probe"]: r["hits"] for r in s.stop()}
    tl.check_eq(hits, {"libtwo.so:who": 3, "libone.so:who": 0}, "hits")
    t.quit()


@tl.case
def what_is_preloaded_comes_first():
    t = Target(program("preloaded", LIB1, LIB2), LD_PRELOAD=LIB3)
    tl.check_eq(t.who, 3, "whose it calls")
    name, err, _ = chosen(t)
    tl.check_eq(name, "libthree.so", "chosen")
    tl.check("libone.so, libtwo.so have one, too" in err or
             "libtwo.so, libone.so have one, too" in err, err)
    t.quit()


@tl.case
def breadth_comes_before_depth():
    # deep needs two; the program needs deep, then one: one comes before two.
    deep = library("libdeep.so", 9, "-Wl,--no-as-needed", LIB2,
                   f"-Wl,-rpath,{DIR}", source="int deep_%d(void) { return 0; }",
                   count=1)
    t = Target(program("breadth", deep, LIB1, LIB2))
    tl.check_eq(t.who, 1, "whose it calls")
    tl.check_eq(chosen(t)[0], "libone.so", "chosen")
    t.quit()


@tl.case
def what_is_loaded_later_is_not_meant():
    t = Target(program("later", LIB1, LIB2), LIB3)
    tl.check_eq(t.who, 1, "whose it calls")
    tl.check_eq(chosen(t)[0], "libone.so", "chosen")
    t.quit()


VERSIONED = r"""
__asm__(".symver old_who, who@V_1");
__asm__(".symver new_who, who@@V_2");
int old_who(void) { return %d; }
int new_who(void) { return %d + 10; }
"""


def script(name, *versions):
    path = os.path.join(DIR, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(v + " { global: who; };\n" for v in versions))
    return f"-Wl,--version-script={path}"


@tl.case
def a_version_that_is_not_asked_for_is_passed_over():
    # The program is linked with V_2 of four; five, in front of it, has V_3 alone.
    four = library("libfour.so", 4, script("four.map", "V_1", "V_2"),
                   source=VERSIONED, count=2)
    plain = PROGRAM.replace("own_1(1) + own_2(1)", "1")
    path = program("versions", four, source=plain)
    five = library("libfive.so", 5, script("five.map", "V_3"),
                   source="int who(void) { return %d; }", count=1)
    t = Target(path, LD_PRELOAD=five)
    tl.check_eq(t.who, 14, "whose it calls")
    r, rows = dry(t.pid, "who")
    tl.check_eq(os.path.basename(rows[0]["binary"]), "libfour.so", r.stderr)
    t.quit()
    # What has no versions is whatever version is asked for.
    t = Target(path, LD_PRELOAD=f"{five}:{LIB3}")
    tl.check_eq(t.who, 3, "whose it calls")
    tl.check_eq(chosen(t)[0], "libthree.so", "chosen")
    t.quit()


@tl.case
def functions_that_are_each_library_s_own_stay_ambiguous():
    t = Target(program("own", LIB1, LIB2))
    r = tl.trapline("count", "-p", t.pid, "-d", "0.1", "helper")
    tl.check_eq(r.returncode, 1, "status")
    tl.check("'helper' is in several binaries; say which: " in r.stderr,
             r.stderr)
    for name in ("libone.so:helper", "libtwo.so:helper"):
        tl.check(name in r.stderr, r.stderr)
    tl.check_eq(chosen(t, "libtwo.so:helper")[0], "libtwo.so", "chosen")
    # One that says which is asked for is taken as it is.
    name, err, text = chosen(t, "libtwo:who")
    tl.check_eq((name, text), ("libtwo.so", ""), "chosen")
    tl.check("calls go" not in err, err)
    r = tl.trapline("count", "-p", t.pid, "-d", "0.1", "lib*:who")
    tl.check("in several binaries" in r.stderr, r.stderr)
    t.quit()


@tl.case
def overloads_that_share_no_symbol_stay_ambiguous():
    libs = [library(f"libover{c}.so", i, source=f"int _Z4leaf{c}(void) "
                    "{ return %d; }", count=1) for i, c in enumerate("il")]
    t = Target(program("overloads", LIB1, LIB2, *libs))
    r = tl.trapline("count", "-p", t.pid, "-d", "0.1", "leaf")
    tl.check_eq(r.returncode, 1, "status")
    tl.check("'leaf' is in several binaries; say which: " in r.stderr,
             r.stderr)
    tl.check_eq(chosen(t, "leaf(long)")[0], "liboverl.so", "chosen")
    t.quit()


@tl.case
def libraries_that_are_all_loaded_later_stay_ambiguous():
    plain = PROGRAM.replace("own_1(1) + own_2(1)", "1") \
        .replace("int who(void);", "static int who_(void) { return 7; }") \
        .replace("who()", "who_()")
    t = Target(program("plugins", source=plain), LIB1, LIB2)
    r = tl.trapline("count", "-p", t.pid, "-d", "0.1", "who")
    tl.check_eq(r.returncode, 1, "status")
    tl.check("'who' is in several binaries" in r.stderr, r.stderr)
    t.quit()


@tl.case
def redis_calls_the_malloc_of_jemalloc():
    r = tl.Redis()
    if "libjemalloc" not in tl.maps(r.pid):
        raise tl.Skip("this redis-server has no libjemalloc")
    s = tl.Session("time", r.pid, "malloc", "free")
    for i in range(50):
        r.command("SET", f"key{i}", "x" * 100)
    rows = {x["function"]: x for x in s.stop()}
    tl.check_eq(set(rows), {"libjemalloc.so.2:malloc", "libjemalloc.so.2:free"},
                "functions")
    for name, row in rows.items():
        tl.check(row["calls"] > 50, f"{name}: {row['calls']} calls")
        tl.check_eq(row["missed"], 0, f"{name}: missed")


tl.main()

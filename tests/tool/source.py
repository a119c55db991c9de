#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 180
"""source.py - FILE:LINE, `list --lines` and `list --vars`

A program whose lines run as often as is written beside them, compiled in several
ways: the probe of a line is hit that often.  Where variables are is compared with
what gdb says.
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

# `// N`: a probe on that line is hit N times, in all its places together.
PROGRAM = r"""
#include <stdio.h>
#define KEEP(x) asm volatile("nop" : "+r"(x) : : "memory")
struct pair { int first, second; };
static inline __attribute__((always_inline)) int twice(int x)
{
	int y = x * 2;
	KEEP(y);		// 1600
	return y + 1;
}
__attribute__((noinline)) int once(int n)
{
	KEEP(n);		// 100
	n = twice(n);
	KEEP(n);		// 100
	return n;
}
__attribute__((noinline)) int loop(int n, struct pair *p)
{
	int sum = 0;
	for (int i = 0; i < n; i++) {
		int inner = twice(i);
		KEEP(inner);	// 1500
		if (i == 7) {
			KEEP(sum);	// 100
			p->first++;
		}
		sum += inner;
	}
	KEEP(sum);		// 100
	return sum + p->second;
}
int main(void)
{
	struct pair p = { 0, 5 };
	int all = 0;
	for (int i = 0; i < 100; i++) {
		all += once(i);
		all += loop(15, &p);
	}
	printf("%d %d\n", all, p.first);
	return 0;
}
"""

WAYS = [(cc, level, dwarf) for cc in ("gcc", "clang")
        for level in ("-O0", "-O1", "-O2") for dwarf in ("4", "5")]


def build(cc, level, dwarf):
    if not shutil.which(cc):
        raise tl.Skip(f"{cc} is not installed")
    d = tl.tempdir()
    source = os.path.join(d, "lines.c")
    prog = os.path.join(d, "lines")
    with open(source, "w", encoding="ascii") as f:
        f.write(PROGRAM)
    subprocess.run([cc, level, "-g", f"-gdwarf-{dwarf}", "-o", prog, source],
                   check=True)
    return prog


def trapline(*args):
    return subprocess.run([tl.TRAPLINE, *map(str, args)], capture_output=True,
                          timeout=60, text=True)


def rows(*args):
    r = trapline(*args)
    tl.check_eq(r.returncode, 0, f"status ({r.stderr})")
    return [json.loads(x) for x in r.stdout.splitlines() if x[:1] == "{"]


@tl.case
def a_line_is_hit_as_often_as_it_runs():
    wants = {i: int(m[1]) for i, text in enumerate(PROGRAM.splitlines(), 1)
             if (m := re.search(r"// (\d+)$", text))}
    tl.check_eq(len(wants), 6, "lines that are looked at")
    for way in WAYS:
        prog = build(*way)
        for line, want in wants.items():
            got = rows("count", "--json", f"lines.c:{line}", "--", prog)
            tl.check_eq(sum(r["hits"] for r in got), want,
                        f"{way} line {line}: {got}")


@tl.case
def lines_are_those_of_the_function():
    for way in WAYS:
        prog = build(*way)
        got = rows("list", "--lines", "--json", prog, "loop")
        lines = {r["line"] for r in got}
        texts = PROGRAM.splitlines()
        for n, text in enumerate(texts, 1):
            own = 18 < n < 33 and "KEEP" in text
            tl.check(not own or n in lines, f"{way}: line {n} is not there")
        for r in got:
            tl.check(r["probe"].split("+")[0] == "loop", f"{way}: {r}")
            # Each is a probe, and where it says.
            again = rows("count", "--dry-run", "--json", r["probe"], "--",
                         prog)
            tl.check(int(again[0]["address"], 16) % 4096 ==
                     int(r["address"], 16) % 4096, f"{way}: {r} {again}")


def gdb_says(prog, spot):
    """Name: what gdb says of where each variable at @spot is."""
    out = subprocess.run(["gdb", "-batch", "-nx", "-ex", f"info scope {spot}",
                          prog], capture_output=True, text=True, timeout=60)
    got = {}
    for m in re.finditer(r"Symbol (\w+) is (.*?), length \d+\.", out.stdout,
                         re.DOTALL):
        got[m[1]] = m[2]
    return got


@tl.case
def variables_are_where_gdb_says():
    if not shutil.which("gdb"):
        raise tl.Skip("gdb is not installed")
    compared = 0
    for way in WAYS:
        prog = build(*way)
        for spot in ("lines.c:13", "lines.c:15", "lines.c:24", "lines.c:31"):
            there = rows("list", "--lines", "--json", prog,
                         "once" if spot < "lines.c:20" else "loop")
            at = min((int(r["address"], 16) for r in there
                      if r["line"] == int(spot.split(":")[1])))
            got = {r["name"]: r for r in
                   rows("list", "--vars", "--json", prog, hex(at))}
            says = gdb_says(prog, f"*{at:#x}")
            says = {k: v for k, v in says.items() if "a function" not in v}
            tl.check(set(says) <= set(got), f"{way} {spot}: {says} {got}")
            for name, text in says.items():
                reg = re.search(r"a variable in \$(\w+)$", text)
                if not reg or "multi-location" in text:
                    continue
                tl.check_eq(got[name]["where"], f"%{reg[1]}",
                            f"{way} {spot} {name}: {text}")
                compared += 1
    tl.note(f"{compared} registers compared")
    tl.check(compared >= 20, "there were some to compare")


@tl.case
def what_is_not_there_is_said():
    prog = build("gcc", "-O2", "4")
    bare = prog + ".bare"
    subprocess.run(["strip", "-g", "-o", bare, prog], check=True)
    for args, status, text in [
            (["count", "lines.c:4000", "--", prog], 1,
             "there is no code of that line"),
            (["count", "nix.c:3", "--", prog], 1, "no source file 'nix.c'"),
            (["count", "ines.c:3", "--", prog], 1, "no source file 'ines.c'"),
            (["count", "lines.bare:lines.c:3", "--", bare], 1,
             "there is no debug information"),
            (["count", "17", "--", prog], 2, "is no line"),
            (["count", ":17", "--", prog], 2, "names no binary"),
            (["count", "lines.c:0", "--", prog], 2, "is no line"),
            (["list", "--lines", bare, "loop"], 1, "has no debug information"),
            (["list", "--vars", prog], 2, "of which function"),
            (["list", "--lines", "--vars", prog, "loop"], 2, "either"),
            (["list", "--lines", prog, "nix"], 1, "no function 'nix'")]:
        r = trapline(*args)
        tl.check_eq(r.returncode, status, f"{args}: {r.stderr}")
        tl.check(text in r.stderr and r.stderr.count("\n") == 1,
                 f"{args}: {r.stderr}")


@tl.case
def a_program_and_its_library_are_told_apart():
    prog = build("gcc", "-O2", "5")
    got = rows("count", "--json", "lines:lines.c:13", "--", prog)
    tl.check_eq(got[0]["hits"], 100, "by the program's name")
    r = trapline("count", "libc:lines.c:13", "--", prog)
    tl.check_eq(r.returncode, 1, r.stderr)


tl.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""tables.py - the jump tables of compilers, as they themselves wrote them down

A program full of switches is compiled to assembly, in which every label gets a
symbol.  What its tables hold is then known from the compiler: no jump that
`trapline coverage` accepts may take the bytes of one of these places, and no
function may be left with a jump that is not understood.
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import case, check  # noqa: E402

JUMP = 5

SOURCE = r"""
volatile int sink;
__attribute__((noinline)) static int touch(int x) { sink += x; return x ^ sink; }

/* Cases fall into each other: nothing but the table shows where they begin. */
int falls(int x, int r)
{
    switch (x) {
    case 0: r += 3;
    case 1: r ^= sink;
    case 2: r *= 5;
    case 3: sink = r;
    case 4: r -= x;
    case 5: r = ~r;
    case 7: sink += 2;
    default: r++;
    }
    return r;
}

int calls(int x, int r)
{
    switch (x) {
    case 10: return touch(r + 1);
    case 11: r = touch(r); break;
    case 12: touch(x); r += 2; break;
    case 13: return r * 3;
    case 14: r = -r; /* fall through */
    case 15: r ^= 0x55; break;
    case 18: return touch(touch(r));
    }
    return r + touch(x);
}

/* Two tables in one loop; the addresses may be kept in registers. */
int machine(const unsigned char *code, int r)
{
    for (;;) {
        switch (*code++) {
        case 0: return r;
        case 1: r++; continue;
        case 2: r += touch(*code++);
        case 3: r ^= 0x1234; break;
        case 4: code += r & 1; continue;
        case 5: r = touch(r);
        case 6: r >>= 1; break;
        default: r = 0;
        }
        switch (r & 7) {
        case 0: r |= 8;
        case 1: r += 17;
        case 2: r *= 3; break;
        case 3: touch(r);
        case 4: r -= 4;
        case 5: r = ~r; break;
        case 6: return touch(r);
        }
    }
}

int gotos(const unsigned char *code, int r)
{
    static const void *const places[] = { &&stop, &&inc, &&dbl, &&neg };

    goto *places[*code++ & 3];
inc:
    r++;
neg:
    r = -r;
    goto *places[*code++ & 3];
dbl:
    r *= 2;
    sink = r;
    goto *places[*code++ & 3];
stop:
    return r;
}

int near_gotos(const unsigned char *code, int r)
{
    static const int places[] = { &&stop - &&stop, &&inc - &&stop,
                                  &&dbl - &&stop, &&neg - &&stop };

    goto *(&&stop + places[*code++ & 3]);
inc:
    r++;
neg:
    r = -r;
    goto *(&&stop + places[*code++ & 3]);
dbl:
    r *= 2;
    goto *(&&stop + places[*code++ & 3]);
stop:
    return r;
}

/* No table: an array of functions. */
static int one(int r) { return r + 1; }
static int two(int r) { return r + 2; }
int (*const functions[])(int) = { one, two, one, two };
int tail(int x, int r) { return functions[x & 3](r); }

int main(void)
{
    static const unsigned char code[] = { 1, 2, 3, 0 };

    return falls(1, 2) + calls(11, 3) + machine(code, 1) + gotos(code, 2) +
           near_gotos(code, 3) + tail(1, 2);
}
"""

# What compilers write in other ways than as a table may be refused.
MAY_BE_REFUSED = {"near_gotos", "gotos", "tail"}

OPTIONS = [f"{o} {pic}" for o in ("-O0", "-O1", "-O2", "-O3", "-Os")
           for pic in ("-fPIE -pie", "-fno-pic -no-pie")]
OPTIONS += ["-O2 -fPIE -pie -fcf-protection=full",
            "-O2 -fPIE -pie -mcmodel=large",
            "-O2 -fno-pic -no-pie -mcmodel=large",
            "-O3 -fPIE -pie -funroll-loops -march=x86-64-v3"]


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True,
                          text=True).stdout


def build(directory, compiler, options):
    """The program, and the addresses that its tables hold."""
    c, s, full, bare = (os.path.join(directory, n)
                        for n in ("t.c", "t.s", "full", "bare"))
    with open(c, "w", encoding="utf-8") as f:
        f.write(SOURCE)
    flags = options.split()
    run(compiler, "-w", *flags, "-S", "-o", s, c)
    with open(s, encoding="utf-8") as f:
        text = re.sub(r"(?<![\w.])\.L(\w+)", r"TLL_\1", f.read())
    with open(s, "w", encoding="utf-8") as f:
        f.write(text)
    run(compiler, *[x for x in flags if x.endswith("pie")], "-o", full, s)
    run("objcopy", "-w", "-N", "TLL_*", full, bare)
    held = set(re.findall(r"^\s*\.(?:long|quad)\s+TLL_(\w+)(?:-TLL_\w+)?\s*$",
                          text, re.M))
    at = {m[2]: int(m[1], 16) for m in
          re.finditer(r"^([0-9a-f]+) \w TLL_(\w+)$", run("nm", full), re.M)}
    return bare, {at[name] for name in held if name in at}


def judge(compiler, options):
    """(targets of tables that were checked, functions not understood)"""
    program, held = build(tl.tempdir(), compiler, options)
    r = tl.trapline("coverage", "--json", "-v", program)
    check(r.returncode == 0, r.stderr)
    checked, lost = 0, set()
    for line in r.stdout.splitlines()[:-1]:
        fn = json.loads(line)
        start, end = int(fn["address"], 16), int(fn["address"], 16) + fn["size"]
        targets = {t for t in held if start <= t < end}
        if "unresolved indirect jump" in fn["reasons"]:
            lost.add(fn["function"])
        for at in fn["jump_at"]:
            covered = targets & set(range(start + at + 1, start + at + JUMP))
            check(not covered, f"{compiler} {options}: {fn['function']}: a "
                  f"jump at +{at:#x} takes {[hex(t) for t in covered]}")
        checked += len(targets)
    # -mcmodel=large calculates with addresses of code
    check(not lost - MAY_BE_REFUSED or "large" in options,
          f"{compiler} {options}: not understood: {lost}")
    return checked, lost


def all_options(compiler):
    if not shutil.which(compiler):
        raise tl.Skip(f"{compiler} is not installed")
    total, lost = 0, 0
    for options in OPTIONS:
        n, refused = judge(compiler, options)
        total += n
        lost += len(refused)
    tl.note(f"{total} places in tables, {lost} functions refused")
    check(total > 20 * len(OPTIONS), f"only {total} places in tables")


@case
def tables_of_gcc_are_understood():
    all_options("gcc")


@case
def tables_of_clang_are_understood():
    all_options("clang")


tl.main()

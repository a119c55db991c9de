#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""stack.py - call stacks: who called, how often, to the last call

The targets are built without frame pointers: the unwind tables are all there is.
"""
import json
import os
import subprocess
import sys
import time
import xml.dom.minidom

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

TARGET = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define NI __attribute__((noinline, noclone))
volatile long sink;
NI long leaf(long n) { sink += n; return n; }
NI long one(long n) { long r = leaf(n); sink++; return r; }
NI long two(long n) { long r = one(n + 1); sink++; return r + (n % 4 ? 0 : leaf(n)); }
static inline __attribute__((always_inline)) long merged(long n)
{ long r = leaf(n); sink++; return r; }
NI long outer(long n) { long r = merged(n); sink++; return r; }
NI long rec(long n) { char room[64]; long r; memset(room, (int)n, 64);
	r = n ? rec(n - 1) : leaf(room[3]); sink += room[n % 64]; return r; }
NI long deep(long n) { char room[1000]; long r; memset(room, (int)n, 1000);
	r = n ? deep(n - 1) : leaf(1); sink += room[n]; return r; }
/* No jump has room at its exits: its return address is replaced. */
long hop(long n);
__asm__(".globl hop\n.type hop,@function\nhop: .cfi_startproc\n"
	"push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_offset rbx, -16\n"
	"mov %rdi, %rbx\ntest %rdi, %rdi\nje 1f\ndec %rdi\ncall hop\njmp 2f\n"
	"1: call leaf\n2: mov %rbx, %rax\npop %rbx\n"
	".cfi_adjust_cfa_offset -8\n.cfi_restore rbx\n"
	"test $1, %al\nje 3f\nret\n3: ret\n.cfi_endproc\n.size hop, . - hop\n");
static void *thread(void *arg) { for (int i = 0; i < 500; i++) two(i); return arg; }
int main(int argc, char **argv)
{
	pthread_t t[4];
	const char *what = argv[1];
	if (!strcmp(what, "calls")) for (long i = 0; i < 4000; i++) two(i);
	if (!strcmp(what, "inline")) for (long i = 0; i < 50; i++) outer(i);
	if (!strcmp(what, "rec")) for (long i = 0; i < 60; i++) rec(i % 6);
	if (!strcmp(what, "hop")) for (long i = 0; i < 60; i++) hop(i % 6);
	if (!strcmp(what, "deep")) for (long i = 0; i < 10; i++) deep(30);
	if (!strcmp(what, "threads")) {
		for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, thread, NULL);
		for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
	}
	if (!strcmp(what, "loop"))
		for (puts("ready"), fflush(stdout);; usleep(10)) two(1);
	return 0;
}
"""


def program():
    prog = os.path.join(tl.tempdir(), "target")
    subprocess.run(["gcc", "-O2", "-g", "-fomit-frame-pointer", "-pthread",
                    "-fno-optimize-sibling-calls", "-x", "c", "-o", prog, "-"],
                   input=TARGET, text=True, check=True)
    return prog


def run(verb, what, *args):
    out = os.path.join(tl.tempdir(), "out")
    r = subprocess.run([tl.TRAPLINE, verb, "-o", out, *args, "--", program(),
                        what], text=True, capture_output=True, timeout=100)
    tl.check_eq(r.returncode, 0, f"exit status ({r.stderr})")
    with open(out, encoding="utf-8") as f:
        return f.read()


def folded(text):
    """{path from main on: count}"""
    stacks = {}
    for line in text.splitlines():
        path, count = line.rsplit(" ", 1)
        names = path.split(";")
        while names and names[0] not in ("main", "thread", "[cut]"):
            names.pop(0)
        key = ";".join(names)
        stacks[key] = stacks.get(key, 0) + int(count)
    return stacks


CALLS = {"main;two;one;leaf": 4000, "main;two;leaf": 1000}


@tl.case
def stacks_are_counted_to_the_last_call():
    tl.check_eq(folded(run("stack", "calls", "leaf")), CALLS, "folded")
    tl.check_eq(folded(run("stack", "calls", "leaf if $arg1 > 3999")),
                {"main;two;one;leaf": 1}, "under a condition")
    tl.check_eq(folded(run("stack", "threads", "leaf")),
                {"thread;two;one;leaf": 2000, "thread;two;leaf": 500},
                "of threads")


@tl.case
def returns_have_the_stacks_of_their_calls():
    tl.check_eq(folded(run("stack", "calls", "leaf%return")), CALLS, "leaf")
    # All of them are followed, one in the other.
    for f in ("rec", "hop"):
        want = {";".join(["main"] + [f] * n): 10 * (7 - n)
                for n in range(1, 7)}
        tl.check_eq(folded(run("stack", f, f + "%return")), want, f)
        want = {";".join(["main"] + [f] * n + ["leaf"]): 10
                for n in range(1, 7)}
        tl.check_eq(folded(run("stack", f, "leaf", f + "%return if $retval && 0")),
                    want, "below what is followed")


@tl.case
def inlined_functions_are_named():
    tl.check_eq(folded(run("stack", "inline", "leaf")),
                {"main;outer;merged;leaf": 50}, "merged")


OVERLOADS = r"""
#include <cstring>
volatile long sink;
#define NI __attribute__((noinline, noclone))
extern "C" NI void leaf(long n) { sink = n; }
namespace ns {
NI void f(int n) { leaf(n); sink = n; }
NI void f(double d) { leaf(2); sink = (long)d; }
NI void f(const char *s) { leaf(3); sink = strlen(s); }
NI void g(long n) { leaf(n); sink = n; }
struct a { NI void h(int n) { ns::f(n); sink = n; }
	   static inline __attribute__((always_inline)) void k(int n)
	   { leaf(n); sink = n; }
	   NI void k(long n) { leaf(n); sink = n; } };
}
int main()
{
	ns::a a;
	for (int i = 0; i < 3; i++) ns::f(i);
	for (int i = 0; i < 5; i++) ns::f(1.5 * i);
	for (int i = 0; i < 7; i++) ns::f("text");
	for (int i = 0; i < 11; i++) ns::g(i);
	for (int i = 0; i < 13; i++) a.h(i);
	for (int i = 0; i < 17; i++) ns::a::k(i);
	for (int i = 0; i < 19; i++) a.k(19L);
}
"""


@tl.case
def overloads_are_told_apart():
    d = tl.tempdir()
    prog = os.path.join(d, "overloads")
    subprocess.run(["g++", "-O1", "-g", "-fno-optimize-sibling-calls", "-x",
                    "c++", "-o", prog, "-"], input=OVERLOADS, text=True,
                   check=True)
    out = os.path.join(d, "out")
    r = subprocess.run([tl.TRAPLINE, "stack", "-o", out, "leaf", "--", prog],
                       text=True, capture_output=True, timeout=60)
    tl.check_eq(r.returncode, 0, f"exit status ({r.stderr})")
    with open(out, encoding="utf-8") as f:
        got = folded(f.read())
    tl.check_eq(got, {"main;ns::f(int);leaf": 3, "main;ns::f(double);leaf": 5,
                      "main;ns::f(char const*);leaf": 7, "main;ns::g;leaf": 11,
                      "main;ns::a::h;ns::f(int);leaf": 13,
                      "main;ns::a::k(int);leaf": 17,
                      "main;ns::a::k;leaf": 19}, "stacks")


LIBRARY = r"""
__asm__(".symver own_, own@@V1");
long own_(long (*f)(long *), long *p);
__attribute__((noinline)) long own_(long (*f)(long *), long *p)
{ long r = f(p); __asm__ volatile("" : "+r"(r)); return r; }
"""
USER = r"""
long own(long (*f)(long *), long *p);
static inline __attribute__((always_inline)) long get(long *p)
{ long v; __asm__ volatile("mov (%1), %0" : "=r"(v) : "r"(p)); return v; }
__attribute__((noinline)) long entry(long *p) { return get(p) * 3; }
int main(void) { long n = 5; for (int i = 0; i < 7; i++) own(entry, &n); return 0; }
"""


@tl.case
def functions_are_named_alike_wherever_they_are():
    folder = tl.tempdir()
    script = os.path.join(folder, "script")
    with open(script, "w", encoding="utf-8") as f:
        f.write("V1 { };\n")
    lib = os.path.join(folder, "libown.so.1")
    prog = os.path.join(folder, "user")
    for text, options in [(LIBRARY, ["-shared", "-fPIC", "-o", lib,
                                     f"-Wl,--version-script={script}"]),
                          (USER, ["-o", prog, lib])]:
        source = os.path.join(folder, "source.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        subprocess.run(["gcc", "-O2", "-g", source, *options], check=True)
    # Without the version, without the library, and without what is inlined at
    # the first instruction, which has not begun.
    for probe, want in [("entry", "main;own;entry"),
                        ("libown:own%return", "main;own")]:
        r = tl.trapline("stack", probe, "--", prog)
        tl.check_eq(folded(r.stdout), {want: 7}, f"{probe} ({r.stderr})")


# The call of quits() is the last instruction of last(): it returns into other().
LAST = r"""
#include <stdlib.h>
void last(void), other(void);
volatile long sink;
__attribute__((noinline, noclone)) void leaf(long n) { sink = n; }
__attribute__((noreturn)) void quits(void) { leaf(1); exit(0); }
__asm__(".text; .globl last; .type last, @function\n"
	"last: .cfi_startproc; sub $8, %rsp; .cfi_adjust_cfa_offset 8\n"
	"call quits; .cfi_endproc; .size last, . - last\n"
	".globl other; .type other, @function\n"
	"other: .cfi_startproc; ret; .cfi_endproc; .size other, . - other");
int main(void) { last(); return 0; }
"""


@tl.case
def a_call_that_never_returns_is_of_its_function():
    prog = os.path.join(tl.tempdir(), "last")
    tl.compile_to(prog, LAST)
    r = tl.trapline("stack", "leaf", "--", prog)
    tl.check_eq(folded(r.stdout), {"main;last;quits;leaf": 1}, r.stderr)


@tl.case
def a_stack_that_is_deeper_than_its_copy_is_cut():
    stacks = folded(run("stack", "deep", "leaf"))
    tl.check_eq(list(stacks.values()), [10], "counts")
    names = list(stacks)[0].split(";")
    tl.check_eq(names[0], "[cut]", "the outermost")
    tl.check_eq(names[-2:], ["deep", "leaf"], "the innermost")
    tl.check(6 <= names.count("deep") <= 8, f"{names.count('deep')} of 1 KiB")


@tl.case
def json_has_the_innermost_first():
    rows = [json.loads(x) for x in
            run("stack", "calls", "--json", "leaf").splitlines()]
    tl.check_eq(rows[-1], {"summary": {"events": 5000, "lost": 0}}, "summary")
    got = {tuple(r["frames"][:4]): r["count"] for r in rows[:-1]}
    tl.check_eq({k[:k.index("main") + 1]: v for k, v in got.items()},
                {("leaf", "one", "two", "main"): 4000,
                 ("leaf", "two", "main"): 1000}, "rows")


@tl.case
def a_flame_graph_has_widths_by_the_counts():
    doc = xml.dom.minidom.parseString(
        run("stack", "calls", "--format", "svg", "leaf"))
    boxes = {}
    for g in doc.getElementsByTagName("g"):
        name = g.getElementsByTagName("title")[0].firstChild.data.split(":")[0]
        rect = g.getElementsByTagName("rect")[0]
        boxes.setdefault(name, []).append(
            tuple(float(rect.getAttribute(k)) for k in ("x", "y", "width")))
    whole = boxes["all"][0][2]
    tl.check_eq(len(boxes["leaf"]), 2, "leaf stands in two places")
    shares = sorted(round(w / whole, 2) for _, _, w in boxes["leaf"])
    tl.check_eq(shares, [0.2, 0.8], "shares")
    x, y, w = boxes["one"][0]
    tl.check_eq(round(w / whole, 2), 0.8, "one")
    above = [b for b in boxes["leaf"] if abs(b[0] - x) < 0.1 and b[1] < y]
    tl.check_eq(len(above), 1, "leaf lies on one")
    # The whole is as wide as the picture, and what is side by side fills it.
    root = doc.documentElement
    tl.check_eq(whole, float(root.getAttribute("width")) - 20, "the whole")
    two = boxes["two"][0]
    beside = sorted(b for n in ("one", "leaf") for b in boxes[n]
                    if abs(b[1] - (two[1] - 18)) < 1)
    tl.check_eq(len(beside), 2, "one and leaf lie on two")
    ends = [two[0]] + [x + w for x, _, w in beside]
    for end, (x, _, _) in zip(ends, beside):
        tl.check(abs(end - x) < 0.1, f"{beside} on {two}")
    tl.check(abs(ends[-1] - (two[0] + two[2])) < 0.1, f"{beside} on {two}")


@tl.case
def events_and_counts_have_stacks():
    rows = [json.loads(x) for x in
            run("trace", "rec", "--json", "--stack",
                "rec%return n=$arg1:u64").splitlines()]
    tl.check_eq(len(rows), 211, "events")
    n = 0
    for e in rows[:-1]:
        names = e["stack"]
        n = names.index("main")
        tl.check_eq(names[:n], ["rec"] * n, "frames")
        tl.check(1 <= n <= 6 - e["args"]["n"], f"{n} frames of rec")
    text = run("count", "calls", "--stack", "leaf")
    tl.check("5000  jump" in text, text)
    rows = [line.split() for line in text.splitlines() if " < " in line]
    tl.check_eq([r[:8] for r in rows],
                [["4000", "leaf", "<", "one", "<", "two", "<", "main"],
                 ["1000", "leaf", "<", "two", "<", "main", "<",
                  "__libc_start_call_main"]], "callers")


@tl.case
def chrome_reads_calls_as_slices():
    doc = json.loads(run("trace", "rec", "--format", "chrome", "leaf n=$arg1",
                         "rec%return n=$arg1:u64"))
    events = doc["traceEvents"]
    begin = doc["otherData"].pop("begin_ns")
    tl.check(abs(begin - time.time_ns()) < 100e9, "the clock is the wall's")
    tl.check_eq(doc["otherData"], {"events": 270, "lost": 0, "missed": 0},
                "how many")
    slices = [e for e in events if e["ph"] == "X"]
    tl.check_eq(len(slices), 210, "calls")
    tl.check_eq({e["ph"] for e in events if e["name"] == "leaf"}, {"i"}, "hits")
    # Each lies in the one that called it: they nest.
    for e in slices:
        tl.check(e["dur"] > 0 and e["args"]["n"] <= 5, str(e))
    outer = [e for e in slices if e["args"]["n"] == 5]
    inner = [e for e in slices if e["args"]["n"] == 4]
    within = [i for i in inner if any(
        o["ts"] <= i["ts"] + .004 and
        i["ts"] + i["dur"] <= o["ts"] + o["dur"] + .004
        for o in outer)]
    tl.check_eq(len(within), 10, "calls of 4 within calls of 5")


@tl.case
def stacks_that_the_target_spoils_do_no_harm():
    p = tl.start([program(), "loop"], stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    out = os.path.join(tl.tempdir(), "out")
    t = tl.start([tl.TRAPLINE, "stack", "-p", str(p.pid), "-d", "2", "--json",
                  "-o", out, "leaf"], stderr=subprocess.DEVNULL)
    tl.wait_for(lambda: "trapline-events" in tl.maps(p.pid), 20, "attached")
    at = next(line for line in tl.maps(p.pid).splitlines()
              if "memfd:trapline-events" in line)
    lo, hi = (int(x, 16) for x in at.split()[0].split("-"))
    first, seed, end = hi - 32 * ((4 << 20) + 4096), 1, time.monotonic() + 1
    tl.check(first > lo, "the rings are there")
    with open(f"/proc/{p.pid}/mem", "r+b", buffering=0) as mem:
        while time.monotonic() < end and t.poll() is None:
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
            # The beginnings of rings, where the stacks are.
            mem.seek(first + seed % 32 * ((4 << 20) + 4096) + 4096 +
                     seed % (1 << 16) // 8 * 8)
            mem.write(seed.to_bytes(8, "little") * 32)
    tl.check_eq(t.wait(timeout=60), 0, "exit status")
    tl.check(p.poll() is None, "the target goes on")
    tl.check_clean(p.pid)
    p.kill()
    p.wait()


if __name__ == "__main__":
    tl.main()

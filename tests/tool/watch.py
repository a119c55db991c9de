#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""watch.py - `trapline watch`: every change, from what to what, by whom

Programs that count their own changes, and a redis-server: the number of events
is the counter's difference, the values follow each other, and nothing of ours is
in the process, also after the command was killed.
"""
import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import case, check, check_eq, note, wait_for  # noqa: E402
from watching import Watch, refused  # noqa: E402

# Commands on standard input, an answer each.
PROGRAM = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
struct in { signed char c; unsigned short s[4]; };
struct all { long n; struct in in; double d; float f; char *p; _Bool b;
	     union { unsigned u; int i; }; int bits : 3; } all = { .n = 5 };
/* The last lies across what would hold it. */
struct { unsigned low : 3; int sign : 6; unsigned wide : 20; } one;
struct { char c; unsigned long far : 61; unsigned flag : 1; }
	__attribute__((packed)) odd __attribute__((aligned(64)));
unsigned long counter __attribute__((aligned(64)));
unsigned long plain, exchanged;
int small = -1;
int many[16];
__thread int mine;
#define LEAF __attribute__((noinline))
LEAF void add_one(void) { __atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST); }
LEAF void store(unsigned long v) { *(volatile unsigned long *)&plain = v; }
LEAF unsigned long load(void) { return *(volatile unsigned long *)&plain; }
LEAF unsigned long swap(unsigned long v) { return __atomic_exchange_n(&exchanged, v, __ATOMIC_SEQ_CST); }
LEAF unsigned long fetch(unsigned long v) { return __atomic_fetch_add(&exchanged, v, __ATOMIC_SEQ_CST); }
LEAF void types(int i)
{
	all.n -= 2; all.in.c--; all.in.s[3] = 60000 + i; all.d = i * 0.5; all.f = i * 0.25f;
	all.p = (char *)&all + i; all.b = i & 1; all.u = i; small--; many[i % 16] = i;
	__asm__ volatile("" : : : "memory");
}
LEAF void fields(int i)
{
	one.low = i; one.sign = -i; one.wide = i * 1000; odd.far = i * 0x100000001ul; odd.flag = i;
	__asm__ volatile("" : : : "memory");
}
static void *adds(void *arg)
{
	for (long i = 0; i < (long)arg; i++) {
		add_one();
		if (i % 64 == 0)
			usleep(500);
	}
	return (void *)(long)gettid();
}
static int traps;
static void on_trap(int sig) { traps++; }
static pthread_t resident;
static volatile int rounds;
static void *works(void *arg)
{
	for (;;)
		if (rounds) { for (; rounds; rounds--) add_one(); } else usleep(200);
	return arg;
}
int main(void)
{
	char word[64];
	long n;
	signal(SIGTRAP, on_trap);
	mine = 1;
	pthread_create(&resident, NULL, works, NULL);
	printf("ready\n");
	fflush(stdout);
	while (scanf("%63s %ld", word, &n) == 2) {
		if (!strcmp(word, "add")) {
			for (long i = 0; i < n; i++) add_one();
		} else if (!strcmp(word, "threads")) {
			pthread_t t[4];
			for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, adds, (void *)n);
			for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
		} else if (!strcmp(word, "resident")) {
			rounds = n;
			while (rounds) usleep(200);
		} else if (!strcmp(word, "store")) {
			for (long i = 0; i < n; i++) store(1000 + i);
		} else if (!strcmp(word, "load")) {
			for (long i = 0; i < n; i++) load();
		} else if (!strcmp(word, "swap")) {
			for (long i = 0; i < n; i++) { swap(i * 10); fetch(3); }
		} else if (!strcmp(word, "types")) {
			for (long i = 0; i < n; i++) types(i);
		} else if (!strcmp(word, "types1")) {
			types(n);
		} else if (!strcmp(word, "child")) {
			pid_t pid = vfork();
			if (!pid) { *(volatile unsigned long *)&plain = n; _exit(0); }
			waitpid(pid, NULL, 0);
		} else if (!strcmp(word, "fields")) {
			for (long i = 0; i < n; i++) fields(i);
		} else if (!strcmp(word, "kernel")) {
			int p[2];
			if (pipe(p)) return 1;
			for (long i = 0; i < n; i++) {
				unsigned long v = 7000 + i;
				if (write(p[1], &v, 8) != 8 || read(p[0], &plain, 8) != 8) return 1;
				usleep(50000);
			}
		} else if (!strcmp(word, "exec")) {
			execl("/bin/sleep", "sleep", "30", NULL);
		}
		printf("%lu %d %d\n", counter, traps, (int)(getpid() == gettid()));
		fflush(stdout);
	}
	return 0;
}
"""

def program(*flags):
    d = tl.tempdir()
    source = os.path.join(d, "watched.c")
    prog = os.path.join(d, "watched")
    with open(source, "w", encoding="ascii") as f:
        f.write(PROGRAM)
    subprocess.run(["gcc", "-pthread", "-o", prog, source, *flags],
                   check=True)
    return prog


class Watched:
    """The program, which does as it is told."""

    def __init__(self, *flags, **kw):
        self.program = program(*(flags or ("-O2", "-g")))
        os.chmod(os.path.dirname(self.program), 0o755)
        self.p = tl.start([self.program],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True, **kw)
        self.pid = self.p.pid
        check_eq(self.p.stdout.readline(), "ready\n", "start")

    def tell(self, word, n=1):
        """The counter afterwards."""
        self.p.stdin.write(f"{word} {n}\n")
        self.p.stdin.flush()
        count, traps, _ = self.p.stdout.readline().split()
        check_eq(int(traps), 0, "SIGTRAPs that the program got")
        return int(count)


def check_untouched(w):
    with open(f"/proc/{w.pid}/status", encoding="ascii") as f:
        check("TracerPid:\t0" in f.read(), "it is traced")
    check_eq(tl.threads(w.pid), w.threads, "threads")
    check_eq(tl.ours(w.pid), [], "mappings of ours")


def remember(w):
    w.threads = tl.threads(w.pid)
    return w


def check_chain(rows, first, by=1):
    for i, r in enumerate(rows):
        check_eq(r["old"], first + i * by, f"old value of event {i}")
        check_eq(r["new"], first + (i + 1) * by, f"new value of event {i}")


@case
def every_change_is_seen_with_its_values_and_its_writer():
    w = remember(Watched())
    first = w.tell("add", 5)
    s = Watch(w.pid, "counter")
    last = w.tell("threads", 1000)
    last = w.tell("add", 500)
    rows = s.stop()
    check_eq(len(rows), last - first, "events")
    check_chain(rows, first)
    by = {}
    for r in rows:
        by[r["tid"]] = by.get(r["tid"], 0) + 1
        check(r["symbol"].startswith("add_one"), f"writer {r['symbol']}")
        check(r["certain"], "uncertain")
        check_eq(r["access"], "write", "access")
        check(re.search(r"watched\.c:\d+$", r["line"]), "line")
    check_eq(sorted(by.values()), [500, 1000, 1000, 1000, 1000],
             "changes of each thread")
    check_eq(by[w.pid], 500, "changes of the first thread")
    check_untouched(w)
    w.tell("add", 100)


@case
def the_instruction_is_the_one_that_writes():
    for flags in (("-O0", "-g"), ("-O2", "-g"), ("-O2", "-fPIE", "-pie")):
        w = Watched(*flags)
        s = Watch(w.pid, "plain:rw")
        w.tell("store", 20)
        w.tell("load", 10)
        rows = s.stop()
        check_eq([r["access"] for r in rows], ["write"] * 20 + ["read"] * 10,
                 "accesses")
        check_eq([r["new"] for r in rows],
                 list(range(1000, 1020)) + [1019] * 10, "values")
        dump = subprocess.run(["objdump", "-d", w.program], check=True,
                              capture_output=True, text=True).stdout
        for r in rows:
            name, off = r["symbol"].split("+") if "+" in r["symbol"] \
                else (r["symbol"], "0")
            check_eq(name, "store" if r["access"] == "write" else "load",
                     "function")
            start = int(re.search(rf"^(\w+) <{name}>:", dump, re.M)[1], 16)
            line = re.search(rf"^ *{start + int(off, 16):x}:\t.*\tmov.*",
                             dump, re.M)
            check(line, f"no move at {r['symbol']}")
            check("(%r" in line[0], line[0])


@case
def values_are_shown_in_the_variables_type():
    w = Watched()
    text = tl.tempdir() + "/text"
    # Four registers at a time.
    for names in (("all.n", "all.in.c", "all.in.s[3]", "all.d"),
                  ("all.f", "all.p", "all.b", "all.u"),
                  ("small", "many[2]", "many+12:4")):
        s = Watch(w.pid, *names)
        before = {}
        # What a vector register wrote is read, which wants a pause behind.
        for i in range(4):
            w.tell("types1", i)
            time.sleep(0.1)
        rows = s.stop()
        for n in names:
            mine = [r for r in rows if r["variable"] == n.split(":")[0]]
            for a, b in zip(mine, mine[1:]):
                check_eq(b["old"], a["new"], f"chain of {n}")
            before[n] = [r["new"] for r in mine]
        if "all.n" in names:
            check_eq(before["all.n"], [3, 1, -1, -3], "long")
            check_eq(before["all.in.c"], [-1, -2, -3, -4], "signed char")
            check_eq(before["all.in.s[3]"], [60000 + i for i in range(4)],
                     "unsigned short")
            check_eq([float(x) for x in before["all.d"]], [0, .5, 1, 1.5],
                     "double")
        elif "all.f" in names:
            check_eq([float(x) for x in before["all.f"]], [0, .25, .5, .75],
                     "float")
            check_eq([x - before["all.p"][0] for x in before["all.p"]],
                     [0, 1, 2, 3], "pointer")
            # The compiler stores it whole, and then cuts it to a bit.
            check_eq(before["all.b"][-1:], [1], "bool")
            check_eq(before["all.u"], [0, 1, 2, 3], "union")
        else:
            check_eq(before["small"], [-10, -11, -12, -13], "int")
            check_eq(before["many[2]"], [2], "element")
            check_eq(before["many+12:4"], [3], "offset")
    p = subprocess.Popen([tl.TRAPLINE, "watch", "-p", str(w.pid), "-n", "2",
                          "-o", text, "small", "all.d"],
                         stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    for _ in range(200):
        if p.poll() is not None:
            break
        w.tell("types", 2)
        time.sleep(0.05)
    check_eq(p.wait(20), 0, "status")
    with open(text, encoding="utf-8") as f:
        lines = f.readlines()
    check_eq(len(lines), 2, "lines with -n 2")
    check(re.search(r" write +(small +-\d+ -> -\d+|all\.d +\S+ -> \S+)"
                    r" +types\+0x\w+ ", lines[0]), lines[0])


@case
def exchanges_know_what_they_found():
    w = Watched()
    s = Watch(w.pid, "exchanged")
    w.tell("swap", 50)
    rows = s.stop()
    check_eq(len(rows), 100, "events")
    for i, r in enumerate(rows[1:], 1):
        check_eq(r["old"], rows[i - 1]["new"], f"chain at {i}")
    check_eq([r["new"] for r in rows],
             [v for i in range(50) for v in (i * 10, i * 10 + 3)], "values")


@case
def a_function_and_a_thread():
    w = Watched()
    tids = [int(t) for t in os.listdir(f"/proc/{w.pid}/task")]
    other = [t for t in tids if t != w.pid][0]
    s = Watch(w.pid, "add_one:x")
    w.tell("add", 30)
    w.tell("resident", 20)
    rows = s.stop()
    check_eq([r["tid"] for r in rows], [w.pid] * 30 + [other] * 20, "threads")
    check(all(r["symbol"] == "add_one" and r["access"] == "execute"
              and r["certain"] for r in rows), "rows")
    s = Watch(w.pid, "counter", options=("-t", str(other)))
    w.tell("add", 30)
    w.tell("resident", 20)
    rows = s.stop()
    check_eq([r["tid"] for r in rows], [other] * 20, "one thread's")


@case
def what_the_kernel_writes_is_seen():
    if os.geteuid():
        raise tl.Skip("root only")
    w = Watched()
    s = Watch(w.pid, "plain")
    w.tell("store", 3)
    w.tell("kernel", 4)
    w.tell("store", 1)
    rows = s.stop()
    # A copy in pieces may be told in two, if it was interrupted.
    check(len(rows) < 8 + 32, "pieces")
    writers = [r["symbol"].split("+")[0] for r in rows]
    check_eq(writers, ["store"] * 3 + ["[kernel]"] * (len(rows) - 4)
             + ["store"], "writers")
    values = [r["new"] for r in rows]
    check_eq([v for v in values[:3] + values[-1:]],
             [1000, 1001, 1002, 1000], "values")
    for v in (7000, 7001, 7002, 7003):
        check(v in values, f"{v} in {values}")


@case
def what_the_kernel_writes_unseen_is_said_and_the_chain_mended():
    nobody = {} if os.geteuid() else {"user": 65534, "group": 65534,
                                      "extra_groups": []}
    w = Watched(**nobody)
    s = Watch(w.pid, "plain", **nobody)
    if "perf events are not allowed" in s.errors():
        raise tl.Skip("no perf events for users")
    check("kernel writes not seen" in s.errors(), s.errors())
    w.tell("store", 3)
    w.tell("kernel", 4)
    # What was written unseen is read when all is quiet.
    time.sleep(0.5)
    w.tell("store", 2)
    rows = s.stop()
    check_eq([(r["old"], r["new"]) for r in rows],
             [(0, 1000), (1000, 1001), (1001, 1002), (7003, 1000),
              (1000, 1001)], "values")


@case
def the_callers_are_told():
    w = Watched("-O0", "-g")
    for options in ((), ("--pages",)):
        s = Watch(w.pid, "small", options=("--stack", *options))
        w.tell("types", 3)
        for r in s.stop():
            check(r["symbol"].startswith("types+"), f"writer {r['symbol']}")
            check(r["stack"][0].startswith("main+"), f"caller {r['stack']}")
        text = tl.tempdir() + "/text"
        p = subprocess.Popen([tl.TRAPLINE, "watch", "-p", str(w.pid), "-n",
                              "1", "--stack", *options, "-o", text, "-v",
                              "small"], stderr=subprocess.PIPE, text=True)
        for line in p.stderr:
            if "attached" in line:
                break
        w.tell("types", 1)
        check_eq(p.wait(20), 0, "status")
        p.stderr.close()
        with open(text, encoding="utf-8") as f:
            lines = f.readlines()
        check(re.search(r" write +small .* types\+0x", lines[0]), lines[0])
        check(re.match(r" +main\+0x", lines[1]), lines[1])


@case
def a_program_without_debug_information_is_watched_by_symbol_and_address():
    w = Watched("-O2")
    first = w.tell("add", 3)
    s = Watch(w.pid, "counter")
    w.tell("add", 40)
    rows = s.stop()
    check_chain(rows, first)
    at = rows[0]["address"]
    check_eq(rows[0]["length"], 8, "length")
    s = Watch(w.pid, at)
    w.tell("add", 40)
    rows = s.stop()
    check_chain(rows, first + 40)
    check_eq(len(rows), 40, "events")
    s = Watch(w.pid, at + ":4")
    w.tell("add", 40)
    check_chain(s.stop(), first + 80)


@case
def a_command_is_watched_from_its_beginning():
    prog = program("-O2", "-g")
    r = subprocess.run([tl.TRAPLINE, "watch", "--json", "counter", "small",
                        "--", prog], input="add 7\nthreads 20\n",
                       capture_output=True, text=True, timeout=60)
    check_eq(r.returncode, 0, r.stderr)
    rows = [json.loads(x) for x in r.stdout.splitlines()
            if x.startswith("{")]
    check_chain([x for x in rows if x.get("variable") == "counter"], 0)
    check_eq(len(rows), 88, "rows and summary")
    check_eq(rows[-1]["summary"]["inexact"], 0, "inexact")
    r = tl.trapline("watch", "nosuch", "--", prog)
    check_eq(r.returncode, 1, "status")
    check("no variable" in r.stderr, r.stderr)


# Writes faster than anybody reads of it, in eight threads.
HOT = r"""
#include <pthread.h>
#include <stdio.h>
long hot, line[64];
static void *writes(void *arg)
{
	for (;;)
		__atomic_fetch_add(&hot, 1, __ATOMIC_SEQ_CST);
	return arg;
}
int main(void)
{
	pthread_t t;
	for (int i = 0; i < 8; i++)
		pthread_create(&t, NULL, writes, NULL);
	puts("ready");
	fflush(stdout);
	getchar();
	return 0;
}
"""


def start_hot():
    prog = os.path.join(tl.tempdir(), "hot")
    tl.compile_to(prog, HOT, "-g", "-pthread")
    p = tl.start([prog], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 text=True)
    p.stdout.readline()
    return p


@case
def it_ends_in_time_however_hot_the_variable_is():
    p = start_hot()
    began = time.time()
    # What slows it down: parts of what is hot, whose values are not known.
    r = tl.trapline("watch", "-p", p.pid, "-d", 1, "--json", "--stack", "-o",
                    os.path.join(tl.tempdir(), "rows"), "hot", "hot+0:4",
                    "hot+1:1", "hot+2:2")
    check_eq(r.returncode, 0, f"exit status ({r.stderr})")
    note(f"{time.time() - began:.1f} s")
    p.communicate("\n")
    check_eq(p.returncode, 0, "the program's end")


@case
def an_interrupt_while_nobody_reads_loses_no_line():
    w = Watched()
    p = tl.start([tl.TRAPLINE, "watch", "-v", "-p", str(w.pid), "counter"],
                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for said in p.stderr:
        if "attached to process" in said:
            break
    first = w.tell("add", 3000) - 3000  # more than a pipe takes
    time.sleep(1)
    p.send_signal(signal.SIGINT)
    time.sleep(0.5)
    out, err = p.communicate(timeout=60)
    check_eq((p.returncode, "cannot write" in err), (0, False), f"end ({err})")
    check_eq([int(x.split("->")[1].split()[0]) for x in out.splitlines()],
             list(range(first + 1, first + 3001)), "new values")


NAMES = r"""
#include <cstdio>
namespace outer {
struct pool { int size, used; } pool;
static long hidden;
namespace x { short w = 3; }
struct counts { static long all; };
long counts::all = 7;
long dotted __asm__("main.dotted") = 9;
__thread int mine;
__attribute__((noinline)) void change(int i)
{
	pool.used = i; hidden += i; x::w -= i; counts::all *= 2; dotted++; mine = i;
	__asm__ volatile("" : : : "memory");
}
}
int main()
{
	puts("ready");
	fflush(stdout);
	while (getchar() == 'a')
		outer::change(1);
	return 0;
}
"""


@case
def names_in_namespaces_and_with_dots_are_found():
    """As people write them, and the writers are shown so, too."""
    prog = os.path.join(tl.tempdir(), "names")
    want = {"outer::pool.used": (0, 1), "outer::hidden": (0, 1),
            "outer::x::w": (3, 2), "outer::counts::all": (7, 14),
            "main.dotted": (9, 10)}
    for flags in ((), ("-g",)):
        subprocess.run(["g++", "-O1", "-x", "c++", "-o", prog, "-", *flags],
                       input=NAMES, text=True, check=True)
        p = tl.start([prog], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                     text=True)
        p.stdout.readline()
        # Two at a time; ours may be all the registers there are.
        s = [Watch(p.pid, *x) for x in
             (("outer::hidden", "main.dotted"),
              ("names:outer::x::w:2:w",
               "outer::pool.used" if flags else "outer::counts::all"))]
        p.stdin.write("a")
        p.stdin.flush()
        time.sleep(0.5)
        for r in s[0].stop() + s[1].stop():
            name = r["variable"].removeprefix("names:")
            check_eq((r["old"], r["new"]), want[name], name)
            check(r["symbol"].startswith("outer::change"), r["symbol"])
            s.append(name)
        check_eq(len(s), 6, f"changes {s[2:]}")
        refused(p.pid, 1, "each thread has its own", "outer::mine")
        refused(p.pid, 1, "no variable of that name", "outer::other")
        refused(p.pid, 1, "no variable of that name", "inner::hidden")
        p.stdin.close()
        check_eq(p.wait(), 0, "the program's end")


GO = """package main
import ("bufio"; "fmt"; "os")
type pool struct { size, used int64; left [4]int16 }
var held pool
var total int32
func add() { held.used += 2; total--; held.left[2] = 7 }
func init() { fmt.Println("ready") }
func main() { in := bufio.NewReader(os.Stdin)
	for { c, _ := in.ReadByte(); if c != 'a' { return }; add() } }
"""


@case
def members_of_variables_of_go_are_found():
    if not shutil.which("go"):
        raise tl.Skip("there is no go here")
    d = tl.tempdir()
    prog = os.path.join(d, "members")
    with open(f"{d}/x.go", "w", encoding="utf-8") as f:
        f.write(GO)
    subprocess.run(["go", "build", "-o", prog, f"{d}/x.go"], check=True,
                   env=dict(os.environ, HOME=d, GOFLAGS="", GO111MODULE="off",
                            GOPATH=f"{d}/path"))
    p = tl.start([prog], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 text=True)
    p.stdout.readline()
    s = Watch(p.pid, "main.held.used", "main.total", "main.held.left[2]")
    p.stdin.write("a")
    p.stdin.flush()
    time.sleep(0.5)
    rows = {r["variable"]: (r["old"], r["new"]) for r in s.stop()}
    check_eq(rows, {"main.held.used": (0, 2), "main.total": (0, -1),
                    "main.held.left[2]": (0, 7)}, "changes")
    refused(p.pid, 1, "no member 'lost'", "main.held.lost")
    p.stdin.close()
    check_eq(p.wait(), 0, "the program's end")


@case
def a_condition_chooses():
    w = Watched()
    s = Watch(w.pid, "counter", options=("--if", "new > 5 && old <= 20"))
    w.tell("add", 40)
    rows = s.stop()
    check_eq([r["new"] for r in rows], list(range(6, 22)), "values")
    refused(w.pid, 2, "--if: .*is wanted", "--if", "newer > 3", "counter")


@case
def a_stray_index_is_found():
    """The example: who overwrites this member?"""
    source = os.path.join(tl.TOP, "examples", "watch", "stray.c")
    prog = os.path.join(tl.tempdir(), "stray")
    subprocess.run(["cc", "-g", "-O1", "-fno-inline", "-pthread", "-o", prog,
                    source], check=True)
    p = tl.start([prog], stdout=subprocess.DEVNULL)
    time.sleep(0.2)
    s = Watch(p.pid, "pool.used", options=("--if", "new > 1 && old <= 1"))
    wait_for(lambda: len(s.rows()) >= 2, 30, "two stray writes")
    rows = s.stop()
    with open(source, encoding="ascii") as f:
        line = [i for i, x in enumerate(f, 1) if "/* wrong: 7 */" in x][0]
    for r in rows:
        check(r["symbol"].startswith("note_day"), r["symbol"])
        check(r["line"].endswith(f"stray.c:{line}"), r["line"])
        check_eq(r["new"] % 8, 7, "day")
        check(r["tid"] != p.pid, "thread")


@case
def lost_events_are_counted_and_no_value_is_guessed():
    w = Watched()
    s = Watch(w.pid, "counter")
    first = w.tell("add", 100)
    time.sleep(0.3)
    s.p.send_signal(signal.SIGSTOP)
    last = w.tell("add", 60000)
    s.p.send_signal(signal.SIGCONT)
    time.sleep(1)
    w.tell("add", 50)
    time.sleep(0.5)
    end = w.tell("add", 50)
    tl.Session.stop(s)
    *rows, summary = s.rows()
    summary = summary["summary"]
    check(summary["lost"] > 0, "nothing was lost")
    check_eq(len(rows) + summary["lost"], end - (first - 100), "events")
    check_chain(rows[:100], first - 100)
    check_chain(rows[-100:], last)
    known = [r for r in rows if r["old"] is not None]
    check_eq(len(rows) - len(known), summary["inexact"], "inexact")
    check(all(r["new"] == r["old"] + 1 for r in known), "a value")


@case
def a_killed_command_leaves_nothing():
    w = remember(Watched())
    for n in range(10):
        s = Watch(w.pid, "counter", "plain", "small", "exchanged")
        w.tell("add", 20 + n)
        if n % 2:
            w.p.stdin.write("threads 300\n")
            w.p.stdin.flush()
            time.sleep(0.01 * n)
        s.p.kill()
        s.p.wait()
        if n % 2:
            _, traps, _ = w.p.stdout.readline().split()
            check_eq(int(traps), 0, "SIGTRAPs")
        w.tell("add", 50)
    check_untouched(w)
    # All four registers are free again.
    s = Watch(w.pid, "counter", "plain", "small", "exchanged")
    first = w.tell("add", 1)
    w.tell("add", 10)
    check_chain([r for r in s.stop() if r["variable"] == "counter"],
                first - 1)


@case
def its_end_and_another_program_end_it():
    w = Watched()
    s = Watch(w.pid, "counter")
    w.tell("add", 5)
    w.p.stdin.close()
    check_eq(s.p.wait(20), 0, "status")
    check_eq(len(s.rows()), 6, "rows and summary")
    check("ended" in s.errors(), s.errors())
    w = Watched()
    s = Watch(w.pid, "counter")
    w.tell("add", 5)
    w.p.stdin.write("exec 1\n")
    w.p.stdin.flush()
    check_eq(s.p.wait(20), 0, "status")
    check("another program" in s.errors(), s.errors())
    w.p.kill()


@case
def bit_fields_are_members_like_others():
    want = {"one.low": [i % 8 for i in range(12)],
            "one.sign": [-i for i in range(12)],
            "one.wide": [i * 1000 for i in range(12)],
            "odd.far": [i * 0x100000001 for i in range(12)],
            "odd.flag": [i % 2 for i in range(12)]}
    for flags in (("-O2", "-g"), ("-O2", "-gdwarf-3", "-gstrict-dwarf"),
                  ("-O0", "-g")):
        for options in ((), ("--pages",)):
            w = Watched(*flags)
            if options:
                try:
                    s = Watch(w.pid, *want, options=options)
                except tl.Skip:
                    continue
            else:
                s = Watch(w.pid, *want)
            w.tell("fields", 12)
            rows = s.stop()
            for name, values in want.items():
                mine = [(r["old"], r["new"]) for r in rows
                        if r["variable"] == name]
                # What lies across may be written in two pieces.
                whole = [r for r in mine if r[1] in values] \
                    if name == "odd.far" else mine
                check_eq([new for _, new in whole], values[1:],
                         f"{name}, {flags}, {options}")
                check_eq([old for old, _ in mine],
                         [0] + [new for _, new in mine[:-1]], "chain")
            w.p.kill()
    w = Watched()
    s = Watch(w.pid, "one.sign", options=("--if", "new < -9"))
    w.tell("fields", 12)
    check_eq([r["new"] for r in s.stop()], [-10, -11], "by condition")


@case
def what_a_child_in_the_same_memory_writes_is_noticed():
    if os.geteuid():
        raise tl.Skip("needs root, who sees what the kernel writes")
    w = Watched()
    s = Watch(w.pid, "plain", "counter")
    w.tell("store", 2)
    w.tell("add", 100)
    time.sleep(0.2)
    check("unseen" not in s.errors(), s.errors())
    w.tell("child", 4242)
    wait_for(lambda: "plain was changed unseen" in s.errors(), 10, "a note")
    w.tell("store", 1)
    rows = [r for r in s.stop() if r["variable"] == "plain"]
    check_eq([(r["old"], r["new"]) for r in rows],
             [(0, 1000), (1000, 1001), (4242, 1000)], "values")
    check("counter was" not in s.errors(), s.errors())


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))


@case
def what_cannot_be_watched_is_refused_with_its_reason():
    w = Watched()
    refused(w.pid, 2, "at most 256", *["counter"] * 257)
    refused(w.pid, 1, "four debug registers",
            *[f"many[{i}]:rw" for i in range(5)])
    refused(w.pid, 2, "what is to be watched")
    refused(w.pid, 1, "no variable of that name", "nosuch")
    refused(w.pid, 1, "no member 'x'", "all.x")
    refused(w.pid, 1, r"no element \[16\]", "many[16]")
    refused(w.pid, 1, "only writes are watched", "many:rw")
    refused(w.pid, 1, "not a multiple of 8", "counter+4:8:rw")
    refused(w.pid, 1, "reads alone", "counter:r")
    refused(w.pid, 1, "1, 2, 4 or 8", "counter:3:rw")
    refused(w.pid, 1, "nothing is mapped", "0x10:8")
    refused(w.pid, 1, "each thread has its own", "mine")
    refused(w.pid, 1, f"no thread {os.getpid()}", "counter", "-t", os.getpid())
    for way in ((), ("--pages",)):
        r = subprocess.run([tl.TRAPLINE, "watch", "-p", str(w.pid), *way,
                            "counter"], capture_output=True, text=True,
                           timeout=60, preexec_fn=few_files)
        check_eq(r.returncode, 1, f"status with few descriptors {way}")
        check("open files" in r.stderr, r.stderr)
    s = Watch(w.pid, "counter", "plain")
    refused(w.pid, 1, "debug registers are in use", "counter:rw", "plain:rw",
            "small:rw")
    s.stop()


def word_that_counts(r):
    """The offset in redis' `server` of the number of commands it has had."""
    out = subprocess.run(["nm", "-D", "-S", f"/proc/{r.pid}/exe"],
                         capture_output=True, text=True, check=True).stdout
    m = re.search(r"^(\w+) (\w+) B server$", out, re.M)
    if not m:
        raise tl.Skip("this redis-server does not export its data")
    with open(f"/proc/{r.pid}/maps", encoding="ascii") as f:
        base = int(f.readline().split("-")[0], 16)
    addr, size = base + int(m[1], 16), int(m[2], 16)
    seen = []

    def words():
        with open(f"/proc/{r.pid}/mem", "rb") as f:
            f.seek(addr)
            return struct.unpack(f"<{size // 8}q", f.read(size // 8 * 8))

    for n in (0, 7, 13):
        for _ in range(n):
            r.command("PING")
        seen.append(words())
    fits = [i for i in range(size // 8)
            if seen[1][i] - seen[0][i] == 7 and seen[2][i] - seen[1][i] == 13]
    return addr, [8 * i for i in fits], words


def file_pages(pid):
    """Each page of the program's file: where, how, from where."""
    pages = set()
    for line in tl.maps(pid).splitlines():
        m = re.match(r"(\w+)-(\w+) (\S+) (\w+) .*redis", line)
        if m:
            low, high, offset = (int(m[i], 16) for i in (1, 2, 4))
            pages |= {(at, m[3], offset + at - low)
                      for at in range(low, high, 4096)}
    return pages


def watch_redis(requests, options):
    r = tl.Redis()
    before = tl.footprint(r.pid)
    mappings = file_pages(r.pid)
    addr, offsets, words = word_that_counts(r)
    check(offsets, "no word counts commands")
    offsets = offsets[:4]
    note(f"server+{offsets}")
    s = Watch(r.pid, *[f"server+{o}:8" if i % 2 else hex(addr + o)
                       for i, o in enumerate(offsets)], options=options)
    first = words()
    r.benchmark(requests, "-t", "get,set", "-c", "20", "-P", "4")
    last = words()
    rows = s.stop()
    for i, x in enumerate(rows):
        if x["old"] is None or x["new"] is None:
            note(f"{i} of {len(rows)}: {x}")
    check_eq(s.summary["inexact"], 0, "values that are not known")
    for o in offsets:
        mine = [x for x in rows if int(x["address"], 16) == addr + o]
        check_eq(len(mine), last[o // 8] - first[o // 8], f"changes at {o}")
        check_chain(mine, first[o // 8])
        check_eq(len({x["symbol"] for x in mine if x["symbol"]}),
                 len({x["ip"] for x in mine if x["symbol"]}), "writers")
    check("PONG" in r.command("PING"), "redis answers")
    tl.check_clean(r.pid, before)
    check_eq(file_pages(r.pid), mappings, "pages of its file")
    return s.summary


@case
def a_busy_redis_server_is_told_who_counts_its_commands():
    watch_redis(3000, ())


@case
def the_same_by_page_protection():
    cost = watch_redis(300, ("--pages",))
    note(f"{cost}")
    check_eq(cost["registers"], 0, "registers")


if __name__ == "__main__":
    tl.main()

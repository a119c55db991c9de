#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""markers.py - static probe points that a program brings along (USDT)

Programs that know how often they came to their markers, and what their
semaphores were; readelf says where markers are.
"""
import json
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

# As <sys/sdt.h> would have them.
PROGRAM = r"""
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#define MARK(provider, name, sema, args, ...) \
	asm volatile("990: nop\n" \
	".pushsection .note.stapsdt,\"?\",\"note\"\n.balign 4\n" \
	".4byte 992f-991f, 994f-993f, 3\n991: .asciz \"stapsdt\"\n992: .balign 4\n" \
	"993: .8byte 990b, _.stapsdt.base, " sema "\n" \
	".asciz \"" provider "\"\n.asciz \"" name "\"\n.asciz \"" args "\"\n" \
	"994: .balign 4\n.popsection\n" \
	".ifndef _.stapsdt.base\n" \
	".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n" \
	".weak _.stapsdt.base\n.hidden _.stapsdt.base\n" \
	"_.stapsdt.base: .space 1\n.size _.stapsdt.base, 1\n.popsection\n" \
	".endif\n" : : __VA_ARGS__)
volatile unsigned short busy_sema __attribute__((used, visibility("hidden")));
volatile unsigned short idle_sema __attribute__((used, visibility("hidden")));
static long plain, busy;
__attribute__((noinline)) void work(long i)
{
	MARK("demo", "plain", "0", "8@%0", "r"(i));
	plain++;
	if (busy_sema) {
		MARK("demo", "busy__loop", "busy_sema", "8@%0 -4@%1", "r"(i),
		     "r"(7));
		busy++;
	}
	if (idle_sema) {
		MARK("demo", "idle", "idle_sema", "", "r"(i));
		asm volatile("nop; nop; nop; nop; nop; nop");
	}
}
int main(void)
{
	char word[16];

	puts("ready");
	fflush(stdout);
	while (scanf("%15s", word) == 1) {
		if (!strcmp(word, "calls"))
			for (long i = 0; i < 1000; i++)
				work(i);
		if (!strcmp(word, "fork") && fork()) {
			for (;;)
				pause();
		}
		printf("%ld %ld %d %d\n", plain, busy, busy_sema, idle_sema);
		fflush(stdout);
	}
	return 0;
}
"""


def build(*flags, text=PROGRAM):
    d = tl.tempdir()
    prog, source = os.path.join(d, "marked"), os.path.join(d, "m.c")
    with open(source, "w", encoding="ascii") as f:
        f.write(text)
    subprocess.run(["gcc", "-O2", *flags, "-o", prog, source], check=True)
    return prog


class Marked:
    """The program, running."""

    def __init__(self, prog):
        self.p = tl.start([prog], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True)
        self.p.stdout.readline()
        self.pid = self.p.pid

    def do(self, word):
        """The figures after it has done @word."""
        self.p.stdin.write(word + "\n")
        self.p.stdin.flush()
        return [int(x) for x in self.p.stdout.readline().split()]


def trapline(*args):
    return subprocess.run([tl.TRAPLINE, *map(str, args)], capture_output=True,
                          timeout=60, text=True)


class Session:
    """The command, counting in the background."""

    def __init__(self, target, *probes):
        self.p = tl.start([tl.TRAPLINE, "count", "--json", "-p",
                           str(target.pid), *probes], stdout=subprocess.PIPE,
                          text=True)
        # A semaphore is raised behind the probes; another one shows nothing.
        tl.wait_for(lambda: len(trapline("status", "--json", "-p",
                                         target.pid).stdout.splitlines())
                    and (target.do("look")[2] or "demo:plain" in probes),
                    10, "armed")

    def end(self):
        self.p.send_signal(signal.SIGINT)
        out = self.p.communicate(timeout=20)[0]
        return {r["probe"]: r["hits"] for r in
                map(json.loads, out.splitlines())}


@tl.case
def markers_are_where_readelf_says():
    for path in (build(), build("-static"), "/usr/bin/python3.11",
                 "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"):
        if not os.path.exists(path):
            tl.note(f"{path} is not there, and not looked at")
            continue
        r = trapline("list", "--json", path)
        got = sorted((x["function"], int(x["address"], 16))
                     for x in map(json.loads, r.stdout.splitlines())
                     if "marker" in x)
        text = subprocess.run(["readelf", "-nW", path], capture_output=True,
                              text=True, check=True).stdout
        want = sorted((f"{p}:{n}", int(a, 16)) for p, n, a in re.findall(
            r"Provider: (\S+)\s+Name: (\S+)\s+Location: 0x(\w+)", text))
        tl.check(want, f"{path} has markers")
        tl.check_eq(got, want, path)


@tl.case
def a_marker_is_counted_and_its_semaphore_raised_and_lowered():
    for flags in ([], ["-static"], ["-no-pie"], ["-s"]):
        t = Marked(build(*flags))
        tl.check_eq(t.do("calls"), [1000, 0, 0, 0], "before")
        s = Session(t, "demo:busy-loop")
        tl.check_eq(t.do("calls"), [2000, 1000, 1, 0], f"during {flags}")
        tl.check_eq(s.end(), {"demo:busy__loop": 1000}, f"hits {flags}")
        tl.check_eq(t.do("calls"), [3000, 1000, 0, 0], f"after {flags}")
        tl.check_clean(t.pid)


@tl.case
def a_program_with_libtrapline_has_them_raised_too():
    lib = os.path.join(tl.BUILD, "libtrapline.a")
    t = Marked(build("-Wl,--whole-archive", lib, "-Wl,--no-whole-archive"))
    s = Session(t, "demo:busy-loop")
    tl.check_eq(t.do("calls"), [1000, 1000, 1, 0], "during")
    tl.check_eq(s.end(), {"demo:busy__loop": 1000}, "hits")
    tl.check_eq(t.do("calls"), [2000, 1000, 0, 0], "after")
    s = Session(t, "demo:busy-loop")
    s.p.kill()
    s.p.wait()
    tl.wait_for(lambda: t.do("look")[2] == 0, 5, "lowered after a kill")


@tl.case
def globs_and_several_markers():
    t = Marked(build())
    s = Session(t, "demo:*")
    t.do("calls")
    got = s.end()
    tl.check_eq(got["demo:plain"], 1000, f"{got}")
    tl.check_eq(got["demo:busy__loop"], 1000, f"{got}")
    tl.check_eq(set(got), {"demo:plain", "demo:busy__loop", "demo:idle"},
                "all")
    tl.check_eq(t.do("look")[2:], [0, 0], "lowered")


@tl.case
def arguments_of_markers_are_where_their_notes_say():
    for flags in ([], ["-O0"], ["-static"]):
        t = Marked(build(*flags))
        p = tl.start([tl.TRAPLINE, "trace", "--json", "-p", str(t.pid),
                      "demo:plain a=$arg1:s64",
                      "demo:busy__loop i=$arg1:u64 $arg2:s32 if $arg1 > 997"],
                     stdout=subprocess.PIPE, text=True)
        tl.wait_for(lambda t=t: t.do("look")[2] == 1, 10, "armed")
        t.do("calls")
        p.send_signal(signal.SIGINT)
        rows = [json.loads(x)
                for x in p.communicate(timeout=20)[0].splitlines()][:-1]
        tl.check_eq([r["args"]["a"] for r in rows if "a" in r["args"]],
                    list(range(1000)), f"{flags}")
        tl.check_eq([r["args"] for r in rows if "i" in r["args"]],
                    [{"i": i, "arg2": 7} for i in (998, 999)], f"{flags}")
    r = trapline("trace", "demo:plain $arg2", "--", build())
    tl.check_eq(r.returncode, 1, r.stderr)
    tl.check("has no argument 2" in r.stderr, r.stderr)


@tl.case
def operands_with_something_behind_them_are_refused():
    odd = ["4@%0+1", "8@$5+3", "8@8(%0)x", "8@$18446744073709551616", "8@",
           "3@%0", "8@%%ah", "8@%%xmm0", "8@9(%0", "@%0", "8@(%0,%0,2)9"]
    marks = "".join(f'MARK("odd", "m{i}", "0", "{text}", "r"(i));'
                    for i, text in enumerate(odd))
    prog = build(text=PROGRAM.replace("plain++;", marks + (
        'MARK("odd", "high", "0", "8@$18446744073709551615", "r"(i));'
        "plain++;")))
    for i, text in enumerate(odd):
        r = trapline("trace", f"odd:m{i} $arg1", "--", prog)
        tl.check_eq(r.returncode, 1, f"{text}: {r.stderr}")
        tl.check("cannot be fetched" in r.stderr, f"{text}: {r.stderr}")


@tl.case
def a_semaphore_that_is_full_is_left_alone():
    full = PROGRAM.replace('"hidden")));\nvolatile',
                           '"hidden"))) = 65535;\nvolatile', 1)
    tl.check(full != PROGRAM, "it begins full")
    t = Marked(build(text=full))
    r = trapline("count", "-d", "0.2", "-p", t.pid, "demo:busy__loop")
    tl.check("demo:busy__loop" in r.stderr, f"{r.stdout} {r.stderr}")
    tl.check_eq(t.do("look")[2], 65535, "its semaphore")
    tl.check_clean(t.pid)


@tl.case
def a_killed_tool_leaves_them_lowered():
    t = Marked(build())
    s = Session(t, "demo:busy__loop")
    s.p.kill()
    s.p.wait()
    tl.wait_for(lambda: t.do("look")[2] == 0, 5, "lowered")


@tl.case
def a_fork_child_gets_its_own_lowered():
    t = Marked(build())
    s = Session(t, "demo:busy__loop")
    # From here on it is the child that answers.
    tl.check_eq(t.do("fork")[2], 1, "as it was born")
    tl.wait_for(lambda: t.do("look")[2] == 0, 10, "lowered in the child")
    with open(f"/proc/{t.pid}/task/{t.pid}/children",
              encoding="ascii") as f:
        child = int(f.read())
    s.end()
    tl.wait_for(lambda: not tl.ours(child), 5, "nothing of ours in it")
    tl.check_eq(t.do("look")[2], 0, "not lowered twice")
    os.kill(child, signal.SIGKILL)


@tl.case
def what_is_no_marker_is_said():
    prog = build()
    for args, text in [(["demo:plane"], "no such marker; near: plain"),
                       (["nix:plain"], "no binary 'nix'"),
                       (["demo:plain+4"], "it has no offset")]:
        r = trapline("count", *args, "--", prog)
        tl.check_eq(r.returncode, 1, f"{args}: {r.stderr}")
        tl.check(text in r.stderr and r.stderr.count("\n") == 1, r.stderr)
    r = trapline("time", "demo:plain", "--", prog)
    tl.check_eq(r.returncode, 1, r.stderr)
    tl.check("only functions can be timed" in r.stderr, r.stderr)


@tl.case
def a_marker_that_cannot_be_raised_is_not_armed():
    d = tl.tempdir()
    prog = os.path.join(d, "marked")
    tl.compile_to(prog, PROGRAM.replace('"busy_sema", "8@', '"main", "8@'))
    t = Marked(prog)
    r = trapline("count", "-d", "0.2", "-p", t.pid, "demo:busy__loop")
    tl.check_eq(r.returncode, 1, f"{r.stdout} {r.stderr}")
    tl.check_clean(t.pid)


OPENER = r"""
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	volatile unsigned short *sema = NULL;
	void *h = NULL, *page = NULL;
	void (*work)(long);
	char word[16];

	puts("ready");
	fflush(stdout);
	while (scanf("%15s", word) == 1) {
		if (!strcmp(word, "open")) {
			if (page) munmap(page, 4096);
			h = dlopen(argv[1], RTLD_NOW);
			sema = dlsym(h, "busy_sema");
			work = (void (*)(long))dlsym(h, "work");
			page = NULL;
		}
		if (!strcmp(word, "calls"))
			for (long i = 0; i < 1000; i++)
				work(i);
		if (!strcmp(word, "close")) {
			dlclose(h);
			/* Something else of the program's is there. */
			page = mmap((void *)((uintptr_t)sema & ~4095ul), 4096, 3,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			memset(page, 7, 4096);
		}
		printf("%d 0 %d\n", h != NULL, sema ? *sema : 0);
		fflush(stdout);
	}
	return 0;
}
"""


@tl.case
def a_library_may_go_while_its_semaphore_is_raised():
    d = tl.tempdir()
    lib = os.path.join(d, "libmarked.so")
    text = PROGRAM.replace(', visibility("hidden")', "")
    # The notes' addresses are the library's own.
    text = text.replace("volatile unsigned short busy_sema __attribute__((used))",
                        "volatile unsigned short busy_sema __attribute__((used, "
                        "visibility(\"protected\")))")
    prog = os.path.join(d, "opener")
    subprocess.run(["gcc", "-O2", "-x", "c", "-shared", "-fPIC", "-o", lib,
                    "-"], input=text, text=True, check=True)
    tl.compile_to(prog, OPENER, "-ldl")
    p = tl.start([prog, lib], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 text=True)
    p.stdout.readline()
    t = Marked.__new__(Marked)
    t.p, t.pid = p, p.pid
    for kill in (False, True):
        t.do("open")
        s = Session(t, "demo:busy-loop")
        tl.check_eq(t.do("calls")[2], 1, "raised")
        tl.check_eq(t.do("close")[2], 0x0707, "what the program has there")
        if kill:
            s.p.kill()
            s.p.wait()
            tl.wait_for(lambda: not tl.ours(t.pid), 10, "nothing of ours")
        else:
            tl.check_eq(s.end(), {"demo:busy__loop": 1000}, "hits")
        tl.check_eq(t.do("look")[2], 0x0707, "left alone")
    t.do("open")
    s = Session(t, "demo:busy-loop")
    tl.check_eq(t.do("calls")[2], 1, "raised again")
    s.end()
    tl.check_eq(t.do("look")[2], 0, "lowered")
    tl.check_clean(t.pid)


tl.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""many.py - ten thousand functions of a live process at once

All of them are armed while threads run through them; each call is counted; how
long it took and how long a thread stood still is said.
"""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import Session, case, check, check_eq  # noqa: E402

N = 10000
MOST = 32768

MAIN = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
extern long (*const table[])(long, long);
static volatile int stop;
static void rounds(long n)
{
	for (long r = 0; r < n; r++)
		for (long i = 0; i < N; i++)
			if (table[i](r, i) != ((r * 3 + i) ^ i))
				abort();
}
static void *busy(void *arg)
{
	while (!stop) { rounds(1); usleep(200); }
	return arg;
}
static void *some(void *arg) { rounds((long)arg); return NULL; }
int main(void)
{
	pthread_t t[4];
	char word[16];

	puts("ready");
	fflush(stdout);
	while (scanf("%15s", word) == 1) {
		if (!strcmp(word, "busy"))
			for (int i = 0; i < 4; i++)
				pthread_create(&t[i], NULL, busy, NULL);
		if (!strcmp(word, "calls"))
			for (int i = 0; i < 4; i++)
				pthread_create(&t[i], NULL, some, (void *)5);
		stop = strcmp(word, "busy") != 0;
		for (int i = 0; stop && i < 4; i++)
			pthread_join(t[i], NULL);
		puts("done");
		fflush(stdout);
	}
}
"""


def program(n):
    """A program with @n functions besides its own."""
    d = tl.tempdir()
    with open(os.path.join(d, "fns.S"), "w", encoding="ascii") as f:
        f.write(".text\n")
        for i in range(n):
            f.write(f".globl fn_{i}\n.type fn_{i}, @function\n.p2align 4\n"
                    f"fn_{i}: push %rbp\nmov %rsp, %rbp\n"
                    f"lea {i}(%rdi,%rdi,2), %rax\nxor %rsi, %rax\n"
                    f"pop %rbp\nret\n.size fn_{i}, .-fn_{i}\n")
        f.write(".section .data.rel.ro,\"aw\"\n.globl table\ntable:\n")
        f.writelines(f".quad fn_{i}\n" for i in range(n))
        f.write(".section .note.GNU-stack,\"\",@progbits\n")
    prog = os.path.join(d, "many")
    tl.compile_to(prog, MAIN, f"-DN={n}", "-pthread", "-xassembler",
                  f.name)
    return prog


class Many:
    def __init__(self, n):
        self.p = tl.start([program(n)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self.p.pid
        self.p.stdout.readline()

    def tell(self, word):
        self.p.stdin.write(word + "\n")
        check_eq(self.p.stdout.readline(), "done\n", word)

    def quit(self):
        self.p.stdin.close()
        check_eq(self.p.wait(20), 0, "exit status")


def hits(pid, session=1):
    return {r["probe"]: r["hits"] for r in tl.status(pid)
            if r["session"] == session}


@case
def ten_thousand_functions_are_armed_and_counted():
    t = Many(N)
    t.tell("calls")  # the first thread sets the C library's signals up
    before = tl.footprint(t.pid)
    t.tell("busy")
    begin = time.monotonic()
    s = Session("count", t.pid, "many:fn_*")
    took = time.monotonic() - begin
    tl.note(f"{N} functions: {took:.2f} s with reading the symbols")
    check(f"{N} probes armed" in s.errors(), s.errors())
    # As a guard against what grows with the square of their number.
    check(took < 15, f"arming took {took:.1f} s")
    t.tell("stop")
    first = hits(t.pid)
    check_eq(len(first), N, "rows")
    check(min(first.values()) > 0, "each was hit")
    t.tell("calls")
    now = hits(t.pid)
    check({now[k] - first[k] for k in now} == {20}, "hits of 5 rounds of 4")
    # A second tool joins, on every other one, and leaves.
    other = Session("count", t.pid, "many:fn_*[02468]")
    t.tell("calls")
    rows = [r for r in other.stop() if "hits" in r]
    check_eq(({r["hits"] for r in rows}, len(rows)), ({20}, N // 2),
             "of the second")
    begin = time.monotonic()
    rows = [r for r in s.stop() if "hits" in r]
    stops = re.findall(r"longest stop of a thread ([0-9.]+) ms", s.errors())
    tl.note(f"end of it: {time.monotonic() - begin:.2f} s, longest stop "
            f"{stops[-1]} ms")
    check({r["hits"] - first[r["probe"]] for r in rows} == {40}, "all rounds")
    tl.check_clean(t.pid, before)
    t.quit()


@case
def what_is_more_than_there_is_room_for_is_refused():
    t = Many(MOST)
    t.tell("calls")
    before = tl.footprint(t.pid)
    s = Session("count", t.pid, "many:fn_*", options=("-d", "100"))
    check(f"{MOST} probes armed" in s.errors(), s.errors())
    r = tl.trapline("count", "-p", t.pid, "-d", "1", "many:fn_1")
    check_eq(r.returncode, 1, r.stdout)
    check(f"more than {MOST} probes" in r.stderr, r.stderr)
    t.tell("calls")
    rows = [r for r in s.stop() if "hits" in r]
    check({r["hits"] for r in rows} == {20}, "hits")
    tl.check_clean(t.pid, before)
    r = tl.trapline("count", "-p", t.pid, "-d", "1", "*")
    check(r.returncode == 1 and f"{MOST} can be probed" in r.stderr, r.stderr)
    t.quit()


tl.main()

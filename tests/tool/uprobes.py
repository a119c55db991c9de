#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""uprobes.py - the command beside the kernel's own uprobes

perf and bpftrace have the kernel put breakpoints into text.  Where one is, nothing
of ours comes, and the reason is said; everywhere else both see each call, whoever
began and whoever ends first.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import case, check, check_eq  # noqa: E402

TRACING = "/sys/kernel/tracing"

PROGRAM = r"""
#include <stdio.h>
#define LEAF __attribute__((noinline))
LEAF int first(int x)
{
	__asm__ volatile("push %rax; pop %rax; nop; nop; nop; nop");
	return x * 7 + 1;
}
LEAF int second(int x)
{
	__asm__ volatile("push %rax; pop %rax; nop; nop; nop; nop");
	return x * 5 + 2;
}
int main(void)
{
	long n, wrong = 0;

	puts("ready");
	fflush(stdout);
	while (scanf("%ld", &n) == 1) {
		for (int i = 0; i < n; i++)
			wrong += first(i) != i * 7 + 1 || second(i) != i * 5 + 2;
		printf("%ld\n", wrong);
		fflush(stdout);
	}
	return 0;
}
"""


def write(name, text):
    fd = os.open(os.path.join(TRACING, name), os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


class Uprobe:
    """A uprobe that counts; it ends with the case."""

    last = 0

    def __init__(self, program, offset):
        Uprobe.last += 1
        self.name = f"trapline_test_{os.getpid()}_{Uprobe.last}"
        write("uprobe_events", f"p:trapline_test/{self.name} "
              f"{program}:{offset:#x}\n")
        self.enable("1")
        live.append(self)

    def enable(self, on):
        path = f"events/trapline_test/{self.name}/enable"
        with open(os.path.join(TRACING, path), "w", encoding="ascii") as f:
            f.write(on)

    def hits(self):
        with open(os.path.join(TRACING, "uprobe_profile"),
                  encoding="ascii") as f:
            return int([x.split()[2] for x in f if self.name in x][0])

    def end(self):
        """How often it was hit."""
        live.remove(self)
        n = self.hits()
        self.enable("0")
        write("uprobe_events", f"-:trapline_test/{self.name}\n")
        return n


live = []


class Two:
    """The program, and where its functions are in its file."""

    def __init__(self):
        if os.geteuid() or not os.access(f"{TRACING}/uprobe_events", os.W_OK):
            raise tl.Skip("needs root, and tracefs at " + TRACING)
        self.program = os.path.join(tl.tempdir(), "two")
        tl.compile_to(self.program, PROGRAM)
        out = subprocess.run(["nm", self.program], capture_output=True,
                             text=True, check=True).stdout
        self.at = {x.split()[2]: int(x.split()[0], 16)
                   for x in out.splitlines() if " T " in x}
        self.p = tl.start([self.program], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True)
        self.p.stdout.readline()
        self.pid = self.p.pid

    def uprobe(self, function, offset=0):
        return Uprobe(self.program, self.at[function] + offset)

    def calls(self, n):
        """Call each @n times; both must answer right."""
        self.p.stdin.write(f"{n}\n")
        self.p.stdin.flush()
        check_eq(self.p.stdout.readline().strip(), "0", "wrong answers")


def hits(session):
    return {r["probe"]: (r["hits"], r["missed"]) for r in session.stop()}


@case
def where_a_uprobe_is_nothing_of_ours_comes():
    t = Two()
    try:
        # At the entry, and where a jump from there would reach.
        for offset in (0, 1):
            u = t.uprobe("first", offset)
            t.calls(10)
            for verb in ("count", "time", "trace"):
                r = tl.trapline(verb, "-p", t.pid, "-d", "0.1", "first")
                check_eq(r.returncode, 1, verb)
                check("another tracer" in r.stderr, r.stderr)
                check_eq(r.stderr.count("\n"), 1, r.stderr)
            t.calls(10)
            check_eq(u.end(), 20, "hits of the uprobe")
            tl.check_clean(t.pid)
        s = tl.Session("count", t.pid, "first")
        t.calls(10)
        check_eq(hits(s), {"first": (10, 0)}, "afterwards")
    finally:
        for u in live[:]:
            u.end()


@case
def beside_one_both_see_each_call():
    # Who begins first, and who ends first.
    for we_begin in (False, True):
        for we_end in (False, True):
            t = Two()
            try:
                s = tl.Session("count", t.pid, "first") if we_begin else None
                u = t.uprobe("second")
                s = s or tl.Session("count", t.pid, "first")
                t.calls(100)
                if we_end:
                    check_eq(hits(s), {"first": (100, 0)}, "our hits")
                    t.calls(100)
                    check_eq(u.end(), 200, "hits of the uprobe")
                else:
                    check_eq(u.end(), 100, "hits of the uprobe")
                    t.calls(100)
                    check_eq(hits(s), {"first": (200, 0)}, "our hits")
                t.calls(100)
                tl.check_clean(t.pid)
            finally:
                for u in live[:]:
                    u.end()
            t.p.kill()


if __name__ == "__main__":
    tl.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""go.py - calls of Go functions, against what the program itself counts"""
import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402


class Go:
    """The program gocalls, which does what it is told and says what it did."""

    def __init__(self):
        program = os.path.join(tl.TARGETS, "gocalls")
        if not os.path.exists(program):
            raise tl.Skip("gocalls is not built: no go compiler")
        self.p = tl.start([program], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self.p.pid
        tl.check_eq(self.p.stdout.readline().split()[0], "ready", "it runs")

    def do(self, load, n):
        self.p.stdin.write(f"{load} {n}\n")
        return json.loads(self.p.stdout.readline())

    def work(self, over):
        """All loads in turn, until it is over or the program has ended."""
        while not over.is_set() and self.p.poll() is None:
            for load in ("grow", "fib", "move", "panic", "exit"):
                self.do(load, 5)


@tl.case
def calls_are_counted_once_though_their_stack_grows_in_their_midst():
    go = Go()
    footprint = tl.footprint(go.pid)
    s = tl.Session("count", go.pid, "main.Grow", "main.Fib", "main.Move",
                   "main.Guard", "main.Risk", "main.Exit")
    go.do("grow", 100)
    go.do("fib", 5)
    go.do("move", 100)
    go.do("panic", 100)
    want = go.do("exit", 100)
    for r in s.stop():
        tl.check_eq(r["hits"], want[r["probe"].split(".")[1]]["calls"],
                    r["probe"])
    tl.check_clean(go.pid, footprint)


LOADS = (("grow", 50), ("fib", 10), ("move", 200), ("panic", 100),
         ("exit", 100), ("word", 100), ("request", 20))


@tl.case
def times_lie_between_those_that_the_program_measures_inside_and_around():
    go = Go()
    footprint = tl.footprint(go.pid)
    names = ("Grow", "Fib", "Move", "Guard", "Risk", "Exit", "Word", "Handle")
    s = tl.Session("time", go.pid, *("main." + n for n in names))
    for load, n in LOADS:
        want = go.do(load, n)
    rows = {r["function"].split(".")[1]: r for r in s.stop()}
    tl.check_eq(set(rows), set(names), "all are timed")
    for name, r in rows.items():
        w = want[name]
        tl.check_eq(r["calls"], w["returned"], f"{name}: returns")
        left = w["calls"] - w["returned"]
        # The last one's place may not be used again.
        tl.check(left - 1 <= r["missed"] <= left, f"{name}: {r['missed']} "
                 f"missed of {left} that did not return")
        # The clocks are two; who is interrupted between two reads is so in
        # the wider measurement, too.
        tl.check(w["inner_ns"] * 0.99 <= r["total_ns"],
                 f"{name}: {r['total_ns']} ns, inside {w['inner_ns']} ns")
        if not left:
            tl.check(r["total_ns"] * 0.99 <= w["outer_ns"],
                     f"{name}: {r['total_ns']} ns, around {w['outer_ns']} ns")
    tl.check(rows["Handle"]["min_ns"] >= 5e6, "it sleeps for 5 ms")
    tl.check_clean(go.pid, footprint)


@tl.case
def a_hundred_sessions_under_load_leave_nothing():
    go = Go()
    footprint = tl.footprint(go.pid)
    over = threading.Event()
    work = threading.Thread(target=go.work, args=(over,))
    work.start()
    calls = 0
    try:
        for i in range(100):
            r = tl.trapline("time", "--json", "-p", go.pid, "-d", "0.05",
                            "main.Grow", "main.Fib", "main.Move",
                            "main.Guard", "main.Exit")
            tl.check_eq(r.returncode, 0, f"cycle {i}: {r.stderr}")
            calls += sum(json.loads(x)["calls"]
                         for x in r.stdout.splitlines())
    finally:
        over.set()
        work.join()
    tl.note(f"{calls} calls were followed")
    tl.check(calls > 1000, f"{calls} calls")
    tl.check(go.p.poll() is None, "the program runs")
    tl.check_clean(go.pid, footprint)


tl.main()

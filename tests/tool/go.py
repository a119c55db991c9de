#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""go.py - calls of Go functions, against what the program itself counts"""
import json
import os
import subprocess
import sys

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


tl.main()

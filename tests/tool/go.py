#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""go.py - calls of Go functions, against what the program itself counts"""
import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402


GOCALLS = os.path.join(tl.TARGETS, "gocalls")


class Go:
    """The program gocalls, which does what it is told and says what it did."""

    def __init__(self, *options, program=None):
        if not os.path.exists(GOCALLS):
            raise tl.Skip("gocalls is not built: no go compiler")
        self.p = tl.start([program or GOCALLS, *options], text=True,
                          bufsize=1, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)
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


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@tl.case
def results_belong_to_the_arguments_of_the_same_call():
    go = Go()
    s = tl.Session("trace", go.pid, "main.Grow%return n $retval:s64",
                   "main.Move%return n $retval:s64",
                   "main.Fib%return $arg1:s64 n $retval:s64",
                   "main.Guard%return n $retval:s64")
    for load, n in (("grow", 20), ("fib", 2), ("move", 50), ("panic", 50)):
        want = go.do(load, n)
    rows = s.stop()
    tl.check_eq(rows.pop()["summary"]["lost"], 0, "lost")
    fibs = {n: fib(n) for n in range(16)}
    results = {"Grow": lambda n: n, "Move": lambda n: 2 * n, "Fib": fibs.get,
               "Guard": lambda n: -n if n & 1 else n}
    seen = dict.fromkeys(results, 0)
    for r in rows:
        name = r["probe"].split(".")[1].split("%")[0]
        args = r["args"]
        seen[name] += 1
        tl.check_eq(args["retval"], results[name](args["n"]), f"{r}")
        tl.check_eq(args.get("arg1", args["n"]), args["n"], "by register")
    for name, n in seen.items():
        tl.check_eq(n, want[name]["returned"], name)


@tl.case
def arguments_are_those_of_gos_calling_convention():
    go = Go()
    s = tl.Session("trace", go.pid, "main.Word%return id name ok list.len "
                   "list.cap $arg1:s64 $arg3:s64 $arg4:u8 $arg6:s64")
    go.do("word", 20)
    rows = s.stop()[:-1]
    tl.check_eq(len(rows), 20, "events")
    for i, r in enumerate(rows):
        n = 4 + i % 8
        tl.check_eq({k: v for k, v in r["args"].items() if k != "took_ns"},
                    {"id": i, "name": "names of all lengths"[:n],
                     "ok": 1 - i % 2, "list.len": 5, "list.cap": 9,
                     "arg1": i, "arg3": n, "arg4": 1 - i % 2, "arg6": 5},
                    f"call {i}")


@tl.case
def strings_are_compared_and_counted_by():
    go = Go()
    s = tl.Session("count", go.pid, 'main.Word if name == "names"',
                   "main.Handle by r.URL.Path")
    go.do("word", 40)
    go.do("request", 5)
    rows = s.stop()
    tl.check_eq([r["hits"] for r in rows
                 if r.get("probe") == "main.Word"], [5],
                "names of five letters")
    tl.check_eq({r["key"]: r["hits"] for r in rows
                 if r.get("probe") == "main.Handle"},
                {f"/page/{i}": 1 for i in range(5)}, "pages")


@tl.case
def thousands_of_goroutines_may_be_in_a_function_at_a_time():
    go = Go()
    s = tl.Session("time", go.pid, "main.Wait")
    go.do("wait", 8000)
    row = s.stop()[0]
    tl.check_eq(row["calls"] + row["missed"], 8000, "calls")
    tl.check(row["missed"] < 80, f"{row['missed']} missed")
    s = tl.Session("trace", go.pid, "main.Wait%return n name if $retval > 100")
    go.do("wait", 3000)
    rows = s.stop()[:-1]
    want = {i: f"goroutine {i}" for i in range(3000)
            if i + 1 + len(f"goroutine {i}") > 100}
    tl.check_eq({r["args"]["n"]: r["args"]["name"] for r in rows}, want,
                "events")


@tl.case
def slow_calls_alone_are_kept():
    go = Go()
    for least, want in (("1ms", 10), ("1s", 0)):
        s = tl.Session("time", go.pid, "main.Handle",
                       options=("--min", least))
        go.do("request", 10)
        tl.check_eq([r["calls"] for r in s.stop() if "calls" in r], [want],
                    least)


@tl.case
def a_probe_takes_little_of_a_goroutines_stack():
    go = Go()
    least = go.do("touch", 20)["Touch"]["outer_ns"]
    for verb, probe in (("time", "main.Touch"),
                        ("time", "main.Touch by $arg1"),
                        ("trace", "main.Touch%return n"),
                        ("trace", "main.Touch n")):
        s = tl.Session(verb, go.pid, probe)
        most = go.do("touch", 200)["Touch"]["outer_ns"]
        s.stop()
        tl.note(f"{verb} {probe}: {most} bytes")
        # 928 are there, and Go's own return address is among them.
        tl.check(least < most < 800, f"{verb} {probe}: {most} bytes")


@tl.case
def programs_that_are_not_optimized_or_stripped_do():
    go = Go()
    folder = tl.tempdir()
    env = dict(os.environ, GO111MODULE="off", CGO_ENABLED="0",
               GOCACHE=os.path.join(tl.TOP, "build/go-cache"))
    for name, flags in (("plain", "-gcflags=-N -l"), ("bare", "-ldflags=-s -w")):
        program = os.path.join(folder, name)
        subprocess.run(["go", "build", flags, "-o", program,
                        os.path.join(tl.TOP, "tests/targets/gocalls.go")],
                       check=True, env=env)
        go = Go(program=program)
        names = ["id", "name"] if name == "plain" else []
        s = tl.Session("trace", go.pid, " ".join(["main.Word%return",
                                                  "$arg1:s64", *names]))
        go.do("word", 10)
        rows = s.stop()[:-1]
        tl.check_eq([r["args"]["arg1"] for r in rows], list(range(10)), name)
        for i, r in enumerate(rows if names else ()):
            tl.check_eq((r["args"]["id"], r["args"]["name"]),
                        (i, "names of all lengths"[:4 + i % 8]), name)
        s = tl.Session("time", go.pid, "main.Fib", "main.Grow")
        go.do("fib", 1)
        want = go.do("grow", 10)
        for r in s.stop():
            tl.check_eq(r["calls"],
                        want[r["function"].split(".")[1]]["returned"], name)
    r = tl.trapline("trace", "-p", go.pid, "-d", "0.1", "main.Word name")
    tl.check_eq(r.returncode, 1, r.stdout)
    tl.check("there is no debug information" in r.stderr, r.stderr)


@tl.case
def a_hundred_sessions_under_load_leave_nothing():
    go = Go("-p")
    footprint = tl.footprint(go.pid)
    over = threading.Event()
    work = threading.Thread(target=go.work, args=(over,))
    work.start()
    calls = 0
    try:
        for i in range(100):
            # Half of them with programs, which have a stack of their own.
            r = tl.trapline("time", "--json", "-p", go.pid, "-d", "0.05",
                            *(("--min", "0.1us") if i & 1 else ()),
                            "main.Grow", "main.Fib", "main.Move",
                            "main.Guard", "main.Exit")
            tl.check_eq(r.returncode, 0, f"cycle {i}: {r.stderr}")
            calls += sum(json.loads(x).get("calls", 0)
                         for x in r.stdout.splitlines())
    finally:
        over.set()
        work.join()
    tl.note(f"{calls} calls were followed")
    tl.check(calls > 1000, f"{calls} calls")
    tl.check(go.p.poll() is None, "the program runs")
    tl.check_clean(go.pid, footprint)


tl.main()

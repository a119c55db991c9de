#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# cycles.py - attach, count and detach again and again under load
# limit: 600
"""A hundred sessions in a row on each kind of program: its answers stay those
of the unprobed run, exact figures agree with its own, nothing is left."""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))
from tl import (SCALE, TARGETS, Redis, Session, Skip, Target, case, check,
                check_clean, check_eq, footprint, main, note, start, trapline)

CYCLES = 100 * SCALE


def cycle(pid, alive, *probes):
    """Short sessions in a row; how many times each probe was armed."""
    armed = {}
    before = footprint(pid)
    stops = []
    for i in range(CYCLES):
        r = trapline("count", "-p", pid, "-d", "0.03", "--json", "-v", *probes)
        check_eq(r.returncode, 0, f"cycle {i}: exit status ({r.stderr})")
        for line in r.stdout.splitlines():
            row = json.loads(line)
            name = row["probe"].split("+")[0].removeprefix("main.")
            armed[name] = armed.get(name, 0) + 1
        m = re.search(r"longest stop of a thread ([\d.]+) ms", r.stderr)
        if m:
            stops.append(float(m[1]))
        check(alive(), f"cycle {i}: the target is gone")
    check_clean(pid, before)
    note(f"sessions: {CYCLES}")
    if stops:
        stops.sort()
        note(f"longest stop of a thread: median {stops[len(stops) // 2]} ms, "
             f"most {stops[-1]} ms")
    return armed


def on_target(name, *probes):
    """Cycles on one target, then one session whose counts must be exact."""
    t = Target(name)
    armed = cycle(t.pid, lambda: t.p.poll() is None, *probes)
    check(armed, "nothing was ever armed")
    note(f"{len(armed)} functions armed")
    first = t.ask("pause")
    s = Session("count", t.pid, *probes)
    t.ask("resume")
    time.sleep(0.3)
    last = t.ask("pause")
    rows = {r["probe"].split("+")[0].removeprefix("main."): r
            for r in s.stop()}
    same = set(rows) & set(first)
    check(same, "no function with figures of its own was armed")
    for f in same:
        check_eq(rows[f]["hits"], last[f] - first[f], f"hits of {f}")
        check_eq(rows[f]["missed"], 0, f"missed of {f}")
    note(f"{len(same)} functions exact")
    t.quit()


@case
def dynamic_program():
    on_target("dyn", "hot_*")


@case
def static_glibc_program():
    on_target("dyn-static", "hot_*")


@case
def static_musl_program():
    on_target("dyn-musl", "hot_*")


@case
def three_hundred_threads_half_block_all_signals():
    on_target("threads300", "tick_*", "sleep_*", "round_of_sleep")


@case
def go_server():
    if not os.path.exists(os.path.join(TARGETS, "goserver")):
        raise Skip("goserver is not built: no go compiler")
    on_target("goserver", "main.*", "runtime.mallocgc", "runtime.newobject",
              "runtime.gcStart", "runtime.schedule", "runtime.growslice")


@case
def redis_under_load():
    r = Redis()
    load = start(["redis-benchmark", "-p", str(r.port), "-l", "-q", "-t",
                  "set,get,lpush", "-r", "10000"], stdout=subprocess.DEVNULL)
    armed = cycle(r.pid, lambda: r.p.poll() is None and load.poll() is None,
                  "call", "processCommand", "lookupKeyReadWithFlags",
                  "dictFind", "readQueryFromClient")
    check(armed.get("call", 0) == CYCLES, "call was not armed each time")
    check(r.answers(), "the server does not answer")


@case
def python_under_load():
    if not os.path.exists("/usr/bin/python3"):
        raise Skip("no /usr/bin/python3")
    code = ("import hashlib, json, sys\n"
            "want = None\n"
            "while True:\n"
            "    d = {str(i): [i, i * i, str(i)[::-1]] for i in range(500)}\n"
            "    h = hashlib.sha256(json.dumps(d, sort_keys=True).encode())\n"
            "    got = (h.hexdigest(), sum(map(len, d.values())))\n"
            "    want = want or got\n"
            "    if got != want:\n"
            "        sys.exit(7)\n")
    p = start(["/usr/bin/python3", "-c", code])
    time.sleep(0.5)
    armed = cycle(p.pid, lambda: p.poll() is None, "PyObject_Malloc",
                  "PyDict_SetItem", "PyLong_FromLong", "PyUnicode_New",
                  "_PyObject_GC_New", "PyObject_Free")
    check(armed, "nothing was ever armed")


if __name__ == "__main__":
    main()

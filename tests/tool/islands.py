#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""islands.py - probes by way of padding, in somebody else's process

Each counts exactly, says what it is, and leaves the padding as it was, whoever
else uses it meanwhile and whoever is killed.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import Session, Target, case, check, check_eq, footprint  # noqa: E402

# isles.c: a jump does not fit at any, and each has an island.
MANY = ("isle_many", "isle_many+0xa", "isle_many+0x13")
TAIL = "isle_tail"
RETURN = "isle_tail+0x18"  # a jump, over padding that TAIL's island may be in


def kinds(pid):
    return {r["probe"]: r["kind"] for r in tl.status(pid)}


def kill(session):
    session.p.send_signal(signal.SIGKILL)
    session.p.wait()


def paused(t):
    return t.ask("pause")["rounds"]


@case
def every_hit_is_counted_and_the_padding_comes_back():
    t = Target("isles")
    before = footprint(t.pid)
    start = paused(t)
    s = Session("count", t.pid, *MANY, TAIL)
    check_eq(kinds(t.pid), {p: "island" for p in MANY + (TAIL,)}, "kinds")
    t.ask("resume")
    tl.wait_for(lambda: t.ask("stats")["rounds"] > start + 1000, 20, "rounds")
    end = paused(t)
    rows = s.stop()
    check_eq({r["probe"]: (r["hits"], r["missed"]) for r in rows},
             {p: (end - start, 0) for p in MANY + (TAIL,)}, "hits")
    check_eq({r["kind"] for r in rows}, {"island"}, "kind in the rows")
    tl.check_clean(t.pid, before)
    t.ask("resume")
    t.quit()


@case
def windows_and_islands_take_turns_in_the_same_padding():
    t = Target("isles")
    before = footprint(t.pid)
    other = Session("count", t.pid, MANY[0])  # the agent stays
    for probe, kind in ((RETURN, "jump"), (TAIL, "island")) * 3:
        start = paused(t)
        s = Session("count", t.pid, probe)
        check_eq(kinds(t.pid).get(probe), kind, "kind")
        t.ask("resume")
        tl.wait_for(lambda: t.ask("stats")["rounds"] > start + 200, 20,
                    "rounds")
        end = paused(t)
        rows = s.stop()
        check_eq([r["hits"] for r in rows], [end - start], f"hits of {probe}")
        t.ask("resume")
    s = Session("count", t.pid, TAIL)
    check_eq(kinds(t.pid).get(TAIL), "island", "kind")
    kill(s)
    other.stop()
    tl.wait_for(lambda: not tl.ours(t.pid), 10, "nothing left")
    tl.check_clean(t.pid, before)
    t.quit()


@case
def what_is_foretold_is_an_island():
    t = Target("isles")
    r = tl.trapline("count", "-p", t.pid, "--dry-run", "--json", *MANY, TAIL)
    check_eq(r.returncode, 0, r.stderr)
    check_eq(r.stdout.count('"kind":"island"'), 4, r.stdout)
    t.quit()


@case
def nothing_is_left_by_whoever_is_killed():
    t = Target("isles")
    before = footprint(t.pid)
    for _ in range(3):
        kill(Session("count", t.pid, *MANY, TAIL))
        tl.wait_for(lambda: not tl.ours(t.pid), 10, "nothing left")
        tl.check_clean(t.pid, before)
        check(t.ask("stats")["rounds"] > 0, "it works")
    t.quit()


tl.main()

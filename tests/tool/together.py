#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""together.py - several tools at once on one target

Each has probes of its own, at the same addresses or at others; each counts
exactly what happens while it is there, whoever comes, goes or is killed
meanwhile; and the last one leaves nothing behind.
"""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import Session, Target, case, check, check_eq  # noqa: E402


def by_name(rows):
    return {r["probe"]: r for r in rows}


def kill(session):
    session.p.send_signal(signal.SIGKILL)
    session.p.wait()


def sessions_of(pid):
    """Commands of the sessions that status names."""
    return sorted({(r["session"], r["command"]) for r in tl.status(pid)})


def both_count(t, verb, same):
    """Two tools, one after the other; figures of the target at each step."""
    pid = t.pid
    start = t.ask("pause")
    first = Session("count", pid, "hot_add", "hot_mix")
    t.ask("resume")
    time.sleep(0.2)
    joined = t.ask("pause")
    second = Session(verb, pid, *same)
    t.ask("resume")
    time.sleep(0.3)
    left = t.ask("pause")
    rows = {r.get("probe", r.get("function")): r for r in second.stop()}
    t.ask("resume")
    time.sleep(0.2)
    end = t.ask("pause")
    mine = by_name(first.stop())
    t.ask("resume")
    for name in ("hot_add", "hot_mix"):
        check(end[name] > left[name] > joined[name] > start[name], name)
        check_eq(mine[name]["hits"], end[name] - start[name],
                 f"{name} of the first")
    for name in same:
        key = "calls" if verb == "time" else "hits"
        check_eq(rows[name][key], left[name] - joined[name],
                 f"{name} of the second")
    tl.check_clean(pid)


@case
def both_count_the_same_functions_exactly():
    for name in ("dyn", "dyn-static", "dyn-musl"):
        t = Target(name)
        before = tl.footprint(t.pid)
        both_count(t, "count", ("hot_add", "hot_mix"))
        both_count(t, "count", ("hot_mix", "hot_branch", "hot_vector"))
        both_count(t, "time", ("hot_add", "hot_loop"))
        tl.check_clean(t.pid, before)
        t.quit()


@case
def sessions_come_and_go_in_any_order():
    t = Target("dyn")
    before = tl.footprint(t.pid)
    names = ["hot_add", "hot_mix", "hot_branch", "hot_loop", "hot_vector"]
    starts, open_now = {}, {}
    for turn in range(14 * tl.SCALE):
        figures = t.ask("pause")
        i = turn * 3 % 5
        if i in open_now:
            rows = by_name(open_now.pop(i).stop())
            for n in (names[i], "hot_many"):
                check_eq(rows[n]["hits"], figures[n] - starts[i][n],
                         f"{n} of session {i}")
        else:
            open_now[i] = Session("count", t.pid, names[i], "hot_many")
            starts[i] = figures
        check_eq(len(sessions_of(t.pid)), len(open_now), "sessions")
        t.ask("resume")
        time.sleep(0.05)
    for s in open_now.values():
        s.stop()
    tl.check_clean(t.pid, before)
    t.quit()


@case
def a_killed_tool_takes_only_its_own_probes_along():
    t = Target("dyn")
    before = tl.footprint(t.pid)
    for victim in (0, 1):
        start = t.ask("pause")
        tools = [Session("count", t.pid, "hot_add", "hot_mix"),
                 Session("time", t.pid, "hot_add", "hot_branch")]
        t.ask("resume")
        time.sleep(0.1)
        kill(tools[victim])
        tl.wait_for(lambda: len(sessions_of(t.pid)) == 1, 2,
                    "the session of the dead is over")
        left = "time" if victim == 0 else "count"
        check_eq([c for _, c in sessions_of(t.pid)], [left], "who is left")
        time.sleep(0.1)
        end = t.ask("pause")
        rows = tools[1 - victim].stop()
        t.ask("resume")
        for r in rows:
            name = r.get("probe", r.get("function"))
            check_eq(r.get("hits", r.get("calls")), end[name] - start[name],
                     name)
        tl.check_clean(t.pid, before)
    t.quit()


@case
def events_of_two_tools_are_theirs():
    t = Target("dyn")
    before = tl.footprint(t.pid)
    t.ask("pause")
    runs = [Session("trace", t.pid, "hot_add $arg1", "hot_mix"),
            Session("trace", t.pid, "hot_mix $arg2", "hot_add"),
            Session("count", t.pid, "hot_add by comm")]
    start = t.ask("pause")
    t.ask("resume")
    time.sleep(0.03)
    end = t.ask("pause")
    for i, s in enumerate(runs[:2]):
        rows = s.stop()
        lost = rows[-1]["summary"]["lost"]
        for name in ("hot_add", "hot_mix"):
            mine = [r for r in rows if r.get("probe") == name]
            if not lost:
                check_eq(len(mine), end[name] - start[name], name)
            has = name == ("hot_add", "hot_mix")[i]
            check(all(bool(r["args"]) == has for r in mine), "arguments")
    rows = [r for r in runs[2].stop() if "probe" in r]
    check_eq(sum(r["hits"] for r in rows), end["hot_add"] - start["hot_add"],
             "of all threads")
    t.ask("resume")
    tl.check_clean(t.pid, before)
    t.quit()


@case
def status_and_detach_name_every_session():
    t = Target("dyn")
    before = tl.footprint(t.pid)
    tools = [Session("count", t.pid, "hot_add", options=("-d", "100")),
             Session("time", t.pid, "hot_mix", options=("-d", "100"))]
    r = tl.trapline("status", "-p", t.pid)
    check_eq(r.returncode, 0, r.stderr)
    for i, (s, verb) in enumerate(zip(tools, ("count", "time")), 1):
        check(f"session {i}: {verb}, by process {s.p.pid}: 1 probe" in
              r.stdout, r.stdout)
    rows = by_name(tl.status(t.pid))
    check_eq([rows["hot_mix"][k] for k in ("session", "command", "tool")],
             [2, "time", tools[1].p.pid], "the second one's row")
    r = tl.trapline("detach", "-p", t.pid)
    check_eq(r.returncode, 0, r.stderr)
    check(r.stderr.count("that was session") == 2, r.stderr)
    for s in tools:
        check_eq(s.p.wait(30), 1, s.errors())
    tl.check_clean(t.pid, before)
    t.quit()


@case
def a_killed_guardian_is_cleaned_up_after_by_all():
    t = Target("dyn")
    before = tl.footprint(t.pid)
    tools = [Session("count", t.pid, "hot_*", options=("-d", "100")),
             Session("trace", t.pid, "hot_mix", "hot_branch",
                     options=("-d", "100", "-o", "/dev/null")),
             Session("time", t.pid, "hot_branch", options=("-d", "100")),
             Session("stack", t.pid, "hot_mix", options=("-d", "100")),
             Session("count", t.pid, "hot_mix",
                     options=("-d", "100", "--follow"))]
    r = tl.trapline("status", "-p", t.pid)
    guardian = int(r.stdout.split("kept by process ")[1].split()[0])
    os.kill(guardian, signal.SIGKILL)
    for s in tools:
        check_eq(s.p.wait(40), 1, "exit status")
        said = [x for x in s.errors().splitlines()
                if "guardian" in x or "cannot" in x]
        check_eq(len(said), 1, s.errors())
        check(f"the guardian of process {t.pid} is gone" in said[0], said[0])
    tl.wait_for(lambda: not tl.ours(t.pid), 10, "nothing of ours")
    tl.check_clean(t.pid, before)
    t.quit()


@case
def they_may_all_begin_and_end_at_once():
    t = Target("dyn")
    before = tl.footprint(t.pid)
    for _ in range(2 * tl.SCALE):
        runs = [tl.start([tl.TRAPLINE, "count", "-p", str(t.pid), "--json",
                          "-d", "300ms", "hot_mix"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True) for _ in range(6)]
        for p in runs:
            out, err = p.communicate(timeout=60)
            check_eq(p.returncode, 0, err)
            check(json.loads(out)["hits"] > 0, out)
        tl.check_clean(t.pid, before)
    t.quit()


@case
def there_is_room_for_sixteen():
    t = Target("dyn")
    tools = [Session("count", t.pid, "hot_add") for _ in range(16)]
    r = tl.trapline("count", "-p", t.pid, "-d", "100ms", "hot_add")
    check_eq(r.returncode, 1, r.stdout)
    check("has 16 sessions" in r.stderr and r.stderr.count("\n") == 1,
          r.stderr)
    for s in tools:
        s.stop()
    tl.check_clean(t.pid)
    t.quit()


@case
def somebody_else_is_told_whose_it_is():
    if os.getuid():
        raise tl.Skip("needs root to be somebody else")
    t = Target("dyn")
    s = Session("count", t.pid, "hot_add")

    # May trace all processes, but not one that has more rights than he.
    r = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups",
                        "--inh-caps=-all", tl.TRAPLINE, "count", "-p",
                        str(t.pid), "-d", "100ms", "hot_add"],
                       capture_output=True, text=True, timeout=60)
    check(r.returncode == 1 and r.stderr.count("\n") == 1, r.stderr)
    check("no permission" in r.stderr or "another user" in r.stderr, r.stderr)
    rows = by_name(s.stop())
    check(rows["hot_add"]["hits"] > 0, str(rows))
    tl.check_clean(t.pid)
    t.quit()


tl.main()

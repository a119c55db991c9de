#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""foretold.py - `--dry-run` says what arming then does, and touches nobody
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

DYN = os.path.join(tl.TARGETS, "dyn")


def run(*args, timeout=60):
    return subprocess.run([tl.TRAPLINE, *map(str, args)], capture_output=True,
                          text=True, timeout=timeout)


def target(path, *args):
    p = tl.start([path, "-t", "2", "-r", "10", *args], text=True,
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    tl.check(p.stdout.readline().startswith("ready"), "the target is ready")
    return p


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


def foretold(verb, pid, *probes):
    """By address what is said, and the summary."""
    r = run(verb, "-p", pid, "--dry-run", "--json", *probes)
    tl.check_eq(r.returncode, 0, f"status ({r.stderr})")
    *out, last = rows(r.stdout)
    return {x["address"]: x for x in out}, last["summary"]


def armed(verb, pid, *probes):
    """By address what status says while the probes are there."""
    p = tl.start([tl.TRAPLINE, verb, "-v", "-p", str(pid), *probes],
                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in p.stderr:
        if "probes armed" in line:
            break
    s = run("status", "-p", pid, "--json")
    p.terminate()
    p.communicate(timeout=100)
    return {x["address"]: x for x in rows(s.stdout)}


def compare(verb, pid, *probes):
    said, summary = foretold(verb, pid, *probes)
    done = armed(verb, pid, *probes)
    tl.check_eq(set(said), set(done), "the same places")
    wrong = []
    for addr, s in said.items():
        d = done[addr]
        kind = d["kind"] if d["enabled"] else "refused"
        # A thread that was in the way cannot be foretold.
        if d["why_not_jump"] == "busy":
            continue
        if (s["kind"], s.get("why_not_jump", "")) != \
           (kind, d["why_not_jump"] if kind != "jump" else ""):
            wrong.append((s, d))
        elif verb == "time" and kind in ("jump", "island") and \
                s["returns"] != d["returns"]:
            wrong.append((s, d))
    tl.check(not wrong, f"{len(wrong)} of {len(said)} differ: {wrong[:2]}")
    tl.check_eq(summary["probes"], len(said), "probes")
    tl.check_eq(summary["jump"] + summary["refused"], len(said), "kinds")
    return summary


@tl.case
def counts_are_as_foretold():
    p = target(DYN)
    s = compare("count", p.pid, "dyn:*", "libc:[a-h]*")
    tl.check(s["jump"] > 300, f"{s}")
    s = compare("count", p.pid, "hot_loop", "hot_add", "hot_add+4")
    tl.check(s["refused"] > 0, f"refusals are foretold: {s}")


@tl.case
def returns_are_as_foretold():
    p = target(DYN)
    compare("time", p.pid, "hot_*", "libc:[a-c]*", "libc:setjmp")


@tl.case
def static_programs_are_as_foretold():
    p = target(DYN + "-static")
    compare("count", p.pid, "hot_*", "m*")


@tl.case
def go_is_as_foretold():
    go = os.path.join(tl.TARGETS, "goserver")
    if not os.path.exists(go):
        raise tl.Skip("no Go program was built")
    p = tl.start([go], text=True, stdout=subprocess.PIPE,
                 stdin=subprocess.DEVNULL)
    p.stdout.readline()
    said, summary = foretold("count", p.pid, "main.*", "runtime.m*")
    # Its memory is searched: a MiB takes 0.3 ms.
    tl.check(summary["expected_stop_ns"] > 215e3 + 15e3 * summary["threads"],
             f"{summary}")
    done = armed("count", p.pid, "main.*", "runtime.m*")
    wrong = [(s, done[a]) for a, s in said.items()
             if (s["kind"] in ("jump", "island")) != done[a]["enabled"]]
    tl.check(not wrong, f"{wrong[:2]}")
    compare("time", p.pid, "main.*")


def text_of(pid):
    """What is mapped, and the bytes of its code."""
    out = []
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f, \
            open(f"/proc/{pid}/mem", "rb") as mem:
        for line in f:
            span, perms = line.split()[:2]
            low, high = (int(x, 16) for x in span.split("-"))
            out.append(line)
            if "x" in perms and "w" not in perms and "vsyscall" not in line:
                mem.seek(low)
                out.append(mem.read(high - low))
    return out


@tl.case
def nothing_is_touched():
    p = target(DYN)
    os.kill(p.pid, 19)
    tl.wait_for(lambda: "T (stopped)" in open(f"/proc/{p.pid}/status",
                                              encoding="utf-8").read(), 5,
                "it is stopped")
    before = text_of(p.pid)
    for verb in ("count", "time", "trace", "stack"):
        r = run(verb, "-p", p.pid, "--dry-run", "hot_add")
        tl.check_eq(r.returncode, 0, r.stderr)
        tl.check("hot_add" in r.stdout and "expected stop" in r.stdout,
                 r.stdout)
    tl.check(text_of(p.pid) == before, "maps and text are what they were")
    tl.check("State:\tT" in open(f"/proc/{p.pid}/status",
                                 encoding="utf-8").read(), "still stopped")
    os.kill(p.pid, 18)


@tl.case
def process_that_is_refused_is_said():
    p = target(DYN)
    gdb = tl.start(["gdb", "-nx", "-q", "-p", str(p.pid)],
                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    tl.wait_for(lambda: "TracerPid:\t0" not in
                open(f"/proc/{p.pid}/status", encoding="utf-8").read(), 20,
                "gdb is there")
    r = run("count", "-p", p.pid, "--dry-run", "hot_add")
    tl.check_eq(r.returncode, 1, "status")
    tl.check("would not attach" in r.stderr and "debugger" in r.stderr,
             r.stderr)
    tl.check("hot_add" in r.stdout, r.stdout)
    gdb.kill()
    gdb.wait()


@tl.case
def command_is_not_run():
    d = tl.tempdir()
    r = run("count", "--dry-run", "main", "--", "/usr/bin/touch",
            os.path.join(d, "was-run"))
    tl.check(r.returncode in (0, 1), r.stderr)
    r = run("count", "--dry-run", "libc:open*", "--", "/usr/bin/touch",
            os.path.join(d, "was-run"))
    tl.check_eq(r.returncode, 0, r.stderr)
    tl.check("it was not run" in r.stdout, r.stdout)
    tl.check(not os.path.exists(os.path.join(d, "was-run")), "it was run")


@tl.case
def watch_says_what_it_would_watch():
    p = target(DYN)
    r = run("watch", "-p", p.pid, "--dry-run", "--json", "environ", "main:x")
    tl.check_eq(r.returncode, 0, r.stderr)
    b, a = sorted(rows(r.stdout), key=lambda x: x["access"] != "x")
    tl.check_eq((a["variable"], a["length"], a["access"]),
                ("environ", 8, "w"), "the variable")
    tl.check_eq((b["variable"], b["access"], b["type"]),
                ("main", "x", "code"), "the function")


tl.main()

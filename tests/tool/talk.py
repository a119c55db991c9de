#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""talk.py - programs that probe themselves, and are traced meanwhile

The target has libtrapline and probes of its own; the command talks to it instead
of bringing an engine.  Asked for is that both count to the last call, whatever
comes and goes, and that nothing of the command stays.
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
from tl import count_while_running, wait_for  # noqa: E402

KINDS = ("selfprobe", "selfprobe-static", "selfprobe-shared")


def own_counts_right(figures):
    """What the program's own probes counted is what it called."""
    for counted, called in (("own_step", "step"), ("own_return", "step"),
                            ("own_lazy", "lazy")):
        check_eq(figures[counted], figures[called], counted)


def text_at(target, *functions):
    """The bytes in memory of functions, by their symbols."""
    names = subprocess.run(["nm", f"/proc/{target.pid}/exe"], check=True,
                           capture_output=True, text=True).stdout
    at = {n: int(a, 16) for a, _, n in
          (x.split() for x in names.splitlines() if x.count(" ") == 2)}
    base = 0
    with open(f"/proc/{target.pid}/exe", "rb") as f:
        pie = f.read(18)[16] == 3
    if pie:
        exe = os.readlink(f"/proc/{target.pid}/exe")
        base = min(int(x.split("-")[0], 16)
                   for x in tl.maps(target.pid).splitlines()
                   if x.endswith(exe))
    with open(f"/proc/{target.pid}/mem", "rb") as mem:
        out = []
        for f in functions:
            mem.seek(base + at[f])
            out.append(mem.read(16))
    return out


def gone(target):
    return not tl.ours(target.pid) and len(tl.threads(target.pid)) == 5


def check_gone(target, text):
    wait_for(lambda: gone(target), 5, "nothing of the command is left")
    check_eq(text_at(target, "step", "solo", "lazy"), text, "text")


@case
def counts_of_both_are_exact():
    for kind in KINDS:
        t = Target(kind)
        before = text_at(t, "step", "solo", "lazy")
        figures, rows = count_while_running(t, "step", "solo", "lazy",
                                            seconds=1)
        for name in ("step", "solo", "lazy"):
            check(figures[name] > 0, f"{name} was not called")
            check_eq(rows[name]["hits"], figures[name], f"{kind} {name}")
            check_eq(rows[name]["missed"], 0, f"{kind} {name}: missed")
        own_counts_right(t.ask("pause"))
        check_gone(t, before)
        t.ask("resume")
        t.quit()


tl.main()

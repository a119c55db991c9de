#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""prints.py - a jump at each instruction of printf, while it prints

Its tables hold offsets from a label, its jumps share a register, and ways share
jumps.  A jump of ours over an address that one of them leads to would end the
target, or have it print something else.
"""
import glob
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import Target, case, check  # noqa: E402

NAMES = ("__vfprintf_internal", "__vfwprintf_internal")
AT_ONCE = 200  # as many probes as one command takes


def places(name):
    """Where jumps may be in the function of libc, by turns."""
    libc = glob.glob("/lib/x86_64-linux-gnu/libc.so.6") or \
        glob.glob("/lib64/libc.so.6")
    if not libc:
        raise tl.Skip("no libc.so.6")
    r = tl.trapline("coverage", "--json", "-v", libc[0], name)
    rows = [json.loads(x) for x in r.stdout.splitlines()]
    if r.returncode or len(rows) < 2:
        raise tl.Skip(f"nobody knows where {name} is")
    check("unresolved indirect jump" not in rows[0]["reasons"],
          f"{name} is not understood")
    at = rows[0]["jump_at"]
    turns = -(-len(at) // AT_ONCE)
    return [at[i::turns] for i in range(turns)]


@case
def printf_prints_the_same_with_jumps_everywhere():
    t = Target("prints")
    armed = hit = 0
    for name in NAMES:
        for offsets in places(name):
            before = t.ask("stats")["prints"]
            s = tl.Session("count", t.pid,
                           *[f"libc:{name}+{o}" for o in offsets])
            tl.wait_for(lambda: t.ask("stats")["prints"] > before + 2, 60,
                        "printing goes on")
            rows = s.stop()
            armed += len(rows)
            hit += sum(r["hits"] > 0 for r in rows)
    tl.note(f"{armed} jumps, {hit} hit")
    check(armed > 2000, "hardly any jumps")
    check(hit > 500, "hardly any was hit")
    tl.check_clean(t.pid)
    t.quit()


tl.main()

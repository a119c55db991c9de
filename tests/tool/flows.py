#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""flows.py - hidden control flow in somebody else's process: right, or refused

The target calls every function of flows.S in every way all the time.  Each of
their instructions is probed; a jump over an address that something leads to
would end the program, or have it find a wrong answer.
"""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import Target, case, check, check_eq  # noqa: E402

PROGRAM = os.path.join(tl.TARGETS, "flows")


def instructions():
    """Offsets of the instructions of each function."""
    out = subprocess.run(["objdump", "-d", "--no-show-raw-insn", PROGRAM],
                         check=True, capture_output=True, text=True).stdout
    found, name, start = {}, None, 0
    for line in out.splitlines():
        m = re.match(r"([0-9a-f]+) <(\w+)>:", line)
        if m:
            name, start = m[2], int(m[1], 16)
        m = re.match(r" +([0-9a-f]+):\s+(\S+)", line)
        if m and name and name.startswith("flow_") and m[2] != "nop":
            found.setdefault(name, []).append(int(m[1], 16) - start)
    return found


@case
def hidden_control_flow_is_right_or_refused():
    t = Target("flows")
    found = instructions()
    check(len(found) > 20, f"functions: {sorted(found)}")
    jumps = refused = 0
    for turn in range(max(map(len, found.values()))):
        probes = [f"{name}+{offsets[turn]}" for name, offsets in found.items()
                  if turn < len(offsets)]
        before = t.ask("stats")["flows"]
        r = tl.trapline("count", "-p", t.pid, "-d", "100ms", "--json", *probes)
        check(r.returncode in (0, 1), r.stderr)
        armed = r.stdout.count('"kind":"jump"')
        jumps += armed
        refused += len(probes) - armed
        tl.wait_for(lambda: t.ask("stats")["flows"] > before + 2, 20,
                    "all functions are called")
    tl.note(f"{jumps} jumps, {refused} refused")
    check(jumps > 50, "hardly any jumps")
    check(refused > 50, "hardly any refusals")
    tl.check_clean(t.pid)
    t.quit()


@case
def a_jump_from_afar_into_the_window_is_seen():
    t = Target("flows")
    r = tl.trapline("coverage", "-v", PROGRAM, "flow_entered")
    check_eq(r.returncode, 0, r.stderr)
    check("branch target inside" in r.stdout, r.stdout)
    time.sleep(0.1)
    t.quit()


tl.main()

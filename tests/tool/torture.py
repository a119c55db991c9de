#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""torture.py - what is hard to patch stays right, and is counted exactly

Each case runs tests/targets/torture, which checks every answer of its functions
by itself; see torture.S for what is hard about each of them.
"""
import json
import re
import subprocess
import sys
import os

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import Target, case, check, check_eq, count_while_running  # noqa: E402


def stays_right(name, function, calls=1, hits=True):
    """Count a function of one case: exact, right, and nothing left."""
    t = Target("torture", name)
    figures, rows = count_while_running(t, function)
    check(figures[name] > 0, f"{name} has not run meanwhile")
    if hits:
        check_eq(rows[function]["hits"], figures[name] * calls, "hits")
        check_eq(rows[function]["missed"], 0, "missed")
    tl.check_clean(t.pid)
    t.quit()


def is_refused(name, probe, why):
    """A probe that cannot be is refused with its reason; all goes on."""
    t = Target("torture", name)
    r = tl.trapline("count", "-p", t.pid, "-d", "100ms", probe)
    check_eq(r.returncode, 1, f"exit status ({r.stdout}{r.stderr})")
    check(why in r.stderr, f"{why!r} is not in {r.stderr.strip()!r}")
    tl.check_clean(t.pid)
    t.quit()


def refused_or_right(name, function, calls):
    """No jump can be there; a breakpoint may, where it is safe."""
    t = Target("torture", name)
    r = tl.trapline("count", "-p", t.pid, "-d", "100ms", "--json", function)
    check(r.returncode == 0 or "branch target" in r.stderr,
          f"neither counted nor refused for its target: {r.stderr}")
    check('"jump"' not in r.stdout, "a jump over a branch target")
    if r.returncode == 0:
        figures, rows = count_while_running(t, function)
        check_eq(rows[function]["hits"], figures[name] * calls, "hits")
    tl.check_clean(t.pid)
    t.quit()


@case
def branch_target_in_the_window_is_never_jumped_over():
    refused_or_right("target_in_window", "t_target_in_window", 1)
    refused_or_right("loop", "t_loop", 1)


@case
def one_byte_function_leaves_its_neighbour_alone():
    t = Target("torture", "one_byte")
    tl.trapline("count", "-p", t.pid, "-d", "100ms", "t_one_byte")
    figures, rows = count_while_running(t, "t_after_one_byte")
    check_eq(rows["t_after_one_byte"]["hits"], figures["one_byte"], "hits")
    t.quit()


@case
def three_byte_function_borrows_its_padding():
    stays_right("three_bytes", "t_three_bytes")


@case
def red_zone_survives_a_probe_at_every_instruction():
    t = Target("torture", "red_zone")
    for offset in (0, 5, 10, 15, 20, 25):
        probe = f"t_red_zone+{offset}" if offset else "t_red_zone"
        figures, rows = count_while_running(t, probe, seconds=0.1)
        check_eq(sum(r["hits"] for r in rows.values()), figures["red_zone"],
                 f"hits of {probe}")
    t.quit()


@case
def short_branches_in_the_window_go_where_they_went():
    stays_right("jrcxz", "t_jrcxz", 2)
    stays_right("jcc", "t_jcc", 2)


@case
def call_as_first_instruction_returns_to_the_original():
    stays_right("call_first", "t_call_first")


@case
def rip_relative_operands_keep_their_address():
    stays_right("rip_relative", "t_rip_relative")


@case
def endbr64_entry_is_counted_once():
    stays_right("endbr", "t_endbr")


@case
def stack_pointer_is_what_it_was():
    stays_right("push_rsp", "t_push_rsp")
    stays_right("enter_leave", "t_enter_leave")


@case
def every_register_and_flag_survives():
    stays_right("registers", "t_nothing")
    stays_right("flags", "t_flags", 2)


@case
def vector_registers_survive_to_the_last_bit():
    stays_right("ymm", "t_ymm", hits=False)
    stays_right("zmm", "t_zmm", hits=False)


@case
def exceptions_pass_through_a_counted_function():
    stays_right("throw", "t_thrown_through")
    stays_right("throw", "t_thrower")


@case
def exceptions_pass_through_a_timed_function():
    """By its exits, those of its cold part, too; a call that is left is missed."""
    t = Target("torture", "throw")
    r = tl.trapline("time", "-p", t.pid, "-d", "300ms", "--json", "t_thrower",
                    "t_thrown_through", "torture_throw")
    check_eq(r.returncode, 0, f"exit status ({r.stderr})")
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    rows = {row["function"]: row for row in rows if "function" in row}
    for function in ("t_thrower", "t_thrown_through"):
        row = rows[function]
        check(row["calls"] > 0, f"{function} has not returned")
        # Every other call throws, and its place is soon used again.
        check(abs(row["calls"] - row["missed"]) <= 3 + row["calls"] // 10,
              f"{function}: {row['calls']} calls, {row['missed']} missed")
    row = rows["torture_throw"]
    tl.check_eq(row["missed"], 0, "calls that caught it")
    check(abs(row["calls"] - 2 * rows["t_thrower"]["calls"]) <=
          6 + row["calls"] // 10, f"{row['calls']} calls")
    tl.check_clean(t.pid)
    t.quit()


@case
def status_says_how_returns_are_followed():
    t = Target("torture", "throw")
    s = tl.Session("time", t.pid, "t_thrower")
    rows = tl.status(t.pid)
    check_eq([row["returns"] for row in rows], ["exits"], "returns")
    s.stop()
    t.quit()


@case
def longjmp_and_thread_exit_leave_a_counted_function():
    stays_right("longjmp_out", "t_longjmp")
    stays_right("thread_exit", "t_thread_exit", hits=False)


@case
def other_stacks_and_signal_handlers_are_counted():
    stays_right("swap_contexts", "t_coroutine", hits=False)
    stays_right("in_handler", "t_in_handler", hits=False)


@case
def allocator_can_be_counted_while_it_is_used():
    stays_right("allocator", "libc:malloc", hits=False)


@case
def thread_asleep_in_the_window_comes_back_right():
    t = Target("torture", "blocked_read", "target_in_window")
    before = t.ask("stats")["blocked_read"]
    for offset in (0, 2, 4, 5):
        probe = f"t_read+{offset}" if offset else "t_read"
        r = tl.trapline("count", "-p", t.pid, "-d", "1500ms", probe)
        check(r.returncode == 0 or "call inside" in r.stderr or
              "branch target" in r.stderr, r.stderr)
    check(t.ask("stats")["blocked_read"] > before + 3, "the reader is stuck")
    tl.check_clean(t.pid)
    t.quit()


def boundaries():
    """Every instruction of the t_ functions: (function, offset)."""
    path = os.path.join(tl.TARGETS, "torture")
    names = subprocess.run(["nm", "-S", path], capture_output=True, text=True,
                           check=True).stdout
    for start, size, function in re.findall(
            r"^([0-9a-f]+) ([0-9a-f]+) T (t_\w+)$", names, re.M):
        start, end = int(start, 16), int(start, 16) + int(size, 16)
        text = subprocess.run(
            ["objdump", "-d", "--no-show-raw-insn", f"--start-address={start}",
             f"--stop-address={end}", path],
            capture_output=True, text=True, check=True).stdout
        for address in re.findall(r"^ *([0-9a-f]+):\t", text, re.M):
            yield function, int(address, 16) - start


@case
def every_instruction_can_be_probed_or_is_refused():
    t = Target("torture")
    every = list(boundaries())
    check(len(every) > 150, "objdump shows the functions")
    stride, armed = 12, 0
    for turn in range(stride):
        probes = [f"{f}+{at}" for f, at in every[turn::stride]]
        r = tl.trapline("count", "-p", t.pid, "-d", "300ms", "--json", *probes)
        armed += len(r.stdout.splitlines())
        check("past the end" not in r.stderr, r.stderr)
        check_eq(t.p.poll(), None, f"the target has ended at turn {turn}")
        t.ask("stats")
    tl.note(f"{armed} of {len(every)} armed")
    check(armed > len(every) * 2 / 3, "most of them should be")
    tl.check_clean(t.pid)
    t.quit()


@case
def hot_function_is_toggled_under_three_threads():
    t = Target("torture", "toggle")
    for _ in range(10 * tl.SCALE):
        r = tl.trapline("count", "-p", t.pid, "-d", "20ms", "t_toggle")
        check_eq(r.returncode, 0, r.stderr)
    tl.check_clean(t.pid)
    t.quit()


tl.main()

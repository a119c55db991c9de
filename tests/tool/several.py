#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 300
"""several.py - one command, several processes

Each process counts its own calls; what trapline says of it must be the same.
What happens to one of them does not concern the others.
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import Target, case, check, check_eq, trapline  # noqa: E402


def attached(said, n):
    with open(said, encoding="utf-8") as f:
        return f.read().count("attached to process") == n


class Several:
    """A command on several processes, armed when the constructor returns."""

    def __init__(self, verb, pids, *args, n=None):
        self.said = os.path.join(tl.tempdir(), "said")
        self.out = os.path.join(tl.tempdir(), "out")
        with open(self.said, "w", encoding="utf-8") as said, \
                open(self.out, "w", encoding="utf-8") as out:
            self.p = tl.start([tl.TRAPLINE, verb, "-v", "-p",
                               ",".join(map(str, pids)), *args],
                              stdout=out, stderr=said)
        tl.wait_for(lambda: self.p.poll() is not None or
                    attached(self.said, n or len(pids)), 60, "all attached")
        check(self.p.poll() is None, f"it ended: {self.errors()}")

    def errors(self):
        with open(self.said, encoding="utf-8") as f:
            return f.read()

    def output(self):
        with open(self.out, encoding="utf-8") as f:
            return f.read()

    def rows(self):
        return [json.loads(x) for x in self.output().splitlines()]

    def stop(self, status=0):
        self.p.send_signal(signal.SIGINT)
        check_eq(self.p.wait(timeout=60), status, self.errors())


def pids_of(targets):
    return [t.pid for t in targets]


@case
def each_process_has_rows_of_its_own_that_are_exact():
    targets = [Target("dyn", "-t", "2", "-r", str(r)) for r in (300, 200, 100)]
    before = [t.ask("pause") for t in targets]
    s = Several("count", pids_of(targets), "--json", "hot_add", "hot_mix")
    for t in targets:
        t.ask("resume")
    time.sleep(0.4)
    after = [t.ask("pause") for t in targets]
    s.stop()
    got = {(r["pid"], r["probe"]): r["hits"] for r in s.rows()}
    check_eq(len(got), 6, "rows")
    for t, b, a in zip(targets, before, after):
        for f in ("hot_add", "hot_mix"):
            check(a[f] > b[f], "called")
            check_eq(got[t.pid, f], a[f] - b[f], f"hits of {f}")
        tl.check_clean(t.pid)
        t.ask("resume")
        t.quit()


@case
def a_table_has_a_column_of_processes_and_a_total():
    targets = [Target("dyn", "-t", "1", "-r", "500") for _ in range(2)]
    pids = pids_of(targets)
    r = trapline("count", "-p", pids[0], "-p", pids[1], "-p", pids[0],
                 "-d", "0.3", "hot_add")
    check_eq(r.returncode, 0, r.stderr)
    lines = r.stdout.splitlines()
    check_eq(lines[0].split(), ["HITS", "KIND", "PID", "FUNCTION"], "title")
    check_eq(sorted(int(x.split()[2]) for x in lines[1:3]), sorted(pids),
             "processes")
    check_eq(int(lines[3].split()[0]),
             sum(int(x.split()[0]) for x in lines[1:3]), "total")
    r = trapline("time", "-p", f"{pids[0]},{pids[1]}", "-d", "0.3", "--json",
                 "hot_add")
    check_eq(sorted(json.loads(x)["pid"] for x in r.stdout.splitlines()),
             sorted(pids), "processes")
    r = trapline("stack", "-p", f"{pids[0]},{pids[1]}", "-d", "0.3", "hot_add")
    check_eq({x.split(";")[0] for x in r.stdout.splitlines()},
             {f"process {p}" for p in pids}, "outermost frames")
    r = trapline("stack", "-p", f"{pids[0]},{pids[1]}", "-d", "0.3", "--json",
                 "-i", "0.1", "hot_add")
    rows = [json.loads(x) for x in r.stdout.splitlines()]
    check_eq({x["pid"] for x in rows if "frames" in x}, set(pids), "processes")
    check(sum("summary" in x for x in rows) > 1, "no summary in between")
    r = trapline("count", "-p", pids[0], "-d", "0.1", "--json", "hot_add")
    check("pid" not in json.loads(r.stdout), "a process, of one")


@case
def events_of_all_are_in_the_order_of_their_times_and_none_is_lost():
    targets = [Target("dyn", "-t", "2", "-r", "2000") for _ in range(3)]
    before = [t.ask("pause") for t in targets]
    s = Several("trace", pids_of(targets), "--json", "hot_add $arg1")
    for t in targets:
        t.ask("resume")
    time.sleep(0.5)
    after = [t.ask("pause") for t in targets]
    s.stop()
    rows = s.rows()
    check_eq(rows[-1]["summary"]["lost"], 0, "lost")
    times = [r["time_ns"] for r in rows[:-1]]
    check(times == sorted(times), "not in order")
    # What is fetched at once is not shown at once, one process after the other.
    turns = sum(a["pid"] != b["pid"] for a, b in zip(rows, rows[1:-1]))
    check(turns > len(rows) / 10, f"{turns} changes among {len(rows)} events")
    for t, b, a in zip(targets, before, after):
        check_eq(sum(r.get("pid") == t.pid for r in rows),
                 a["hot_add"] - b["hot_add"], "events of a process")


@case
def who_ends_or_is_not_there_does_not_end_the_others():
    targets = [Target("dyn", "-t", "1", "-r", "500") for _ in range(2)]
    pids = pids_of(targets)
    s = Several("count", [999999999, *pids], "--json", "hot_add", n=2)
    targets[0].quit()
    tl.wait_for(lambda: f"process {pids[0]} ended" in s.errors(), 60, "ended")
    time.sleep(0.3)
    check(s.p.poll() is None, "it has ended, too")
    s.stop(status=1)
    check_eq({r["pid"] for r in s.rows()}, set(pids), "processes")
    check("no process 999999999" in s.errors(), s.errors())
    s = Several("count", pids[1:] + [os.getpid()], "--json", "hot_add", n=1)
    check(f"process {os.getpid()}: " in s.errors(), s.errors())
    targets[1].quit()
    check_eq(s.p.wait(timeout=60), 1, "its status when the last one ends")
    r = trapline("count", "-p", "999999999,999999998", "hot_add")
    check_eq((r.returncode, r.stdout, len(r.stderr.splitlines())), (1, "", 2),
             "none of them")


@case
def how_it_stands_is_printed_every_interval_and_at_ctrl_c():
    targets = [Target("dyn", "-t", "1", "-r", "500") for _ in range(2)]
    for verb, sign in (("count", "hot_add"), ("time", "hot_add"),
                       ("stack", ";hot_add "), ("trace", " events, 0 lost")):
        s = Several(verb, pids_of(targets), "-i", "100ms", "hot_add")
        tl.wait_for(lambda: s.output().count("after ") >= 3, 20, verb)
        between = s.output().count(sign)
        check(between >= 3, f"{verb} in between: {s.output()[-300:]}")
        s.stop()
        check(s.output().count(sign) > between, f"{verb} at the end")
    for t in targets:
        tl.check_clean(t.pid)


@case
def a_killed_command_leaves_none_of_them_changed():
    targets = [Target("dyn", "-t", "2", "-r", "500") for _ in range(3)]
    before = [tl.footprint(t.pid) for t in targets]
    s = Several("time", pids_of(targets), "hot_add", "hot_mix")
    r = trapline("status", "-p", ",".join(str(t.pid) for t in targets),
                 "--json")
    check_eq({json.loads(x)["pid"] for x in r.stdout.splitlines()},
             set(pids_of(targets)), "processes of status")
    s.p.kill()
    for t, b in zip(targets, before):
        tl.wait_for(lambda: not tl.ours(t.pid), 10, "everything removed")
        tl.wait_for(lambda: tl.footprint(t.pid) == b, 10, "as before")
        t.quit()


@case
def detach_takes_several_too():
    targets = [Target("dyn", "-t", "1", "-r", "500") for _ in range(2)]
    s = Several("count", pids_of(targets), "--json", "hot_add")
    r = trapline("detach", "-p", ",".join(map(str, pids_of(targets))))
    check_eq(r.returncode, 0, r.stderr)
    for t in targets:
        check(f"everything from process {t.pid}" in r.stderr, r.stderr)
        tl.check_clean(t.pid)
    s.p.wait(timeout=10)


@case
def wrong_lists_are_refused():
    for bad in ("12,", ",12", "12,x", "12 13", ""):
        r = trapline("count", "-p", bad, "main")
        check_eq((r.returncode, r.stdout), (2, ""), f"'{bad}'")
        check("not a process number" in r.stderr, r.stderr)
    for verb, arg in (("list", ""), ("watch", "main")):
        r = trapline(verb, "-p", "12,13", arg)
        check_eq(r.returncode, 2, verb)
        check("only one process" in r.stderr, r.stderr)
    r = trapline("count", "-p", f"{os.getpid()},{os.getppid()}", "-t", "1",
                 "main")
    check_eq(r.returncode, 2, "-t of several")


HOT = r"""
#include <pthread.h>
#include <stdio.h>
__attribute__((noinline)) int work(int x)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop");
	return x * 7 + 1;
}
static void *run(void *a)
{
	volatile int s = 0;

	for (;;)
		s = work(s);
	return a;
}
int main(void)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, run, NULL);
	puts("hot");
	fflush(stdout);
	run(NULL);
}
"""


@case
def a_trace_ends_near_its_time_however_much_there_is():
    program = os.path.join(tl.tempdir(), "hot")
    tl.compile_to(program, HOT, "-lpthread")
    hot = [tl.start([program], stdout=subprocess.PIPE) for _ in range(2)]
    for p in hot:
        p.stdout.readline()
    out = os.path.join(tl.tempdir(), "out")
    begin = time.monotonic()
    r = trapline("trace", "-p", ",".join(str(p.pid) for p in hot), "-d", "0.2",
                 "--json", "-o", out, "work", timeout=200)
    took = time.monotonic() - begin
    check_eq(r.returncode, 0, r.stderr)
    with open(out, encoding="utf-8") as f:
        before = n = 0
        for line in f:
            if line.startswith('{"summary"'):
                break
            now = int(line[len('{"time_ns":'):line.index(",")])
            check(now >= before, f"out of order: {line}")
            before = now
            n += 1
    said = json.loads(line)["summary"]
    tl.note(f"{took:.1f} s, {said}, {r.stderr.strip()}")
    # A machine that is busy with them lets us have little of it.
    check(took < 150, f"0.2 s took {took:.1f} s")
    check_eq(said["events"], n, "events")
    m = re.search(r"(\d+) of the lost events were not written", r.stderr)
    check(said["lost"] >= (int(m[1]) if m else 1), "what was lost is said")


if __name__ == "__main__":
    tl.main()

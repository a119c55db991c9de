#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""attached.py - programs with signals, children and sequences of their own

The targets check themselves; what is asked here is that they find nothing wrong
while they are counted, that the counts are theirs, and that nothing is left.
"""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import Target, case, check, check_eq, count_while_running  # noqa: E402


def exact(target, function, seconds=1.0):
    figures, rows = count_while_running(target, function, seconds=seconds)
    check(figures[function] > 0, f"{function} has not been called meanwhile")
    check_eq(rows[function]["hits"], figures[function], f"hits of {function}")
    check_eq(rows[function]["missed"], 0, "missed")
    return figures


def cycle(target, function, turns=10):
    for _ in range(turns * tl.SCALE):
        r = tl.trapline("count", "-p", target.pid, "-d", "30ms", function)
        check_eq(r.returncode, 0, r.stderr)
    tl.check_clean(target.pid)


def signals(*cases):
    t = Target("sigs", *cases)
    before = tl.private_text(t.pid)
    exact(t, "step")
    cycle(t, "step")
    figures = t.ask("stats")
    for name in cases:
        check(figures[name] > 0, f"{name} has not run")
    check_eq(tl.private_text(t.pid), before, "private text in KiB")
    t.quit()


@case
def handlers_of_its_own_for_sigtrap_run_as_before():
    signals("handler", "onstack", "nodefer", "resethand")


@case
def default_and_ignored_sigtrap_stay_so():
    signals("default", "ignored", "wait")


@case
def action_changed_in_the_middle():
    signals("action")


@case
def masks_changed_in_the_middle():
    signals("mask", "full_mask")


@case
def storms_of_threads_and_spawns():
    signals("threads", "spawn")


@case
def raw_clones_that_share_the_thread_pointer():
    signals("raw_clone")


@case
def all_of_it_at_once():
    signals()


@case
def children_with_memory_of_their_own_are_not_counted():
    t = Target("forks", "fork", "raw_fork", "exec", "spawn")
    figures = exact(t, "step", seconds=1.5)
    for name in ("fork", "raw_fork", "exec", "spawn"):
        check(figures[name] > 0, f"no {name} meanwhile")
    cycle(t, "step")
    t.quit()


def children(pid):
    """The living children of a process."""
    found = []
    for task in tl.threads(pid):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            found += map(int, f.read().split())
    return found


@case
def child_that_outlives_the_session_is_cleaned_with_it():
    t = Target("forks", "-t", "3", "long_fork")
    s = tl.Session("count", t.pid, "step")
    first = t.ask("stats")["long_fork"]
    tl.wait_for(lambda: t.ask("stats")["long_fork"] > first + 2, 60,
                "children of a probed parent")
    time.sleep(0.3)
    mine = children(t.pid)
    s.stop()
    check(mine, "no child is alive")
    for child in mine:
        try:
            tl.check_clean(child)
        except (FileNotFoundError, ProcessLookupError):
            pass  # its time was over
    t.quit()


@case
def children_are_cleaned_while_the_session_goes_on():
    prog = os.path.join(tl.tempdir(), "parent")
    src = r"""
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) long step(long a) { return a * 3 + getppid() % 2; }
static void child(const char *name)
{
	printf("%s %d\n", name, getpid());
	fflush(stdout);
	for (long i = 0;; i++) {
		if (step(i) / 3 != i)
			abort();
		usleep(1000);
	}
}
int main(void)
{
	long calls = 0;
	char c;

	puts("ready");
	fflush(stdout);
	while (read(0, &c, 1) == 1) {
		if (c == 'q')
			return 0;
		if (!fork())
			child("child");
		if (!fork()) {
			if (!fork())
				child("orphan");
			_exit(0);
		}
		while (calls < 1000)
			if (step(calls) / 3 != calls++)
				abort();
	}
}
"""
    tl.compile_to(prog, src)
    p = tl.start([prog], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 text=True)
    p.stdout.readline()
    s = tl.Session("count", p.pid, "step")
    p.stdin.write("f")
    p.stdin.flush()
    pids = [int(p.stdout.readline().split()[1]) for _ in range(2)]
    try:
        for pid in pids:
            tl.wait_for(lambda: not tl.ours(pid), 20,
                        "a child is cleaned")
            tl.check_clean(pid)
            os.kill(pid, 0)
        check(tl.text_differs(p.pid), "the parent is not probed any more")
        rows = s.stop()
        check_eq(rows[0]["hits"], 1000, "the parent's hits")
        tl.check_clean(p.pid)
        for pid in pids:
            os.kill(pid, 0)
    finally:
        for pid in pids:
            os.kill(pid, 9)


@case
def children_that_share_memory_go_on_right():
    t = Target("forks", "vfork", "clone")
    figures = exact(t, "step")
    check(figures["vfork"] > 0 and figures["clone"] > 0, "no children")
    cycle(t, "shared_step")
    t.quit()


@case
def probed_library_may_be_closed_and_opened_again():
    t = Target("forks", "library")
    before = t.ask("stats")["library"]
    for _ in range(5):
        tl.trapline("count", "-p", t.pid, "-d", "100ms", "lib_step")
    check(t.ask("stats")["library"] > before, "the library does not come back")
    t.ask("pause")  # nothing is mapped or unmapped under the comparison
    tl.check_clean(t.pid)
    t.quit()


@case
def program_that_exits_while_it_is_counted():
    t = Target("dyn")
    s = tl.Session("count", t.pid, "hot_add")
    t.quit()
    out, _ = s.p.communicate(timeout=60)
    check_eq(s.p.returncode, 0, f"exit status ({s.errors()})")
    check('"hits"' in out, f"the figures up to then: {out!r}")


@case
def restartable_sequence_is_refused_and_never_made_to_abort():
    t = Target("rseq")
    for probe in ("rseq_start", "rseq_add+11", "rseq_add+14"):
        r = tl.trapline("count", "-p", t.pid, "-d", "100ms", probe)
        check_eq(r.returncode, 1, f"exit status of {probe} ({r.stdout})")
    before = t.ask("stats")
    time.sleep(0.2)
    after = t.ask("stats")
    check(after["add_one"] > before["add_one"], "nothing is added any more")
    tl.check_clean(t.pid)
    t.quit()


@case
def function_beside_a_sequence_is_counted():
    t = Target("rseq")
    exact(t, "add_one", seconds=0.3)
    tl.check_clean(t.pid)
    t.quit()


@case
def sleepers_see_no_interruption():
    t = Target("threads300")
    figures, rows = count_while_running(t, "tick_*", seconds=1.0)
    for name, row in rows.items():
        check_eq(row["hits"], figures[name], f"hits of {name}")
    cycle(t, "tick_*")
    t.quit()


@case
def killed_command_leaves_nothing_within_two_seconds():
    t = Target("dyn")
    s = tl.Session("count", t.pid, "hot_*")
    s.p.send_signal(signal.SIGKILL)
    s.p.wait()
    tl.wait_for(lambda: not tl.ours(t.pid), 2,
                "no mapping of ours")
    tl.check_clean(t.pid)
    t.quit()


tl.main()

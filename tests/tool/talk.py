#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 480
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
from tl import SCALE, Session, Target, case, check, check_eq  # noqa: E402
from tl import count_while_running, wait_for  # noqa: E402

PROBED = ("step", "solo", "lazy", "tight")
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
    check_eq(text_at(target, *PROBED), text, "text")


@case
def counts_of_both_are_exact():
    for kind in KINDS:
        t = Target(kind)
        before = text_at(t, *PROBED)
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


def right_at_the_end(t, text):
    """Nothing is left, and the target was right all the time."""
    check_gone(t, text)
    own_counts_right(t.ask("pause"))
    t.ask("resume")
    t.quit()


@case
def commands_come_and_go_under_load():
    for kind in KINDS:
        t = Target(kind)
        text = text_at(t, *PROBED)
        before = t.ask("stats")
        for i in range(12 * SCALE):
            verb, probes = (("count", ("step", "solo", "churned")),
                            ("time", ("step", "solo")),
                            ("trace", ("step $arg1", "step%return $retval")),
                            ("count", ("lazy", "churn*")))[i % 4]
            r = tl.trapline(verb, "-p", t.pid, "-d", "20ms", *probes)
            check_eq(r.returncode, 0, r.stderr)
        after = t.ask("stats")
        check(after["churn"] > before["churn"], "no probe of its own came")
        right_at_the_end(t, text)


@case
def times_are_of_every_call():
    t = Target("selfprobe", "-r", "2000")
    text = text_at(t, *PROBED)
    before = t.ask("pause")
    s = Session("time", t.pid, "step", "solo")
    t.ask("resume")
    time.sleep(1)
    after = t.ask("pause")
    rows = {r["function"]: r for r in s.stop()}
    for name in ("step", "solo"):
        check_eq(rows[name]["calls"], after[name] - before[name], name)
        check_eq(rows[name]["missed"], 0, f"{name}: missed")
        check_eq(sum(b["count"] for b in rows[name]["histogram"]),
                 rows[name]["calls"], f"{name}: histogram")
    t.ask("resume")
    right_at_the_end(t, text)


@case
def events_are_of_every_call():
    t = Target("selfprobe", "-r", "20")
    text = text_at(t, *PROBED)
    before = t.ask("pause")
    s = Session("trace", t.pid, "solo a=$arg1 b=$arg2", "solo%return r=$retval",
                "step $arg1", options=("-o", os.devnull))
    s.p.send_signal(signal.SIGINT)
    s.p.wait(30)
    path = os.path.join(tl.tempdir(), "events")
    s = Session("trace", t.pid, "solo a=$arg1:u64 b=$arg2:u64",
                "solo%return r=$retval:u64", options=("-o", path))
    t.ask("resume")
    time.sleep(0.7)
    after = t.ask("pause")
    s.stop()
    with open(path, encoding="utf-8") as f:
        events = [json.loads(line) for line in f]
    summary = events.pop()["summary"]
    check_eq(summary["lost"], 0, "lost")
    entries = [e for e in events if e["probe"] == "solo"]
    returns = [e for e in events if e["probe"] == "solo%return"]
    check(entries, "there were events")
    check_eq(len(entries), after["solo"] - before["solo"], "entries")
    check_eq(len(returns), len(entries), "returns")
    open_calls = {}
    for e in events:
        if e["probe"] == "solo":
            open_calls[e["tid"]] = e["args"]
            continue
        a = open_calls.pop(e["tid"])
        want = ((a["a"] + a["b"]) ^ (a["b"] << 3)) & (2**64 - 1)
        check_eq(e["args"]["r"], want, "result")
    t.ask("resume")
    right_at_the_end(t, text)


@case
def status_shows_the_session_and_detach_ends_it():
    t = Target("selfprobe")
    text = text_at(t, *PROBED)
    s = Session("count", t.pid, "step", "solo", options=("-d", "100"))
    rows = {r["probe"]: r for r in tl.status(t.pid)}
    check_eq(sorted(rows), ["solo", "step"], "probes")
    for r in rows.values():
        check(r["hits"] > 0 and r["kind"] == "jump" and r["enabled"], str(r))
    r = tl.trapline("detach", "-p", t.pid)
    check_eq(r.returncode, 0, r.stderr)
    s.p.wait(30)
    check_eq(tl.status(t.pid), [], "probes after detach")
    right_at_the_end(t, text)


@case
def two_tools_at_once():
    t = Target("selfprobe")
    text = text_at(t, *PROBED)
    start = t.ask("pause")
    first = Session("count", t.pid, "step", "solo")
    second = Session("trace", t.pid, "step $arg1")
    third = Session("count", t.pid, "step")
    t.ask("resume")
    time.sleep(0.02)
    middle = t.ask("pause")
    check_eq({r["session"] for r in tl.status(t.pid)}, {1, 2, 3}, "sessions")
    rows = second.stop()
    check_eq(len([r for r in rows if "probe" in r]) +
             rows[-1]["summary"]["lost"], middle["step"] - start["step"],
             "events of the second")
    third.p.send_signal(signal.SIGKILL)
    third.p.wait()
    tl.wait_for(lambda: {r["session"] for r in tl.status(t.pid)} == {1}, 5,
                "the first one is left")
    t.ask("resume")
    time.sleep(0.2)
    end = t.ask("pause")
    for r in first.stop():
        check_eq(r["hits"], end[r["probe"]] - start[r["probe"]], r["probe"])
    t.ask("resume")
    right_at_the_end(t, text)


@case
def a_program_that_has_not_used_its_library():
    for kind in KINDS:
        t = Target(kind, "untouched")
        text = text_at(t, *PROBED)
        figures, rows = count_while_running(t, "step", "solo", seconds=0.5)
        for name in ("step", "solo"):
            check_eq(rows[name]["hits"], figures[name], f"{kind} {name}")
        check_gone(t, text)
        t.quit()


@case
def breakpoints_where_no_jump_can_be():
    t = Target("selfprobe")
    text = text_at(t, *PROBED)
    figures, rows = count_while_running(t, "tight", "step", seconds=0.5)
    check_eq(rows["tight"]["kind"], "breakpoint", "kind")
    check(figures["tight"] > 0, "not called")
    check_eq(rows["tight"]["hits"], figures["tight"], "hits of tight")
    right_at_the_end(t, text)


@case
def keys_conditions_and_stacks_work_as_elsewhere():
    t = Target("selfprobe", "-r", "200")
    text = text_at(t, *PROBED)
    before = t.ask("pause")
    s = Session("count", t.pid, "tight by $arg1")
    t.ask("resume")
    time.sleep(0.5)
    after = t.ask("pause")
    rows = s.stop()
    t.ask("resume")
    calls = after["tight"] - before["tight"]
    check(calls > 0, "tight was not called")
    check_eq([(r["key"], r["hits"]) for r in rows if "key" in r],
             [("0", calls)], f"keys: {rows}")
    r = tl.trapline("count", "-p", t.pid, "-d", "300ms", "--json",
                    "tight if $arg1 == 1")
    check_eq(r.returncode, 0, r.stderr)
    check('"hits":0' in r.stdout.replace(" ", ""), r.stdout)
    r = tl.trapline("stack", "-p", t.pid, "-d", "200ms", "solo")
    check_eq(r.returncode, 0, r.stderr)
    check("call_all;solo " in r.stdout or "round_of_probes;solo " in r.stdout,
          r.stdout[:500])
    right_at_the_end(t, text)


BLOCKER = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <trapline/trapline.h>
__attribute__((noinline, noclone)) long work(long n)
{ __asm__ volatile("" : "+r"(n)); return n * 3; }
static volatile int blocked;
static void *block(void *arg)
{
	unsigned long trap = 1ul << 4;

	for (int is = 0;; usleep(1000))
		if (is != blocked)
			syscall(SYS_rt_sigprocmask, (is = blocked) ? SIG_BLOCK :
				SIG_UNBLOCK, &trap, 0, 8);
	return arg;
}
static void turn(int sig)
{ blocked = sig == SIGUSR1 ? 0 : 1; }
int main(void)
{
	pthread_t t;

	trapline_init();
	signal(SIGUSR1, turn);
	signal(SIGUSR2, turn);
	pthread_create(&t, NULL, block, NULL);
	alarm(120);
	puts("ready");
	fflush(stdout);
	for (long n = 0;; n++)
		if (work(n) && n % 100 == 0)
			usleep(100);
}
"""


@case
def a_thread_that_blocks_sigtrap_is_in_the_way_and_named():
    prog = os.path.join(tl.tempdir(), "blocker")
    subprocess.run(["gcc", "-O2", "-pthread", "-I",
                    os.path.join(tl.TOP, "include"), "-x", "c", "-o", prog,
                    "-", "-x", "none",
                    os.path.join(tl.BUILD, "libtrapline.a")],
                   input=BLOCKER, text=True, check=True)
    p = tl.start([prog], stdout=subprocess.PIPE, text=True)
    check_eq(p.stdout.readline(), "ready\n", "the program")

    def blocks(yes):
        os.kill(p.pid, signal.SIGUSR1 if not yes else signal.SIGUSR2)

        def done():
            return any(int(line.split()[1], 16) & 16
                       for tid in tl.threads(p.pid)
                       for line in open(f"/proc/{p.pid}/task/{tid}/status",
                                        encoding="utf-8")
                       if line.startswith("SigBlk")) == yes
        wait_for(done, 10, f"SIGTRAP is blocked: {yes}")

    blocks(True)
    r = tl.trapline("count", "-p", p.pid, "-d", "1", "work")
    check(r.returncode == 1 and "a thread blocks SIGTRAP" in r.stderr and
          len(r.stderr.splitlines()) == 1, r.stderr)
    check_eq(tl.ours(p.pid), [], "mappings of ours")
    blocks(False)
    s = Session("count", p.pid, "work", options=("-d", "100"))
    blocks(True)
    r = tl.trapline("detach", "-p", p.pid)
    s.p.wait(60)
    # The guardian has tried, and so has the detach.
    check(tl.ours(p.pid) and r.returncode == 1 and
          "a thread blocks SIGTRAP" in r.stderr, r.stderr)
    check(p.poll() is None, "it lives")
    blocks(False)
    r = tl.trapline("detach", "-p", p.pid)
    check_eq(r.returncode, 0, r.stderr)
    check_eq(tl.ours(p.pid), [], "mappings of ours")
    check(p.poll() is None, "it lives")


# ---- stopped, forked, ended ------------------------------------------------------


@case
def a_stopped_program_is_attached_to():
    t = Target("selfprobe")
    text = text_at(t, *PROBED)
    before = t.ask("pause")
    os.kill(t.pid, signal.SIGSTOP)
    s = Session("count", t.pid, "step", "solo")
    os.kill(t.pid, signal.SIGCONT)
    t.ask("resume")
    time.sleep(0.3)
    after = t.ask("pause")
    os.kill(t.pid, signal.SIGSTOP)
    rows = {r["probe"]: r for r in s.stop()}
    check(not tl.ours(t.pid), "something is left of ours")
    os.kill(t.pid, signal.SIGCONT)
    for name in ("step", "solo"):
        check_eq(rows[name]["hits"], after[name] - before[name], name)
    t.ask("resume")
    right_at_the_end(t, text)


@case
def children_probe_themselves_and_are_not_counted():
    for kind in KINDS:
        t = Target(kind, "forks")
        text = text_at(t, *PROBED)
        figures, rows = count_while_running(t, "step", "solo", seconds=1.5)
        check(figures["fork"] > 0, "no child")
        for name in ("step", "solo"):
            check_eq(rows[name]["hits"], figures[name], f"{kind} {name}")
        right_at_the_end(t, text)


@case
def a_child_that_lives_on_is_cleaned():
    t = Target("selfprobe", "child")
    s = Session("count", t.pid, "step", "solo", options=("-d", "100"))
    wait_for(lambda: t.ask("stats")["child"], 10, "the child is born")
    child = t.ask("stats")["child"]
    wait_for(lambda: not tl.ours(child), 20, "the child is cleaned")
    check(tl.ours(t.pid), "the session goes on")
    s.stop()
    t.quit()


@case
def a_program_that_ends_has_its_last_counts():
    t = Target("selfprobe")
    s = Session("count", t.pid, "step", "solo", options=("-d", "100"))
    t.p.stdin.write("quit\n")
    out = t.p.stdout.read()
    check_eq(t.p.wait(timeout=20), 0, "exit status of the target")
    last = {x.split()[0]: int(x.split()[1]) for x in out.splitlines()
            if x.split()[0] in ("step", "solo")}
    got, _ = s.p.communicate(timeout=30)
    rows = {r["probe"]: r["hits"] for r in map(json.loads, got.splitlines())}
    for name in ("step", "solo"):
        check(0 < rows[name] <= last[name], f"{name}: {rows} {last}")


@case
def a_command_is_started_and_counted_from_its_beginning():
    r = tl.trapline("count", "--json", "-o", "/dev/stderr", "step", "solo", "--",
                    os.path.join(tl.TARGETS, "selfprobe-shared"), "-s", "1")
    check_eq(r.returncode, 0, r.stderr)
    figures = {x.split()[0]: int(x.split()[1]) for x in r.stdout.splitlines()
               if len(x.split()) == 2 and x.split()[1].isdigit()}
    rows = {j["probe"]: j["hits"] for j in
            (json.loads(x) for x in r.stderr.splitlines() if x[:1] == "{")}
    for name in ("step", "solo"):
        check_eq(rows.get(name), figures[name], name)


# ---- killed ----------------------------------------------------------------------

# In borrow.c, guardian.c and undo.c, and from 40 on in library.c and load.c.
POINTS = (2, 4, 5, 8, 11, 13, 14, 16, 18, 28, 29, 37, 38, 39, 40, 41, 42, 43,
          44, 45, 46, 47, 48)


def run_killed(t, **env):
    """A count, and its like, with somebody killed on the way."""
    return subprocess.run([tl.TRAPLINE, "count", "-p", str(t.pid), "-d",
                           "30ms", "step", "solo", "lazy"], timeout=60,
                          capture_output=True, text=True,
                          env=dict(os.environ, **env))


def commands_gone():
    """No tool or guardian of ours is left; other clones have their own."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.samefile(f"/proc/{pid}/exe", tl.TRAPLINE):
                return False
        except OSError:
            pass
    return True


@case
def a_killed_tool_leaves_nothing():
    t = Target("selfprobe")
    text = text_at(t, *PROBED)
    for n in range(1, 9):
        r = run_killed(t, TRAPLINE_KILL_TOOL=str(n))
        check_eq(r.returncode, -signal.SIGKILL, f"tool at {n}")
        wait_for(commands_gone, 10, "the guardian ends")
        check_gone(t, text)
    for _ in range(5):
        s = Session("count", t.pid, "step", "solo", options=("-d", "100"))
        s.p.kill()
        wait_for(lambda: gone(t), 2, "nothing of the command is left")
    right_at_the_end(t, text)


@case
def a_killed_guardian_is_cleaned_up_after():
    t = Target("selfprobe")
    text = text_at(t, *PROBED)
    for n in POINTS if tl.SCALE > 1 else POINTS[::2]:
        run_killed(t, TRAPLINE_KILL_POINT=str(n))
        wait_for(commands_gone, 10, "the guardian ends")
        check_gone(t, text)
    right_at_the_end(t, text)


@case
def what_is_left_by_both_killed_does_no_harm():
    t = Target("selfprobe")
    text = text_at(t, *PROBED)
    for n in POINTS:
        run_killed(t, TRAPLINE_KILL_TOOL="9", TRAPLINE_KILL_POINT=str(n))
        check_eq(t.p.poll(), None, f"both at {n}: the target has ended")
        own_counts_right(t.ask("pause"))
        t.ask("resume")
        r = tl.trapline("detach", "-p", t.pid)
        check_eq(r.returncode, 0, f"both at {n}: {r.stderr}")
        check_gone(t, text)
    right_at_the_end(t, text)


@case
def what_is_left_is_seen_and_ended_later():
    t = Target("selfprobe")
    text = text_at(t, *PROBED)
    s = Session("count", t.pid, "step", "solo", options=("-d", "100"))
    guardian = guardian_of(t)
    s.p.send_signal(signal.SIGSTOP)
    os.kill(guardian, signal.SIGKILL)
    s.p.kill()
    time.sleep(0.2)
    one = {r["probe"]: r["hits"] for r in tl.status(t.pid)}
    time.sleep(0.2)
    two = {r["probe"]: r["hits"] for r in tl.status(t.pid)}
    for name in ("step", "solo"):
        check(two[name] > one[name], f"{name} counts on: {one} {two}")
    # The next command takes it away by itself.
    figures, rows = count_while_running(t, "step", "solo")
    for name in ("step", "solo"):
        check_eq(rows[name]["hits"], figures[name], name)
    right_at_the_end(t, text)


def guardian_of(t):
    """By the line of `trapline status`."""
    line = tl.trapline("status", "-p", t.pid).stdout.splitlines()[0]
    return int(line.split("process")[-1])


def own_rows(pid):
    r = tl.trapline("status", "--json", "-p", pid)
    tl.check_eq(r.returncode, 0, r.stderr)
    return [x for x in map(json.loads, r.stdout.splitlines()) if x.get("own")]


@tl.case
def status_lists_the_probes_of_the_program_s_own():
    for kind in KINDS:
        t = Target(kind)
        s = Session("count", t.pid, "step", "solo")
        both = [json.loads(x) for x in
                tl.trapline("status", "--json", "-p", t.pid)
                .stdout.splitlines()]
        text = tl.trapline("status", "-p", t.pid).stdout
        s.stop()
        for rows in ([x for x in both if x.get("own")], own_rows(t.pid)):
            # What it registers now and then may be there or not.
            rows = [x for x in rows if x["probe"] != "churned"]
            tl.check_eq(sorted((x["probe"], x.get("returns", ""))
                               for x in rows),
                        [("lazy", ""), ("step", ""), ("step", "exits")], kind)
            for x in rows:
                tl.check_eq((x["kind"], x["hits"], x["enabled"]),
                            ("jump", None, True), f"{kind} {x}")
        theirs = {x["probe"]: x["address"] for x in both if "session" in x}
        tl.check_eq(set(theirs), {"step", "solo"}, kind)
        tl.check_eq({x["address"] for x in both
                     if x.get("own") and x["probe"] == "step"},
                    {theirs["step"]}, "addresses")
        tl.check(f"process {t.pid} has libtrapline: " in text and
                 " probes of its own\n" in text, text)
        t.quit()


OWN = r"""
#include <stdio.h>
#include <trapline/kprobes.h>
#define NI __attribute__((noinline, noclone))
volatile long sink;
NI long counted(long a) { sink = a; return a + 1; }
NI long handled(long a) { sink = a; return a + counted(a); }
NI long disabled(long a) { sink = a; return a + 3; }
NI long followed(long a) { sink = a; return a + 4; }
long tight(long a);
__asm__(".text; tight: xor %eax, %eax; 1: inc %edi; cmp $9, %edi; jb 1b; mov %rdi, %rax; ret;"
	" .type tight, @function; .size tight, . - tight; push %rbp");
#define ROW counted(sink); counted(sink); counted(sink); counted(sink);
#define ROWS ROW ROW ROW ROW ROW ROW ROW ROW ROW ROW ROW ROW ROW ROW ROW ROW
NI void large(void) { ROWS ROWS ROWS ROWS }
static int nothing(struct kprobe *p, struct pt_regs *r) { return 0; }
static int calls(struct kprobe *p, struct pt_regs *r) { counted(1); return 0; }
static int back(struct kretprobe_instance *i, struct pt_regs *r) { return 0; }
static uint64_t cells[TL_COUNTER_BLOCK / 8];
static struct kprobe many[2000];
int main(int argc, char **argv)
{
	struct kprobe a = { .addr = (void *)counted, .counter = cells };
	struct kprobe e = { .addr = (void *)counted, .pre_handler = nothing };
	struct kprobe b = { .addr = (void *)handled, .pre_handler = calls };
	struct kprobe c = { .addr = (void *)disabled, .pre_handler = nothing,
			    .flags = KPROBE_FLAG_DISABLED };
	struct kprobe d = { .addr = (void *)tight, .pre_handler = nothing };
	struct kretprobe f = { .kp.addr = (void *)followed, .handler = back,
			       .maxactive = 1 };
	int n = 0, bad = register_kprobe(&a) | register_kprobe(&e) |
		register_kprobe(&b) | register_kprobe(&c) |
		register_kprobe(&d) | register_kretprobe(&f);

	for (long i = 0; i < 2000; i++) {
		many[n].addr = (void *)((char *)large + i);
		many[n].pre_handler = nothing;
		n += argc > 1 && register_kprobe(&many[n]) == 0;
	}
	for (long i = 0; i < 7; i++)
		handled(i);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%d %d\n", bad, n);
	getchar();
	return 0;
}
"""


def own_program(*args):
    prog = os.path.join(tl.tempdir(), "own")
    top = os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    tl.compile_to(prog, OWN, "-x", "none", f"-I{top}/include",
                  os.path.join(tl.BUILD, "libtrapline.a"))
    p = tl.start([prog, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 text=True)
    bad, n = map(int, p.stdout.readline().split())
    tl.check_eq(bad, 0, "registered")
    return p, n


@tl.case
def status_has_their_counters_misses_and_kinds():
    p, _ = own_program()
    rows = {(x["probe"], x["hits"] is None): x for x in own_rows(p.pid)}
    tl.check_eq(len(rows), 6, f"{rows}")
    # 7 calls by handled(), and 7 in its handler.
    x = rows["counted", False]
    tl.check_eq((x["hits"], x["kind"]), (14, "jump"), "counted")
    tl.check_eq(rows["counted", True]["missed"], 7, "missed")
    x = rows["disabled", True]
    tl.check_eq((x["enabled"], x["kind"], x["why_not_jump"]),
                (False, "off", "disabled"), "disabled")
    x = rows["tight", True]
    tl.check_eq((x["kind"], x["why_not_jump"]),
                ("breakpoint", "branch target inside"), "tight")
    tl.check("returns" in rows["followed", True], "followed")
    text = tl.trapline("status", "-p", p.pid).stdout
    tl.check("libtrapline: 6 probes of its own" in text and
             "(no jump: branch target inside)" in text, text)
    p.stdin.close()
    p.wait()


@tl.case
def status_lists_as_many_as_there_are():
    p, n = own_program("many")
    tl.check(n > 300, f"{n} probes")
    rows = own_rows(p.pid)
    tl.check_eq(len(rows), n + 6, "rows")
    tl.check_eq(len({x["address"] for x in rows}), n + 5, "addresses")
    p.stdin.close()
    p.wait()


# Says that it has libtrapline, and has lists without an end instead.
LIAR = r"""
#include <stdio.h>
#include <string.h>
#include <trapline/agent.h>
static void *self[8192];
struct tl_directory d = { .size = sizeof(d) };
__asm__(".section .note.trapline, \"a\", @note; .balign 4\n"
	".long 2f - 1f, 4f - 3f, 1; 1: .asciz \"Trapline\"\n"
	"2: .balign 4; 3: .long 0, 1; .short 2, 1\n"
	"5: .long main - 5b; 6: .long d - 6b; 4: .text");
int main(int argc, char **argv)
{
	for (int i = 0; i < 8192; i++)
		self[i] = self;
	*(unsigned int *)self = 0;
	d.table = &self[100];
	self[101] = 0;
	d.first_table = d.disarmed = d.return_pre = self;
	d.table_head = 8;
	d.point_size = d.probe_size = 64;
	if (argv[1][0] == 'o')
		d.point_link = 0xfffffff8;
	if (argv[1][0] == 'l')
		d.probe_size = 1u << 30;
	if (argv[1][0] == 'w')
		memset(&d.table, 0xff, sizeof(d) - 8);
	puts("ready");
	fflush(stdout);
	getchar();
	return 0;
}
"""


@tl.case
def tables_that_make_no_sense_are_not_believed():
    prog = os.path.join(tl.tempdir(), "liar")
    top = os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    tl.compile_to(prog, LIAR, f"-I{top}/include", "-no-pie")
    for how in ("circles", "offsets", "large", "wild"):
        p = tl.start([prog, how], stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE, text=True)
        p.stdout.readline()
        r = tl.trapline("status", "-p", p.pid, timeout=100)
        tl.check_eq(r.returncode, 0, f"{how}: {r.stderr}")
        tl.check("has libtrapline: " in r.stdout, f"{how}: {r.stdout[:400]}")
        if how != "circles":
            tl.check("are not shown (its tables make no sense)" in r.stdout,
                     f"{how}: {r.stdout[:400]}")
        p.stdin.close()
        p.wait()


tl.main()

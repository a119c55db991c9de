#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""trace.py - the events of `trapline trace`, counted and looked at

Programs that know what they did: each call has an event, in order, with the
arguments and results that it had.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

CALLER = r"""
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#define NI __attribute__((noinline, noclone))
volatile long sink;
struct pair { long first; char *text; };
NI long work(long a, long b, long c, long d, long e, long f, long g, long h)
{ sink = a + b + c + d + e + f + g + h; return a * 3 - 10; }
NI void look(const char *s, const struct pair *p, signed char c, short h)
{ sink = (long)s + (long)p + c + h; }
static long n;
static void calls(long from)
{ for (long i = 0; i < n; i++) work(from + i, -i, 3, 4, 5, 6, 70 + i, 80); }
/* A million a second, in small steps. */
static void paced(void)
{
	struct timespec begin, now;
	long i = 0, due;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (i < n) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		due = (now.tv_sec - begin.tv_sec) * 1000000 +
		      (now.tv_nsec - begin.tv_nsec) / 1000;
		if (i >= due) usleep(50);
		for (long k = 0; k < 2000 && i < due && i < n; k++, i++)
			work(i, -i, 3, 4, 5, 6, 70, 80);
	}
}
static void *thread(void *arg) { calls((long)arg); return NULL; }
int main(int argc, char **argv)
{
	char *page, word[16];
	struct pair p = { 5, "quo\"te" };
	pthread_t t[8];

	n = atol(argv[1]);
	page = mmap(NULL, 12288, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(page + 8192, 4096);
	memset(page, 'x', 8192);
	strcpy(page + 8186, "edge!");
	strcpy(page + 4090, "over the edge");
	puts("ready");
	fflush(stdout);
	while (scanf("%15s", word) == 1) {
		if (!strcmp(word, "calls")) calls(0);
		if (!strcmp(word, "paced")) paced();
		if (!strcmp(word, "threads")) {
			for (long i = 0; i < 8; i++)
				pthread_create(&t[i], NULL, thread,
					       (void *)(i * 1000000));
			for (int i = 0; i < 8; i++) pthread_join(t[i], NULL);
		}
		if (!strcmp(word, "looks")) {
			look("hello", &p, -2, -3);
			look(page + 8186, &p, 1, 2);
			page[8191] = '!';
			look(page + 8186, (void *)16, 1, 2);
			look(NULL, NULL, 0, 0);
			look("\033[31m", &p, 0, 0);
			look(page + 4090, &p, 0, 0);
		}
		if (!strcmp(word, "fork")) {
			if (fork() == 0) { calls(0); _exit(0); }
			wait(NULL);
		}
		if (!strcmp(word, "die")) { calls(0); raise(SIGKILL); }
		if (!strcmp(word, "exit")) { calls(0); _exit(7); }
		if (!strcmp(word, "crash")) { calls(0); *(volatile int *)8 = 1; }
		puts("done");
		fflush(stdout);
	}
	return 0;
}
"""


class Caller:
    def __init__(self, n):
        prog = os.path.join(tl.tempdir(), "caller")
        tl.compile_to(prog, CALLER, "-pthread")
        self.n = n
        self.p = tl.start([prog, str(n)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, bufsize=1)
        self.p.stdout.readline()
        self.pid = self.p.pid

    def tell(self, word):
        self.p.stdin.write(word + "\n")
        tl.check_eq(self.p.stdout.readline(), "done\n", word)

    def quit(self):
        self.p.stdin.close()
        tl.check_eq(self.p.wait(timeout=20), 0, "exit status of the caller")


class Trace:
    """`trapline trace --json` into a file: a pipe would fill."""

    def __init__(self, pid, *probes, options=()):
        d = tl.tempdir()
        self.path = os.path.join(d, "events")
        self.said = os.path.join(d, "said")
        with open(self.said, "w", encoding="utf-8") as said:
            self.p = tl.start([tl.TRAPLINE, "trace", "-p", str(pid), "--json",
                               "-v", "-o", self.path, *options, *probes],
                              stderr=said)
        tl.wait_for(lambda: self.p.poll() is not None or
                    "attached to process" in self.errors(), 60, "armed")
        tl.check(self.p.poll() is None, f"trapline ended: {self.errors()}")

    def errors(self):
        with open(self.said, encoding="utf-8") as f:
            return f.read()

    def end(self, stop=True):
        """(events, summary)"""
        if stop:
            self.p.send_signal(signal.SIGINT)
        self.p.wait(timeout=60)
        tl.check_eq(self.p.returncode, 0, f"exit status ({self.errors()})")
        with open(self.path, encoding="utf-8") as f:
            rows = [json.loads(line) for line in f]
        return rows[:-1], rows[-1]["summary"]


def complete(events, summary, want):
    tl.check_eq(summary, {"events": want, "lost": 0, "missed": 0}, "summary")
    tl.check_eq(len(events), want, "events")
    times = [e["time_ns"] for e in events]
    tl.check_eq(times, sorted(times), "times ascend")


@tl.case
def each_call_is_an_event_with_its_arguments():
    c = Caller(5000)
    before = tl.footprint(c.pid)
    t = Trace(c.pid, "work a=$arg1:s64 $arg2:s32 $arg3 $arg6:u8 seven=$arg7:u64"
              " $arg8:x16 %rsi:x32")
    start = time.time_ns()
    c.tell("calls")
    events, summary = t.end()
    complete(events, summary, 5000)
    for i, e in enumerate(events):
        tl.check_eq(e["args"], {"a": i, "arg2": -i, "arg3": "0x3", "arg6": 6,
                                "seven": 70 + i, "arg8": "0x50",
                                "rsi": hex(-i & 0xffffffff)}, f"event {i}")
        tl.check_eq([e["pid"], e["tid"], e["probe"]], [c.pid, c.pid, "work"],
                    "who and what")
    off = [abs(events[0]["time_ns"] - start), abs(events[-1]["time_ns"] - start)]
    tl.check(max(off) < 30e9, f"the clock is the wall's: {off}")
    tl.check_clean(c.pid, before)
    c.quit()


@tl.case
def returns_have_their_results_and_follow_their_entries():
    c = Caller(2000)
    t = Trace(c.pid, "work $arg1:u64", "work%return $retval:s64 r=%rax:s32")
    c.tell("calls")
    events, summary = t.end()
    complete(events, summary, 4000)
    for i in range(2000):
        tl.check_eq([events[2 * i]["probe"], events[2 * i]["args"]["arg1"]],
                    ["work", i], "the entry")
        tl.check_eq([events[2 * i + 1]["probe"], events[2 * i + 1]["args"]],
                    ["work%return", {"retval": 3 * i - 10, "r": 3 * i - 10}],
                    "the return")
    tl.check_clean(c.pid)
    c.quit()


@tl.case
def memory_is_fetched_and_what_is_not_there_is_a_fault():
    c = Caller(1)
    t = Trace(c.pid, "look s=$arg1:string two=$arg1:string[2] "
              "first=+0($arg2):u64 text=+0(+8($arg2)):string "
              "e=+1(+8($arg2)):x16 c=$arg3:s8 h=$arg4:s16 before=-1($arg1):u8 "
              "last=%rcx:u8")
    c.tell("looks")
    events, summary = t.end()
    complete(events, summary, 6)
    rows = [e["args"] for e in events]
    text = {"first": 5, "text": 'quo"te', "e": "0x6f75"}
    bad = {k: "<fault>" for k in text}
    for row in rows:
        if row["before"] != "<fault>":
            del row["before"]
    tl.check_eq(rows[0], {"s": "hello", "two": "he", **text, "c": -2, "h": -3,
                          "last": 253}, "all there")
    tl.check_eq(rows[1], {"s": "edge!", "two": "ed", **text, "c": 1, "h": 2,
                          "last": 2}, "up to the last byte of a page")
    tl.check_eq(rows[2], {"s": "<fault>", "two": "ed", **bad, "c": 1, "h": 2,
                          "last": 2}, "runs off its page")
    tl.check_eq(rows[3], {"s": "<fault>", "two": "<fault>", **bad, "c": 0,
                          "h": 0, "before": "<fault>", "last": 0}, "NULL")
    tl.check_eq(rows[4]["s"], "\\x1b[31m", "made printable")
    tl.check_eq(rows[5]["s"], "over the edge", "from page to page")
    c.quit()


@tl.case
def texts_are_made_printable_once():
    d = tl.tempdir()
    prog = os.path.join(d, "says")
    tl.compile_to(prog, "__attribute__((noinline, noclone)) void say("
                  "const char *s) { __asm__ volatile(\"nop; nop; nop; nop; nop\" "
                  ": : \"r\"(s) : \"memory\"); } "
                  'int main(void) { say("a\\r\\n"); say("\\\\x0d\\"b"); }')
    r = tl.trapline("trace", "say $arg1:string", "--", prog)
    tl.check_eq(re.findall(r"arg1=(.*)", r.stdout),
                [r'"a\x0d\x0a"', r'"\\x0d\"b"'], r.stderr)
    r = tl.trapline("trace", "--json", "say $arg1:string", "--", prog)
    rows = [json.loads(x) for x in r.stdout.splitlines()]
    tl.check_eq([x["args"]["arg1"] for x in rows[:-1]],
                ["a\\x0d\\x0a", '\\x0d"b'], r.stderr)


@tl.case
def threads_have_their_numbers_and_lose_nothing():
    c = Caller(3000)
    t = Trace(c.pid, "work $arg1:u64 $arg2:s64")
    c.tell("threads")
    events, summary = t.end()
    complete(events, summary, 8 * 3000)
    by_tid = {}
    for e in events:
        by_tid.setdefault(e["tid"], []).append(e["args"]["arg1"])
    tl.check_eq(len(by_tid), 8, "threads")
    tl.check(c.pid not in by_tid, "none is the first thread")
    firsts = sorted(x[0] for x in by_tid.values())
    tl.check_eq(firsts, [i * 1000000 for i in range(8)], "one each")
    for numbers in by_tid.values():
        tl.check_eq(numbers, list(range(numbers[0], numbers[0] + 3000)),
                    "in order, within its thread")
    tl.check_clean(c.pid)
    c.quit()


@tl.case
def what_is_in_the_ring_is_delivered_when_the_target_ends():
    for word, status in (("exit", 7), ("die", -signal.SIGKILL),
                         ("crash", -signal.SIGSEGV)):
        c = Caller(20000)
        t = Trace(c.pid, "work $arg1:u64")
        c.p.stdin.write(word + "\n")
        events, summary = t.end(stop=False)
        complete(events, summary, 20000)
        tl.check_eq(events[-1]["args"]["arg1"], 19999, "the last one")
        tl.check_eq(c.p.wait(timeout=20), status, "its end")


@tl.case
def events_of_fork_children_are_not_in_it():
    c = Caller(100)
    t = Trace(c.pid, "work $arg1:u64", "work%return $retval")
    c.tell("fork")
    c.tell("calls")
    events, summary = t.end()
    complete(events, summary, 200)
    tl.check_eq({e["tid"] for e in events}, {c.pid}, "threads")
    c.quit()


@tl.case
def a_million_in_a_row_are_kept():
    c = Caller(1000000)
    t = Trace(c.pid, "work $arg1:u64 $arg2:s64")
    begin = time.monotonic()
    c.tell("calls")
    took = time.monotonic() - begin
    t.p.send_signal(signal.SIGINT)
    t.p.wait(timeout=60)
    n, last = 0, ""
    with open(t.path, encoding="utf-8") as f:
        for last in f:
            n += 1
    summary = json.loads(last)["summary"]
    tl.note(f"{1e6 / took:.0f} events/s, {summary['lost']} lost")
    # On a busy machine the reader may be late; then it says so.
    tl.check_eq(summary["events"] + summary["lost"], 1000000, "all accounted")
    tl.check_eq(n - 1, summary["events"], "lines")
    tl.check_clean(c.pid)
    c.quit()


@tl.case
def a_million_a_second_are_all_there():
    c = Caller(2000000)
    for _ in range(3):
        t = Trace(c.pid, "work $arg1:u64 $arg2:s64")
        begin = time.monotonic()
        c.tell("paced")
        took = time.monotonic() - begin
        t.p.send_signal(signal.SIGINT)
        t.p.wait(timeout=60)
        with open(t.path, encoding="utf-8") as f:
            *_, last = f
        summary = json.loads(last)["summary"]
        tl.note(f"{2e6 / took:.0f} events/s, {summary['lost']} lost")
        tl.check_eq(summary["events"] + summary["lost"], 2000000, "all")
        if not summary["lost"]:
            break
    # Without root's priority a busy machine may keep the reader away.
    tl.check_eq(summary["lost"], 0, "lost, in each of three runs")
    tl.check_clean(c.pid)
    c.quit()


@tl.case
def lost_events_are_counted_when_nobody_reads():
    c = Caller(400000)
    t = Trace(c.pid, "work $arg1:u64 $arg2:s64 $arg3 $arg4 $arg5 $arg6")
    t.p.send_signal(signal.SIGSTOP)
    c.tell("calls")
    t.p.send_signal(signal.SIGCONT)
    events, summary = t.end()
    tl.check(summary["lost"] > 1000, f"{summary['lost']} lost")
    tl.check_eq(summary["events"] + summary["lost"], 400000, "sum")
    tl.check_eq(len(events), summary["events"], "events")
    tl.check_eq([e["args"]["arg1"] for e in events],
                list(range(len(events))), "the first ones are kept")
    tl.check_clean(c.pid)
    c.quit()


# Of which a ring of 16 MiB holds half a million.
MANY = 700000


def guardian_of(pid):
    """By the line of `trapline status`."""
    line = tl.trapline("status", "-p", pid).stdout.splitlines()[0]
    return int(line.split("process")[-1])


def waits(pid):
    """Does its only thread wait in a futex?"""
    with open(f"/proc/{pid}/syscall", encoding="utf-8") as f:
        return f.read().split()[0] == "202"


@tl.case
def with_block_threads_wait_for_a_slow_reader_and_lose_nothing():
    c = Caller(MANY)
    t = Trace(c.pid, "work $arg1:u64", options=("--block",))
    t.p.send_signal(signal.SIGSTOP)
    c.p.stdin.write("calls\n")
    tl.wait_for(lambda: waits(c.pid), 20, "it waits")
    t.p.send_signal(signal.SIGCONT)
    tl.check_eq(c.p.stdout.readline(), "done\n", "it went on")
    events, summary = t.end()
    # On a busy machine it may have waited for its second.
    tl.check(summary["lost"] <= 1, f"{summary['lost']} lost")
    tl.check_eq(summary["events"] + summary["lost"], MANY, "sum")
    tl.check_eq(len(events), summary["events"], "events")
    tl.check_clean(c.pid)
    c.quit()


def with_block(how):
    """A tool that stands still, and then HOW(tool, target, guardian)."""
    c = Caller(MANY)
    t = Trace(c.pid, "work $arg1:u64", options=("--block",))
    guard = guardian_of(c.pid)
    t.p.send_signal(signal.SIGSTOP)
    c.p.stdin.write("calls\n")
    tl.wait_for(lambda: waits(c.pid), 20, "it waits")
    begin = time.monotonic()
    how(t.p, c, guard)
    tl.check_eq(c.p.stdout.readline(), "done\n", "it went on")
    return c, t, time.monotonic() - begin


@tl.case
def with_block_a_tool_that_stands_still_holds_nobody():
    c, t, took = with_block(lambda tool, target, guard: None)
    tl.note(f"{took:.2f} s")
    tl.check(took < 15, f"{took} s")
    t.p.send_signal(signal.SIGCONT)
    events, summary = t.end()
    tl.check(summary["lost"] > 1000, f"{summary['lost']} lost")
    tl.check_eq(len(events) + summary["lost"], MANY, "sum")
    tl.check_clean(c.pid)
    c.quit()


@tl.case
def with_block_a_killed_tool_lets_its_target_go():
    c, _, took = with_block(lambda tool, target, guard: tool.kill())
    tl.note(f"{took:.2f} s")
    tl.wait_for(lambda: not tl.ours(c.pid), 20, "nothing left")
    c.quit()


@tl.case
def with_block_a_target_without_tool_and_guardian_goes_on():
    def kill(tool, target, guard):
        os.kill(guard, signal.SIGKILL)
        tool.kill()
    c, _, took = with_block(kill)
    tl.note(f"{took:.2f} s")
    tl.check(took < 15, f"{took} s")
    subprocess.run([tl.TRAPLINE, "detach", "-p", str(c.pid)], timeout=60,
                   check=True)
    tl.check_clean(c.pid)
    c.quit()


@tl.case
def with_block_detach_lets_it_go():
    def detach(tool, target, guard):
        subprocess.run([tl.TRAPLINE, "detach", "-p", str(target.pid)],
                       timeout=60, check=True)
    c, t, took = with_block(detach)
    tl.note(f"{took:.2f} s")
    t.p.send_signal(signal.SIGCONT)
    t.p.wait(timeout=30)
    tl.check_clean(c.pid)
    c.quit()


def read_ctf(path):
    """[(ns, name, {context}, {fields})] as babeltrace2 shows them."""
    r = subprocess.run(["babeltrace2", "--clock-seconds", path],
                       capture_output=True, text=True, timeout=60, check=True)
    line = re.compile(r"\[(\d+)\.(\d{9})\] \(\S+\) (.+?): \{ (.*?) \}, "
                      r"\{ (.*) \}$")
    field = re.compile(r'(\w+) = ("(?:[^"\\]|\\.)*"|[^,]*)')
    events = []
    for text in r.stdout.splitlines():
        s, ns, name, context, fields = line.match(text).groups()
        events.append((int(s) * 10**9 + int(ns), name,
                       dict(field.findall(context)),
                       dict(field.findall(fields))))
    return events


@tl.case
def a_trace_for_babeltrace_has_every_event():
    if not shutil.which("babeltrace2"):
        raise tl.Skip("babeltrace2 is not installed (make deps)")
    n = 3000
    c = Caller(n)
    d = os.path.join(tl.tempdir(), "ctf")
    out = tl.start([tl.TRAPLINE, "trace", "-p", str(c.pid), "-v", "-o", d,
                    "--format", "ctf", "work a=$arg1:u64 $arg2:s32 $arg8:x16",
                    "work%return from=$arg1:u64 $retval:s64",
                    "look $arg1:string[8] +0($arg2):s32 %rdx:s8"],
                   stderr=subprocess.PIPE, text=True)
    while "attached to" not in out.stderr.readline():
        pass
    begin = time.time_ns()
    c.tell("calls")
    c.tell("looks")
    out.send_signal(signal.SIGINT)
    _, said = out.communicate(timeout=30)
    tl.check_eq(out.returncode, 0, f"exit status ({said})")
    events = read_ctf(d)
    times = [e[0] for e in events]
    tl.check_eq(times, sorted(times), "times ascend")
    tl.check(begin - 10**9 < times[0] < time.time_ns(), "the wall clock's")
    tl.check_eq(events[-1][1:], ("trapline:summary", {"vpid": "0", "vtid": "0"},
                                 {"events": str(2 * n + 6), "lost": "0",
                                  "missed": "0"}), "the last one")
    del events[-1]
    tl.check_eq({tuple(e[2].values()) for e in events},
                {(str(c.pid), str(c.pid))}, "process and thread")
    hits = [e[3] for e in events if e[1] == "work"]
    tl.check_eq(len(hits), n, "hits")
    for i, hit in enumerate(hits):
        tl.check_eq(hit, {"a": str(i), "arg2": str(-i), "arg8": "0x50",
                          "faults": "0x0"}, "hit")
    calls = [e[3] for e in events if e[1] == "work%return"]
    tl.check(all(0 < int(e.pop("duration_ns")) < 10**10 for e in calls), "time")
    tl.check_eq(len(calls), n, "calls")
    for i, call in enumerate(calls):
        tl.check_eq(call, {"from": str(i), "retval": str(i * 3 - 10),
                           "faults": "0x0"}, "call")
    looks = [tuple(e[3].values()) for e in events if e[1] == "look"]
    tl.check_eq(looks, [('"hello"', "5", "-2", "0x0"),
                        ('"edge!"', "5", "1", "0x0"),
                        ('""', "0", "1", "0x3"), ('""', "0", "0", "0x3"),
                        ('"\\e[31m"', "5", "0", "0x0"),
                        ('"over the"', "5", "0", "0x0")], "texts and faults")
    tl.check_clean(c.pid)
    for dest, why in ((d, "is not empty"), ("/proc/none", "cannot make")):
        r = tl.trapline("trace", "-p", c.pid, "-d", "0.1", "-o", dest,
                        "--format", "ctf", "work")
        tl.check_eq(r.returncode, 1, f"{dest}: exit status")
        tl.check(why in r.stderr, r.stderr)
    # It is seen before a command is begun, and there is nothing more to say.
    for follow in ((), ("--follow",)):
        mark = os.path.join(tl.tempdir(), "begun")
        r = tl.trapline("trace", *follow, "--format", "ctf", "-o", d,
                        "libc:puts", "--", "sh", "-c", f"echo > {mark}")
        tl.check_eq((r.returncode, r.stderr.count("\n")), (1, 1), r.stderr)
        tl.check("is not empty" in r.stderr, r.stderr)
        tl.check(not os.path.exists(mark), "the command has run")
    # What cannot be begun leaves no folder behind, and takes none away.
    for made in (False, True):
        dest = os.path.join(tl.tempdir(), "free")
        if made:
            os.mkdir(dest)
        r = tl.trapline("trace", "-p", c.pid, "--format", "ctf", "-o", dest,
                        "no_such_function")
        tl.check_eq((r.returncode, os.path.exists(dest)), (1, made), r.stderr)
    r = tl.trapline("trace", "-p", c.pid, "--format", "ctf", "work")
    tl.check_eq(r.returncode, 2, "no folder")
    tl.check_clean(c.pid)
    c.quit()


@tl.case
def functions_that_keep_their_return_address_return_to_it():
    d = tl.tempdir()
    prog = os.path.join(d, "jumps")
    src = ("#include <setjmp.h>\n#include <stdio.h>\nstatic jmp_buf b;\n"
           "int main(void){puts(\"pid\");fflush(stdout);getchar();"
           "volatile int n=0;for(int i=0;i<100;i++){"
           "if(!setjmp(b)){n++;longjmp(b,1);}}"
           "printf(\"%d\\n\",n);fflush(stdout);getchar();return 0;}\n")
    tl.compile_to(prog, src)
    p = tl.start([prog], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 text=True)
    p.stdout.readline()
    t = Trace(p.pid, "main", "libc:_setjmp%return", "libc:__sigsetjmp%return")
    p.stdin.write("x")
    p.stdin.flush()
    tl.check_eq(p.stdout.readline(), "100\n", "jumps")
    t.end()
    tl.check_clean(p.pid)
    p.stdin.write("x")
    p.communicate(timeout=20)
    tl.check_eq(p.returncode, 0, "exit status")


@tl.case
def times_of_setjmp_are_exact():
    d = tl.tempdir()
    prog = os.path.join(d, "jumps")
    src = ("#include <setjmp.h>\n#include <stdio.h>\nstatic jmp_buf b;\n"
           "int main(void){volatile int n=0,wrong=0;"
           "for(int i=0;i<1000;i++){switch(setjmp(b)){"
           "case 0:n++;longjmp(b,5);case 5:break;default:wrong++;}}"
           "printf(\"%d %d\\n\",n,wrong);return 0;}\n")
    tl.compile_to(prog, src)
    r = subprocess.run([tl.TRAPLINE, "time", "--json", "_setjmp", "--", prog],
                       capture_output=True, text=True)
    tl.check_eq(r.returncode, 0, r.stderr)
    tl.check("1000 0\n" in r.stdout, r.stdout)
    rows = [json.loads(x) for x in r.stdout.splitlines() if x[:1] == "{"]
    # The C library calls main() behind one of its own.
    tl.check_eq(rows[0]["calls"], 1001, "calls")


@tl.case
def the_statements_of_sqlite_are_seen_with_their_results():
    if not shutil.which("sqlite3"):
        raise tl.Skip("sqlite3 is not installed (make deps)")
    out = os.path.join(tl.tempdir(), "events")
    sql = [f"select {i}, 'a statement of our own';" for i in range(300)]
    r = subprocess.run(
        [tl.TRAPLINE, "trace", "--json", "-o", out,
         "sqlite3_prepare_v2 sql=$arg2:string[40]",
         "sqlite3_prepare_v2%return rc=$retval:s32", "--", "sqlite3",
         "-batch", ":memory:"], input="\n".join(sql + ["selec x;"]) + "\n",
        text=True, capture_output=True, timeout=60)
    tl.check_eq(r.returncode, 0, f"exit status ({r.stderr})")
    with open(out, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    tl.check_eq(rows[-1]["summary"]["lost"], 0, "lost")
    seen = [e["args"]["sql"] for e in rows[:-1] if "sql" in e["args"]]
    own = [s for s in seen if s.startswith("select ") and "our" in s]
    tl.check_eq(own, [s[:40] for s in sql], "statements, in order")
    results = [e["args"]["rc"] for e in rows[:-1] if "rc" in e["args"]]
    tl.check_eq(len(results), len(seen), "a result for each")
    tl.check_eq(results[-1], 1, "the last one is wrong")
    tl.check_eq(set(results[:-1]), {0}, "the others are not")


@tl.case
def a_killed_tool_leaves_nothing():
    c = Caller(400000)
    t = Trace(c.pid, "work $arg1:u64", "work%return $retval")
    c.p.stdin.write("calls\n")
    t.p.kill()
    t.p.wait()
    tl.check_eq(c.p.stdout.readline(), "done\n", "goes on")
    tl.wait_for(lambda: not tl.ours(c.pid), 5, "nothing of ours is left")
    tl.check_clean(c.pid)
    c.tell("calls")
    c.quit()


@tl.case
def it_ends_after_so_many_events():
    c = Caller(1000)
    t = Trace(c.pid, "work $arg1:u64", options=("-n", "10"))
    c.tell("calls")
    events, summary = t.end(stop=False)
    complete(events, summary, 10)
    tl.check_clean(c.pid)
    c.quit()


@tl.case
def words_of_the_ring_that_the_target_spoils_do_no_harm():
    c = Caller(50000)
    t = Trace(c.pid, "work $arg1:u64 s=$arg1:string")
    at = next(line for line in tl.maps(c.pid).splitlines()
              if "memfd:trapline-events" in line)
    lo, hi = (int(x, 16) for x in at.split()[0].split("-"))
    c.p.stdin.write("calls\n")
    end = time.monotonic() + 1
    seed = 1
    with open(f"/proc/{c.pid}/mem", "r+b", buffering=0) as mem:
        # The rings are the end of it: 32 of 4 MiB and a page.
        first = hi - 32 * ((4 << 20) + 4096)
        tl.check(first > lo, "the rings are there")
        while time.monotonic() < end:
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
            mem.seek(first + seed % (hi - first - 64) // 8 * 8)
            mem.write(seed.to_bytes(8, "little") * 8)
            # And the heads and tails.
            mem.seek(first + seed % 32 * ((4 << 20) + 4096))
            mem.write(seed.to_bytes(8, "little"))
    tl.check_eq(c.p.stdout.readline(), "done\n", "goes on")
    t.end()
    tl.check_clean(c.pid)
    c.quit()


if __name__ == "__main__":
    tl.main()

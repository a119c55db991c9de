#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""cli-live.py - the command on live programs that count for themselves"""
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

HOT = ["add", "mix", "branch", "loop", "many", "vector", "table", "bystack",
       "recurse"]
KINDS = ("dyn", "dyn-static", "dyn-musl")


def rows_of(text):
    return [json.loads(line) for line in text.splitlines()]


def hits(rows):
    return {r["probe"]: r["hits"] for r in rows}


def failed(r, *words):
    """It ended with status 1 and one line that has these words."""
    tl.check_eq(r.returncode, 1, f"exit status ({r.stderr.strip()})")
    tl.check_eq(r.stderr.count("\n"), 1, f"lines: {r.stderr!r}")
    tl.check(r.stderr.startswith("trapline: "), r.stderr)
    for word in words:
        tl.check(word in r.stderr, f"no '{word}' in {r.stderr.strip()}")


@tl.case
def hits_are_the_calls_that_the_program_counted():
    for kind in KINDS:
        t = tl.Target(kind)
        before = t.ask("pause")
        footprint = tl.footprint(t.pid)
        s = tl.Session("count", t.pid, f"{kind}:hot_*")
        t.ask("resume")
        time.sleep(0.4)
        after = t.ask("pause")
        got = hits(s.stop())
        for name in HOT:
            want = after["hot_" + name] - before["hot_" + name]
            tl.check(want > 0, f"{kind}: {name} was called")
            tl.check_eq(got["hot_" + name], want, f"{kind}: {name}")
        tl.check_clean(t.pid, footprint)
        t.ask("resume")
        t.quit()


@tl.case
def timed_calls_are_the_calls_that_the_program_counted():
    for kind in KINDS:
        t = tl.Target(kind)
        before = t.ask("pause")
        footprint = tl.footprint(t.pid)
        s = tl.Session("time", t.pid, "hot_add", "hot_loop", "hot_recurse")
        t.ask("resume")
        time.sleep(0.4)
        after = t.ask("pause")
        rows = s.stop()
        tl.check_eq(len(rows), 3, "functions")
        for r in rows:
            name = r["function"]
            want = after[name] - before[name]
            tl.check_eq(r["calls"] + r["missed"], want, f"{kind}: {name}")
            tl.check_eq(sum(b["count"] for b in r["histogram"]), r["calls"],
                        "histogram")
            order = [r[k] for k in ("min_ns", "p50_ns", "p90_ns", "p99_ns",
                                    "max_ns")]
            tl.check_eq(order, sorted(order), "figures ascend")
            les = [b["le_ns"] for b in r["histogram"]]
            tl.check_eq(les, sorted(set(les)), "buckets ascend")
            tl.check(r["total_ns"] >= r["calls"] * r["min_ns"], "total")
        tl.check_clean(t.pid, footprint)
        t.ask("resume")
        t.quit()


@tl.case
def calls_that_are_not_followed_to_their_return_are_missed():
    d = tl.tempdir()
    prog = os.path.join(d, "left")
    src = ("#include <setjmp.h>\n#include <stdio.h>\n"
           "#define NI __attribute__((noinline,noclone))\n"
           "static jmp_buf b; volatile long sink;\n"
           "NI void jumper(int n){sink=n;if(n&1)longjmp(b,1);sink=n;}\n"
           "NI int outer(int n){if(setjmp(b))return 1;jumper(n);return 0;}\n"
           "NI long deep(long n){long r=n?deep(n-1):0;sink=r;return r+1;}\n"
           "int main(void){long s=0;puts(\"pid\");fflush(stdout);getchar();"
           "for(int i=0;i<1000;i++)s+=outer(i);"
           "for(int i=0;i<20;i++)s+=deep(39999);"
           "printf(\"%ld\\n\",s);fflush(stdout);getchar();return 0;}\n")
    tl.compile_to(prog, src)
    p = tl.start([prog], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 text=True)
    p.stdout.readline()
    s = tl.Session("time", p.pid, "jumper", "outer", "deep")
    begin = time.monotonic()
    p.stdin.write("x")
    p.stdin.flush()
    tl.check_eq(int(p.stdout.readline()), 500 + 20 * 40000, "result")
    tl.check(time.monotonic() - begin < 8, "not slowed down much")
    rows = {row["function"]: row for row in s.stop()}
    tl.check_eq(rows["outer"]["calls"], 1000, "outer")
    tl.check_eq(rows["jumper"]["calls"], 500, "jumper's returns")
    tl.check(499 <= rows["jumper"]["missed"] <= 500, "jumper's jumps")
    deep = rows["deep"]
    tl.check(deep["calls"] > 20 * 16000, f"{deep['calls']} calls of deep")
    tl.check_eq(deep["calls"] + deep["missed"], 20 * 40000, "deep")
    p.stdin.write("x")
    p.communicate(timeout=60)
    tl.check_eq(p.returncode, 0, "exit status")


@tl.case
def misses_of_a_program_that_ends_are_not_lost():
    d = tl.tempdir()
    prog = os.path.join(d, "deep")
    more = [f"more{i}" for i in range(20)]
    src = ("#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
           "#define NI __attribute__((noinline,noclone))\n"
           "volatile long sink;\n" +
           "".join(f"NI void {m}(void){{sink={i};}}\n"
                   for i, m in enumerate(more)) +
           "NI long deep(long n){long r=n?deep(n-1):0;sink=r;return r+1;}\n"
           "int main(int c,char **v){puts(\"pid\");fflush(stdout);getchar();" +
           "".join(f"{m}();" for m in more) +
           "deep(39999);if(*v[1]=='e')exit(3);if(*v[1]=='a')abort();"
           "raise(SIGKILL);return c;}\n")
    tl.compile_to(prog, src)
    for how, status in (("exit", 3), ("abort", -signal.SIGABRT),
                        ("kill", -signal.SIGKILL)):
        p = tl.start([prog, how], stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE, text=True)
        p.stdout.readline()
        s = tl.Session("time", p.pid, "deep", *more)
        p.communicate("x", timeout=20)
        tl.check_eq(p.returncode, status, "its end")
        out, _ = s.p.communicate(timeout=60)
        rows = {r["function"]: r for r in map(json.loads, out.splitlines())}
        deep = rows["deep"]
        tl.check(deep["missed"] > 1000, f"{how}: {deep['missed']} missed")
        tl.check_eq(deep["calls"] + deep["missed"], 40000, f"{how}: deep")


BILLED = r"""
#include <stdio.h>
#include <time.h>
volatile long sink;
__attribute__((noinline, noclone)) long work(const char *s, long n)
{ sink = (long)s + n; return n * 3; }
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}
int main(void)
{
	long n;
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (scanf("%ld", &n) == 1) {
		double begin = now();
		for (long i = 0; i < n; i++) work("a text", i);
		printf("%.1f\n", (now() - begin) / n);
	}
	return 0;
}
"""


def billed(prog, probe, calls):
    """(ns a call costs more, [by -v, by status])"""
    p = tl.start([prog], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 text=True, bufsize=1)
    p.stdout.readline()

    def call(n):
        p.stdin.write(f"{n}\n")
        return float(p.stdout.readline())

    bare = min(call(100000) for _ in range(3))
    s = tl.Session("trace", p.pid, probe, options=("-o", "/dev/null"))
    paid = call(calls) - bare
    seen = tl.status(p.pid)[0]
    s.stop()
    bill = re.search(r"the probes cost [0-9.]+ ms a second: (\d+) hits a "
                     r"second, (\d+) ns each", s.errors())
    tl.check(int(bill.group(1)) > 0, "a rate")
    p.stdin.close()
    tl.check_eq(p.wait(timeout=20), 0, "exit status")
    return paid, [int(bill.group(2)), seen["cost_ns"]]


@tl.case
def the_bill_is_what_the_program_pays():
    prog = os.path.join(tl.tempdir(), "billed")
    tl.compile_to(prog, BILLED)
    for probe, calls in (("work $arg1:string", 200000),
                         ("work%return $arg1 $retval", 500000),
                         ("work if $arg2 < 0", 1000000)):
        # One that waits for a CPU in a handler may be on the bill.
        for _ in range(3):
            paid, bill = billed(prog, probe, calls)
            tl.note(f"{probe}: {paid:.0f} ns paid, {bill} on the bills")
            if all(paid / 2 - 10 < x < paid * 2 + 10 for x in bill):
                break
        else:
            tl.check(False, f"{probe}: {paid} ns paid, {bill} on the bills")


@tl.case
def returns_that_cannot_be_followed_are_refused_with_the_reason():
    server = os.path.join(tl.TARGETS, "goserver")
    if not os.path.exists(server):
        raise tl.Skip("the Go target is not built")
    p = tl.start([server], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    p.stdout.readline()
    failed(tl.trapline("time", "-p", p.pid, "-d", "0.1", "main.reqAdd"),
           "main.reqAdd", "a Go function that does not check its stack")


@tl.case
def json_has_the_promised_keys():
    t = tl.Target("dyn")
    r = tl.trapline("count", "-p", t.pid, "-d", "0.1", "--json", "hot_add")
    tl.check_eq(set(rows_of(r.stdout)[0]),
                {"probe", "address", "kind", "hits", "missed"}, "count")
    r = tl.trapline("time", "-p", t.pid, "-d", "0.1", "--json", "hot_add")
    tl.check_eq(set(rows_of(r.stdout)[0]),
                {"function", "calls", "missed", "min_ns", "p50_ns", "p90_ns",
                 "p99_ns", "max_ns", "total_ns", "histogram"}, "time")
    s = tl.Session("count", t.pid, "hot_add")
    tl.check_eq(set(tl.status(t.pid)[0]),
                {"probe", "address", "kind", "hits", "missed",
                 "cost_ns", "cost_ns_per_s", "enabled", "why_not_jump",
                 "session", "command", "tool"}, "status")
    s.stop()
    t.quit()


@tl.case
def time_is_about_right():
    d = tl.tempdir()
    prog = os.path.join(d, "sleeper")
    src = ("#include <time.h>\n#include <stdio.h>\n"
           "__attribute__((noinline)) int nap(int ms){struct timespec t="
           "{0,ms*1000000L};return nanosleep(&t,0);}\n"
           "int main(void){int sum=0;for(int i=0;i<40;i++)sum+=nap(10);"
           "return sum;}\n")
    tl.compile_to(prog, src)
    out = os.path.join(d, "out")
    r = tl.trapline("time", "--json", "-o", out, "nap", "--", prog)
    tl.check_eq(r.returncode, 0, r.stderr)
    row = rows_of(open(out, encoding="utf-8").read())[0]
    tl.check_eq(row["calls"], 40, "calls")
    tl.check(10e6 <= row["min_ns"] < 20e6, f"least {row['min_ns']} ns")
    tl.check(10e6 <= row["p50_ns"] < 20e6, f"median {row['p50_ns']} ns")
    tl.check(400e6 <= row["total_ns"] < 900e6, f"sum {row['total_ns']} ns")


@tl.case
def command_is_counted_from_its_first_instruction_to_its_end():
    for kind in KINDS:
        out = os.path.join(tl.tempdir(), "out")
        r = tl.trapline("count", "--json", "-o", out, "hot_*", "--",
                        os.path.join(tl.TARGETS, kind), "-s", "1")
        tl.check_eq(r.returncode, 0, r.stderr)
        tl.check("verdict ok" in r.stdout, r.stdout)
        got = hits(rows_of(open(out, encoding="utf-8").read()))
        for line in r.stdout.splitlines():
            name, _, n = line.partition(" ")
            if name.startswith("hot_"):
                tl.check_eq(got[name], int(n), f"{kind}: {name}")


@tl.case
def command_may_be_probed_where_it_begins():
    r = tl.trapline("count", "--json", "_start", "main", "--",
                    os.path.join(tl.TARGETS, "dyn-static"), "-s", "1",
                    "-r", "5")
    tl.check_eq(r.returncode, 0, r.stderr)
    got = hits(rows_of("\n".join(x for x in r.stdout.splitlines()
                                 if x.startswith("{"))))
    tl.check_eq(got, {"_start": 1, "main": 1}, "hits")


@tl.case
def command_goes_on_when_the_time_is_over():
    out = os.path.join(tl.tempdir(), "out")
    with open(out, "w", encoding="utf-8") as f:
        p = tl.start([tl.TRAPLINE, "count", "-d", "0.3", "hot_add", "--",
                      os.path.join(tl.TARGETS, "dyn"), "-s", "2"], stdout=f,
                     stderr=subprocess.PIPE, text=True)
        _, err = p.communicate(timeout=60)
    tl.check_eq(p.returncode, 0, err)
    tl.check("goes on running" in err, err)
    tl.wait_for(lambda: "verdict ok" in open(out, encoding="utf-8").read(),
                10, "the command ends well")


@tl.case
def what_a_command_cannot_be_is_said():
    failed(tl.trapline("count", "main", "--", "/no/such"), "cannot start")
    failed(tl.trapline("count", "main", "--", "/etc/passwd"), "cannot start")
    cut = os.path.join(tl.tempdir(), "cut")
    with open(os.path.join(tl.TARGETS, "dyn"), "rb") as whole, \
            open(cut, "wb") as part:
        part.write(whole.read(5000))
    os.chmod(cut, 0o755)
    failed(tl.trapline("count", "main", "--", cut), "damaged")
    failed(tl.trapline("count", "no_such_fn", "--",
                       os.path.join(tl.TARGETS, "dyn")), "no function")


@tl.case
def ctrl_c_prints_what_there_is_and_detaches():
    t = tl.Target("dyn")
    footprint = tl.footprint(t.pid)
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        s = tl.Session("count", t.pid, "hot_add")
        s.p.send_signal(sig)
        out, _ = s.p.communicate(timeout=60)
        tl.check_eq(s.p.returncode, 0, s.errors())
        tl.check(rows_of(out)[0]["hits"] > 0, "hits")
        tl.check_clean(t.pid, footprint)
    t.quit()


@tl.case
def end_of_the_target_is_reported_with_its_figures():
    t = tl.Target("dyn")
    s = tl.Session("count", t.pid, "hot_add")
    start = t.ask("stats")["hot_add"]
    tl.wait_for(lambda: t.ask("stats")["hot_add"] > start, 60, "a CPU for it")
    t.p.kill()
    t.p.wait()
    out, _ = s.p.communicate(timeout=60)
    err = s.errors()
    tl.check_eq(s.p.returncode, 0, err)
    tl.check(rows_of(out)[0]["hits"] > 0, "hits")
    tl.check("ended" in err, err)


@tl.case
def exec_of_the_target_is_reported_with_its_figures():
    prog = os.path.join(tl.tempdir(), "execer")
    src = ("#include <unistd.h>\n#include <stdio.h>\n"
           "__attribute__((noinline)) int hit(int a){return a+getpid();}\n"
           "int main(void){int s=0;char c;puts(\"ready\");fflush(stdout);"
           "if(read(0,&c,1)<0)return 1;for(int i=0;i<5;i++)s+=hit(i);"
           "execlp(\"sleep\",\"sleep\",\"50\",(char*)0);return s;}\n")
    tl.compile_to(prog, src)
    p = tl.start([prog], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdout.readline()
    s = tl.Session("count", p.pid, "hit")
    p.stdin.write(b"x")
    p.stdin.flush()
    out, _ = s.p.communicate(timeout=60)
    err = s.errors()
    tl.check_eq(s.p.returncode, 0, err)
    tl.check_eq(rows_of(out)[0]["hits"], 5, "hits")
    tl.check("another program" in err, err)
    tl.check(p.poll() is None, "it goes on")


@tl.case
def ten_times_in_a_row_it_is_exact_and_clean():
    t = tl.Target("dyn")
    footprint = tl.footprint(t.pid)
    for i in range(10 * tl.SCALE):
        before = t.ask("pause")
        s = tl.Session("count" if i % 2 else "time", t.pid, "hot_mix")
        t.ask("resume")
        time.sleep(0.05)
        after = t.ask("pause")
        row = s.stop()[0]
        got = row["hits"] if i % 2 else row["calls"] + row["missed"]
        tl.check_eq(got, after["hot_mix"] - before["hot_mix"], f"round {i}")
        tl.check_clean(t.pid, footprint)
        t.ask("resume")
    t.quit()


@tl.case
def end_after_so_many_events():
    t = tl.Target("dyn")
    begin = time.monotonic()
    r = tl.trapline("count", "-p", t.pid, "-n", "1000", "--json", "hot_add")
    tl.check_eq(r.returncode, 0, r.stderr)
    tl.check(rows_of(r.stdout)[0]["hits"] >= 1000, "enough")
    tl.check(time.monotonic() - begin < 10, "at once")
    t.quit()


@tl.case
def a_stopped_process_can_be_probed_and_stays_stopped():
    t = tl.Target("dyn")

    def stopped():
        with open(f"/proc/{t.pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "T"
    os.kill(t.pid, signal.SIGSTOP)
    tl.wait_for(stopped, 5, "stopped")
    r = tl.trapline("count", "-p", t.pid, "-d", "0.1", "hot_add")
    tl.check("is stopped (SIGSTOP)" in r.stderr, r.stderr)
    tl.wait_for(stopped, 2, "stopped again after the detach")
    s = tl.Session("count", t.pid, "hot_add")
    tl.wait_for(stopped, 2, "stopped again after the attach")
    os.kill(t.pid, signal.SIGCONT)
    time.sleep(0.2)
    tl.check(s.stop()[0]["hits"] > 0, "it counted when it went on")
    t.quit()


@tl.case
def under_a_debugger_it_is_refused():
    if not shutil.which("gdb"):
        raise tl.Skip("gdb is not installed")
    t = tl.Target("dyn")
    gdb = tl.start(["gdb", "-q", "-nx", "-p", str(t.pid)],
                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)

    def traced():
        with open(f"/proc/{t.pid}/status", encoding="utf-8") as f:
            return "TracerPid:\t0" not in f.read()
    tl.wait_for(traced, 20, "gdb is attached")
    failed(tl.trapline("count", "-p", t.pid, "-d", "1", "hot_add"))
    gdb.kill()
    gdb.wait()


@tl.case
def a_second_command_on_one_process_counts_beside_the_first():
    t = tl.Target("dyn")
    s = tl.Session("count", t.pid, "hot_add")
    r = tl.trapline("count", "-p", t.pid, "-d", "0.5", "--json", "hot_mix")
    tl.check_eq(r.returncode, 0, r.stderr)
    tl.check(json.loads(r.stdout)["hits"] > 0, "the second counts")
    tl.check(s.stop()[0]["hits"] > 0, "the first is not disturbed")
    t.quit()


@tl.case
def a_process_whose_first_thread_has_ended_is_named_as_that():
    prog = os.path.join(tl.tempdir(), "headless")
    src = ("#include <pthread.h>\n#include <stdio.h>\n#include <unistd.h>\n"
           "static void *stay(void *a){pause();return a;}\n"
           "int main(void){pthread_t t;pthread_create(&t,0,stay,0);"
           "puts(\"ready\");fflush(stdout);pthread_exit(0);}\n")
    tl.compile_to(prog, src, "-lpthread")
    p = tl.start([prog], stdout=subprocess.PIPE, text=True)
    p.stdout.readline()

    def state():
        with open(f"/proc/{p.pid}/stat", encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0]
    tl.wait_for(lambda: state() == "Z", 10, "the first thread ends")
    for verb in ("count", "time", "list"):
        failed(tl.trapline(verb, "-p", p.pid, "main"), "first thread")
    tl.check(p.poll() is None, "it goes on")


@tl.case
def a_32_bit_program_is_refused():
    prog = os.path.join(tl.tempdir(), "old")
    src = "int main(void){__asm__ volatile(\"\");for(;;)sleep(1);}"
    r = subprocess.run(["gcc", "-m32", "-w", "-x", "c", "-o", prog, "-"],
                       input=src, text=True, check=False, capture_output=True)
    if r.returncode:
        raise tl.Skip("the compiler makes no 32-bit programs")
    p = tl.start([prog])
    time.sleep(0.1)
    failed(tl.trapline("count", "-p", p.pid, "main"), "32-bit")


@tl.case
def a_killed_command_leaves_nothing():
    t = tl.Target("dyn")
    footprint = tl.footprint(t.pid)
    s = tl.Session("count", t.pid, "hot_*")
    s.p.kill()
    s.p.wait()
    tl.wait_for(lambda: not tl.status(t.pid), 3, "the probes are gone")
    tl.wait_for(lambda: not tl.ours(t.pid), 3, "all is gone")
    tl.check_clean(t.pid, footprint)
    t.quit()


@tl.case
def with_few_descriptors_it_works_or_says_so():
    t = tl.Target("dyn")
    good = 0
    for n in (5, 7, 10, 12, 14, 16, 18, 32):
        r = subprocess.run(["sh", "-c", f'ulimit -n {n}; exec "$@"', "sh",
                            tl.TRAPLINE, "count", "-p", str(t.pid), "-d",
                            "50ms", "hot_add"], capture_output=True,
                           text=True, timeout=60)
        good += r.returncode == 0
        tl.check(r.returncode == 0 or
                 (r.returncode == 1 and "oo many open files" in r.stderr and
                  len(r.stderr.splitlines()) == 1),
                 f"{n}: {r.returncode} {r.stderr}")
        tl.check_clean(t.pid)
    tl.check(good >= 3, f"{good} times it worked")
    t.quit()


@tl.case
def output_that_fails_detaches_all_the_same():
    t = tl.Target("dyn")
    footprint = tl.footprint(t.pid)
    r = tl.trapline("count", "-p", t.pid, "-d", "0.1", "-o", "/dev/full",
                    "hot_add")
    failed(r, "No space left")
    tl.check_clean(t.pid, footprint)
    p = tl.start([tl.TRAPLINE, "count", "-p", str(t.pid), "-i", "0.1",
                  "hot_add"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                 text=True)
    p.stdout.close()
    err = p.stderr.read()
    tl.check_eq(p.wait(20), 1, "exit status when nobody reads")
    tl.check("nobody reads" in err, err)
    tl.check_clean(t.pid, footprint)
    t.quit()


@tl.case
def no_privilege_is_needed_for_a_process_of_ones_own():
    if os.getuid() != 0 or not shutil.which("setpriv"):
        raise tl.Skip("needs root, to become somebody else")
    yama = "/proc/sys/kernel/yama/ptrace_scope"
    if os.path.exists(yama):
        with open(yama, encoding="utf-8") as f:
            if f.read().strip() != "0":
                raise tl.Skip("the kernel lets users attach to children only")
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534",
              "--clear-groups"]
    d = tl.tempdir()
    os.chmod(d, 0o755)
    trapline = shutil.copy(tl.TRAPLINE, os.path.join(d, "trapline"))
    prog = shutil.copy(os.path.join(tl.TARGETS, "dyn"), os.path.join(d, "dyn"))
    p = tl.start([*nobody, prog, "-s", "30"], text=True,
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    p.stdout.readline()
    r = subprocess.run([*nobody, trapline, "count", "-p", str(p.pid), "-d",
                        "0.3", "--json", "hot_add"], capture_output=True,
                       text=True, timeout=30, check=False)
    tl.check_eq(r.returncode, 0, r.stderr)
    tl.check(rows_of(r.stdout)[0]["hits"] > 0, "hits")
    tl.check_clean(p.pid)


@tl.case
def a_command_of_ones_own_needs_no_privilege():
    if os.getuid() != 0 or not shutil.which("setpriv"):
        raise tl.Skip("needs root, to become somebody else")
    d = tl.tempdir()
    os.chmod(d, 0o755)
    trapline = shutil.copy(tl.TRAPLINE, os.path.join(d, "trapline"))
    prog = shutil.copy(os.path.join(tl.TARGETS, "dyn"), os.path.join(d, "dyn"))
    r = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534",
                        "--clear-groups", trapline, "count", "--json",
                        "hot_add", "--", prog, "-s", "1", "-r", "50"],
                       capture_output=True, text=True, timeout=30,
                       check=False)
    tl.check_eq(r.returncode, 0, r.stderr)
    lines = r.stdout.splitlines()
    want = next(int(x.split()[1]) for x in lines if x.startswith("hot_add "))
    tl.check_eq(json.loads(lines[-1])["hits"], want, "hits")


@tl.case
def progress_is_shown_on_a_terminal_only():
    t = tl.Target("dyn")
    ours, theirs = pty.openpty()
    command = [tl.TRAPLINE, "count", "-p", str(t.pid), "-d", "0.7", "hot_add"]
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs,
                       text=True, timeout=30, check=True)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    tl.check("hits, Ctrl-C ends it" in shown, repr(shown))
    tl.check(shown.endswith("\r\033[K"), f"wiped at the end: {shown!r}")
    tl.check("\033" not in r.stdout and "Ctrl" not in r.stdout, r.stdout)
    r = subprocess.run(command, capture_output=True, text=True, timeout=30,
                       check=True)
    tl.check_eq(r.stderr, "", "in a pipe")
    t.quit()


@tl.case
def a_function_that_another_jumps_into_is_not_harmed():
    # As glibc's mempcpy(), which goes on inside memcpy().
    d = tl.tempdir()
    prog = os.path.join(d, "shared")
    src = """
__asm__(".text\\n.type outer,@function\\nouter: mov %rdi,%rax\\n"
	"add %rdx,%rax\\njmp inside\\n.size outer,.-outer\\n.balign 16\\n"
	".type inner,@function\\ninner: mov %rdi,%rax\\n"
	"inside: cmp $0x40,%rdx\\njb 1f\\nadd $1,%rax\\n"
	"1: ret\\n.size inner,.-inner");
unsigned long outer(unsigned long, unsigned long, unsigned long);
unsigned long inner(unsigned long, unsigned long, unsigned long);
int main(void)
{
	unsigned long i, wrong = 0;

	for (i = 0; i < 100; i++) {
		wrong += outer(7, 0, i) != 7 + i + (i >= 0x40);
		wrong += inner(7, 0, i) != 7 + (i >= 0x40);
	}
	return wrong != 0;
}
"""
    tl.compile_to(prog, src, "-z", "noexecstack")
    r = tl.trapline("count", "--json", "inner", "outer", "--", prog)
    tl.check("ended" not in r.stderr, r.stderr)
    got = hits(rows_of(r.stdout))
    tl.check_eq(got.get("outer"), 100, "outer")
    tl.check_eq(got.get("inner", 100), 100, "inner, if it can be probed")


@tl.case
def every_function_of_a_program_and_its_libraries():
    t = tl.Target("dyn")
    footprint = tl.footprint(t.pid)
    before = t.ask("pause")
    s = tl.Session("count", t.pid, "*")
    t.ask("resume")
    time.sleep(0.3)
    after = t.ask("pause")
    got = hits(s.stop())
    tl.note(f"{len(got)} functions")
    tl.check(len(got) > 500, "many functions")
    for name in HOT:
        if "hot_" + name in got:
            tl.check_eq(got["hot_" + name], after["hot_" + name] -
                        before["hot_" + name], name)
    tl.check_clean(t.pid, footprint)
    t.ask("resume")
    t.quit()


tl.main()

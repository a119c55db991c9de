#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 900
"""heaps.py - `trapline time malloc free` on servers that are at work

Session after session on real programs under load: each has calls in it, nothing
of it is left, and the program goes on.  Then what is said of a program's own
functions, and of an allocator's, is compared with what bpftrace says of the same
work.
"""
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

TURNS = 2 * tl.SCALE  # a hundred in a soak

HEAP = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#define NI __attribute__((noinline, noclone))
volatile long sink;
NI void *get(size_t n) { void *p = malloc(n); sink = (long)p; return p; }
NI void put(void *p) { free(p); sink = 0; }
NI void nothing(long n) { sink = n; }
NI void spin(long n) { for (long i = 0; i < n; i++) sink = i; }
static long wrong;
static void some(unsigned long x, int n)
{
	for (int i = 0; i < n; i++) {
		x = x * 6364136223846793005ul + 1442695040888963407ul;
		size_t len = 16 + (x >> 40) % 4000;
		unsigned char *p = get(len);
		memset(p, (int)x & 255, len);
		for (size_t k = 0; k < len; k += 7) wrong += p[k] != (x & 255);
		put(p);
	}
}
static void *thread(void *arg)
{ for (unsigned long i = 1;; i++) { some(i * (long)arg, 20); usleep(20000); } }
int main(void)
{
	char word[16];
	long n;
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (scanf("%15s %ld", word, &n) == 2) {
		pthread_t t;
		if (!strcmp(word, "threads"))
			for (long i = 0; i < n; i++)
				pthread_create(&t, NULL, thread, (void *)(i + 1));
		if (!strcmp(word, "nothing")) nothing(n);
		if (!strcmp(word, "work")) {
			some(42, n);
			for (int i = 0; i < n; i++) nothing(i);
			for (int i = 0; i < n / 20; i++) spin(100000);
		}
		printf("wrong %ld\n", wrong);
	}
	return 0;
}
"""

PYTHON = """
import threading
def work():
    d = {}
    while True:
        for i in range(2000):
            d[i % 64] = bytes(600 + i)
            str(i) * 300
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
print("ready", flush=True)
input()
"""


class Heap:
    def __init__(self):
        prog = os.path.join(tl.tempdir(), "heap")
        tl.compile_to(prog, HEAP, "-pthread", "-rdynamic")
        self.prog = prog
        self.p = tl.start([prog], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = self.p.pid
        self.p.stdout.readline()

    def ask(self, word, n):
        self.p.stdin.write(f"{word} {n}\n")
        tl.check_eq(self.p.stdout.readline(), "wrong 0\n", word)

    def quit(self):
        self.p.stdin.close()
        tl.check_eq(self.p.wait(timeout=20), 0, "exit status")


def sessions(pid, alive, names=("malloc", "free")):
    """TURNS sessions of a fifth of a second."""
    before = tl.footprint(pid)
    calls = missed = 0
    for turn in range(TURNS):
        r = tl.trapline("time", "-p", pid, "-d", "0.2", "--json",
                        *names, timeout=120)
        tl.check_eq(r.returncode, 0, f"exit status ({r.stderr})")
        rows = [json.loads(x) for x in r.stdout.splitlines()]
        for name in names:
            mine = [x for x in rows if x["function"].split(":")[-1] == name]
            tl.check(mine, f"turn {turn}: no row of {name}")
        calls += sum(x["calls"] for x in rows)
        missed += sum(x["missed"] for x in rows)
        tl.check_clean(pid, before)
        alive()
    tl.note(f"{TURNS} sessions, {calls} calls, {missed} missed")
    tl.check(calls > 10 * TURNS, f"{calls} calls")
    tl.check(missed * 100 <= calls, f"{missed} of {calls} missed")


@tl.case
def sessions_on_redis():
    r = tl.Redis()
    load = tl.start(["redis-benchmark", "-p", str(r.port), "-l", "-q", "-t",
                     "set,get,lpush,lpop", "-d", "300", "-r", "1000", "-c",
                     "20"], stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
    sessions(r.pid, lambda: tl.check(r.answers(), "it does not answer"))
    tl.check(load.poll() is None, "the load has ended")


@tl.case
def sessions_on_python():
    p = tl.start([shutil.which("python3", path="/usr/bin") or sys.executable,
                  "-c", PYTHON], stdin=subprocess.PIPE,
                 stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    sessions(p.pid, lambda: tl.check(p.poll() is None, "it has ended"))
    p.stdin.write("\n")
    p.stdin.close()
    tl.check_eq(p.wait(timeout=20), 0, "exit status")


@tl.case
def sessions_on_three_hundred_threads():
    h = Heap()
    h.ask("threads", 299)
    sessions(h.pid, lambda: h.ask("nothing", 1))
    h.p.stdin.close()
    tl.check_eq(h.p.wait(timeout=20), 0, "exit status")


class Postgres:
    """One of our own, as the user that Debian's package has made."""

    def __init__(self):
        found = sorted(os.listdir("/usr/lib/postgresql")) \
            if os.path.isdir("/usr/lib/postgresql") else []
        self.bin = f"/usr/lib/postgresql/{found[-1]}/bin" if found else ""
        if not os.access(f"{self.bin}/initdb", os.X_OK):
            raise tl.Skip("postgres is not installed (make deps)")
        if os.geteuid():
            raise tl.Skip("only root can become the user postgres")
        self.user = pwd.getpwnam("postgres")
        self.dir = tl.tempdir()
        os.chown(self.dir, self.user.pw_uid, self.user.pw_gid)
        data = os.path.join(self.dir, "data")
        self.run("initdb", "-N", "-A", "trust", "-D", data)
        self.p = self.start("postgres", "-D", data, "-k", self.dir, "-h", "")
        tl.wait_for(lambda: self.ask("select 1") == "1", 60, "it answers")

    def words(self, program, *args):
        return ["setpriv", f"--reuid={self.user.pw_uid}",
                f"--regid={self.user.pw_gid}", "--clear-groups",
                f"{self.bin}/{program}", *args]

    def start(self, *words):
        return tl.start(self.words(*words), stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL, cwd=self.dir)

    def run(self, *words):
        r = subprocess.run(self.words(*words), capture_output=True, text=True,
                           timeout=120, check=False, cwd=self.dir)
        tl.check_eq(r.returncode, 0, f"{words[0]}: {r.stderr}")

    def ask(self, sql):
        r = subprocess.run(self.words("psql", "-h", self.dir, "-Atc", sql,
                                      "postgres"), capture_output=True,
                           text=True, timeout=60, check=False, cwd=self.dir)
        return r.stdout.strip()

    def quit(self):
        self.p.send_signal(signal.SIGINT)
        tl.check_eq(self.p.wait(timeout=60), 0, "exit status of postgres")


@tl.case
def sessions_on_postgres():
    db = Postgres()
    db.run("pgbench", "-h", db.dir, "-i", "-q", "-s", "1", "postgres")
    load = db.start("pgbench", "-h", db.dir, "-C", "-S", "-c", "2", "-T",
                    "100000", "postgres")
    steady = db.start("pgbench", "-h", db.dir, "-c", "1", "-T", "100000",
                      "postgres")
    active = ("select min(pid) from pg_stat_activity where "
              "application_name = 'pgbench' and backend_start < "
              "now() - interval '1 second'")
    tl.wait_for(lambda: db.ask(active), 30, "a backend is at work")
    backend = int(db.ask(active))

    def alive():
        tl.check_eq(db.ask("select 7"), "7", "it does not answer")
        tl.check(steady.poll() is None, "its client has ended")

    sessions(backend, alive)
    for p in (load, steady):
        p.terminate()
        p.wait(timeout=20)
    db.quit()


# ---- beside bpftrace ---------------------------------------------------------

FUNCTIONS = ("nothing", "get", "put", "spin")
CALLS = {"nothing": 2000, "get": 2000, "put": 2000, "spin": 100}


def bpftrace_says(pid, path, functions, work):
    """{function: (calls, mean in ns)} of those of @path, while @work() is done."""
    lines = []
    for f in functions:
        # Its own -p does not keep other programs' calls out.
        lines += [f"uprobe:{path}:{f} /pid == {pid}/ "
                  f"{{ @{f}_t[tid] = nsecs; }}",
                  f"uretprobe:{path}:{f} /@{f}_t[tid]/ {{ "
                  f"@{f} = stats(nsecs - @{f}_t[tid]); "
                  f"delete(@{f}_t[tid]); }}"]
    d = tl.tempdir()
    program = os.path.join(d, "program.bt")
    out = os.path.join(d, "out")
    with open(program, "w", encoding="utf-8") as f:
        f.write("\n".join(lines))
    with open(out, "w", encoding="utf-8") as f:
        p = tl.start(["bpftrace", "-p", str(pid), program], stdout=f,
                     stderr=subprocess.STDOUT)
    # It does not say when it is ready; text that is its own is.
    tl.wait_for(lambda: p.poll() is not None or
                all(breakpoint_at(pid, path, f) for f in functions), 60,
                "armed")
    tl.check(p.poll() is None, open(out, encoding="utf-8").read())
    work()
    p.send_signal(signal.SIGINT)
    p.wait(timeout=60)
    text = open(out, encoding="utf-8").read()
    found = re.findall(r"@(\w+): count (\d+), average (\d+)", text)
    return {f: (int(n), float(mean)) for f, n, mean in found}


def breakpoint_at(pid, path, function):
    """Does the kernel have a uprobe at its first instruction?"""
    syms = subprocess.run(["nm", "-D", path], capture_output=True, text=True,
                          check=True).stdout
    at = int(re.search(rf"(\w+) T {function}\n", syms).group(1), 16)
    base = int([x for x in tl.maps(pid).splitlines()
                if x.endswith(path)][0].split("-")[0], 16)
    with open(f"/proc/{pid}/mem", "rb") as f:
        f.seek(base + at)
        return f.read(1) == b"\xcc"


@tl.case
def figures_agree_with_those_of_bpftrace():
    if not shutil.which("bpftrace") or os.geteuid():
        raise tl.Skip("bpftrace is not installed, or we are not root")
    h = Heap()
    theirs = bpftrace_says(h.pid, h.prog, FUNCTIONS,
                           lambda: h.ask("work", CALLS["nothing"]))
    tl.check_eq(set(theirs), set(FUNCTIONS), "functions that bpftrace saw")
    s = tl.Session("time", h.pid, *FUNCTIONS)
    h.ask("work", CALLS["nothing"])
    rows = {r["function"]: r for r in s.stop()}
    tl.check_clean(h.pid)
    # What bpftrace adds to a call of nothing is its own.
    added = theirs["nothing"][1]
    for f in FUNCTIONS:
        calls, mean = rows[f]["calls"], rows[f]["total_ns"] / rows[f]["calls"]
        tl.note(f"{f}: {calls} calls of {mean:.0f} ns; bpftrace: "
                f"{theirs[f][0]} of {theirs[f][1]:.0f} ns")
        tl.check_eq((calls, theirs[f][0]), (CALLS[f], CALLS[f]), f"calls: {f}")
        if f != "spin":
            tl.check(mean < theirs[f][1], f"{f}: more than bpftrace has seen")
    # A long one: the same within that, and what a busy machine does.
    mean = rows["spin"]["p50_ns"]
    tl.check(mean / 2 < theirs["spin"][1], f"spin: {mean} and {theirs['spin']}")
    tl.check(mean < theirs["spin"][1] * 2 + added, f"spin: {mean}")
    h.quit()


@tl.case
def figures_of_an_allocator_agree_with_those_of_bpftrace():
    if not shutil.which("bpftrace") or os.geteuid():
        raise tl.Skip("bpftrace is not installed, or we are not root")
    r = tl.Redis()
    lib = [x.split()[-1] for x in tl.maps(r.pid).splitlines()
           if "libjemalloc" in x]
    if not lib:
        raise tl.Skip("this redis-server has no libjemalloc")

    def work():
        subprocess.run(["redis-benchmark", "-p", str(r.port), "-q", "-t",
                        "set,get", "-n", "3000", "-c", "5", "-d", "300", "-r",
                        "1000"], stdout=subprocess.DEVNULL, check=True,
                       timeout=100)

    work()
    theirs = bpftrace_says(r.pid, lib[0], ("malloc", "free"), work)
    s = tl.Session("time", r.pid, "malloc", "free")
    work()
    rows = {x["function"].split(":")[-1]: x for x in s.stop()}
    tl.check_clean(r.pid)
    for f in ("malloc", "free"):
        calls, mean = rows[f]["calls"], rows[f]["total_ns"] / rows[f]["calls"]
        tl.note(f"{f}: {calls} calls of {mean:.0f} ns; bpftrace: "
                f"{theirs[f][0]} of {theirs[f][1]:.0f} ns")
        # It has timers of its own, and its dictionary grows now and then.
        tl.check(abs(calls - theirs[f][0]) < theirs[f][0] * 0.05,
                 f"{f}: {calls} calls, {theirs[f][0]} for bpftrace")
        tl.check_eq(rows[f]["missed"], 0, f"{f}: missed")
        tl.check(mean < theirs[f][1], f"{f}: more than bpftrace has seen")


tl.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 180
"""late.py - probes on libraries that are loaded later

The library counts its own calls, those of its constructor included.  Each is to
be counted by us, from the first one on, however often it comes and goes.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import Session, case, check, check_eq  # noqa: E402

LIBRARY = r"""
#include <stdlib.h>
#define NI __attribute__((noinline, noclone))
volatile long sink;
extern long late_calls;
NI long late_step(long a)
{
	__atomic_fetch_add(&late_calls, 1, __ATOMIC_RELAXED);
	sink += a;
	return a * 3 + 1;
}
__attribute__((constructor)) static void begin(void)
{
	for (long i = 0; i < 5; i++)
		if (late_step(i) != i * 3 + 1)
			abort();
}
"""

MAIN = r"""
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
__attribute__((visibility("default"))) long late_calls;
volatile long own;
__attribute__((noinline, noclone)) long work(long a) { own += a; return a; }
static volatile int stop;
static void *busy(void *arg)
{
	while (!stop) { for (long i = 0; i < 100; i++) work(i); usleep(100); }
	return arg;
}
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}
#ifdef OWN
#include <trapline/kprobes.h>
static long own_hits;
static int on_work(struct kprobe *p, struct pt_regs *regs)
{
	__atomic_fetch_add(&own_hits, 1, __ATOMIC_RELAXED);
	return 0;
}
static struct kprobe own_probe = { .symbol_name = "work", .pre_handler = on_work };
#endif
int main(int argc, char **argv)
{
	long (*step)(long);
	void *h = NULL;
	char word[32];
	pthread_t t[3];

#ifdef OWN
	if (register_kprobe(&own_probe)) return 9;
#endif
	for (int i = 0; i < 3; i++) pthread_create(&t[i], NULL, busy, NULL);
	puts("ready");
	fflush(stdout);
	while (scanf("%31s", word) == 1) {
		double begin = now();
		if (!strcmp(word, "open")) {
			h = dlopen(argv[1], RTLD_NOW);
			if (!h) { puts(dlerror()); return 1; }
			step = (long (*)(long))dlsym(h, "late_step");
			for (long i = 0; i < 10; i++)
				if (step(i) != i * 3 + 1) abort();
		}
		if (!strcmp(word, "close") && h) { dlclose(h); h = NULL; }
		if (!strcmp(word, "fork")) {
			pid_t pid = fork();
			if (!pid) {
				for (long i = 0; i < 4; i++) step(i);
				_exit(0);
			}
			waitpid(pid, NULL, 0);
		}
		printf("%ld %.4f\n", late_calls, now() - begin);
		fflush(stdout);
	}
	stop = 1;
	for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
#ifdef OWN
	if (!own_hits) return 8;
#endif
	return 0;
}
"""


class Opener:
    """A program that loads a library when it is told to."""

    def __init__(self, cc="gcc", start=True, own=()):
        d = tl.tempdir()
        self.lib = os.path.join(d, "liblate.so")
        self.prog = os.path.join(d, "opener")
        for src, out, more in ((LIBRARY, self.lib, ["-shared", "-fPIC"]),
                               (MAIN, self.prog, ["-rdynamic", "-pthread",
                                                  *own, "-ldl"])):
            subprocess.run([cc, "-O1", "-x", "c", "-o", out, "-", *more],
                           input=src, text=True, check=True)
        if start:
            self.p = tl.start([self.prog, self.lib], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, bufsize=1)
            self.pid = self.p.pid
            check_eq(self.p.stdout.readline(), "ready\n", "the program")

    def tell(self, word):
        """How many calls the library has had, and the seconds it took."""
        self.p.stdin.write(word + "\n")
        calls, took = self.p.stdout.readline().split()
        return int(calls), float(took)

    def quit(self):
        self.p.stdin.close()
        check_eq(self.p.wait(20), 0, "exit status")


def hits(rows, name="liblate.so:late_step"):
    return [r.get("hits", r.get("calls")) for r in rows
            if name in (r.get("probe", ""), r.get("function", ""))]


def counted(cc):
    o = Opener(cc)
    o.tell("nothing")
    before = tl.footprint(o.pid)
    s = Session("count", o.pid, "liblate.so:late_step", "work")
    check("liblate.so is not loaded" in s.errors(), s.errors())
    calls, took = o.tell("open")
    check_eq(calls, 15, "calls")
    check(took < 2, f"dlopen took {took} s")
    rows = s.stop()
    check_eq(hits(rows), [15], f"hits, the constructor's too: {s.errors()}")
    check("liblate.so is loaded: 1 probe " in s.errors(), s.errors())
    check(hits(rows, "work")[0] > 0, str(rows))
    o.tell("close")
    # musl keeps what it has loaded.
    tl.check_clean(o.pid, before if cc == "gcc" else None)
    o.quit()


@case
def a_library_is_counted_from_its_constructor_on():
    counted("gcc")


@case
def so_it_is_with_musl():
    if not shutil.which("musl-gcc"):
        raise tl.Skip("no musl-gcc (make deps)")
    counted("musl-gcc")


@case
def so_it_is_in_a_program_that_probes_itself():
    d = tl.tempdir()
    os.symlink(f"{tl.BUILD}/libtrapline.so", f"{d}/libtrapline.so.0")
    for lib in ("libtrapline.so", "libtrapline.a"):
        o = Opener(own=("-DOWN", f"-I{tl.TOP}/include",
                        "-x", "none", f"{tl.BUILD}/{lib}",
                        f"-Wl,-rpath,{d}"))
        for verb in ("count", "time"):
            start = o.tell("nothing")[0]
            s = Session(verb, o.pid, "liblate.so:late_step", "work")
            for _ in range(3):
                calls, took = o.tell("open")
                check(took < 2, f"dlopen took {took} s")
                o.tell("close")
            rows = s.stop()
            check_eq(hits(rows), [calls - start], f"{verb}: {s.errors()}")
            check(hits(rows, "work")[0] > 0, str(rows))
            tl.wait_for(lambda: not tl.ours(o.pid), 5, "nothing of ours")
        o.quit()


@case
def it_comes_and_goes():
    o = Opener()
    o.tell("nothing")
    before = tl.footprint(o.pid)
    for verb in ("count", "time"):
        start = o.tell("nothing")[0]
        s = Session(verb, o.pid, "liblate.so:late_step")
        for i in range(8 * tl.SCALE):
            calls = o.tell("open")[0]
            check_eq(calls - start, 15 * (i + 1), "calls")
            o.tell("close")
        rows = s.stop()
        check_eq(hits(rows), [calls - start], f"{verb}: {s.errors()}")
        check("is not loaded any more" in s.errors(), s.errors())
        tl.check_clean(o.pid, before)
    o.quit()


@case
def one_that_is_there_already_may_go_and_come():
    o = Opener()
    o.tell("open")
    before = tl.footprint(o.pid)
    for verb in ("count", "time"):
        s = Session(verb, o.pid, "work", "liblate.so:late_step")
        start = o.tell("nothing")[0]
        for _ in range(3):
            o.tell("close")
            o.tell("open")
        calls = o.tell("nothing")[0]
        check_eq(calls - start, 45, "calls")
        check_eq(hits(s.stop()), [45], f"{verb}: {s.errors()}")
        tl.check_clean(o.pid, before)
    o.quit()


@case
def its_events_have_their_names_and_arguments():
    o = Opener()
    s = Session("trace", o.pid, "work $arg1 if $arg1 > 1000",
                "liblate.so:late_step%return a=$arg1 $retval")
    o.tell("open")
    o.tell("close")
    o.tell("open")
    rows = [r for r in s.stop()
            if r.get("probe") == "liblate.so:late_step%return"]
    want = list(range(5)) + list(range(10))
    check_eq([r["args"]["a"] for r in rows],
             [hex(i) for i in want * 2], "arguments")
    tl.check_clean(o.pid)
    o.quit()


@case
def two_tools_wait_for_it():
    o = Opener()
    tools = [Session("count", o.pid, "liblate.so:late_step"),
             Session("time", o.pid, "liblate.so:late_step")]
    o.tell("open")
    for s in tools:
        check_eq(hits(s.stop()), [15], s.errors())
    tl.check_clean(o.pid)
    o.quit()


@case
def each_of_several_processes_waits_for_itself():
    some = [Opener() for _ in range(3)]
    s = Session("count", some[0].pid, "liblate.so:late_step",
                options=("-p", str(some[1].pid), "-p",
                         str(some[2].pid)))
    check_eq(s.errors().count("waits for it"), 3, s.errors())
    some[0].tell("open")
    some[2].tell("open")
    some[2].tell("close")
    some[2].tell("open")
    rows = s.stop()
    check_eq({r["pid"]: r["hits"] for r in rows},
             {some[0].pid: 15, some[2].pid: 30}, s.errors())
    for o in some:
        tl.check_clean(o.pid)
        o.quit()


@case
def who_is_followed_waits_and_children_have_what_was_there():
    o = Opener(start=False)
    for verb, options in (("count", ()), ("trace", ()),
                          ("count", ("--", "sh", "-c", '"$0" "$@"; true'))):
        r = subprocess.run([tl.TRAPLINE, verb, "--follow", "--json",
                            "liblate.so:late_step",
                            *(options or ("--",)), o.prog, o.lib],
                           input="open\nfork\nclose\nopen\nfork\n",
                           capture_output=True, text=True, timeout=60)
        check_eq(r.returncode, 0, r.stderr)
        rows = [json.loads(x) for x in r.stdout.splitlines()
                if x.startswith('{"') and "summary" not in x]
        sums = {}
        for x in rows:
            sums[x["pid"]] = sums.get(x["pid"], 0) + x.get("hits", 1)
        check_eq(sorted(x for x in sums.values() if x), [4, 4, 30],
                 f"{verb} {options}: {r.stderr}")


@case
def a_dry_run_says_what_would_wait():
    o = Opener()
    r = tl.trapline("count", "-p", o.pid, "--dry-run", "work",
                    "liblate.so:late_step")
    check_eq(r.returncode, 0, r.stderr)
    check("waits       liblate.so:late_step" in r.stdout and
          "1 would wait" in r.stdout, r.stdout)
    r = tl.trapline("count", "-p", o.pid, "--dry-run", "--json",
                    "liblate.so:late_step")
    check_eq(r.returncode, 0, r.stderr)
    row = json.loads(r.stdout.splitlines()[0])
    check_eq((row["kind"], row["binary"]), ("waits", "liblate.so"), r.stdout)
    check_eq(o.tell("open")[0], 15, "calls")
    o.quit()


@case
def a_command_is_counted_from_its_constructors_on():
    o = Opener(start=False)
    r = subprocess.run([tl.TRAPLINE, "count", "--json", "liblate.so:late_step",
                        "--", o.prog, o.lib], input="open\nclose\nopen\n",
                       capture_output=True, text=True, timeout=60)
    check_eq(r.returncode, 0, r.stderr)
    rows = [json.loads(x) for x in r.stdout.splitlines() if x[0] == "{"]
    check_eq(hits(rows), [30], r.stdout + r.stderr)


@case
def a_tool_that_does_not_answer_holds_nobody_up_for_long():
    o = Opener()
    s = Session("count", o.pid, "liblate.so:late_step")
    s.p.send_signal(signal.SIGSTOP)
    calls, took = o.tell("open")
    check(calls == 15 and 1 < took < 20, f"{calls} calls in {took} s")
    took = o.tell("close")[1] + o.tell("open")[1]
    check(took < 1, f"it waits again: {took} s")
    s.p.send_signal(signal.SIGKILL)
    s.p.wait()
    tl.wait_for(lambda: not tl.ours(o.pid), 10, "nothing of ours")
    tl.check_clean(o.pid)
    o.quit()


@case
def whoever_is_killed_the_program_goes_on():
    o = Opener()
    for victim in ("tool", "guardian"):
        s = Session("count", o.pid, "liblate.so:late_step")
        r = tl.trapline("status", "-p", o.pid)
        guardian = int(r.stdout.split("kept by process ")[1].split()[0])
        s.p.send_signal(signal.SIGSTOP)
        o.p.stdin.write("open\n")
        time.sleep(0.3)  # it waits in the library's loading
        os.kill(s.p.pid if victim == "tool" else guardian, signal.SIGKILL)
        s.p.send_signal(signal.SIGCONT)
        check_eq(len(o.p.stdout.readline().split()), 2, "opened")
        s.p.wait(30)
        tl.wait_for(lambda: not tl.ours(o.pid), 15, "nothing of ours")
        tl.check_clean(o.pid)
        o.tell("close")
    o.quit()


@case
def what_cannot_wait_is_said_at_once():
    o = Opener()
    for probe, want in (("nothing:f", "no binary 'nothing'"),
                        ("liblate.so:late_step a=argument",
                         "liblate.so is not loaded")):
        r = tl.trapline("trace", "-p", o.pid, "-d", "100ms", probe)
        check(r.returncode == 1 and want in r.stderr, r.stderr)
    s = Session("count", o.pid, "liblate.so:no_such_function")
    o.tell("open")
    s.stop()
    check("no_such_function" in s.errors(), s.errors())
    tl.check_clean(o.pid)
    o.quit()


tl.main()

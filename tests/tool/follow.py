#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""follow.py - --follow: children, and what they run

The programs count their own calls, in memory that all of them share; what
trapline says of each process must be the same, from its first instruction to
its last.
"""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import case, check, check_eq, start, trapline  # noqa: E402

PROGRAM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#define NI __attribute__((noinline, noclone))
extern char **environ;
volatile long sink;
NI long work(long n) { sink = n; return n + 1; }
static void works(long n) { while (n-- > 0) work(n); }
__attribute__((constructor)) static void first(void) { work(-1); }
static void said(const char *what, long n)
{
	char line[100];
	int len = sprintf(line, "%d %s %ld\n", (int)getpid(), what, n);
	if (write(1, line, len) != len) _exit(9);
}
static void reap(pid_t pid)
{ int s; while (waitpid(pid, &s, 0) < 0 && errno == EINTR) ; if (s) _exit(8); }
/* A child that works and ends at once; so do its own. */
static void brood(int deep, int n)
{
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		if (!pid) {
			works(i + 1);
			if (deep) brood(deep - 1, 2);
			said("work", i + 1);
			_exit(0);
		}
		reap(pid);
	}
}
static void *thread(void *arg)
{
	pid_t pid = fork();
	if (!pid) { works(5); said("work", 5); _exit(0); }
	reap(pid);
	works(10);
	return arg;
}
static void on(int sig) { (void)sig; }
/* A server: it waits for children that it does not ask for. */
static void server(void)
{
	struct epoll_event e;
	int ep = epoll_create1(0), wrong = 0;
	char c;
	for (int i = 0; i < 20; i++) {
		if (!fork()) { works(3); usleep(20000); said("work", 3); _exit(0); }
		if (epoll_wait(ep, &e, 1, 40) != 0) wrong++;
	}
	said("wrong", wrong);
	if (read(0, &c, 1) < 0) _exit(7);
	while (wait(NULL) > 0) ;
}
int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	setvbuf(stdout, NULL, _IONBF, 0);
	if (!strcmp(what, "brood")) {
		brood(2, 4);
		works(7);
		said("work", 7);
	} else if (!strcmp(what, "threads")) {
		pthread_t t[4];
		for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, thread, NULL);
		for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
		said("work", 40);
	} else if (!strcmp(what, "exec")) {
		long n = atol(argv[2]);
		char next[20];
		works(n);
		said("work", n);
		sprintf(next, "%ld", n - 1);
		if (n > 1) execl(argv[0], argv[0], "exec", next, NULL);
	} else if (!strcmp(what, "spawn")) {
		char *args[] = { argv[0], "exec", "2", NULL };
		pid_t pid;
		for (int i = 0; i < 3; i++) {
			if (posix_spawn(&pid, argv[0], NULL, NULL, args, environ)) return 6;
			reap(pid);
		}
		works(4);
		said("work", 4);
	} else if (!strcmp(what, "server")) {
		server();
	} else if (!strcmp(what, "ask")) {
		/* A child for each byte, which does a thing that is known. */
		char c;
		while (read(0, &c, 1) == 1) {
			pid_t pid = fork();
			if (!pid) { works(5); said("work", 5); _exit(0); }
			reap(pid);
			works(2);
			said("work", 2);
		}
	} else if (!strcmp(what, "wait")) {
		char c;
		pid_t pid;
		signal(SIGUSR1, on);
		if (read(0, &c, 1) < 0) return 5;
		for (int i = 0; i < 3; i++)
			if (!(pid = fork())) {
				alarm(60);
				for (;;) { work(i); usleep(1000); }
			} else said("child", pid);
		alarm(60); /* also if the test does not end them */
		for (;;) { work(9); usleep(1000); }
	} else if (!strcmp(what, "masks")) {
		/* A signal that comes with the birth finds the child as ever. */
		sigset_t set, old;
		sigemptyset(&set); sigaddset(&set, SIGUSR1); sigaddset(&set, SIGTERM);
		for (int i = 0; i < 20; i++) {
			sigprocmask(SIG_SETMASK, &set, NULL);
			pid_t pid = fork();
			if (!pid) {
				sigprocmask(0, NULL, &old);
				if (memcmp(&old, &set, 8)) _exit(1);
				works(2); said("work", 2); _exit(0);
			}
			kill(pid, SIGUSR1);
			kill(pid, SIGCONT);
			reap(pid);
		}
	}
	return 0;
}
"""

CHAIN = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>
extern char _start[];
volatile long sink;
__attribute__((noinline)) long work(long n) { return sink = n + 1; }
int main(int argc, char **argv)
{
    char next[20];
    long n = atol(argv[1]);
    for (long i = 0; i < n; i++) work(i);
    printf("%d work %ld\n", (int)getpid(), n);
    if (getauxval(AT_ENTRY) != (unsigned long)_start) puts("wrong");
    fflush(stdout);
    sprintf(next, "%ld", n - 1);
    if (n > 1) execl(argv[0], argv[0], next, NULL);
    return 0;
}
"""

PATH = None


def program():
    global PATH
    if not PATH or not os.path.exists(PATH):
        PATH = os.path.join(tl.tempdir(), "family")
        tl.compile_to(PATH, PROGRAM, "-pthread")
    return PATH


def works(text):
    """What the processes have said: the calls of each, without constructors."""
    sums = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] == "work":
            pid = int(words[0])
            sums.setdefault(pid, []).append(int(words[2]))
    return sums


def hits(rows):
    sums = {}
    for r in rows:
        sums.setdefault(r["pid"], []).append(r["hits"])
    return sums


def run(what, *args, verb="count", probes=("work",), options=(), input=""):
    out = os.path.join(tl.tempdir(), "rows")
    r = subprocess.run([tl.TRAPLINE, verb, "--follow", "--json", "-v", "-o",
                        out, *options, *probes, "--", program(), what, *args],
                       input=input, capture_output=True, text=True,
                       timeout=100)
    check_eq(r.returncode, 0, r.stderr)
    with open(out, encoding="utf-8") as f:
        return works(r.stdout), [json.loads(x) for x in f], r


@case
def fork_children_count_from_their_first_instruction_to_their_last():
    said, rows, r = run("brood")
    check_eq(len(said), 1 + 4 + 8 + 16, "processes")
    got = hits(rows)
    root = max(said, key=lambda p: said[p] == [7])
    said[root][0] += 1  # its constructor
    check_eq(got, said, f"hits ({r.stderr[-500:]})")
    check("could not be probed" not in r.stderr, r.stderr)


@case
def a_thread_that_forks_has_a_child_of_its_own():
    said, rows, _ = run("threads")
    got = hits(rows)
    check_eq(sorted(x for y in got.values() for x in y), [5, 5, 5, 5, 41],
             "hits")
    check_eq(sorted(got), sorted(said), "processes")


@case
def programs_are_probed_before_their_constructors():
    said, rows, r = run("exec", "4")
    check_eq(len(said), 1, "processes")
    pid = list(said)[0]
    # Each time the constructor, and what was said.
    check_eq(hits(rows)[pid], [n + 1 for n in said[pid]], r.stderr[-800:])
    check_eq([x["program"] for x in rows], ["family"] * 4, "programs")


@case
def static_programs_too_and_their_entry_point_is_as_it_was():
    path = os.path.join(tl.tempdir(), "alone")
    tl.compile_to(path, CHAIN, "-static")
    tl.compile_to(path + "-not", CHAIN)
    for file in (path, path + "-not"):
        out = os.path.join(tl.tempdir(), "rows")
        r = subprocess.run([tl.TRAPLINE, "count", "--follow", "--json", "-o",
                            out, "work", "--", file, "3"],
                           capture_output=True, text=True, timeout=60)
        check_eq(r.returncode, 0, r.stderr)
        check("wrong" not in r.stdout, "AT_ENTRY")
        with open(out, encoding="utf-8") as f:
            rows = [json.loads(x) for x in f]
        check_eq([x["hits"] for x in rows], [3, 2, 1], r.stderr)


@case
def spawned_children_share_the_memory_and_then_run_a_program():
    said, rows, r = run("spawn")
    got = {p: sum(h) for p, h in hits(rows).items()}
    want = {p: sum(n) + len(n) for p, n in said.items()}
    check_eq(got, want, r.stderr[-800:])
    check_eq(len(want), 4, "processes")


@case
def the_mask_and_the_signals_of_a_newborn_are_its_own():
    said, rows, r = run("masks")
    check_eq(len(said), 20, "children that found their mask")
    got = hits(rows)
    check_eq({p: got.get(p) for p in said}, {p: [2] for p in said},
             r.stderr[-500:])


@case
def events_say_which_process_and_come_in_order():
    said, rows, r = run("brood", verb="trace", probes=("work n=$arg1:s64",))
    summary, events = rows[-1]["summary"], rows[:-1]
    check_eq(summary["lost"], 0, "lost")
    by_pid = {}
    for e in events:
        by_pid[e["pid"]] = by_pid.get(e["pid"], 0) + 1
        check_eq(e["tid"], e["pid"], "thread of a process with one")
    root = max(said, key=lambda p: said[p] == [7])
    said[root][0] += 1
    check_eq(by_pid, {p: sum(n) for p, n in said.items()}, r.stderr[-500:])
    times = [e["time_ns"] for e in events]
    check(times == sorted(times), "not in order")


@case
def events_of_children_that_end_at_once_have_their_own_times():
    said, rows, r = run("ask", verb="trace", input="x" * 50)
    times = {}
    for e in rows[:-1]:
        times.setdefault(e["pid"], []).append(e["time_ns"])
    check_eq(len(times), 51, r.stderr[-500:])
    same = [p for p, t in times.items() if len(set(t)) == 1]
    check_eq(same, [], "processes whose events are all of one time")


@case
def times_and_stacks_have_rows_of_each_process_too():
    said, rows, _ = run("brood", verb="time")
    got = {x["pid"]: x["calls"] for x in rows}
    root = max(said, key=lambda p: said[p] == [7])
    said[root][0] += 1
    check_eq(got, {p: sum(n) for p, n in said.items()}, "calls")
    said, rows, _ = run("threads", verb="stack")
    got = {}
    for x in rows[:-1]:
        got[x["pid"]] = got.get(x["pid"], 0) + x["count"]
        check_eq(x["frames"][0], "work", "the innermost frame")
    check_eq(sorted(got.values()), [5, 5, 5, 5, 41], "stacks")
    said, rows, _ = run("threads", probes=("work by $arg1:s64",))
    check_eq(sum(x.get("hits", 0) for x in rows), 61, "hits by key")
    check_eq(len({x["pid"] for x in rows if "pid" in x}), 5, "processes")


@case
def a_pipeline_of_a_shell():
    out = os.path.join(tl.tempdir(), "rows")
    r = subprocess.run([tl.TRAPLINE, "count", "--follow", "--json", "-o", out,
                        "work", "--", "sh", "-c",
                        f"{program()} exec 2 | cat; {program()} exec 3 & wait"],
                       capture_output=True, text=True, timeout=100)
    check_eq(r.returncode, 0, r.stderr)
    said = works(r.stdout)
    with open(out, encoding="utf-8") as f:
        rows = [json.loads(x) for x in f]
    check_eq({p: sum(h) for p, h in hits(rows).items()},
             {p: sum(n) + len(n) for p, n in said.items()}, r.stderr)
    lines = [x for x in r.stderr.splitlines() if "work" in x]
    check(any("(sh)" in x for x in lines) and any("(cat)" in x for x in lines),
          f"a line for who has no such function: {r.stderr}")
    r = trapline("count", "--follow", "no_such_function", "--", "sh", "-c",
                 "true; /bin/true")
    check_eq((r.returncode, r.stdout), (1, ""), r.stderr)
    check("nothing was probed" in r.stderr, r.stderr)


@case
def children_that_end_at_once_have_the_name_of_their_program():
    r = trapline("count", "--follow", "--json", "libc:_exit", "--", "sh", "-c",
                 "i=0; while [ $i -lt 100 ]; do (:); i=$((i+1)); done")
    check_eq(r.returncode, 0, r.stderr)
    rows = [json.loads(x) for x in r.stdout.splitlines()]
    check(len(rows) > 100, f"rows of each: {len(rows)}")
    check_eq({x["program"] for x in rows}, {"sh"}, "what they run")
    # Children that run something else at once were what their parent is.
    r = trapline("count", "--follow", "--json", "malloc", "--", "bash", "-c",
                 "for i in 1 2 3 4 5 6 7 8; do /bin/true; done")
    check_eq(r.returncode, 0, r.stderr)
    rows = [json.loads(x) for x in r.stdout.splitlines()]
    names = {}
    for x in rows:
        names.setdefault(x["pid"], []).append(x["program"])
    names = sorted(sorted(x) for x in names.values())
    check_eq(names, [["bash"]] + [["bash", "true"]] * 8, "as who they ran")


@case
def a_program_that_was_written_again_is_read_again():
    """What is known of a file is kept for other processes of the same file.  (It
    is busy as long as our process in it lives.)"""
    old, new = (os.path.join(tl.tempdir(), x) for x in ("old", "new"))
    tl.compile_to(old, CHAIN)
    tl.compile_to(new, "long before(long n) { return n * n - n / 3; }\n" +
                  CHAIN)
    out = os.path.join(tl.tempdir(), "rows")
    r = subprocess.run([tl.TRAPLINE, "count", "--follow", "--json", "-o", out,
                        "work", "--", "sh", "-c",
                        f"{old} 2; {old} 3; until cat {new} > {old}; do :; done; "
                        f"{old} 4; {old} 2"],
                       capture_output=True, text=True, timeout=100)
    check_eq(r.returncode, 0, r.stderr)
    with open(out, encoding="utf-8") as f:
        rows = [json.loads(x) for x in f]
    said = [int(x.split()[2]) for x in r.stdout.splitlines()]
    check_eq(said, [2, 1, 3, 2, 1, 4, 3, 2, 1, 2, 1], "calls")
    check_eq([x["hits"] for x in rows], said, "hits")
    offsets = [int(x["address"], 16) % 4096 for x in rows]
    check(len(set(offsets[:5])) == 1 and len(set(offsets[5:])) == 1 and
          offsets[0] != offsets[5], f"where it is: {offsets}")


@case
def programs_that_were_kept_waiting_for_long_are_counted():
    """The tool is stopped, as by Ctrl-Z: nobody waits for it for ever."""
    path = os.path.join(tl.tempdir(), "alone")
    tl.compile_to(path, CHAIN)
    ready = os.path.join(tl.tempdir(), "ready")
    os.mkfifo(ready)
    p = subprocess.Popen([tl.TRAPLINE, "count", "--follow", "--json", "work",
                          "--", "sh", "-c", f"{path} 1; read x < {ready}; "
                          f"{path} 1 > {ready}.out; {path} 3 >> {ready}.out"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True)
    with open(ready, "w", encoding="utf-8") as f:
        os.kill(p.pid, signal.SIGSTOP)
        f.write("go\n")
    said = lambda: (open(ready + ".out", encoding="utf-8").read() if
                    os.path.exists(ready + ".out") else "").split()[2::3]  # noqa: E731
    tl.wait_for(lambda: said() == ["1"], 60, "it runs all the same")
    os.kill(p.pid, signal.SIGCONT)
    out, err = p.communicate(timeout=60)
    check_eq(p.returncode, 0, err)
    check_eq(said(), ["1", "3", "2", "1"], "calls")
    rows = [json.loads(x) for x in out.splitlines() if x[0] == "{"]
    # The first one waited in vain.
    check_eq([x["hits"] for x in rows if x["hits"]], [1, 3, 2, 1], err)
    check("1 programs began before their probes were there" in err, err)


# Of which a ring of 16 MiB holds half a million.
MANY = 700000

FLOOD = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
volatile long sink;
__attribute__((noinline)) long work(long n) { return sink = n + 1; }
int main(void)
{
    char c;
    pid_t pid = fork();
    if (!pid) {
        if (read(0, &c, 1) != 1) return 1;
        for (long i = 0; i < %d; i++) work(i);
        return 0;
    }
    printf("%%d\n", (int)pid);
    fflush(stdout);
    return waitpid(pid, NULL, 0) != pid;
}
""" % MANY


@case
def with_block_children_wait_for_their_reader_too():
    path = os.path.join(tl.tempdir(), "flood")
    out = os.path.join(tl.tempdir(), "rows")
    tl.compile_to(path, FLOOD)
    p = subprocess.Popen([tl.TRAPLINE, "trace", "--follow", "--block",
                          "--json", "-o", out, "work $arg1:u64", "--", path],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    child = int(p.stdout.readline())

    def waits():
        with open(f"/proc/{child}/syscall", encoding="utf-8") as f:
            return f.read().split()[0] == "202"
    p.send_signal(signal.SIGSTOP)
    p.stdin.write("x")
    p.stdin.flush()
    tl.wait_for(waits, 20, "it waits")
    p.send_signal(signal.SIGCONT)
    _, err = p.communicate(timeout=100)
    check_eq(p.returncode, 0, err)
    with open(out, encoding="utf-8") as f:
        lines = f.readlines()
    summary = json.loads(lines[-1])["summary"]
    # On a busy machine it may have waited for its second.
    check(summary["lost"] <= 1, f"{summary['lost']} lost")
    check_eq(summary["events"] + summary["lost"], MANY, "sum")
    check_eq(len(lines) - 1, summary["events"], "lines")


@case
def a_hot_process_does_not_keep_it_from_ending():
    """More comes meanwhile than what is written: it ends all the same."""
    t = tl.Target("dyn")
    out = os.path.join(tl.tempdir(), "rows")
    r = trapline("trace", "--follow", "-p", t.pid, "-d", "200ms", "--json",
                 "-o", out, "hot_add", timeout=100)
    check_eq(r.returncode, 0, r.stderr)
    with open(out, encoding="utf-8") as f:
        lines = f.readlines()
    check_eq(json.loads(lines[-1])["summary"]["events"], len(lines) - 1,
             "events")
    tl.check_clean(t.pid)
    t.quit()


@case
def who_cannot_be_attached_to_has_one_line():
    t = tl.Target("dyn", "-t", "1")
    d = start(["strace", "-o", "/dev/null", "-p", str(t.pid)],
              stderr=subprocess.DEVNULL)
    tl.wait_for(lambda: "TracerPid:\t0" not in
                open(f"/proc/{t.pid}/status", encoding="utf-8").read(), 20,
                "it is traced")
    r = trapline("count", "--follow", "-p", t.pid, "hot_add")
    check_eq(r.returncode, 1, r.stderr)
    check("is under a debugger" in r.stderr and
          len(r.stderr.splitlines()) == 1, r.stderr)
    d.terminate()
    d.wait()
    t.quit()


def follower(pid):
    """Who follows it; 0: nobody."""
    try:
        tracer = int(tl.footprint(pid)["tracer"])
        with open(f"/proc/{tracer}/comm", encoding="utf-8") as f:
            return tracer if f.read() == "trapline-follow\n" else 0
    except OSError:
        return 0


class Follow:
    """A command on a running process, that follows."""

    def __init__(self, verb, what, *args):
        self.out = open(os.path.join(tl.tempdir(), "out"), "w+",
                        encoding="utf-8")
        self.p = start([program(), what], stdin=subprocess.PIPE,
                       stdout=self.out)
        self.pid = self.p.pid
        self.before = None
        tl.wait_for(lambda: open(f"/proc/{self.pid}/comm").read() ==
                    "family\n", 10, "it runs")
        if what in ("wait", "ask"):
            tl.wait_for(lambda: "S (sleeping)" in
                        open(f"/proc/{self.pid}/status").read(), 10, "reads")
            self.before = tl.footprint(self.pid)
        self.s = tl.Session(verb, self.pid, *args, options=("--follow",))
        tl.wait_for(lambda: follower(self.pid), 10, "followed")

    def said(self):
        with open(self.out.name, encoding="utf-8") as f:
            return f.read()


@case
def a_server_that_waits_sees_no_signal_that_it_ignores():
    f = Follow("count", "server", "work")
    tl.wait_for(lambda: "wrong" in f.said(), 30, "all children")
    check("wrong 0" in f.said(), "epoll_wait() was interrupted")
    tl.wait_for(lambda: len(works(f.said())) == 20, 10, "all have worked")
    f.p.stdin.close()
    f.p.wait(timeout=10)
    rows = f.s.p.communicate(timeout=20)[0]
    got = hits(json.loads(x) for x in rows.splitlines())
    # Those that were born before somebody followed are not among them.
    for pid, n in works(f.said()).items():
        if pid in got:
            check_eq(got[pid], n, "hits")
    check(len(got) > 5, f"{len(got)} processes")


def family(f):
    """Parent and three children, all at work."""
    f.p.stdin.write(b"\n")
    f.p.stdin.flush()
    tl.wait_for(lambda: f.said().count("child") == 3, 10, "children")
    return [int(x.split()[2]) for x in f.said().splitlines() if "child" in x]


def all_clean(f, children, seconds):
    for pid in children + [f.pid]:
        tl.wait_for(lambda: not tl.ours(pid) and not tl.text_differs(pid),
                    seconds, f"nothing left in {pid}")
        tl.wait_for(lambda: tl.footprint(pid)["tracer"] == "0", 5, "let go")
    tl.wait_for(lambda: tl.footprint(f.pid) == f.before, 5, "as before")


@case
def ctrl_c_leaves_nothing_in_any_of_them():
    f = Follow("count", "wait", "work")
    children = family(f)
    time.sleep(0.3)
    rows = f.s.stop()
    check_eq({r["pid"] for r in rows}, set(children + [f.pid]), "processes")
    check(all(r["hits"] > 10 for r in rows), f"hits: {rows}")
    all_clean(f, children, 2)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


@case
def a_killed_command_leaves_nothing_in_any_of_them():
    for verb in ("count", "time"):
        f = Follow(verb, "wait", "work")
        children = family(f)
        time.sleep(0.1)
        f.s.p.kill()
        all_clean(f, children, 3)
        check_eq(f.p.poll(), None, "the target")
        for pid in children:
            os.kill(pid, signal.SIGKILL)


@case
def a_child_that_dies_does_not_end_the_others():
    f = Follow("count", "wait", "work")
    children = family(f)
    os.kill(children[0], signal.SIGKILL)
    os.kill(f.pid, signal.SIGSTOP)
    time.sleep(0.2)
    os.kill(f.pid, signal.SIGCONT)
    os.kill(f.pid, signal.SIGKILL)
    f.p.wait()
    time.sleep(0.3)
    check_eq(f.s.p.poll(), None, "the command")
    for pid in children[1:]:
        check("tracer" in tl.footprint(pid), "it lives")
    rows = f.s.stop()
    check_eq({r["pid"] for r in rows}, set(children + [f.pid]), "processes")
    for pid in children[1:]:
        tl.wait_for(lambda: not tl.ours(pid) and not tl.text_differs(pid), 2,
                    "nothing left")
        os.kill(pid, signal.SIGKILL)


@case
def the_follower_killed_lets_all_go_and_the_rest_goes_on():
    f = Follow("count", "wait", "work")
    children = family(f)
    os.kill(follower(f.pid), signal.SIGKILL)
    tl.wait_for(lambda: "the follower is gone" in f.s.errors(), 10, "a line")
    check_eq(tl.footprint(f.pid)["tracer"], "0", "traced by")
    rows = f.s.stop()
    check_eq({r["pid"] for r in rows}, set(children + [f.pid]), "processes")
    all_clean(f, children, 2)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


@case
def a_killed_guardian_is_cleaned_up_after_in_all_of_them():
    f = Follow("count", "wait", "work")
    children = family(f)
    guardians = set()
    for line in tl.trapline("status", "-p", f.pid).stdout.splitlines():
        if "kept by process" in line:
            guardians.add(int(line.split()[-1]))
    check_eq(len(guardians), 1, "guardians")
    os.kill(guardians.pop(), signal.SIGKILL)
    f.s.p.send_signal(signal.SIGINT)
    f.s.p.wait(timeout=30)
    all_clean(f, children, 2)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def ask(f, n):
    """Children of a program that makes one for each byte."""
    before = f.said().count("work")
    f.p.stdin.write(b"x" * n)
    f.p.stdin.flush()
    tl.wait_for(lambda: f.said().count("work") == before + 2 * n, 20, "work")


@case
def another_command_on_one_who_is_followed():
    f = Follow("count", "ask", "work")
    ask(f, 3)
    for _ in range(3):
        other = tl.Session("count", f.pid, "work")
        tl.wait_for(lambda: follower(f.pid), 10, "followed again")
        ask(f, 2)
        rows = other.stop()
        check(4 <= rows[0]["hits"] <= 4, f"hits of the parent: {rows}")
        tl.wait_for(lambda: follower(f.pid), 10, "followed again")
        ask(f, 2)
    f.p.stdin.close()
    f.p.wait(timeout=10)
    rows = f.s.p.communicate(timeout=20)[0]
    got, said = hits(json.loads(x) for x in rows.splitlines()), works(f.said())
    for pid, n in said.items():
        check_eq(sum(got.get(pid, [])), sum(n), f"hits of {pid}: "
                 f"{f.s.errors()[-600:]}")


@case
def children_that_were_born_too_early_are_told():
    path = os.path.join(tl.tempdir(), "early")
    tl.compile_to(path, r"""
        #include <signal.h>
        #include <sys/prctl.h>
        #include <sys/wait.h>
        #include <unistd.h>
        volatile long sink;
        __attribute__((noinline)) long work(long n) { return sink = n + 1; }
        int main(void)
        {
            /* One that was there before. */
            if (!fork()) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;) pause();
            }
            for (;;) {
                if (!fork()) {
                    for (int i = 0; i < 200; i++) { work(i); usleep(1000); }
                    _exit(0);
                }
                while (waitpid(-1, 0, WNOHANG) > 0) ;
                usleep(1000);
            }
        }""")
    p = start([path])
    for _ in range(10):
        r = trapline("count", "--follow", "-p", p.pid, "-d", "0.2", "--json",
                     "work")
        check_eq(r.returncode, 0, r.stderr)
        rows = [json.loads(x) for x in r.stdout.splitlines()]
        check(len(rows) > 1, "children")
        if "could not be probed" in r.stderr:
            return
    check(False, "nobody was born between the attach and the follower")


@case
def whoever_is_killed_no_child_is_harmed():
    path = os.path.join(tl.tempdir(), "judge")
    tl.compile_to(path, r"""
        #include <stdio.h>
        #include <sys/wait.h>
        #include <unistd.h>
        volatile long sink;
        __attribute__((noinline)) long work(long n) { sink = n; return n + 1; }
        int main(void)
        {
            for (;;) {
                int status = 0;
                pid_t pid = fork();
                if (!pid) {
                    long sum = 0;
                    for (int i = 0; i < 50; i++) sum += work(i);
                    _exit(sum == 1275 ? 3 : 4);
                }
                if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
                    WEXITSTATUS(status) != 3)
                    printf("wrong %x\n", status), fflush(stdout);
            }
        }""")
    out = os.path.join(tl.tempdir(), "out")
    with open(out, "w", encoding="utf-8") as f:
        p = start([path], stdout=f)
    for turn in range(9 * tl.SCALE):
        s = start([tl.TRAPLINE, "count", "--follow", "-p", str(p.pid), "work"],
                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        tl.wait_for(lambda: follower(p.pid), 20, "followed")
        time.sleep(turn * 0.003)
        victims = [[follower(p.pid)], [s.pid], [follower(p.pid), s.pid]]
        for victim in victims[turn % 3]:
            if victim:
                os.kill(victim, signal.SIGKILL)
        if s.pid not in victims[turn % 3]:
            s.send_signal(signal.SIGINT)
        s.wait(timeout=20)
        tl.wait_for(lambda: not tl.ours(p.pid), 10, "nothing left")
        tl.wait_for(lambda: not follower(p.pid), 10, "let go")
        tl.check_clean(p.pid)
    check_eq(p.poll(), None, "it goes on")
    with open(out, encoding="utf-8") as f:
        check_eq(f.read(), "", "children that were harmed")


@case
def detach_from_one_who_is_followed():
    f = Follow("count", "wait", "work")
    children = family(f)
    shown = trapline("status", "-p", children[0])
    check("kept by process" in shown.stdout, shown.stdout + shown.stderr)
    check("debugger" not in shown.stdout, shown.stdout)
    r = trapline("count", "-p", children[0], "-d", "0.1", "work")
    check_eq(r.returncode, 1, "another command on a child")
    check("is followed by another trapline" in r.stderr, r.stderr)
    r = trapline("detach", "-p", children[0])
    check_eq(r.returncode, 0, r.stderr)
    tl.check_clean(children[0])
    check(tl.ours(children[1]), "the others have theirs")
    r = trapline("detach", "-p", f.pid)
    check_eq(r.returncode, 0, r.stderr)
    for pid in children + [f.pid]:
        tl.wait_for(lambda: not tl.ours(pid) and not tl.text_differs(pid), 5,
                    f"nothing left in {pid}")
    f.s.p.send_signal(signal.SIGINT)
    f.s.p.wait(timeout=20)
    all_clean(f, children, 2)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


@case
def wrong_usage():
    r = trapline("count", "--follow", "-p", os.getpid(), "-t", os.getpid(),
                 "main")
    check_eq(r.returncode, 2, r.stderr)
    r = trapline("watch", "--follow", "-p", os.getpid(), "main")
    check_eq(r.returncode, 2, r.stderr)


if __name__ == "__main__":
    tl.main()

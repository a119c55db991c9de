#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""keys.py - conditions, keys and whole calls against the target's own counters

The target counts what it does, by key; what trapline says must be the same, to
the last hit.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

TARGET = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#define NI __attribute__((noinline, noclone))
volatile long sink;
NI long work(long key, const char *text, long n)
{ sink = key + n + (long)text; return key - 50; }
NI int change(char *text, int result)
{ strcpy(text, "changed"); return result; }
NI void slow(long us) { if (us) usleep(us); sink = us; }
NI void whose(long tid) { sink = tid; }
static const char *const words[] = { "GET", "SET", "a \"by\" if", "",
	"a text that is longer than sixty-four bytes, which is what a key has, 1",
	"a text that is longer than sixty-four bytes, which is what a key has, 2" };
static long counts[100], by_word[6], some, negative;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *keys(void *arg)
{
	unsigned long x = (unsigned long)arg * 2654435761u + 1;
	char name[16];
	sprintf(name, "worker %ld", (long)arg);
	pthread_setname_np(pthread_self(), name);
	for (long i = 0; i < 5000; i++) {
		x = x * 6364136223846793005ul + 1442695040888963407ul;
		long k = (x >> 33) % 100, w = (x >> 43) % 6;
		long r = work(k, words[w], i);
		pthread_mutex_lock(&lock);
		counts[k]++;
		by_word[w]++;
		some += k > 90 && w == 1;
		negative += r < 0;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}
static void *tell(void *arg)
{ long tid = syscall(SYS_gettid); printf("%ld\n", tid); whose(tid); whose(tid); return arg; }
static pthread_barrier_t both;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void make(void) { pthread_barrier_init(&both, NULL, 2); }
static void *wait_and_work(void *arg)
{
	pthread_once(&once, make);
	printf("%ld\n", (long)syscall(SYS_gettid));
	fflush(stdout);
	pthread_barrier_wait(&both);
	if (getpid() == syscall(SYS_gettid)) getchar();
	pthread_barrier_wait(&both);
	for (long i = 0; i < 700 + 300 * (getpid() == syscall(SYS_gettid)); i++)
		work(i, "", 0);
	pthread_barrier_wait(&both);
	if (getpid() == syscall(SYS_gettid)) getchar();
	return arg;
}
static int child(void *arg) { tell(arg); return 0; }
int main(int argc, char **argv)
{
	pthread_t t[4];
	if (!strcmp(argv[1], "keys")) {
		for (long i = 0; i < 4; i++) pthread_create(&t[i], NULL, keys, (void *)i);
		for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
		for (int i = 0; i < 100; i++) printf("%ld ", counts[i]);
		for (int i = 0; i < 6; i++) printf("%ld ", by_word[i]);
		printf("%ld %ld\n", some, negative);
	}
	if (!strcmp(argv[1], "many"))
		for (long i = 0; i < 40000; i++) work(i % 20000, "", 0);
	if (!strcmp(argv[1], "calls"))
		for (int i = 0; i < 1000; i++) {
			char text[16];
			sprintf(text, "text %d", i);
			change(text, i % 3 - 1);
		}
	if (!strcmp(argv[1], "slow"))
		for (int i = 0; i < 60; i++) slow(i % 6 ? 0 : 30000);
	if (!strcmp(argv[1], "bad"))
		for (long i = 0; i < 90; i++) work(i, i % 3 ? "x" : (char *)8, 0);
	if (!strcmp(argv[1], "two")) {
		pthread_create(&t[0], NULL, wait_and_work, NULL);
		wait_and_work(NULL);
		pthread_join(t[0], NULL);
	}
	if (!strcmp(argv[1], "threads")) {
		char *stack = malloc(1 << 16);
		for (int i = 0; i < 300; i++) {
			pthread_create(&t[0], NULL, tell, NULL);
			pthread_join(t[0], NULL);
			/* One that has our thread pointer, on a stack of its own. */
			if (i % 10 == 0) {
				fflush(stdout);
				pid_t p = clone(child, stack + (1 << 16),
					CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
				waitpid(p, NULL, 0);
				tell(NULL);
			}
		}
	}
	return 0;
}
"""


def program():
    prog = os.path.join(tl.tempdir(), "target")
    tl.compile_to(prog, TARGET, "-pthread")
    return prog


def run(verb, what, *args):
    """What trapline says of a run of the target, and what the target says."""
    out = os.path.join(tl.tempdir(), "rows")
    r = subprocess.run([tl.TRAPLINE, verb, "--json", "-o", out, *args, "--",
                        program(), what], text=True, capture_output=True,
                       timeout=100)
    tl.check_eq(r.returncode, 0, f"exit status ({r.stderr})")
    with open(out, encoding="utf-8") as f:
        return [json.loads(line) for line in f], r.stdout.split()


def by_key(rows, name="probe", value="hits"):
    """{probe: {key: value}}, and the summary."""
    found = {}
    for row in rows[:-1]:
        keys = found.setdefault(row[name], {})
        tl.check(row.get("key") not in keys, f"{row.get('key')} is there once")
        keys[row.get("key")] = row[value]
    return found, rows[-1]["summary"]


@tl.case
def hits_of_each_key_are_those_the_target_has_counted():
    rows, said = run("count", "keys", "work by $arg1:u64")
    counts = [int(x) for x in said]
    found, summary = by_key(rows)
    tl.check_eq(found, {"work": dict(enumerate(counts[:100]))}, "by number")
    tl.check_eq(summary, {"keys": 100, "lost": 0, "unknown": 0}, "summary")


@tl.case
def keys_are_texts_threads_names_and_expressions():
    rows, said = run("count", "keys", "work by $arg2:string[40]", "work by tid",
                     "work by comm", "work%return by $retval < 0",
                     "work if $arg1 > 90 && $arg2:string == \"SET\"")
    counts = [int(x) for x in said]
    words = counts[100:106]
    for row in rows[:-1]:
        tl.check_eq(row["kind"], "jump", "kind")
    first = [r for r in rows if isinstance(r.get("key"), str) and
             not r["key"].startswith("worker")]
    long = "a text that is longer than sixty-four bytes, which is what a key has"
    tl.check_eq({r["key"]: r["hits"] for r in first},
                {"GET": words[0], "SET": words[1], "a \"by\" if": words[2],
                 "": words[3], long[:40]: words[4] + words[5]}, "by text")
    names = [r for r in rows if str(r.get("key")).startswith("worker")]
    tl.check_eq({r["key"]: r["hits"] for r in names},
                {f"worker {i}": 5000 for i in range(4)}, "by name")
    numbers = [r["hits"] for r in rows if isinstance(r.get("key"), int) and
               r["key"] > 1]
    tl.check_eq(numbers, [5000] * 4, "by thread")
    signs = {r["key"]: r["hits"] for r in rows if r.get("key") in (0, 1) and
             r["probe"] == "work%return"}
    tl.check_eq(signs, {0: 20000 - counts[107], 1: counts[107]}, "by sign")
    some = [r for r in rows[:-1] if "key" not in r]
    tl.check_eq([r["hits"] for r in some], [counts[106]], "under a condition")


@tl.case
def keys_that_there_is_no_room_for_are_counted():
    rows, _ = run("count", "many", "work by $arg1")
    found, summary = by_key(rows)
    hits = found["work"].values()
    tl.check(15000 <= summary["keys"] <= 16384, f"{summary['keys']} keys")
    tl.check_eq(len(hits), summary["keys"], "rows")
    tl.check_eq(set(hits), {2}, "each of them twice")
    tl.check_eq(sum(hits) + summary["lost"], 40000, "none is forgotten")


@tl.case
def conditions_that_cannot_be_read_are_counted():
    rows, _ = run("count", "bad", "work if $arg2:string == \"x\"")
    tl.check_eq(rows[0]["hits"], 60, "hits")
    tl.check_eq(rows[1]["summary"], {"keys": 0, "lost": 0, "unknown": 30},
                "summary")
    rows, _ = run("count", "bad", "work by $arg2:string")
    found, _ = by_key(rows)
    tl.check_eq(found, {"work": {"x": 60, "<fault>": 30}}, "as a key")
    rows, _ = run("trace", "bad", "work s=$arg2:string n=$arg1:u64 "
                  "if $arg1 < 6 || $arg1 == 80")
    tl.check_eq([(e["args"]["n"], e["args"]["s"]) for e in rows[:-1]],
                [(n, "x" if n % 3 else "<fault>")
                 for n in (0, 1, 2, 3, 4, 5, 80)], "as an event")


@tl.case
def a_call_is_one_event_with_arguments_result_and_duration():
    rows, _ = run("trace", "calls", "change%return s=$arg1:string "
                  "now=+0($arg1):string r=$retval:s32 wanted=$arg2:s32")
    tl.check_eq(len(rows), 1001, "events and the summary")
    for i, e in enumerate(rows[:-1]):
        tl.check_eq(e["args"], {"s": f"text {i}", "now": f"text {i}",
                                "r": i % 3 - 1, "wanted": i % 3 - 1},
                    "as it was at the entry")
        tl.check(0 < e["duration_ns"] < 5e9, f"{e['duration_ns']} ns")
    rows, _ = run("trace", "calls", "change%return s=$arg1:string r=$retval:s32 "
                  "if $retval:s32 < 0 && $arg2 != 1")
    tl.check_eq([e["args"] for e in rows[:-1]],
                [{"s": f"text {i}", "r": -1} for i in range(0, 1000, 3)],
                "the failed ones")


@tl.case
def the_slow_ones_are_kept():
    rows, _ = run("trace", "slow", "--min", "25ms", "slow%return us=$arg1:u64")
    slow = [e for e in rows[:-1] if e["args"]["us"] == 30000]
    tl.check_eq(len(slow), 10, "slow ones")
    # A quick one can only be here if it was kept waiting.
    for e in rows[:-1]:
        tl.check(e["duration_ns"] >= 24.9e6, f"{e['duration_ns']} ns")
    for e in slow:
        tl.check(29.9e6 < e["duration_ns"] < 20e9, f"{e['duration_ns']} ns")
    # Not each of them was kept waiting.
    tl.check(min(e["duration_ns"] for e in slow) < 55e6, "the quickest")
    rows, _ = run("trace", "slow", "--min", "55ms", "slow%return us=$arg1:u64")
    tl.check(len(rows) - 1 < 10, f"{len(rows) - 1} of 55 ms and more")
    rows, _ = run("time", "slow", "--min", "25ms", "slow by $arg1:u64")
    found, _ = by_key(rows, "function", "calls")
    tl.check_eq(found["slow"][30000], 10, "calls")
    row = next(r for r in rows[:-1] if r["key"] == 30000)
    tl.check(row["min_ns"] >= 24.9e6, f"the least is {row['min_ns']} ns")
    tl.check_eq(sum(b["count"] for b in row["histogram"]), 10, "histogram")


@tl.case
def times_of_each_key_are_of_its_calls():
    rows, _ = run("time", "slow", "slow by $arg1:u64")
    found, summary = by_key(rows, "function", "calls")
    tl.check_eq(found, {"slow": {0: 50, 30000: 10}}, "calls")
    tl.check_eq(summary["lost"], 0, "lost")
    row = next(r for r in rows[:-1] if r["key"] == 30000)
    tl.check(row["min_ns"] >= 29.9e6, f"{row['min_ns']} ns")


@tl.case
def a_thread_that_takes_another_name_is_seen_under_it():
    d = tl.tempdir()
    prog = os.path.join(d, "names")
    tl.compile_to(prog, """
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
volatile long sink;
__attribute__((noinline, noclone)) void work(long n) { sink = n; }
int main(void)
{
	static const char *const names[] = { "first", "second", "first", "4" };
	puts("ready");
	fflush(stdout);
	getchar();
	for (int i = 0; i < 4; i++) {
		prctl(PR_SET_NAME, names[i]);
		usleep(50000);
		for (int k = 0; k < 1000 + i; k++) work(k);
	}
	getchar();
	return 0;
}
""")
    p = tl.start([prog], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 text=True)
    p.stdout.readline()
    s = tl.Session("count", p.pid, "work by comm")
    p.communicate("xx", timeout=30)
    out, _ = s.p.communicate(timeout=20)
    rows = [json.loads(x) for x in out.splitlines()]
    tl.check_eq({r["key"]: r["hits"] for r in rows if "key" in r},
                {"first": 2002, "second": 1001, "4": 1003}, "names")


@tl.case
def threads_that_come_one_after_the_other_have_their_own_numbers():
    rows, said = run("trace", "threads", "whose mine=$arg1:u64 t=tid")
    tl.check_eq(len(rows) - 1, 2 * len(said), "events")
    want = sorted(2 * [int(x) for x in said])
    tl.check_eq(sorted(e["args"]["mine"] for e in rows[:-1]), want, "numbers")
    for e in rows[:-1]:
        tl.check_eq([e["tid"], e["args"]["t"]], 2 * [e["args"]["mine"]], "whose")


@tl.case
def one_thread_is_looked_at_alone():
    for verb, probe, want in (("count", "work", 700), ("time", "work", 700),
                              ("count", "work%return if $arg1 > 9", 690)):
        p = tl.start([program(), "two"], stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE, text=True)
        tids = [int(p.stdout.readline()) for _ in range(2)]
        other = next(t for t in tids if t != p.pid)
        out = os.path.join(tl.tempdir(), "rows")
        said = os.path.join(tl.tempdir(), "said")
        with open(said, "w", encoding="utf-8") as f:
            t = tl.start([tl.TRAPLINE, verb, "-v", "--json", "-o", out, "-p",
                          str(p.pid), "-t", str(other), probe], stderr=f)
        def words():
            with open(said, encoding="utf-8") as f:
                return f.read()
        tl.wait_for(lambda: "attached to process" in words(), 30, "armed")
        p.communicate("xx", timeout=30)
        tl.check_eq(t.wait(timeout=30), 0, words())
        with open(out, encoding="utf-8") as f:
            row = json.loads(f.readline())
        tl.check_eq(row["calls" if verb == "time" else "hits"], want, probe)


# What a hit leaves on a stack is still there while a thread sleeps.
SLEEPERS = r"""
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((noinline)) long serve(long *job)
{
	asm volatile("nop; nop; nop; nop; nop" : "+r"(job) : : "memory");
	return ++*job;
}
static void *run(void *arg)
{
	long job = 0;

	for (;;) {
		serve(&job);
		usleep(2000);
	}
	return arg;
}
int main(void)
{
	pthread_t t;

	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, run, NULL);
	puts("ready");
	fflush(stdout);
	pause();
}
"""


@tl.case
def a_session_after_another_finds_nothing_of_it_in_the_way():
    prog = os.path.join(tl.tempdir(), "sleepers")
    tl.compile_to(prog, SLEEPERS, "-pthread")
    p = tl.start([prog], stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    for verb, probe in [("count", "serve by tid"), ("trace", "serve $arg1"),
                        ("stack", "serve"), ("trace", "serve%return"),
                        ("time", "serve"), ("count", "serve")] * 2:
        r = tl.trapline(verb, "-p", p.pid, "-d", "50ms", probe)
        tl.check_eq(r.returncode, 0, f"{verb} {probe}: {r.stderr}")


if __name__ == "__main__":
    tl.main()

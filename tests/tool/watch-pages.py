#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""watch-pages.py - `trapline watch` by page protection

For what the four debug registers have no room for.  The program counts its own
changes and checks what its system calls say: the number of events is the
counters' difference, the values follow each other, no call fails, and afterwards the
mappings are what they were, also when the command was killed.
"""
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
import watching  # noqa: E402
from tl import case, check, check_eq, wait_for  # noqa: E402
from watching import refused  # noqa: E402

PROGRAM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <immintrin.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#define PAGE 4096
#define ADD(v) __atomic_fetch_add(&(v), 1, __ATOMIC_SEQ_CST)
#define LEAF __attribute__((noinline))
unsigned long counter = 5;			/* .data */
unsigned long other __attribute__((aligned(64)));
/* Twenty variables, spread over pages, two of them in one word, one straddling. */
struct { unsigned long a[8]; char gap[PAGE]; unsigned int b[8]; char gap2[PAGE];
	 unsigned long c[4]; } v __attribute__((aligned(PAGE)));
struct { char gap[PAGE - 3]; unsigned long across; } __attribute__((packed, aligned(PAGE))) far;
char buffer[256] __attribute__((aligned(64)));
char wide[3 * PAGE] __attribute__((aligned(PAGE)));
unsigned long seen[16];
unsigned long *page, *shared, *huge;
static int wrong;
static volatile int stop;
LEAF void add_one(void) { ADD(counter); }
static void *adds(void *arg) { for (long i = 0; i < (long)arg; i++) add_one(); return NULL; }
static void *twenty(void *arg)
{
	for (long i = 0; i < (long)arg; i++) {
		for (int k = 0; k < 8; k++) { ADD(v.a[k]); ADD(v.b[k]); }
		for (int k = 0; k < 4; k++) ADD(v.c[k]);
	}
	return NULL;
}
/* System calls and instructions of several threads, on one page. */
static int next_one;
static void *mixed(void *arg)
{
	int me = __atomic_fetch_add(&next_one, 1, __ATOMIC_SEQ_CST) % 4, p[2];
	unsigned long start = v.a[me];
	if (pipe(p)) exit(1);
	for (unsigned long i = 1; i <= (unsigned long)arg; i++) {
		unsigned long x = start + i;
		if (write(p[1], &x, 8) != 8 || read(p[0], &v.a[me], 8) != 8 || v.a[me] != x) wrong++;
		ADD(v.a[4 + me]);
		ADD(v.a[7]);
	}
	close(p[0]); close(p[1]);
	return NULL;
}
static void in_threads(void *(*f)(void *), long n)
{
	pthread_t t[4];
	for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, f, (void *)n);
	for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
}
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
/* Sleepers, who notice whatever disturbs them. */
static long sleeps;
static void check_time(double from, double least) { double t = now() - from; if (t < least - 0.001 || t > least + 3) wrong++; }
static void *by_epoll(void *arg)
{
	int e = epoll_create1(0);
	struct epoll_event ev;
	while (!stop) { double t = now(); if (epoll_wait(e, &ev, 1, 50)) wrong++; check_time(t, 0.05); ADD(sleeps); }
	return arg;
}
static void *by_poll(void *arg)
{
	while (!stop) { double t = now(); if (poll(NULL, 0, 30)) wrong++; check_time(t, 0.03); ADD(sleeps); }
	return arg;
}
static void *by_nanosleep(void *arg)
{
	while (!stop) { double t = now(); if (usleep(20000)) wrong++; check_time(t, 0.02); ADD(sleeps); }
	return arg;
}
static void *by_signal(void *arg)
{
	sigset_t s;
	struct timespec d = { 0, 40000000 };
	sigemptyset(&s); sigaddset(&s, SIGUSR2);
	while (!stop) { double t = now(); if (sigtimedwait(&s, NULL, &d) >= 0 || errno != EAGAIN) wrong++; check_time(t, 0.04); ADD(sleeps); }
	return arg;
}
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static void *by_futex(void *arg)
{
	pthread_mutex_lock(&lock);
	while (!stop) pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	return arg;
}
static void sleepers(long n)
{
	void *(*f[])(void *) = { by_epoll, by_poll, by_nanosleep, by_signal, by_futex };
	pthread_t t[5];
	double end = now() + n * 0.001;
	for (int i = 0; i < 5; i++) pthread_create(&t[i], NULL, f[i], NULL);
	while (now() < end) { add_one(); for (volatile int i = 0; i < 2000; i++); }
	pthread_mutex_lock(&lock); stop = 1; pthread_cond_broadcast(&cond); pthread_mutex_unlock(&lock);
	for (int i = 0; i < 5; i++) pthread_join(t[i], NULL);
	if (sleeps < 10) wrong++;
}
static volatile long alarms;
static void on_alarm(int sig) { (void)sig; int e = errno; ADD(counter); alarms++; errno = e; }
static void calls(long n)
{
	int p[2], f = memfd_create("x", 0);
	struct iovec iov[2] = { { wide, 10 }, { buffer + 100, 10 } };
	if (pipe(p) || write(f, "abcdefghijklmnopqrstuvwxyz", 26) != 26) exit(1);
	for (long i = 0; i < n; i++) {
		unsigned long x = 1000 + i;
		struct timespec t;
		if (write(p[1], &x, 8) != 8 || read(p[0], &other, 8) != 8 || other != x) wrong++;
		if (pread(f, buffer, 26, 0) != 26 || memcmp(buffer, "abcdefghij", 10)) wrong++;
		memset(buffer, 0, 26);
		if (preadv(f, iov, 2, 0) != 20 || memcmp(buffer + 100, "klmnopqrst", 10)) wrong++;
		if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, (void *)(buffer + 64))) wrong++;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
		if (pread(f, wide + PAGE - 5, 26, 0) != 26 || memcmp(wide + PAGE - 5, "abcdefghijklmnopqrstuvwxyz", 26)) wrong++;
	}
	close(p[0]); close(p[1]); close(f);
}
static void kinds(long n)
{
	for (long i = 0; i < n; i++) {
		__m128i x = _mm_set_epi64x(i + 1, i + 2);
		_mm_storeu_si128((__m128i *)(wide + 16), x);			/* a vector */
		char *to = wide + 100;
		long five = 5;
		__asm__ volatile("rep stosb" : "+D"(to), "+c"(five) : "a"(i + 3) : "memory");
		long x1 = i;
		__asm__ volatile("xchgq %0, %1" : "+m"(v.a[0]), "+r"(x1) : : "memory");
		__asm__ volatile("lock cmpxchgq %1, %0" : "+m"(v.a[0]) : "r"(i + 7), "a"(i) : "memory");
		__asm__ volatile("movb $7, %0" : "=m"(v.a[1]));			/* the same, mostly */
		__asm__ volatile("lock incq %0; adcq $0, %0; rolq $3, %0" : "+m"(v.a[2]));
		__asm__ volatile("movq %%rsp, %%rax; leaq 64(%1), %%rsp; pushfq; movq %%rax, %%rsp" : : "r"(0), "r"(wide) : "rax", "memory");
		if (((unsigned long *)wide)[7] & 0x100) wrong++;		/* no trace of a step */
	}
}
int main(void)
{
	char word[64];
	long n;
	page = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	signal(SIGALRM, on_alarm);
	printf("ready %lx %lx %lx\n", (long)page, (long)shared, (long)&n);
	fflush(stdout);
	while (scanf("%63s %ld", word, &n) == 2) {
		if (!strcmp(word, "add")) adds((void *)n);
		else if (!strcmp(word, "threads")) in_threads(adds, n);
		else if (!strcmp(word, "twenty")) in_threads(twenty, n);
		else if (!strcmp(word, "mixed")) in_threads(mixed, n);
		else if (!strcmp(word, "across")) while (n--) ADD(far.across);
		else if (!strcmp(word, "sleepers")) sleepers(n);
		else if (!strcmp(word, "calls")) calls(n);
		else if (!strcmp(word, "kinds")) kinds(n);
		else if (!strcmp(word, "reads")) while (n--) { ADD(other); seen[0] += *(volatile unsigned long *)&other; }
		else if (!strcmp(word, "index")) { wide[n]++; buffer[n % 256] = n; }
		else if (!strcmp(word, "page")) while (n--) page[n % 8]++;
		else if (!strcmp(word, "alarms")) {
			struct itimerval t = { { 0, 2000 }, { 0, 2000 } }, off = { 0 };
			setitimer(ITIMER_REAL, &t, NULL);
			adds((void *)n);
			setitimer(ITIMER_REAL, &off, NULL);
			counter -= 0;
		} else if (!strcmp(word, "fork")) {
			for (long i = 0; i < n; i++) {
				pid_t c = fork();
				int st;
				unsigned long was = counter;
				if (!c) { for (int k = 0; k < 100; k++) counter++; _exit(counter != was + 100); }
				add_one();
				if (waitpid(c, &st, 0) != c || st) wrong++;
			}
		} else if (!strcmp(word, "spawn")) {
			for (long i = 0; i < n; i++) {
				char *argv[] = { "true", NULL };
				pid_t c;
				int st;
				if (posix_spawnp(&c, "true", NULL, NULL, argv, environ) || waitpid(c, &st, 0) != c || st) wrong++;
				add_one();
				c = vfork();
				if (!c) { counter++; _exit(3); }
				if (waitpid(c, &st, 0) != c || WEXITSTATUS(st) != 3) wrong++;
			}
		} else if (!strcmp(word, "huge")) {
			char *at = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			huge = (unsigned long *)(((uintptr_t)at + (2 << 20) - 1) & -(2ul << 20));
			madvise(huge, 2 << 20, MADV_HUGEPAGE);
			memset(huge, 0, 2 << 20);
			printf("%lu 0 0\n", (long)huge + 4096); fflush(stdout); continue;
		} else if (!strcmp(word, "touch")) while (n--) { ADD(huge[512]); ADD(huge[512 + 1025]); ADD(huge[3000]); }
		else if (!strcmp(word, "unmap")) munmap(page, PAGE);
		else if (!strcmp(word, "move")) { void *to = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			unsigned long was = page[0]; page = mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
			if (page[0] != was) wrong++; page[0]++; }
		else if (!strcmp(word, "discard")) { madvise(page, PAGE, MADV_DONTNEED); if (page[0]) wrong++; page[0]++; }
		else if (!strcmp(word, "exec")) execl("/bin/sleep", "sleep", "30", NULL);
		printf("%lu %d %ld\n", counter, wrong, alarms);
		fflush(stdout);
	}
	return 0;
}
"""

_program = []


def program():
    if not _program:
        d = tl.tempdir()
        tl._dirs.remove(d)  # for all cases
        source = os.path.join(d, "paged.c")
        with open(source, "w", encoding="ascii") as f:
            f.write(PROGRAM)
        subprocess.run(["gcc", "-pthread", "-O1", "-g", "-o", d + "/paged",
                        source], check=True)
        _program.append(d + "/paged")
    return _program[0]


class Paged:
    """The program, which does as it is told."""

    def __init__(self, **kw):
        self.p = tl.start([program()], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, **kw)
        self.pid = self.p.pid
        words = self.p.stdout.readline().split()
        check_eq(words[0], "ready", "start")
        self.page, self.shared, self.stack = (int(x, 16) for x in words[1:])
        self.before = self.maps()
        self.alarms = 0

    def maps(self):
        # The heap and the stacks of threads grow by themselves.
        return [x for x in tl.maps(self.pid).splitlines() if "/paged" in x
                or "[heap]" in x]

    def begin(self, word, n=1):
        self.p.stdin.write(f"{word} {n}\n")
        self.p.stdin.flush()

    def answer(self):
        line = self.p.stdout.readline()
        check(line, f"the program ended: {line or self.p.wait(10)}")
        count, wrong, self.alarms = map(int, line.split())
        check_eq(wrong, 0, "what the program has found wrong")
        return count

    def tell(self, word, n=1):
        """The counter afterwards."""
        self.begin(word, n)
        return self.answer()

    def read(self, name, fmt="Q"):
        out = subprocess.run(["nm", program()], capture_output=True, text=True,
                             check=True).stdout
        at = int(re.search(rf"^(\w+) \w {name}$", out, re.M)[1], 16)
        base = int(self.before[0].split("-")[0], 16)
        with open(f"/proc/{self.pid}/mem", "rb") as f:
            f.seek(base + at)
            return struct.unpack(fmt, f.read(struct.calcsize(fmt)))

    def check_untouched(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            check("TracerPid:\t0" in f.read(), "it is traced")
        check_eq(self.maps(), self.before, "mappings")
        with open(f"/proc/{self.pid}/smaps", encoding="utf-8") as f:
            for line in f:
                check(not (line.startswith("VmFlags") and " uw" in line),
                      "pages are protected")
        children = f"/proc/{self.pid}/task/{self.pid}/children"
        with open(children, encoding="ascii") as f:
            check_eq(f.read(), "", "children")


    def wait_until_untouched(self):
        """The keeper lets go within two seconds, if it gets a CPU."""
        end = time.monotonic() + 8
        while True:
            try:
                self.check_untouched()
                break
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)


class Watch(watching.Watch):
    usual = ("--pages",)
    exact = True


def of(rows, name):
    return [r for r in rows if r["variable"] == name]


def check_chain(rows, first, by=1):
    for i, r in enumerate(rows):
        check_eq(r["old"], first + i * by, f"old value of event {i}")
        check_eq(r["new"], first + (i + 1) * by, f"new value of event {i}")


@case
def every_change_is_seen_with_its_values_and_its_writer():
    p = Paged()
    first = p.tell("add", 5)
    s = Watch(p.pid, "counter")
    p.tell("threads", 400)
    last = p.tell("add", 200)
    rows = s.stop()
    check_eq(len(rows), last - first, "events")
    check_chain(rows, first)
    by = {}
    for r in rows:
        by[r["tid"]] = by.get(r["tid"], 0) + 1
        check(r["symbol"].startswith("add"), f"writer {r['symbol']}")
        check(r["certain"], "uncertain")
        check(re.search(r"paged\.c:\d+$", r["line"]), "line")
    check_eq(sorted(by.values()), [200, 400, 400, 400, 400], "of each thread")
    check_eq(s.summary["registers"], 0, "registers")
    check(s.summary["page_faults"] >= len(rows), "cost")
    p.check_untouched()
    check_eq(p.tell("threads", 50), last + 200, "afterwards")


@case
def twenty_watches_at_once_are_all_exact():
    p = Paged()
    names = [f"v.a[{i}]" for i in range(8)] + [f"v.b[{i}]" for i in range(8)] \
        + [f"v.c[{i}]" for i in range(4)]
    for options in ((), ("--pages",)):
        first = p.read("v", "8Q4096x8I4096x4Q")
        s = Watch(p.pid, *names, options=options)
        p.tell("twenty", 25)
        rows = s.stop()
        last = p.read("v", "8Q4096x8I4096x4Q")
        check_eq(s.summary["registers"], 0 if options else 4, "registers")
        check_eq(len(rows), 20 * 100, "events")
        for i, n in enumerate(names):
            mine = of(rows, n)
            check_eq(len(mine), last[i] - first[i], f"changes of {n}")
            check_chain(mine, first[i])
        for a, b in zip(rows, rows[1:]):
            check(a["time_ns"] <= b["time_ns"], f"out of order: {a}, {b}")
        # As each thread did it, be it seen by registers or by pages.
        written = [n for pair in zip(names[:8], names[8:16]) for n in pair] \
            + names[16:]
        for tid in {r["tid"] for r in rows}:
            check_eq([r["variable"] for r in rows if r["tid"] == tid],
                     written * 25, f"order of thread {tid}")
        p.check_untouched()


@case
def status_tells_of_it_and_of_its_cost():
    p = Paged()
    s = Watch(p.pid, "v.a[0]:rw", "counter", "far.across", "wide",
              options=())
    p.tell("across", 20)
    rows = tl.status(p.pid)
    check_eq(len(rows), 1, "rows")
    w = rows[0]["watch"]
    check_eq((w["places"], w["pages"], w["page_hits"]), (2, 5, 20), "of pages")
    check(w["page_faults"] >= 20 and w["page_ns"] > 20000, f"{w}")
    text = tl.trapline("status", "-p", p.pid).stdout
    check(re.search(r"watched by process \d+: 2 places, 0 by registers, the "
                    r"others on 5 protected pages: \d+ writes", text), text)
    s.stop()
    check_eq(tl.status(p.pid), [], "afterwards")


@case
def a_variable_that_straddles_two_pages():
    p = Paged()
    s = Watch(p.pid, "far.across", options=())
    p.tell("across", 300)
    rows = s.stop()
    check_eq(len(rows), 300, "events")
    check_chain(rows, 0)
    p.check_untouched()


@case
def ranges_tell_which_part():
    p = Paged()
    s = Watch(p.pid, "wide", "buffer:200", options=())
    for n in (0, 17, 4095, 4096, 8200, 12287):
        p.tell("index", n)
    rows = s.stop()
    check_eq([int(r["address"], 16) - int(rows[0]["address"], 16)
              for r in of(rows, "wide")], [0, 17, 4095, 4096, 8200, 12287],
             "places")
    check(all(r["length"] == 1 and (r["old"], r["new"]) == (0, 1)
              for r in of(rows, "wide")), "values")
    # 8200 % 256 is 8, and the others are behind the 200 bytes.
    check_eq([r["new"] for r in of(rows, "buffer")], [0, 17, 0, 8],
             "the other range")
    p.check_untouched()


@case
def each_kind_of_instruction():
    p = Paged()
    s = Watch(p.pid, "wide:64", "wide+100:5", "v.a[0]", "v.a[1]", "v.a[2]")
    p.tell("kinds", 20)
    rows = s.stop()
    vector = [r for r in of(rows, "wide") if r["length"] == 16]
    check_eq([r["new"] for r in vector],
             [struct.pack("<QQ", i + 2, i + 1).hex() for i in range(20)],
             "vector stores")
    check_eq(len(of(rows, "wide")), 40, "and the flags")
    check_eq([r["new"].to_bytes(5, "little") for r in of(rows, "wide+100")],
             [bytes([i + 3] * k + [i + 2 if i else 0] * (5 - k))
              for i in range(20) for k in range(1, 6)], "string stores")
    check_eq([r["new"] for r in of(rows, "v.a[0]")],
             [x for i in range(20) for x in (i, i + 7)], "exchanges")
    check_eq([r["new"] for r in of(rows, "v.a[1]")], [7] * 20, "bytes")
    x, want = 0, []
    for _ in range(20):
        a = (x + 1) % 2**64
        b = a
        c = (b << 3 | b >> 61) % 2**64
        want += [a, b, c]
        x = c
    check_eq([r["new"] for r in of(rows, "v.a[2]")], want, "arithmetic")
    p.check_untouched()


def perf_is_allowed(pid):
    s = Watch(pid, "other", options=())
    s.stop()
    return "perf events are not allowed" not in s.errors()


@case
def a_breakpoint_of_somebody_elses_misses_no_store():
    """Stores are carried out for their threads, but not beside such a one."""
    p = Paged()
    first = p.tell("add", 5)
    s = Watch(p.pid, "counter")
    p.tell("threads", 50)
    rows = s.stop()
    check_eq(len(rows), 200, "events")
    check_chain(rows, first)
    check(s.summary["page_carried"] >= 200, f"{s.summary}")
    if not perf_is_allowed(p.pid):
        tl.note("no perf events")
        return
    for pages_first in (True, False):
        first = p.tell("add", 5)
        pair = [None, None]
        for i in ((1, 0) if pages_first else (0, 1)):
            pair[i] = Watch(p.pid, "counter",
                            options=("--pages",) if i else ())
        p.tell("threads", 50)
        for s in pair:
            rows = s.stop()
            check_eq(len(rows), 200, "events")
            check_chain(rows, first)
        check_eq(s.summary["page_carried"], 0, f"{s.summary}")
    # One that begins in the midst of it.
    pages = Watch(p.pid, "counter")
    p.begin("add", 12000)
    s = Watch(p.pid, "counter", options=())
    last = p.answer()
    rows = s.stop()
    if rows:
        check_chain(rows, rows[0]["old"])
        check_eq(rows[-1]["new"], last, "its last value")
    check_eq(len(pages.stop()), 12000, "events")
    # A command's own registers and pages go together.
    was = p.read("v", "8Q4096x8I4096x4Q")
    s = Watch(p.pid, "v.a[0]", "v.a[1]", "v.a[2]", "v.a[3]", "v.a[4]",
              options=())
    p.tell("twenty", 5)
    rows = s.stop()
    for i in range(5):
        mine = of(rows, f"v.a[{i}]")
        check_eq(len(mine), 20, f"changes of v.a[{i}]")
        check_chain(mine, was[i])
    check(s.summary["page_carried"] >= 20, f"{s.summary}")
    check_eq(s.summary["registers"], 4, f"{s.summary}")
    p.check_untouched()


@case
def system_calls_that_write_the_page_do_not_fail():
    p = Paged()
    s = Watch(p.pid, "other", "buffer", "wide:8192")
    p.tell("calls", 30)
    rows = s.stop()
    mine = of(rows, "other")
    check_eq([r["new"] for r in mine], list(range(1000, 1030)), "values")
    check_eq([r["old"] for r in mine], [0] + list(range(1000, 1029)), "before")
    check_eq({r["symbol"] for r in mine}, {"[kernel]"}, "writers")
    check(len([r for r in of(rows, "buffer") if r["symbol"] == "[kernel]"])
          >= 90, "the buffer")
    check(of(rows, "wide"), "the range")
    p.check_untouched()


@case
def system_calls_and_instructions_of_several_threads():
    p = Paged()
    names = [f"v.a[{i}]" for i in range(8)]
    s = Watch(p.pid, *names)
    p.tell("mixed", 80)
    rows = s.stop()
    for i, n in enumerate(names):
        mine = of(rows, n)
        check_eq(len(mine), 400 if i == 7 else 80, f"events of {n}")
        check_chain(mine, 0)
        kernel = {r["symbol"] == "[kernel]" for r in mine}
        check_eq(kernel, {i < 4}, f"writers of {n}")
    p.check_untouched()


@case
def who_sleeps_is_not_disturbed():
    p = Paged()
    s = Watch(p.pid, "counter")
    first = p.read("counter")[0]
    last = p.tell("sleepers", 1500)
    rows = s.stop()
    check_eq(len(rows), last - first, "events")
    check_chain(rows, first)
    p.check_untouched()


@case
def signals_arrive():
    p = Paged()
    s = Watch(p.pid, "counter")
    first = p.read("counter")[0]
    last = p.tell("alarms", 3000)
    rows = s.stop()
    check(p.alarms > 5, f"{p.alarms} alarms")
    check_eq(len(of(rows, "counter")), last - first, "events")
    check_chain(rows, first)
    check_eq(last - first, 3000 + p.alarms, "changes")
    p.check_untouched()


@case
def children_are_not_watched_and_those_of_vfork_are():
    p = Paged()
    s = Watch(p.pid, "counter")
    first = p.read("counter")[0]
    middle = p.tell("fork", 20)
    last = p.tell("spawn", 10)
    rows = s.stop()
    check_eq(middle - first, 20, "the parent's")
    check_eq(last - middle, 20, "the parent's and its vfork children's")
    check_eq(len(rows), last - first, "events")
    check_chain(rows, first)
    p.check_untouched()


@case
def pages_that_go_away_are_told():
    for word, text in (("unmap", "unmapped"), ("move", "moved"),
                       ("discard", "given its page back")):
        p = Paged()
        first = p.tell("page", 8)
        s = Watch(p.pid, hex(p.page), "counter")
        p.tell("page", 8)
        p.tell("add", 5)
        p.tell(word)
        wait_for(lambda: text in s.errors(), 10, f"the note of {word}")
        p.tell("add", 7)
        rows = s.stop()
        check_chain(of(rows, "counter"), first)
        check_eq(len(of(rows, "counter")), 12, "the other")
        check_eq(len(rows), 13, "all")
        p.check_untouched()


@case
def a_killed_command_leaves_nothing():
    p = Paged()
    for n in range(8):
        s = Watch(p.pid, "counter", "wide", "v.a[1]")
        p.tell("add", 20)
        p.begin("threads", 400)
        time.sleep(0.01 * n)
        s.p.kill()
        s.p.wait()
        p.answer()

    p.wait_until_untouched()
    first = p.tell("add", 1)
    s = Watch(p.pid, "counter")
    p.tell("add", 10)
    check_chain(s.stop(), first)


def tracer_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"TracerPid:\t(\d+)", f.read())[1])


def kill_keeper(p, s):
    os.kill(tracer_of(p.pid), signal.SIGKILL)
    check_eq(s.p.wait(20), 1, "status")
    check("its keeper was killed" in s.errors(), s.errors())


@case
def a_killed_keeper_leaves_the_program_its_pages():
    """Also in the midst of it: stores that are carried out need nobody alive."""
    for n in range(10):
        p = Paged()
        s = Watch(p.pid, "counter", "wide")
        first = p.tell("add", 1)
        p.begin("threads", 1000)
        time.sleep(0.003 * n)
        kill_keeper(p, s)
        # The store that was just being made may be made once more.
        last = p.answer()
        check(0 <= last - (first + 4000) <= 1, f"{first} and 4000: {last}")
        check_eq(p.tell("add", 5), last + 5, "afterwards")
        check_eq(tracer_of(p.pid), 0, "traced")
        with open(f"/proc/{p.pid}/smaps", encoding="utf-8") as f:
            check(" uw" not in "".join(x for x in f if x[:7] == "VmFlags"),
                  "pages are protected")
        s = Watch(p.pid, "counter")
        check_eq(p.tell("add", 5), last + 10, "once more")
        check_chain(s.stop(), last + 5)


@case
def commands_that_begin_in_the_same_moment_do_no_harm():
    """One that traces and one that watches: at most one is refused, and says why."""
    p = Paged()
    for i in range(16):
        commands = [("count", "-d", "0.1", "add_one"),
                    ("watch", "-q", "--pages", "-d", "0.1", "counter")]
        if i % 2:
            commands.reverse()
        both = []
        for verb, *rest in commands:
            both.append(subprocess.Popen(
                [tl.TRAPLINE, verb, "-p", str(p.pid), *rest],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
            time.sleep(0.005 * (i // 2))
        p.tell("threads", 20)
        said = [b.communicate(timeout=60)[1] for b in both]
        status = [b.returncode for b in both]
        check(status in ([0, 0], [0, 1], [1, 0]), f"{status}: {said}")
        for text in (x for x, s in zip(said, status) if s):
            check(re.search(r"nobody else can attach until|another trapline is "
                            r"attached", text), text)
        p.tell("threads", 5)
        p.wait_until_untouched()


@case
def a_command_is_watched_from_its_beginning():
    file = os.path.join(tl.tempdir(), "rows")
    r = subprocess.run([tl.TRAPLINE, "watch", "--pages", "--json", "-o", file,
                        "counter", "wide", "--", program()],
                       input="add 7\nthreads 20\nindex 9\n",
                       capture_output=True, text=True, timeout=60)
    if "unprivileged_userfaultfd" in r.stderr:
        raise tl.Skip("users may not protect pages here")
    check_eq(r.returncode, 0, r.stderr)
    with open(file, encoding="utf-8") as f:
        rows = [json.loads(x) for x in f]
    check_chain([x for x in rows if x.get("variable") == "counter"], 5)
    check_eq(len(rows), 7 + 80 + 1 + 1, "rows and summary")


@case
def its_end_and_another_program_end_it():
    p = Paged()
    s = Watch(p.pid, "counter")
    p.tell("add", 5)
    p.p.stdin.close()
    check_eq(s.p.wait(20), 0, "status")
    check("ended" in s.errors(), s.errors())
    check_eq(len(s.rows()), 6, "rows and summary")
    p = Paged()
    s = Watch(p.pid, "counter")
    p.tell("add", 5)
    p.begin("exec")
    check_eq(s.p.wait(20), 0, "status")
    check("another program" in s.errors(), s.errors())
    with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
        check("TracerPid:\t0" in f.read(), "it is traced")
    p.p.kill()


@case
def what_cannot_be_watched_is_refused_with_its_reason():
    p = Paged()
    refused(p.pid, 1, "shared memory", "--pages", hex(p.shared))
    refused(p.pid, 1, "on the stack", "--pages", hex(p.stack))
    refused(p.pid, 1, "only writes are watched", "buffer:100:rw")
    refused(p.pid, 1, "four debug registers", *[f"v.a[{i}]:rw" for i in range(5)])
    refused(p.pid, 1, "from 1 to", "wide:100000")
    s = Watch(p.pid, "counter")
    refused(p.pid, 1, "another .trapline watch", "--pages", "other")
    r = tl.trapline("count", "-p", p.pid, "-d", "1", "add_one")
    check_eq(r.returncode, 1, r.stderr)
    check("watched by a 'trapline watch' (pid " in r.stderr, r.stderr)
    s.stop()
    p.check_untouched()


@case
def taken_registers_are_done_without():
    p = Paged()
    a = Watch(p.pid, "v.a[0]", "v.a[1]", "v.a[2]", options=())
    first = p.read("counter")[0]
    b = Watch(p.pid, "counter", "v.a[5]", "v.a[6]", options=())
    p.tell("add", 50)
    p.tell("twenty", 10)
    rows = b.stop()
    check_eq(b.summary["registers"], 1, "registers of the second")
    check_chain(of(rows, "counter"), first)
    check_eq([len(of(rows, x)) for x in ("counter", "v.a[5]", "v.a[6]")],
             [50, 40, 40], "events of the second")
    rows = a.stop()
    check_eq(len(rows), 120, "events of the first")
    p.check_untouched()


# A kernel that allows no perf events, as Debian's does by default: EACCES.
NO_PERF = r"""
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { 4, f };
	if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p))
		return 125;
	execv(argv[1], argv + 1);
	return 126;
}
"""



@case
def root_watches_the_pages_of_somebody_else():
    if os.geteuid() or not os.path.exists("/dev/userfaultfd"):
        raise tl.Skip("root only, from Linux 6.1 on")
    os.chmod(os.path.dirname(program()), 0o755)
    p = Paged(user=65534, group=65534, extra_groups=[])
    files = os.listdir(f"/proc/{p.pid}/fd")
    first = p.read("counter")[0]
    s = Watch(p.pid, "counter", "other")
    last = p.tell("threads", 50)
    p.tell("calls", 5)
    rows = s.stop()
    check_eq(len(of(rows, "counter")), last - first, "events")
    check_chain(of(rows, "counter"), first)
    check_eq([r["new"] for r in of(rows, "other")],
             [1000, 1001, 1002, 1003, 1004], "by system calls")
    p.check_untouched()
    check_eq(os.listdir(f"/proc/{p.pid}/fd"), files, "descriptors")


@case
def a_huge_page_is_watched_in_part():
    p = Paged()
    at = p.tell("huge")
    s = Watch(p.pid, hex(at), hex(at + 8200), options=("--pages",))
    p.tell("touch", 50)
    rows = s.stop()
    check_eq(len(rows), 100, "events")
    for a in (at, at + 8200):
        mine = [r for r in rows if int(r["address"], 16) == a]
        check_chain(mine, 0)
    p.check_untouched()


@case
def a_stopped_process_stays_so():
    p = Paged()
    s = Watch(p.pid, "counter")
    first = p.tell("add", 5)
    os.kill(p.pid, signal.SIGSTOP)

    def stopped():
        with open(f"/proc/{p.pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "tT"

    wait_for(stopped, 10, "it is stopped")
    p.begin("add", 7)
    time.sleep(0.1)
    check_eq(p.read("counter")[0], first, "the counter of a stopped process")
    os.kill(p.pid, signal.SIGCONT)
    check_eq(p.answer(), first + 7, "and when it goes on")
    rows = s.stop()
    check_chain(rows, first - 5)
    check_eq(len(rows), 12, "events")
    p.check_untouched()


def watch_target(name, *what, cases=()):
    """A target checks itself; how many writes were seen, and what was said."""
    t = tl.Target(name, *cases)
    before = tl.footprint(t.pid)
    s = Watch(t.pid, *what)
    time.sleep(1.5)
    rows = s.stop()
    # That one changes its actions and masks all the time.
    tl.check_clean(t.pid, None if name == "sigs" else before)
    t.quit()
    return len(rows), s


@case
def programs_that_use_sigtrap_themselves_keep_it():
    # But for the case that ignores it, which may be refused.
    n, s = watch_target("sigs", "turn", "seen", cases=(
        "handler", "onstack", "nodefer", "resethand", "action", "mask",
        "full_mask", "wait"))
    check(n > 50, f"{n} writes; {s.errors()}")


@case
def three_hundred_sleepers_see_no_eintr():
    watch_target("threads300", "counters")


@case
def a_restartable_sequence_is_let_have_its_page():
    n, s = watch_target("rseq", "per_cpu:4096")
    check(n > 0, "nothing was seen")
    # Its store is to be made on the CPU that it has read, or not at all.
    check_eq(s.summary["page_carried"], 0, "carried out")
    if "restartable" not in s.errors():
        tl.note("no restartable sequences here")


@case
def where_perf_is_not_allowed_registers_are_had_by_tracing():
    nobody = {} if os.geteuid() else {"user": 65534, "group": 65534,
                                      "extra_groups": []}
    os.chmod(os.path.dirname(program()), 0o755)
    no_perf = os.path.join(os.path.dirname(program()), "no_perf")
    tl.compile_to(no_perf, NO_PERF)
    p = Paged(**nobody)
    first = p.tell("add", 5)
    s = Watch(p.pid, "counter", "other:rw", "add_one:x", options=(),
              through=(no_perf,), **nobody)
    check("perf events are not allowed" in s.errors(), s.errors())
    p.tell("threads", 100)
    last = p.tell("add", 50)
    p.tell("reads", 5)
    rows = s.stop()
    mine = of(rows, "counter")
    check_eq(len(mine), last - first, "events")
    check_chain(mine, first)
    for r in mine:
        check(r["symbol"].startswith("add_one"), f"writer {r['symbol']}")
        check(r["certain"], "uncertain")
    check_eq([(r["access"], r["old"], r["new"]) for r in of(rows, "other")],
             [x for i in range(5) for x in (("write", i, i + 1),
                                            ("read", i + 1, i + 1))],
             "reads and writes")
    check_eq(len(of(rows, "add_one")), 450, "executions")
    p.check_untouched()
    # The registers are free, and nobody dies of them.
    p.tell("threads", 50)
    # Killed in the midst of it.
    for n in range(5):
        s = Watch(p.pid, "counter", options=(), through=(no_perf,), **nobody)
        p.begin("threads", 200)
        time.sleep(0.01 * n)
        s.p.kill()
        s.p.wait()
        p.answer()
        p.wait_until_untouched()
    p.tell("threads", 50)
    # Its keeper killed, by whom the registers were set: they are cleared.
    for _ in range(3):
        s = Watch(p.pid, "counter", options=(), through=(no_perf,), **nobody)
        p.tell("add", 3)
        kill_keeper(p, s)
        p.tell("threads", 5)
    # What registers have no room for wants more rights than that.
    r = subprocess.run([tl.TRAPLINE, "watch", "-p", str(p.pid), "wide:64"],
                       capture_output=True, text=True, timeout=60, **nobody)
    if r.returncode != 1 or "unprivileged_userfaultfd" not in r.stderr:
        with open("/proc/sys/vm/unprivileged_userfaultfd",
                  encoding="ascii") as f:
            check_eq(f.read(), "1\n", f"refused: {r.stderr}")


if __name__ == "__main__":
    tl.main()

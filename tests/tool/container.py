#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""container.py - a process with a root, and process numbers, of its own

It is probed from outside: by its number there, with names from the files that it
sees, not from those of the same path that we see.
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

PROGRAM = r"""
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
int inside(int a);
volatile long turns;
__attribute__((noinline)) int mine(int a) { return inside(a) + 1; }
static void *loop(void *arg)
{
	for (int i = 0;; i++) {
		mine(i);
		turns++;
		usleep(2000);
	}
	return arg;
}
int main(void)
{
	pthread_t t;

	pthread_create(&t, 0, loop, 0);
	printf("ready %d\n", getpid());
	fflush(stdout);
	pthread_join(t, 0);
	return 0;
}
"""
LIBRARY = r"""
__attribute__((noinline)) int %s(int a)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop" : "+r"(a));
	return a * 2;
}
"""


def run(*args):
    return subprocess.run([tl.TRAPLINE, *map(str, args)], capture_output=True,
                          text=True, timeout=60)


def rows(*args):
    r = run(*args)
    tl.check_eq(r.returncode, 0, f"{args}: {r.stderr}")
    return [json.loads(x) for x in r.stdout.splitlines()]


def start():
    """The program in a root of its own; its number out here."""
    if os.getuid() != 0:
        raise tl.Skip("namespaces and chroot need root")
    root = tl.tempdir()
    lib = os.path.join(root, "libplace.so")
    prog = os.path.join(root, "prog")
    tl.compile_to(lib, LIBRARY % "inside", "-g", "-shared", "-fPIC")
    tl.compile_to(prog, PROGRAM, "-g", "-Wl," + lib, "-Wl,-rpath," + root,
                  "-pthread")
    needs = re.findall(r"(/\S+) \(0x", subprocess.run(
        ["ldd", prog], check=True, capture_output=True, text=True).stdout)
    for path in {*needs, prog}:
        to = root + path
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copy(path, to)
    # Out here that path is something else.
    tl.compile_to(lib, LIBRARY % "outside", "-g", "-shared", "-fPIC")
    os.unlink(prog)
    os.mkdir(os.path.join(root, "proc"))
    p = tl.start(["unshare", "-mpf", f"--mount-proc={root}/proc", "chroot",
                  root, prog], text=True, stdout=subprocess.PIPE,
                 stderr=subprocess.DEVNULL)
    tl.check_eq(p.stdout.readline(), "ready 1\n", "its own number")
    with open(f"/proc/{p.pid}/task/{p.pid}/children", encoding="ascii") as f:
        return int(f.read().split()[0])


def end(pid):
    tl.check_clean(pid)
    os.kill(pid, 9)


@tl.case
def names_are_those_of_the_files_that_it_sees():
    pid = start()
    names = [x["function"] for x in rows("list", "-p", pid, "--json",
                                         "libplace:*side")]
    tl.check_eq(names, ["inside"], "of its library")
    out = rows("list", "-p", pid, "--json", "mine")
    tl.check_eq(out[0]["prototype"], "int mine(int a)", "debug information")
    lines = rows("list", "-p", pid, "--json", "--lines", "libplace:inside")
    tl.check(lines, "and its lines")
    end(pid)


@tl.case
def its_calls_are_counted_traced_and_named():
    pid = start()
    got = rows("count", "-p", pid, "--json", "-d", "1", "mine", "inside")
    tl.check_eq([x["kind"] for x in got], ["jump"] * 2, "kinds")
    tl.check(all(x["hits"] > 20 for x in got), f"{got}")
    got = rows("trace", "-p", pid, "--json", "-n", "5",
               "inside%return a $retval")[:5]
    tl.check(all(int(x["args"]["retval"], 0) == 2 * x["args"]["a"]
                 for x in got), f"{got}")
    tl.check_eq({x["pid"] for x in got}, {pid}, "its number here")
    got = rows("stack", "-p", pid, "--json", "-d", "0.5", "inside")
    tl.check_eq(got[0]["frames"][:3], ["inside", "mine", "loop"], "callers")
    tl.check(any("start_thread" in f or "clone" in f
                 for f in got[0]["frames"]) or len(got[0]["frames"]) > 3,
             f"and those in the C library: {got[0]}")
    # Threads go by their numbers here as well.
    other = [t for t in map(int, os.listdir(f"/proc/{pid}/task"))
             if t != pid][0]
    got = rows("count", "-p", pid, "-t", other, "--json", "-d", "0.5", "mine")
    tl.check(got[0]["hits"] > 10, f"{got}")
    got = rows("count", "-p", pid, "-t", pid, "--json", "-d", "0.3", "mine")
    tl.check_eq(got[0]["hits"], 0, "of the thread that waits")
    end(pid)


@tl.case
def threads_have_the_numbers_that_they_know_themselves_by():
    pid = start()
    got = rows("trace", "-p", pid, "--json", "-n", "3", "mine a")[:3]
    own = {x["tid"] for x in got}
    here = [t for t in map(int, os.listdir(f"/proc/{pid}/task"))
            if t != pid][0]
    tl.check(len(own) == 1 and own != {here}, f"{own}, here {here}")
    for how in ([], ["--pages"]):
        got = rows("watch", "-p", pid, "--json", "-n", "5", "-t", here, *how,
                   "turns")[:5]
        tl.check_eq({x["tid"] for x in got}, own, f"watch {how}")
        got = rows("watch", "-p", pid, "--json", "-n", "2", *how, "--if",
                   f"tid == {list(own)[0]}", "turns")[:2]
        tl.check_eq({x["tid"] for x in got}, own, f"watch {how} --if")
    end(pid)


@tl.case
def what_would_be_probed_is_told_there_too():
    pid = start()
    got = rows("count", "-p", pid, "--json", "--dry-run", "inside", "mine")
    tl.check_eq([x["kind"] for x in got[:2]], ["jump"] * 2, "kinds")
    end(pid)


tl.main()

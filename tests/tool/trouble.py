#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 180
"""trouble.py - what goes wrong while the command is there is said in one line

A disk that is full, a debugger that comes later, a target that runs another program
or ends, and users who may not.
"""
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

DYN = os.path.join(tl.TARGETS, "dyn")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def run(*args, prefix=(), **kw):
    return subprocess.run([*prefix, tl.TRAPLINE, *map(str, args)],
                          capture_output=True, text=True, timeout=60, **kw)


def begin(*args):
    """A command that goes on, attached; its process."""
    p = tl.start([tl.TRAPLINE, *map(str, args)], text=True,
                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pid = args[args.index("-p") + 1]
    tl.wait_for(lambda: "kept by" in run("status", "-p", pid).stdout and
                " jump " in run("status", "-p", pid).stdout, 20, "attached")
    return p


def target(*args):
    p = tl.start([DYN, "-t", "2", "-r", "50", *args], text=True,
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    tl.check(p.stdout.readline().startswith("ready"), "the target is ready")
    return p


def one_line(r, *words):
    tl.check_eq(r.returncode, 1, f"status ({r.stderr})")
    tl.check_eq(r.stderr.count("\n"), 1, f"lines: {r.stderr}")
    for w in words:
        tl.check(w in r.stderr, f"no '{w}' in: {r.stderr}")


@tl.case
def full_disk_is_said_and_leaves_nothing_behind():
    if os.getuid() != 0:
        raise tl.Skip("mounts a file system")
    p = target()
    d = tl.tempdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", d],
                   check=True)
    try:
        for args in (["trace", "-o", d + "/a", "hot_*"],
                     ["trace", "--json", "-o", d + "/b", "hot_*"],
                     ["stack", "--format", "svg", "-o", d + "/c", "hot_*"]):
            r = run(args[0], "-p", p.pid, "-d", "2", *args[1:])
            one_line(r, "cannot write " + d, "No space left")
            tl.check_clean(p.pid)
        one_line(run("list", "-p", p.pid, "-o", d + "/d"), "No space left")
        for name in os.listdir(d):
            os.remove(os.path.join(d, name))
        if shutil.which("babeltrace2"):
            r = run("trace", "-p", p.pid, "-d", "5", "--format", "ctf", "-o",
                    d + "/e", "hot_* $arg1:u64 $arg2:u64 $arg3:u64")
            one_line(r, f"cannot write the trace into {d}/e: No space left")
            tl.check(len(r.stderr) < 120, r.stderr)
            tl.check_clean(p.pid)
    finally:
        subprocess.run(["umount", d], check=True)
    with open("/dev/full", "w", encoding="ascii") as full:
        r = subprocess.run([tl.TRAPLINE, "count", "-p", str(p.pid), "-d",
                            "0.2", "hot_add"], stdout=full, text=True,
                           stderr=subprocess.PIPE, timeout=60)
    one_line(r, "cannot write standard output")
    tl.check_clean(p.pid)
    tl.check_eq(p.poll(), None, "the target lives")


def debugger(pid):
    """gdb, which stops the process and holds it."""
    gdb = tl.start(["gdb", "-nx", "-q", "-p", str(pid)], text=True,
                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    tl.wait_for(lambda: "TracerPid:\t0\n" not in
                open(f"/proc/{pid}/status", encoding="utf-8").read(), 20,
                "gdb is there")
    return gdb


@tl.case
def debugger_that_comes_later_is_no_harm():
    p = target()
    before = tl.footprint(p.pid)
    count = begin("count", "-p", p.pid, "hot_add")
    gdb = debugger(p.pid)
    gdb.stdin.write("break hot_branch\ncontinue\n")
    gdb.stdin.flush()
    s = run("status", "-p", p.pid)
    tl.check(f"under a debugger (process {gdb.pid}, gdb)" in s.stdout and
             " jump " in s.stdout, s.stdout)
    # Nothing can be removed while it holds the threads.
    count.send_signal(signal.SIGINT)
    out, err = count.communicate(timeout=60)
    tl.check("hot_add" in out, "the figures are printed")
    tl.check_eq(count.returncode, 1, err)
    tl.check(f"under a debugger (pid {gdb.pid})" in err and
             f"trapline detach -p {p.pid}" in err, err)
    # As it says: when it has gone.
    gdb.kill()
    gdb.wait()
    os.kill(p.pid, signal.SIGCONT)
    r = run("detach", "-p", p.pid)
    tl.check_eq(r.returncode, 0, r.stderr)
    tl.check_eq(p.poll(), None, "the target lives")
    tl.check_eq(tl.ours(p.pid), [], "mappings of ours")
    tl.check_eq(tl.footprint(p.pid)["signals"], before["signals"], "signals")


@tl.case
def debugger_that_comes_and_goes_is_not_noticed():
    p = target()
    count = begin("count", "-p", p.pid, "--json", "hot_add")
    gdb = debugger(p.pid)
    gdb.stdin.write("detach\nquit\n")
    gdb.stdin.flush()
    gdb.wait(30)
    time.sleep(0.3)
    count.send_signal(signal.SIGINT)
    out, err = count.communicate(timeout=60)
    tl.check_eq(count.returncode, 0, err)
    tl.check('"hits":0' not in out, out)
    tl.check_clean(p.pid)


@tl.case
def users_who_may_not_are_told_so():
    if os.getuid() != 0:
        raise tl.Skip("becomes another user")
    p = target()
    for args in (["count", "hot_add"], ["list", "hot_add"], ["status"],
                 ["detach"], ["watch", "environ"],
                 ["count", "--dry-run", "hot_add"]):
        # The build may lie where others may not look.
        r = subprocess.run([*NOBODY, "/proc/self/fd/9", args[0], "-p",
                            str(p.pid), *args[1:]], capture_output=True,
                           text=True, timeout=60, pass_fds=[9])
        if "Permission denied" in r.stderr and "setpriv" in r.stderr:
            raise tl.Skip("another user cannot run it")
        one_line(r, "no permission for process", "root")
    tl.check_clean(p.pid)


@tl.case
def processes_that_are_none_are_said():
    for pid, word in [("1073741824", "no process"),
                      (os.getpid(), None), ("2", "thread of the kernel")]:
        if word:
            one_line(run("count", "-p", pid, "main"), word)
    dead = tl.start(["true"])
    tl.wait_for(lambda: ") Z " in open(f"/proc/{dead.pid}/stat",
                                       encoding="utf-8").read(), 5, "zombie")
    one_line(run("count", "-p", dead.pid, "main"), "zombie")


@tl.case
def target_that_runs_another_program_is_said():
    d = tl.tempdir()
    first = os.path.join(d, "first")
    tl.compile_to(first, """
#include <unistd.h>
#include <stdio.h>
__attribute__((noinline)) int step(int a)
{ __asm__ volatile("nop;nop;nop;nop;nop" : "+r"(a)); return a; }
int main(int n, char **v)
{
	printf("ready\\n"); fflush(stdout);
	for (int i = 0; i < 100; i++) { step(i); usleep(20000); }
	execl("/bin/sleep", "sleep", "20", (char *)0);
	return step(n);
}
""")
    p = tl.start([first], text=True, stdout=subprocess.PIPE)
    p.stdout.readline()
    r = run("count", "-p", p.pid, "-d", "20", "step")
    tl.check_eq(r.returncode, 0, r.stderr)
    tl.check("runs another program now (--follow goes on with it)" in r.stderr,
             r.stderr)
    tl.check("step" in r.stdout, r.stdout)
    # And the new one can be probed in its turn.
    r = run("count", "-p", p.pid, "--dry-run", "libc:nanosleep")
    tl.check_eq(r.returncode, 0, r.stderr)
    tl.check_clean(p.pid)


os.dup2(os.open(tl.TRAPLINE, os.O_RDONLY), 9, inheritable=True)
tl.main()

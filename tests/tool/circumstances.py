#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""circumstances.py - processes in odd circumstances

Stopped, frozen, with more rights than their user, hidden, with threads that are the
kernel's; commands that may open few files.  It works, or one line says what
is in the way; and nothing is left behind.
"""
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import case, check, check_eq, wait_for  # noqa: E402

NOBODY = 65534
FREEZERS = "/sys/fs/cgroup/freezer", "/sys/fs/cgroup"

PROGRAM = r"""
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
unsigned long counter __attribute__((aligned(64)));
__attribute__((noinline)) void work(void)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop");
	counter++;
}
int main(int argc, char **argv)
{
	/* A thread of the kernel's that never sleeps, among those of the program. */
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL,
				     .sq_thread_idle = 100000 };

	if (argc > 1 && !strcmp(argv[1], "ring") &&
	    syscall(SYS_io_uring_setup, 8, &p) < 0)
		return 1;
	printf("%d\n", (int)geteuid());
	fflush(stdout);
	while (argc > 1) {
		work();
		usleep(1000);
	}
	work();
	return 0;
}
"""


def program():
    d = tl.tempdir()
    os.chmod(d, 0o755)
    tl.compile_to(os.path.join(d, "odd"), PROGRAM, "-g")
    return os.path.join(d, "odd")


def need_root():
    if os.geteuid():
        raise tl.Skip("needs root")


class Odd:
    def __init__(self, how="run", **kw):
        self.program = program()
        self.p = tl.start([self.program, how], stdout=subprocess.PIPE,
                          text=True, **kw)
        check(self.p.stdout.readline(), "the program did not begin")
        self.pid = self.p.pid


def one_line(r, text):
    check_eq(r.returncode, 1, r.stderr)
    check(text in r.stderr, r.stderr)
    check_eq(r.stderr.count("\n"), 1, r.stderr)


@case
def a_stopped_process_is_probed_when_it_goes_on():
    t = Odd()
    before = tl.footprint(t.pid)
    os.kill(t.pid, signal.SIGSTOP)
    s = tl.Session("count", t.pid, "work")
    check("is stopped (SIGSTOP)" in s.errors(), s.errors())
    os.kill(t.pid, signal.SIGCONT)
    time.sleep(0.2)
    check(s.stop()[0]["hits"] > 0, "hits")
    tl.check_clean(t.pid, before)


def freeze(pid):
    """Put a process into a frozen group; what takes it out again."""
    for top in FREEZERS:
        group = os.path.join(top, f"trapline-test-{os.getpid()}")
        try:
            os.mkdir(group)
        except OSError:
            continue
        new = os.path.exists(os.path.join(group, "cgroup.freeze"))
        word = "cgroup.freeze" if new else "freezer.state"
        if os.path.exists(os.path.join(group, word)):
            break
        os.rmdir(group)
    else:
        raise tl.Skip("no freezer among the control groups")

    def put(name, text, folder=group):
        with open(os.path.join(folder, name), "w", encoding="ascii") as f:
            f.write(text)

    def thaw():
        put(word, "0" if new else "THAWED")
        put("cgroup.procs", str(pid), top)
        os.rmdir(group)

    put("cgroup.procs", str(pid))
    put(word, "1" if new else "FROZEN")
    return thaw


@case
def a_frozen_process_is_refused():
    need_root()
    t = Odd()
    before = tl.footprint(t.pid)
    thaw = freeze(t.pid)
    try:
        for args in (("count", "-p", t.pid, "work"),
                     ("trace", "-p", t.pid, "work"),
                     ("watch", "-p", t.pid, "--pages", "counter")):
            one_line(tl.trapline(*args, "-d", "0.1", timeout=20),
                     f"process {t.pid} is frozen")
    finally:
        thaw()
    s = tl.Session("count", t.pid, "work")
    time.sleep(0.2)
    check(s.stop()[0]["hits"] > 0, "hits")
    tl.check_clean(t.pid, before)


@case
def a_program_with_more_rights_than_its_user():
    need_root()
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    odd, mine = program(), os.path.join(tl.tempdir(), "trapline")
    os.chmod(odd, 0o4755)
    os.chmod(os.path.dirname(mine), 0o755)
    shutil.copy(tl.TRAPLINE, mine)
    p = tl.start([odd, "run"], stdout=subprocess.PIPE, text=True, **user)
    check_eq(p.stdout.readline(), "0\n", "its rights")
    for verb, what in (("count", "work"), ("watch", "counter")):
        r = subprocess.run([mine, verb, "-p", str(p.pid), what], text=True,
                           capture_output=True, timeout=60, **user)
        one_line(r, "no permission")
    s = tl.Session("count", p.pid, "work")
    time.sleep(0.2)
    check(s.stop()[0]["hits"] > 0, "hits, for root")
    tl.check_clean(p.pid)
    # The kernel gives a traced program no rights that its tracer has not.
    r = subprocess.run([mine, "count", "work", "--", odd], text=True,
                       capture_output=True, timeout=60, **user)
    check_eq(r.returncode, 0, r.stderr)
    check(r.stdout.startswith(f"{NOBODY}\n"), r.stdout)
    check("is set-user-ID" in r.stderr, r.stderr)


def of_ones_own():
    """proc as users see it who are not to see one another's processes."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) or \
            libc.mount(b"none", b"/", None, 0x44000, None) or \
            libc.mount(b"proc", b"/proc", b"proc", 0, b"hidepid=2"):
        raise OSError(ctypes.get_errno(), "mount")
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


@case
def a_hidden_process_is_said_to_be_hidden():
    need_root()
    t = Odd()
    mine = os.path.join(tl.tempdir(), "trapline")
    os.chmod(os.path.dirname(mine), 0o755)
    shutil.copy(tl.TRAPLINE, mine)
    try:
        r = subprocess.run([mine, "count", "-p", str(t.pid), "work"],
                           preexec_fn=of_ones_own, capture_output=True,
                           text=True, timeout=60)
    except subprocess.SubprocessError as err:
        raise tl.Skip("no mounts of one's own") from err
    one_line(r, "hidepid")


@case
def threads_of_the_kernels_are_not_waited_for():
    try:
        t = Odd("ring")
    except AssertionError as err:
        raise tl.Skip("no io_uring") from err
    before = tl.footprint(t.pid)
    check_eq(len(tl.threads(t.pid)), 2, "threads")
    for _ in range(5):
        s = tl.Session("count", t.pid, "work")
        time.sleep(0.05)
        check(s.stop()[0]["hits"] > 0, "hits")
    tl.check_clean(t.pid, before)


@case
def a_limit_of_the_commands_own_is_named():
    t = Odd()
    for files in range(6, 20, 2):
        def few(n=files):
            resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))
        for args in (["count", "work"], ["watch", "--pages", "counter"]):
            r = subprocess.run([tl.TRAPLINE, *args, "-p", str(t.pid), "-d",
                                "0.1"], preexec_fn=few, capture_output=True,
                               text=True, timeout=60)
            if "unprivileged_userfaultfd" in r.stderr:
                continue
            check(r.returncode == 0 or "RLIMIT_NOFILE" in r.stderr or
                  "oo many open files" in r.stderr,
                  f"{files} files, {args[0]}: {r.stderr}")
            check(r.returncode in (0, 1), f"{files} files: {r.returncode}")
    tl.check_clean(t.pid)


if __name__ == "__main__":
    tl.main()

# SPDX-License-Identifier: MIT
"""tl.py - what the Python tests of the command share

TAP output in the form that scripts/run-tests reads, targets that are started
and surely stopped, the command run as a user runs it, and the look at a target
from outside: is its text its file's, is anything of ours left in it?
"""
import atexit
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
BUILD = os.environ.get("TL_BUILD", os.path.join(TOP, "build"))
TRAPLINE = os.environ.get("TRAPLINE", os.path.join(BUILD, "trapline"))
TARGETS = os.path.join(BUILD, "x86/tests/targets")
SCALE = int(os.environ.get("TL_SCALE", "1"))  # how long loops should be

# What a test kills leaves no core file.
resource.setrlimit(resource.RLIMIT_CORE,
                   (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))

_cases = []
_started = []
_dirs = []


class Skip(Exception):
    """The case cannot be run here; the text says why."""


def case(fn):
    """Register a test; its name is the promise that it checks."""
    _cases.append(fn)
    return fn


def check(cond, text):
    if not cond:
        raise AssertionError(text)


def check_eq(got, want, text):
    check(got == want, f"{text}: {got!r}, want {want!r}")


def compile_to(program, source, *options):
    """Compile the text of a C program; not optimized much, so that it keeps
    its functions."""
    subprocess.run(["gcc", "-O1", "-x", "c", "-o", program, "-", *options],
                   input=source, text=True, check=True)


def note(text):
    print(f"# {text}", flush=True)


def main():
    """Run the registered cases (those named by arguments, if any)."""
    wanted = sys.argv[1:]
    cases = [c for c in _cases if not wanted or c.__name__ in wanted]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    print("TAP version 13")
    print(f"1..{len(cases)}", flush=True)
    for i, fn in enumerate(cases, 1):
        try:
            fn()
            print(f"ok {i} {fn.__name__}", flush=True)
            counts["passed"] += 1
        except Skip as why:
            print(f"ok {i} {fn.__name__} # SKIP {why}", flush=True)
            counts["skipped"] += 1
        except BaseException as err:
            for line in traceback.format_exc().splitlines()[-6:]:
                note(line)
            print(f"not ok {i} {fn.__name__}", flush=True)
            counts["failed"] += 1
            if isinstance(err, KeyboardInterrupt):
                break
        finally:
            cleanup()
    print(f"{counts['passed']} passed, {counts['failed']} failed, "
          f"{counts['skipped']} skipped", flush=True)
    sys.exit(1 if counts["failed"] else 0)


@atexit.register
def cleanup():
    """Stop everything that was started."""
    while _started:
        p = _started.pop()
        if p.poll() is None:
            p.kill()
        p.wait()
    while _dirs:
        shutil.rmtree(_dirs.pop(), ignore_errors=True)


def start(argv, **kw):
    """Start a process that ends with the case at the latest."""
    p = subprocess.Popen(argv, **kw)
    _started.append(p)
    return p


def tempdir():
    d = tempfile.mkdtemp(prefix="tl-test-")
    _dirs.append(d)
    return d


def wait_for(cond, seconds, text):
    end = time.monotonic() + seconds
    while not cond():
        check(time.monotonic() < end, f"not within {seconds} s: {text}")
        time.sleep(0.01)


# ---- the command ------------------------------------------------------------


def trapline(*args, timeout=60):
    """Run the command to its end."""
    return subprocess.run([TRAPLINE, *map(str, args)], timeout=timeout,
                          capture_output=True, text=True)


def status(pid):
    """The probes that commands have in a process, as `trapline status --json` has
    them; not those of a program's own."""
    r = trapline("status", "-p", pid, "--json")
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    return [row for row in rows if not row.get("own")]


class Session:
    """A `trapline VERB --json` that is armed when the constructor returns."""

    def __init__(self, verb, pid, *probes, options=(), through=(), **kw):
        self.pid = pid
        # Into a file: thousands of lines about probes would fill a pipe.
        self.said = os.path.join(tempdir(), "said")
        with open(self.said, "w", encoding="utf-8") as said:
            self.p = start([*through, TRAPLINE, verb, "-p", str(pid), "--json", "-v",
                            *options, *probes], stdout=subprocess.PIPE,
                           stderr=said, text=True, **kw)
        wait_for(lambda: self.p.poll() is not None or self.armed(), 60,
                 "every probe armed")
        if "unprivileged_userfaultfd" in self.errors():
            raise Skip("users may not protect pages here")
        check(self.p.poll() is None, f"trapline ended: {self.errors()}")

    def errors(self):
        with open(self.said, encoding="utf-8") as f:
            return f.read().strip()

    def armed(self):
        """Said when the last probe is armed; a busy one may come late."""
        return "attached to process" in self.errors()

    def stop(self):
        """Ctrl-C; the rows of its output."""
        self.p.send_signal(signal.SIGINT)
        out, _ = self.p.communicate(timeout=60)
        check_eq(self.p.returncode, 0, f"exit status ({self.errors()})")
        return [json.loads(line) for line in out.splitlines()]


# ---- a target seen from outside ----------------------------------------------


def maps(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as f:
        return f.read()


def ours(pid):
    """The lines of our mappings.  A folder may bear our name, too."""
    return [x for x in maps(pid).splitlines() if "/memfd:trapline" in x]


def threads(pid):
    return sorted(os.listdir(f"/proc/{pid}/task"))


def text_differs(pid):
    """Executable file mappings whose bytes are not their file's."""
    bad = []
    with open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps(pid).splitlines():
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp ([0-9a-f]+) \S+ \d+"
                         r" +(/.*)", line)
            if not m or m[4].startswith("/memfd:"):
                continue
            lo, hi, off = int(m[1], 16), int(m[2], 16), int(m[3], 16)
            mem.seek(lo)
            have = mem.read(hi - lo)
            with open(f"/proc/{pid}/map_files/{lo:x}-{hi:x}", "rb") as f:
                f.seek(off)
                want = f.read(hi - lo).ljust(hi - lo, b"\0")
            if have != want:
                at = next(i for i in range(hi - lo) if have[i] != want[i])
                bad.append(f"{m[4]} at {lo + at:#x}")
    return bad


def private_text(pid):
    """KiB of text that are private copies instead of the file's pages."""
    total, text = 0, False
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as f:
        for line in f:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                text = " r-xp " in line
            elif text and line.startswith("Anonymous:"):
                total += int(line.split()[1])
    return total


def check_clean(pid, before=None):
    """Nothing of ours is left in a process; `before` is footprint()'s."""
    check_eq(ours(pid), [], "mappings of ours")
    check_eq(text_differs(pid), [], "text differs from its file")
    if before:
        check_eq(footprint(pid), before, "not as before")


def footprint(pid):
    """What must be the same after a detach as before the attach."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        fields = dict(x.rstrip("\n").split(":", 1) for x in f)
    ours = [line.split()[1:2] + line.split()[5:] for line in
            maps(pid).splitlines() if " r-xp " in line]
    return {"signals": [fields[k].strip() for k in
                        ("SigBlk", "SigIgn", "SigCgt")],
            "tracer": fields["TracerPid"].strip(), "executable": ours,
            "private text": private_text(pid)}


# ---- targets -------------------------------------------------------------------


class Target:
    """A target that is told what to do; tests/targets/README.md."""

    def __init__(self, name, *args):
        self.p = start([os.path.join(TARGETS, name), "-s", "900", *args],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                       text=True, bufsize=1)
        self.pid = int(self.p.stdout.readline().split()[1])

    def ask(self, word):
        """The figures that answer a word."""
        self.p.stdin.write(word + "\n")
        figures = {}
        for line in self.p.stdout:
            words = line.split()
            if words[0] in ("paused", "running"):
                return figures
            check(words[0] != "wrong" or words[1] == "0", line.strip())
            if words[1].isdigit():
                figures[words[0]] = int(words[1])
        raise AssertionError(f"the target ended: {self.p.wait()}")

    def quit(self):
        """End it; it must have been right to the last."""
        self.p.stdin.write("quit\n")
        out = self.p.stdout.read()
        wrong = [x for x in out.splitlines() if x.startswith("wrong ")][:-1]
        check("verdict ok" in out, f"the target found wrong answers: {wrong}")
        check_eq(self.p.wait(timeout=20), 0, "exit status of the target")


def count_while_running(target, *probes, seconds=0.2):
    """Figures and hits of the same stretch of time, to be compared."""
    before = target.ask("pause")
    s = Session("count", target.pid, *probes)
    target.ask("resume")
    time.sleep(seconds)
    after = target.ask("pause")
    rows = {r["probe"]: r for r in s.stop()}
    target.ask("resume")
    return {k: after[k] - before[k] for k in after}, rows


# ---- redis -------------------------------------------------------------------


class Redis:
    """A redis-server of our own on loopback."""

    def __init__(self):
        if not shutil.which("redis-server"):
            raise Skip("redis-server is not installed (make deps)")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        d = tempdir()
        self.p = start(["redis-server", "--port", str(self.port), "--bind",
                        "127.0.0.1", "--dir", d, "--save", "",
                        "--daemonize", "no"], stdout=subprocess.DEVNULL)
        self.pid = self.p.pid
        wait_for(self.answers, 10, "redis-server answers")

    def answers(self):
        try:
            return self.command("PING").startswith("+PONG")
        except OSError:
            return False

    def command(self, *words):
        """One command; the raw reply."""
        msg = b"*%d\r\n" % len(words)
        for w in words:
            w = str(w).encode()
            msg += b"$%d\r\n%s\r\n" % (len(w), w)
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall(msg)
            f = s.makefile("rb")
            head = f.readline().decode()
            if head.startswith("$"):
                return f.read(int(head[1:]) + 2).decode()
            return head

    def calls(self):
        """The sum of the calls in INFO commandstats, itself not included."""
        return sum(int(n) for n in
                   re.findall(r"calls=(\d+)", self.command("INFO",
                                                           "commandstats")))

    def benchmark(self, n, *args):
        """Send n commands of each test; the rates."""
        r = subprocess.run(["redis-benchmark", "-p", str(self.port), "-n",
                            str(n), "--csv", *args], check=True, timeout=300,
                           capture_output=True, text=True)
        rows = [x.split(",") for x in r.stdout.splitlines()]
        return [float(x[1].strip('"')) for x in rows
                if re.match(r'"[\d.]+"', x[1])]

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 180
"""tutorial.py - the lines of docs/tutorial.md answer its questions

Each line of the page that begins with `trapline` is run as it stands, by a shell, in
a folder with the programs that it names; the processes that it means are ours.
"""
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

PYTHON = """
import time
def parse(x): return x + 1
def render(x): return parse(x) * 2
end = time.time() + 60
while time.time() < end:
    for i in range(500): render(i)
    time.sleep(0.005)
"""

MUSL = r"""
#include <fcntl.h>
int main(void) { return open("/etc/hostname", O_RDONLY) < 0; }
"""

THROWER = r"""
#include <stdexcept>
#include <string>
int check(const std::string &s) { return std::stoi(s); }
int main()
{
	int n = 0;
	for (int i = 0; i < 5; i++)
		try {
			n += check(i & 1 ? "7" : "x");
		} catch (std::exception &) {
			n--;
		}
	return n == 0;
}
"""

GO_SERVER = r"""
package main
import ("fmt"; "net"; "net/http"; "time")
//go:noinline
func page(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/slow" {
		time.Sleep(5 * time.Millisecond)
	}
	fmt.Fprintln(w, r.URL.Path)
}
func main() {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	go http.Serve(l, http.HandlerFunc(page))
	fmt.Println("ready")
	for i := 0; ; i++ {
		for _, p := range []string{"slow", "fast"} {
			r, err := http.Get(fmt.Sprintf("http://%s/%s", l.Addr(), p))
			if err == nil {
				r.Body.Close()
			}
		}
	}
}
"""

SERVER = r"""
#include <stdio.h>
#define KEEP(x) asm volatile("nop" : "+r"(x) : : "memory")
struct client { long id; int argc; char name[16]; };
__attribute__((noinline)) long serve(struct client *c)
{
	long n = c->id;



	for (int i = 0; i < c->argc; i++) {
		KEEP(n);
		n++;
		KEEP(n);
	}
	return n;
}
int main(void)
{
	struct client c[] = { { 1, 1, "one" }, { 2, 2, "two" }, { 3, 3, "three" } };
	long n = 0;
	for (int i = 0; i < 3; i++)
		n += serve(&c[i]);
	return n == 0;
}
"""


def page():
    """Number of the question, or 0: its command lines."""
    lines, number = {}, 0
    with open(os.path.join(tl.TOP, "docs/tutorial.md"),
              encoding="utf-8") as f:
        for line in f:
            m = re.match(r"## (?:(\d+)\.)?", line)
            if m:
                number = int(m[1] or 0)
            elif line.startswith("    trapline "):
                lines.setdefault(number, []).append(
                    line.split("  # ")[0].split("   #")[0].strip())
    return lines


LINES = page()


def need(*names):
    for name in names:
        if not shutil.which(name):
            raise tl.Skip(f"{name} is not installed")


def answer(line, folder=None, **pids):
    """What @line prints, with processes of ours for those that it names."""
    for name, pid in pids.items():
        line = line.replace(f"$(pidof {name.replace('_', '-')})", str(pid))
    path = os.path.join(tl.tempdir(), "bin")
    os.mkdir(path)
    os.symlink(tl.TRAPLINE, os.path.join(path, "trapline"))
    # The system's own programs, not those that somebody has put in front.
    env = dict(os.environ, PATH=f"{path}:/usr/sbin:/usr/bin:/sbin:/bin",
               LC_ALL="C.UTF-8")
    r = subprocess.run(line, shell=True, executable="/bin/bash", env=env,
                       cwd=folder or tl.tempdir(), capture_output=True,
                       text=True, timeout=60)
    tl.check_eq(r.returncode, 0, f"{line}: {r.stderr}")
    return r.stdout


def build(compiler, text, name, *flags, suffix=".c"):
    folder = tl.tempdir()
    source = os.path.join(folder, name + suffix)
    with open(source, "w", encoding="ascii") as f:
        f.write(text)
    subprocess.run([compiler, *flags, "-o", os.path.join(folder, name),
                    source], check=True)
    return folder


def busy_redis():
    """A redis-server with a load: its process number."""
    need("redis-benchmark")
    server = tl.Redis()
    for command in ("get", "set"):
        tl.start(["redis-benchmark", "-p", str(server.port), "-t", command,
                  "-n", "100000000", "-r", "100", "-q", "-l"],
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return server.pid


@tl.case
def every_question_of_the_page_is_here():
    tl.check_eq(sorted(LINES), list(range(12)), "questions")
    tl.check(all(LINES.values()), "lines")


@tl.case
def which_files_a_command_opens():
    tl.check('path="/etc/hostname"' in answer(LINES[1][0]), "the file")


@tl.case
def which_files_a_static_program_opens():
    need("musl-gcc")
    folder = build("musl-gcc", MUSL, "static-musl", "-O1", "-static")
    tl.check('path="/etc/hostname"' in answer(LINES[2][0], folder), "it")


@tl.case
def what_is_asked_of_the_environment():
    out = answer(LINES[3][0])
    tl.check(re.search(r"jump +QUOTING_STYLE +libc", out), out)


@tl.case
def which_sql_is_run():
    need("sqlite3")
    out = answer(LINES[4][0])
    tl.check('sql="create table t(a)' in out and
             'sql="select 1 from t" rc=0 took' in out, out)


@tl.case
def how_long_steps_take():
    need("sqlite3")
    out = answer(LINES[5][0])
    tl.check(re.search(r"sqlite3_step: 2 calls, .* in all", out), out)


@tl.case
def who_allocates_much():
    out = answer(LINES[6][0])
    stacks = [x for x in out.splitlines() if "PyByteArray_Resize" in x]
    tl.check(sum(int(x.split()[-1]) for x in stacks) >= 10, out)


@tl.case
def which_python_functions_run():
    p = tl.start(["/usr/bin/python3", "-c", PYTHON])
    if b"function__return" not in open("/usr/bin/python3", "rb").read():
        raise tl.Skip("this python3 has no markers")
    time.sleep(0.3)
    out = answer(LINES[7][0], python3=p.pid)
    hits = {m[2]: int(m[1]) for m in
            re.finditer(r"(\d+) +jump +(\w+) +python:", out)}
    tl.check(hits.get("parse", 0) > 0 and
             abs(hits["parse"] - hits["render"]) <= 1, out)


@tl.case
def how_long_redis_commands_take():
    out = answer(LINES[8][0], redis_server=busy_redis())
    tl.check(re.search(r"\bget\b", out) and re.search(r"\bset\b", out), out)


@tl.case
def how_long_redis_waits():
    out = answer(LINES[9][0], redis_server=tl.Redis().pid)
    tl.check(re.search(r"timeout=\d+ ready=0 took [\d.]+ ms", out), out)


@tl.case
def who_throws():
    folder = build("g++", THROWER, "thrower", "-O1", suffix=".cc")
    out = answer(LINES[10][0], folder)
    tl.check(re.search(r";main;check.*;__cxa_throw 3\n", out), out)


@tl.case
def what_the_handler_of_a_go_server_takes():
    need("go")
    folder = tl.tempdir()
    with open(os.path.join(folder, "x.go"), "w", encoding="ascii") as f:
        f.write(GO_SERVER)
    env = dict(os.environ, GO111MODULE="off", CGO_ENABLED="0",
               GOCACHE=os.path.join(tl.TOP, "build/go-cache"))
    program = os.path.join(folder, "go-server")
    subprocess.run(["go", "build", "-o", program, "x.go"], check=True,
                   cwd=folder, env=env)
    p = tl.start([program], stdout=subprocess.PIPE, text=True)
    tl.check_eq(p.stdout.readline(), "ready\n", "it runs")
    out = answer(LINES[11][0], go_server=p.pid)
    for key in ("/slow", "/fast"):
        tl.check(re.search(rf" {key} +main\.page|= {key}: ", out), out)
    out = answer(LINES[11][1], go_server=p.pid)
    tl.check(re.search(r'r.Method="GET" r.URL.Path="/slow" took [\d.]+ ms',
                       out), out)


@tl.case
def what_debug_information_answers():
    folder = build("gcc", SERVER, "server", "-g", "-O1")
    lines, names, trace, count = (answer(x, folder) for x in LINES[0])
    tl.check("14  serve" in lines, lines)
    tl.check(re.search(r"c +struct client \* +%rdi", names), names)
    tl.check('c->id=2 c->name="two"' in trace and
             'c->id=3 c->name="three"' in trace and "one" not in trace, trace)
    tl.check(re.search(r"^ *6 +jump +serve", count, re.MULTILINE), count)


tl.main()

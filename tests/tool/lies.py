#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""lies.py - files and processes that lie cannot crash or hang the command

Each byte that the command reads is somebody else's: the tables of a program and
its debug information, what a process says of its mappings, and the memory that we
share with it.  The command ends, in time and by itself, with an exit status that it
has; what it says is a line.
"""
import json
import os
import random
import resource
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

FAKE = os.path.join(tl.BUILD, "trapline-fake")
SEED = int(os.environ.get("TL_SEED", "0")) or random.getrandbits(32)
RND = random.Random(SEED)

SOURCE = """
#include <map>
#include <string>
#include <stdexcept>
namespace shop {
struct item { int id; char name[12]; unsigned kind : 3, level : 9; };
struct base { virtual ~base() {} virtual int cost(int n) = 0; };
struct cart : base { std::map<int, item> all; int cost(int n) override; };
__attribute__((noinline)) int cart::cost(int n)
{
	int sum = 0;
	for (auto &[id, it] : all) { int twice = it.level * 2; sum += twice * n; }
	if (n > 1000) throw std::runtime_error("too many");
	return sum;
}
template <class T> static inline T half(T t) { return t / 2; }
__attribute__((noinline)) long pick(const item *i, double d)
{
	switch (i->kind) {
	case 0: return half(i->id); case 1: return i->level; case 2: return 7;
	case 3: return (long)d; case 4: return half(d); case 5: return -1;
	case 6: return i->name[1]; default: return 0;
	}
}
}
int main(int n, char **v)
{
	shop::cart c; shop::item i{n, "thing", 3, 100};
	c.all[1] = i;
	return (int)(c.cost(n) + shop::pick(&i, n));
}
"""


def limits():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))


def run(*args, program=FAKE, timeout=40):
    """It ends by itself, and says what is wrong in a line."""
    r = subprocess.run([program, *map(str, args)], capture_output=True,
                       timeout=timeout, preexec_fn=limits)
    what = f"{args}: seed {SEED}"
    tl.check(r.returncode in (0, 1), f"{what}: ended with {r.returncode}: "
             f"{r.stderr.decode(errors='replace')[-300:]}")
    if r.returncode:
        tl.check(r.stderr.startswith(b"trapline: "), f"{what}: says nothing")
    return r


def sections(path):
    """Where the sections of an ELF file are: name, offset, size."""
    with open(path, "rb") as f:
        data = f.read()
    off, = struct.unpack_from("<Q", data, 40)
    n, names = struct.unpack_from("<HH", data, 60)
    heads = [struct.unpack_from("<IIQQQQIIQQ", data, off + 64 * i)
             for i in range(n)]
    base = heads[names][4]
    return [(data[base + h[0]:data.index(b"\0", base + h[0])],
             h[4], h[5]) for h in heads if h[1] not in (0, 8) and h[5]]


def spoil(data, spans):
    """Wrong bytes in some of the places, where they do the most."""
    for _ in range(RND.randrange(1, 10)):
        at, size = RND.choice(spans)
        at += RND.randrange(size)
        kind = RND.randrange(4)
        if kind == 0:
            data[at] ^= 1 << RND.randrange(8)
        elif kind == 1:
            data[at] = RND.choice((0, 1, 0x7f, 0x80, 0xff))
        elif kind == 2:
            data[at] = RND.randrange(256)
        else:
            word = RND.choice((0, 0xffffffff, 0x7fffffff, 0x80000000,
                               RND.getrandbits(32)))
            data[at:at + 4] = struct.pack("<I", word)[:len(data) - at]


def use(path):
    """All that reads a file."""
    run("list", path, "--json")
    run("list", "-v", path, "*s*")
    run("list", "--lines", path, "main")
    run("list", "--lines", path, "shop::cart::cost")
    run("list", "--vars", path, "shop::pick")
    run("list", "--vars", path, "-v", "main")
    run("coverage", path, "*cost*")


def start(path):
    """All that reads debug information for a probe; the program is not run."""
    run("trace", "--dry-run", "shop::pick i->id i->name[n] i->level *i->name",
        "--", path)
    run("trace", "--dry-run", "shop::cart::cost this->all n if n > 1", "--",
        path)
    run("count", "--dry-run", "x.cc:12", "--", path)
    run("count", "--dry-run", "shop::half<int>%inlined", "--", path)
    run("time", "--dry-run", "shop::*", "--", path)


WAYS = [("g++", "-O1", "-gdwarf-4"), ("g++", "-O2", "-gdwarf-5"),
        ("clang++", "-O2", "-gdwarf-5"), ("g++", "-O1", "-gdwarf-5", "-gz"),
        ("g++", "-O1", "-gdwarf-5", "-fdebug-types-section")]


def build(way):
    d = tl.tempdir()
    if not shutil.which(way[0]):
        raise tl.Skip(f"{way[0]} is not installed")
    with open(os.path.join(d, "x.cc"), "w", encoding="ascii") as f:
        f.write(SOURCE)
    prog = os.path.join(d, "prog")
    subprocess.run([*way, "-w", "-std=c++17", "-o", prog,
                    os.path.join(d, "x.cc")], check=True)
    return prog


@tl.case
def spoilt_tables_and_debug_information_end_nobody():
    tl.note(f"seed = {SEED} (TL_SEED)")
    done = 0
    for way in WAYS:
        prog = build(way)
        with open(prog, "rb") as f:
            whole = f.read()
        all_of_it = sections(prog)
        debug = [(o, n) for name, o, n in all_of_it
                 if name.startswith(b".debug")]
        tables = [(o, n) for name, o, n in all_of_it
                  if name in (b".symtab", b".dynsym", b".gnu.version",
                              b".gnu.version_r", b".eh_frame", b".dynamic",
                              b".eh_frame_hdr", b".gcc_except_table",
                              b".note.gnu.build-id", b".rela.dyn",
                              b".strtab", b".gnu.hash")]
        heads = [(0, 64), (64, 56 * 13), (len(whole) - 64 * 38, 64 * 38)]
        tl.check(debug and tables, "there are such sections")
        for i in range(5 * tl.SCALE):
            data = bytearray(whole)
            spoil(data, (debug, debug, debug, tables, heads)[i % 5])
            bad = os.path.join(os.path.dirname(prog), "bad")
            with open(bad, "wb") as f:
                f.write(data)
            use(bad)
            if i % 5 < 3:
                os.chmod(bad, 0o755)
                start(bad)
            done += 1
    tl.note(f"{done} files")


@tl.case
def cut_files_end_nobody():
    prog = build(WAYS[0])
    with open(prog, "rb") as f:
        whole = f.read()
    for i in range(8 * tl.SCALE):
        with open(prog, "wb") as f:
            f.write(whole[:RND.randrange(len(whole))])
        use(prog)


# ---- processes -------------------------------------------------------------------

HOST = """
import ctypes, mmap, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 \\
    + [ctypes.c_long]
for path in sys.argv[1:]:
    fd = os.open(path, os.O_RDONLY)
    assert libc.mmap(None, 65536, 5, 2, fd, 0) not in (None, 2 ** 64 - 1)
    os.close(fd)
print("ready", flush=True)
time.sleep(100)
"""


def holder(*paths):
    """A process that maps files as code; it never touches them."""
    p = tl.start([sys.executable, "-c", HOST, *paths], text=True,
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    tl.check_eq(p.stdout.readline(), "ready\n", "the holder")
    return p


def look(pid):
    """All that reads a process, and a real attach."""
    run("list", "-p", pid, "lie*:*")
    run("list", "-p", pid, "--json", "libc:getenv")
    run("count", "-p", pid, "--dry-run", "libc:getenv", program=tl.TRAPLINE)
    run("count", "-p", pid, "-d", "0.2", "libc:getenv", program=tl.TRAPLINE)
    run("stack", "-p", pid, "-d", "0.3", "libc:clock_nanosleep",
        program=tl.TRAPLINE)
    run("status", "-p", pid, program=tl.TRAPLINE)


@tl.case
def files_with_other_names_than_files_have():
    d = tl.tempdir()
    libc = next(x.split()[-1] for x in tl.maps(os.getpid()).splitlines()
                if "/libc.so" in x)
    names = ["lie\nabc-def r-xp 0 0:0 0 x", "lie (deleted)",
             "lie [vdso]", "lie\\012x", "lie \x1b[31mred", "lie " + "x" * 200,
             "lie\udcff\udcfe"]
    paths = [os.path.join(d, n) for n in names]
    for path in paths:
        shutil.copy(libc, path)
    p = holder(*paths)
    look(p.pid)
    # The same, when they are gone, or something else.
    os.unlink(paths[0])
    os.unlink(paths[1])
    os.mkfifo(paths[1])
    os.unlink(paths[2])
    os.mkdir(paths[2])
    os.unlink(paths[3])
    os.symlink("/proc/self/mem", paths[3])
    look(p.pid)
    tl.check_eq(p.poll(), None, "it lives")


@tl.case
def files_that_are_cut_while_they_are_mapped():
    prog = build(WAYS[1])
    lib = os.path.join(tl.tempdir(), "lie.so")
    shutil.copy(prog, lib)
    size = os.path.getsize(lib)
    p = holder(lib)
    for cut in (size // 2, 20000, 4096, 63, 0):
        os.truncate(lib, cut)
        look(p.pid)
        run("count", "-p", p.pid, "-d", "0.1", "lie:*", program=tl.TRAPLINE)
        run("count", "-p", p.pid, "--dry-run", "lie:*", program=tl.TRAPLINE)
    # As large as before, but a hole.
    os.truncate(lib, size)
    look(p.pid)
    tl.check_eq(p.poll(), None, "it lives")
    tl.check_eq(tl.ours(p.pid), [], "mappings of ours")


SCRIBBLER = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
__attribute__((noinline)) int busy(int x)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop" : "+r"(x));
	return x + 1;
}
static unsigned long state;
static unsigned long some(void)
{
	state ^= state << 13; state ^= state >> 7; state ^= state << 17;
	return state;
}
static const char *whose;
/* Into pages that are in use, of all that can be written and has our name. */
static void scribble(void)
{
	static unsigned char used[1 << 20];
	char line[512], perms[5];
	unsigned long from, to;
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, whose) ||
		    sscanf(line, "%lx-%lx %4s", &from, &to, perms) != 3 ||
		    perms[1] != 'w' || (to - from) / 4096 > sizeof(used) ||
		    mincore((void *)from, to - from, used))
			continue;
		for (unsigned long i = 0; i < (to - from) / 4096; i++)
			for (int k = 0; used[i] & 1 && k < 40; k++) {
				unsigned long at = from + i * 4096 +
						   (some() & 4088);

				if (k & 1)
					*(unsigned long *)at = some();
				else
					*(unsigned int *)(at + (some() & 4)) =
						some() % 300;
			}
	}
	if (f)
		fclose(f);
}
int main(int n, char **v)
{
	state = strtoul(v[1], 0, 0) | 1;
	whose = v[2];
	printf("ready\n");
	fflush(stdout);
	for (int i = 0;; i++) {
		busy(i);
		if (i % 400000 == 399999)
			scribble();
	}
}
"""


@tl.case
def a_process_that_scribbles_over_our_pages():
    prog = os.path.join(tl.tempdir(), "scribbler")
    tl.compile_to(prog, SCRIBBLER)
    for i in range(6 * tl.SCALE):
        # What is shared alone, or the agent's own as well, which ends it soon.
        p = tl.start([prog, str(SEED + i), "/memfd:trapline" +
                      ("" if i % 3 == 2 else "-figures")], text=True,
                     stdout=subprocess.PIPE)
        p.stdout.readline()
        for args in (["count", "busy by $arg1"], ["time", "busy"],
                     ["trace", "busy $arg1 +0(%rsp):string"],
                     ["stack", "busy"]):
            if p.poll() is not None:
                break
            r = run(args[0], "-p", p.pid, "-d", "0.5", "--json", *args[1:],
                    program=tl.TRAPLINE)
            for line in r.stdout.splitlines():
                json.loads(line)
            if p.poll() is None:
                run("status", "-p", p.pid, program=tl.TRAPLINE)
                run("detach", "-p", p.pid, program=tl.TRAPLINE)
        p.kill()
        p.wait()


tl.main()

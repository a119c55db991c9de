#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 240
"""tables.py - the jump tables of compilers, as they themselves wrote them down

A program full of switches is compiled to assembly, in which every label gets a
symbol; Go's compiler lists its tables.  What they hold is then known from the
compiler: no jump that `trapline coverage` accepts may take the bytes of one of
these places, and no function may be left with a jump that is not understood.
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402
from tl import case, check  # noqa: E402

JUMP = 5
SHORT = 2  # to an island

SOURCE = r"""
volatile int sink;
__attribute__((noinline)) static int touch(int x) { sink += x; return x ^ sink; }

/* Cases fall into each other: nothing but the table shows where they begin. */
int falls(int x, int r)
{
    switch (x) {
    case 0: r += 3;
    case 1: r ^= sink;
    case 2: r *= 5;
    case 3: sink = r;
    case 4: r -= x;
    case 5: r = ~r;
    case 7: sink += 2;
    default: r++;
    }
    return r;
}

int calls(int x, int r)
{
    switch (x) {
    case 10: return touch(r + 1);
    case 11: r = touch(r); break;
    case 12: touch(x); r += 2; break;
    case 13: return r * 3;
    case 14: r = -r; /* fall through */
    case 15: r ^= 0x55; break;
    case 18: return touch(touch(r));
    }
    return r + touch(x);
}

/* Two tables in one loop; the addresses may be kept in registers. */
int machine(const unsigned char *code, int r)
{
    for (;;) {
        switch (*code++) {
        case 0: return r;
        case 1: r++; continue;
        case 2: r += touch(*code++);
        case 3: r ^= 0x1234; break;
        case 4: code += r & 1; continue;
        case 5: r = touch(r);
        case 6: r >>= 1; break;
        default: r = 0;
        }
        switch (r & 7) {
        case 0: r |= 8;
        case 1: r += 17;
        case 2: r *= 3; break;
        case 3: touch(r);
        case 4: r -= 4;
        case 5: r = ~r; break;
        case 6: return touch(r);
        }
    }
}

int gotos(const unsigned char *code, int r)
{
    static const void *const places[] = { &&stop, &&inc, &&dbl, &&neg };

    goto *places[*code++ & 3];
inc:
    r++;
neg:
    r = -r;
    goto *places[*code++ & 3];
dbl:
    r *= 2;
    sink = r;
    goto *places[*code++ & 3];
stop:
    return r;
}

int near_gotos(const unsigned char *code, int r)
{
    static const int places[] = { &&stop - &&stop, &&inc - &&stop,
                                  &&dbl - &&stop, &&neg - &&stop };

    goto *(&&stop + places[*code++ & 3]);
inc:
    r++;
neg:
    r = -r;
    goto *(&&stop + places[*code++ & 3]);
dbl:
    r *= 2;
    goto *(&&stop + places[*code++ & 3]);
stop:
    return r;
}

/* No table: an array of functions. */
static int one(int r) { return r + 1; }
static int two(int r) { return r + 2; }
int (*const functions[])(int) = { one, two, one, two };
int tail(int x, int r) { return functions[x & 3](r); }

int main(void)
{
    static const unsigned char code[] = { 1, 2, 3, 0 };

    return falls(1, 2) + calls(11, 3) + machine(code, 1) + gotos(code, 2) +
           near_gotos(code, 3) + tail(1, 2);
}
"""

RUST = r"""
#![no_std]
#![no_main]

static mut SINK: i32 = 0;

fn sink() -> i32 {
    unsafe { core::ptr::read_volatile(core::ptr::addr_of!(SINK)) }
}

#[inline(never)]
#[no_mangle]
pub extern "C" fn touch(x: i32) -> i32 {
    unsafe { core::ptr::write_volatile(core::ptr::addr_of_mut!(SINK), x) }
    x ^ sink()
}

/* Cases go on with each other, as loops do that run once. */
#[no_mangle]
pub extern "C" fn falls(x: i32, mut r: i32) -> i32 {
    'four: loop {
        'three: loop {
            'two: loop {
                'one: loop {
                    loop {
                        match x {
                            0 => break,
                            1 => break 'one,
                            2 => break 'two,
                            3 => break 'three,
                            4 => break 'four,
                            5 => return !r,
                            _ => return r,
                        }
                    }
                    r ^= 3;
                    break;
                }
                r |= sink();
                break;
            }
            r = !r;
            break;
        }
        touch(r);
        break;
    }
    r ^ x
}

#[no_mangle]
pub extern "C" fn calls(x: i32, mut r: i32) -> i32 {
    match x {
        10 => return touch(r ^ 1),
        11 => r = touch(r),
        12 => { touch(x); r ^= 2; }
        13 => return r & 3,
        14 => r = !r,
        15 => r ^= 0x55,
        17 => r |= sink(),
        18 => return touch(touch(r)),
        _ => {}
    }
    r ^ touch(x)
}

#[repr(u8)]
pub enum Op { Stop, Inc, Not, Add, Jump, Call, Half, Swap, Clear }

/* Two tables in one loop; the addresses may be kept in registers. */
#[no_mangle]
pub extern "C" fn machine(mut code: *const Op, mut r: u32) -> u32 {
    loop {
        let op = unsafe { &*code };
        code = unsafe { code.add(1) };
        match op {
            Op::Stop => return r,
            Op::Inc => { r ^= 1; continue; }
            Op::Not => r = !r,
            Op::Add => r |= sink() as u32,
            Op::Jump => { code = unsafe { code.add((r & 1) as usize) }; }
            Op::Call => r = touch(r as i32) as u32,
            Op::Half => r >>= 1,
            Op::Swap => r = r.swap_bytes(),
            Op::Clear => r = 0,
        }
        match r & 7 {
            0 => r |= 8,
            1 => r ^= 17,
            2 => r = !r & 0x3ff,
            3 => { touch(r as i32); }
            4 => r >>= 3,
            5 => return touch(r as i32) as u32,
            _ => r ^= sink() as u32,
        }
    }
}

#[no_mangle]
pub extern "C" fn main() -> i32 {
    let code = [Op::Inc, Op::Call, Op::Half, Op::Stop];
    falls(1, 2) ^ calls(11, 3) ^ machine(&code as *const Op, 1) as i32
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
"""

GO = r"""
package main

var sink int

//go:noinline
func touch(x int) int { sink += x; return x ^ sink }

//go:noinline
func falls(x, r int) int {
	switch x {
	case 0: r += 3; fallthrough
	case 1: r ^= sink; fallthrough
	case 2: r *= 5; fallthrough
	case 3: sink = r; fallthrough
	case 4: r -= x; fallthrough
	case 5: r = ^r
	case 6: r = touch(r)
	case 7: sink += 2
	case 9: r <<= 1
	default: r++
	}
	return r
}

//go:noinline
func machine(code []byte, r int) int {
	for _, op := range code {
		switch op {
		case 0: return r
		case 1: r++
		case 2: r += touch(r)
		case 3: r ^= 0x1234
		case 4: r = -r
		case 5: r = touch(r)
		case 6: r >>= 1
		case 7: return touch(touch(r))
		default: r = 0
		}
		switch r & 15 {
		case 0: r |= 8
		case 1: r += 17
		case 2: r *= 3
		case 3: touch(r)
		case 4: r -= 4
		case 5: r = ^r
		case 6: return touch(r)
		case 7: r += sink
		case 9: r /= 3
		}
	}
	return r
}

//go:noinline
func words(s string) int {
	switch s {
	case "one": return 1
	case "two": return touch(2)
	case "three": return 3
	case "four": return touch(4)
	case "five": return 5
	case "six": return 6
	case "seven": return touch(7)
	case "eight": return 8
	case "nine": return 9
	case "eleven": return 11
	}
	return 0
}

func main() {
	println(falls(1, 2) + machine([]byte{1, 2, 3, 0}, 3) + words("five"))
}
"""

# What compilers write in other ways than as a table may be refused.
MAY_BE_REFUSED = {"near_gotos", "gotos", "tail"}

OPTIONS = [f"{o} {pic}" for o in ("-O0", "-O1", "-O2", "-O3", "-Os")
           for pic in ("-fPIE -pie", "-fno-pic -no-pie")]
OPTIONS += ["-O2 -fPIE -pie -fcf-protection=full",
            "-O2 -fPIE -pie -mcmodel=large",
            "-O2 -fno-pic -no-pie -mcmodel=large",
            "-O3 -fPIE -pie -funroll-loops -march=x86-64-v3"]

RUST_OPTIONS = [f"-Copt-level={o} -Crelocation-model={pic}"
                for o in ("0", "1", "2", "3", "s", "z")
                for pic in ("pie", "static")]
RUST_OPTIONS += ["-Copt-level=2 -Crelocation-model=pie -Ccode-model=large",
                 "-Copt-level=3 -Crelocation-model=pie "
                 "-Ctarget-cpu=x86-64-v3"]

GO_OPTIONS = ["-buildmode=exe", "-buildmode=pie"]


def run(*argv, **more):
    return subprocess.run(argv, check=True, capture_output=True,
                          text=True, **more)


def write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def link(directory, compiler, s, pie):
    """The program that @s is, and the addresses that its tables hold."""
    full, bare = (os.path.join(directory, n) for n in ("full", "bare"))
    with open(s, encoding="utf-8") as f:
        text = re.sub(r"(?<![\w.])\.L(\w+)", r"TLL_\1", f.read())
    write(directory, os.path.basename(s), text)
    run(compiler, pie, "-o", full, s)
    run("objcopy", "-w", "-N", "TLL_*", full, bare)
    held = set(re.findall(r"^\s*\.(?:long|quad)\s+TLL_(\w+)(?:-TLL_\w+)?\s*$",
                          text, re.M))
    at = {m[2]: int(m[1], 16) for m in
          re.finditer(r"^([0-9a-f]+) \w TLL_(\w+)$", run("nm", full).stdout,
                      re.M)}
    return bare, {at[name] for name in held if name in at}


def build_c(directory, compiler, options):
    c = write(directory, "t.c", SOURCE)
    s = os.path.join(directory, "t.s")
    flags = options.split()
    run(compiler, "-w", *flags, "-S", "-o", s, c)
    return link(directory, compiler, s, "-pie" if "-pie" in flags else "-no-pie")


def build_rust(directory, compiler, options):
    rs = write(directory, "t.rs", RUST)
    s = os.path.join(directory, "t.s")
    run(compiler, "--edition=2021", "--crate-type=bin", "--emit=asm",
        "-Cpanic=abort", "-Coverflow-checks=off", "-Cdebug-assertions=off",
        *options.split(), "-o", s, rs)
    return link(directory, "gcc", s,
                "-pie" if "model=pie" in options else "-no-pie")


def build_go(directory, compiler, options):
    """Its compiler says where the tables lead, from where a function begins."""
    write(directory, "t.go", GO)
    write(directory, "go.mod", "module t\ngo 1.19\n")
    program = os.path.join(directory, "t")
    env = dict(os.environ, GOCACHE=os.path.join(directory, "cache"),
               GOPATH=os.path.join(directory, "path"), GOFLAGS="-mod=mod",
               GOPROXY="off", CGO_ENABLED="0")
    text = run(compiler, "build", options, "-gcflags=-S", "-o", program, ".",
               cwd=directory, env=env).stderr
    start = {m[2]: int(m[1], 16) for m in
             re.finditer(r"^ *([0-9a-f]+) [Tt] (main\.\w+)$",
                         run(compiler, "tool", "nm", program, env=env).stdout,
                         re.M)}
    tables = re.findall(r"^main\.\w+\.jump\d+ SRODATA.*\n((?:\t.*\n)*)", text,
                        re.M)
    return program, {start[m[1]] + int(m[2]) for table in tables for m in
                     re.finditer(r"rel \d+\+8 t=\d+ (main\.\w+)\+(\d+)", table)
                     if m[1] in start}


def judge(what, program, held, functions="*"):
    """(targets of tables that were checked, functions not understood)"""
    r = tl.trapline("coverage", "--json", "-v", program, functions)
    check(r.returncode == 0, r.stderr)
    checked, lost = 0, set()
    for line in r.stdout.splitlines()[:-1]:
        fn = json.loads(line)
        start, end = int(fn["address"], 16), int(fn["address"], 16) + fn["size"]
        targets = {t for t in held if start <= t < end}
        if "unresolved indirect jump" in fn["reasons"]:
            lost.add(fn["function"])
        islands = set(fn["island_at"])
        free = {start + b for run in fn["padding"] for b in range(*run)}
        check(not held & free, f"{what}: {fn['function']}: padding that is "
              f"none: {[hex(t) for t in held & free]}")
        for at in fn["jump_at"]:
            size = SHORT if at in islands else JUMP
            covered = targets & set(range(start + at + 1, start + at + size))
            check(not covered, f"{what}: {fn['function']}: a "
                  f"jump at +{at:#x} takes {[hex(t) for t in covered]}")
        checked += len(targets)
    # the large code model calculates with addresses of code
    check(not lost - MAY_BE_REFUSED or "large" in what,
          f"{what}: not understood: {lost}")
    return checked, lost


def all_options(compiler, build=build_c, options=None, functions="*", least=20):
    if not shutil.which(compiler):
        raise tl.Skip(f"{compiler} is not installed")
    options = options or OPTIONS
    total, lost = 0, 0
    for o in options:
        program, held = build(tl.tempdir(), compiler, o)
        n, refused = judge(f"{compiler} {o}", program, held, functions)
        total += n
        lost += len(refused)
    tl.note(f"{total} places in tables, {lost} functions refused")
    check(total > least * len(options), f"only {total} places in tables")


@case
def tables_of_gcc_are_understood():
    all_options("gcc")


@case
def tables_of_clang_are_understood():
    all_options("clang")


@case
def tables_of_rust_are_understood():
    all_options("rustc", build_rust, RUST_OPTIONS, least=10)


@case
def tables_of_go_are_understood():
    all_options("go", build_go, GO_OPTIONS, "main.*")


tl.main()

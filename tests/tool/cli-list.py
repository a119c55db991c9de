#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# limit: 120
"""cli-list.py - `trapline list` against nm, and symbols in hard places

Files and processes; stripped, with debug files by build-id and by link; deleted
and replaced while they run; in another root; with names that would do things to
a terminal; broken in every way.  The command with the session that touches
nobody does: listing attaches to nothing.
"""
import fcntl
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import tl  # noqa: E402

FAKE = os.path.join(tl.BUILD, "trapline-fake")
DYN = os.path.join(tl.TARGETS, "dyn")


def run(*args, timeout=30):
    return subprocess.run([FAKE, *map(str, args)], capture_output=True,
                          timeout=timeout)


def listing(*args):
    """The rows of a listing; it must succeed."""
    r = run("list", *args, "--json")
    tl.check_eq(r.returncode, 0, f"status ({r.stderr.decode()})")
    return [json.loads(line) for line in r.stdout.splitlines()]


def shell(command):
    return subprocess.run(command, shell=True, check=True, text=True,
                          capture_output=True).stdout


def functions_by_nm(path, dynamic=False):
    """Address: names, of what nm and readelf call functions."""
    out = {}
    table = "--dyn-syms" if dynamic else "-s"
    for line in shell(f"readelf -W {table} {path}").splitlines():
        f = line.split()
        if len(f) < 8 or not f[0].rstrip(":").isdigit():
            continue
        if f[3] not in ("FUNC", "IFUNC") or f[6] in ("UND", "ABS"):
            continue
        out.setdefault(int(f[1], 16), set()).add(f[7].split("@")[0])
    return out


def target(path, *args, **kw):
    p = tl.start([path, "-t", "1", "-r", "10", *args], text=True,
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, **kw)
    tl.check(p.stdout.readline().startswith("ready"), "the target is ready")
    return p


def build(text, *options, name="x.S"):
    """Assemble or compile a source; the path of the program."""
    d = tl.tempdir()
    src = os.path.join(d, name)
    with open(src, "w", encoding="utf-8") as f:
        f.write(text)
    out = os.path.join(d, "program")
    subprocess.run(["gcc", "-z", "noexecstack", "-o", out, src, *options],
                   check=True)
    return out


def agree_with_nm(path, dynamic=False):
    want = functions_by_nm(path, dynamic)
    got = {int(r["address"], 16): r["function"]
           for r in listing(path, "-v")}
    missing = [a for a in want if a not in got]
    tl.check(not missing, f"{path}: {len(missing)} of {len(want)} functions "
             f"are missing, as {[want[a] for a in missing[:3]]}")
    for addr, names in want.items():
        shown = got[addr].split("@")[0]
        tl.check(shown in names or dynamic, f"{shown} is not of {names}")
    plain = listing(path)
    tl.check(len(plain) <= len(got), "labels are not listed")
    cold = [r for r in plain if ".cold" in r["function"]]
    tl.check(not cold, "cold parts are not listed")


@tl.case
def programs_agree_with_nm():
    for path in (DYN, DYN + "-static", DYN + "-musl", FAKE):
        agree_with_nm(path)


@tl.case
def stripped_programs_have_their_exports():
    d = tl.tempdir()
    lib = os.path.join(d, "libx.so")
    src = os.path.join(d, "x.c")
    with open(src, "w", encoding="utf-8") as f:
        f.write("int seen(int a){return a+1;} "
                "static int hidden(int a){return a*a;} "
                "int (*p)(int)=hidden;")
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", lib, src],
                   check=True)
    names = {r["function"] for r in listing(lib)}
    tl.check({"seen", "hidden"} <= names, "both before stripping")
    subprocess.run(["strip", lib], check=True)
    names = {r["function"] for r in listing(lib)}
    tl.check("seen" in names and "hidden" not in names, f"{names}")


@tl.case
def debug_file_by_link_is_used_if_its_checksum_is_right():
    d = tl.tempdir()
    prog, debug = os.path.join(d, "p"), os.path.join(d, "p.debug")
    shutil.copy(DYN, prog)
    # Without a build-id there is only the link.
    shell(f"objcopy --remove-section .note.gnu.build-id {prog} && "
          f"objcopy --only-keep-debug {prog} {debug} && strip {prog} && "
          f"cd {d} && objcopy --add-gnu-debuglink=p.debug {prog}")
    tl.check_eq(len(listing(prog, "hot_*")), 9, "functions")
    os.mkdir(os.path.join(d, ".debug"))
    os.rename(debug, os.path.join(d, ".debug", "p.debug"))
    tl.check_eq(len(listing(prog, "hot_*")), 9, "functions, from .debug/")
    with open(os.path.join(d, ".debug", "p.debug"), "ab") as f:
        f.write(b"x")
    r = run("list", prog, "hot_*")
    tl.check_eq(r.returncode, 1, "status with the wrong checksum")


@tl.case
def debug_file_by_build_id_is_used():
    if os.getuid() != 0:
        raise tl.Skip("writes below /usr/lib/debug")
    d = tl.tempdir()
    prog = os.path.join(d, "p")
    shell(f"gcc -O1 -Wl,--build-id=0x{os.urandom(20).hex()} -x c -o {prog} - "
          "<<'X'\nint hot_x(int a){return a;} int main(){return hot_x(0);}\nX")
    note = shell(f"readelf -n {prog}")
    ident = re.search(r"Build ID: ([0-9a-f]+)", note)[1]
    where = f"/usr/lib/debug/.build-id/{ident[:2]}"
    made = not os.path.exists(where)
    os.makedirs(where, exist_ok=True)
    debug = f"{where}/{ident[2:]}.debug"
    try:
        shell(f"objcopy --only-keep-debug {prog} {debug} && strip {prog}")
        tl.check_eq(len(listing(prog, "hot_x")), 1, "functions")
        other = build("int hot_y(int a){return a;} "
                      "int main(){return hot_y(0);}", "-O1", name="x.c")
        shell(f"objcopy --only-keep-debug {other} {debug}")
        r = run("list", prog, "hot_*")
        tl.check_eq(r.returncode, 1, "status with another's debug file")
    finally:
        os.unlink(debug)
        if made:
            os.rmdir(where)


@tl.case
def process_and_file_differ_by_the_bias():
    for path in (DYN, DYN + "-static", DYN + "-musl"):
        p = target(path)
        in_file = {r["function"]: int(r["address"], 16)
                   for r in listing(path, "hot_*")}
        live = {r["function"]: int(r["address"], 16)
                for r in listing("-p", p.pid,
                                 os.path.basename(path) + ":hot_*")}
        tl.check_eq(set(live), set(in_file), "functions")
        tl.check_eq(len({live[n] - in_file[n] for n in live}), 1, "biases")
        # The bytes there are those of the file's functions.
        maps = open(f"/proc/{p.pid}/maps", encoding="utf-8").read()
        for addr in live.values():
            tl.check(any(int(m[1], 16) <= addr < int(m[2], 16) for m in
                         re.finditer(r"^([0-9a-f]+)-([0-9a-f]+) r-xp .*/dyn",
                                     maps, re.M)), "in its text")
        p.kill()


@tl.case
def libraries_of_a_process_are_listed():
    p = target(DYN)
    rows = listing("-p", p.pid, "libc:malloc")
    tl.check_eq(len(rows), 1, "malloc in libc")
    tl.check("libc" in rows[0]["binary"], rows[0]["binary"])
    rows = listing("-p", p.pid, "*clock_gettime*")
    tl.check(any("vdso" in r["binary"] for r in rows), "the vDSO is read")


@tl.case
def indirect_functions_are_marked():
    p = target(DYN)
    rows = listing("-p", p.pid, "libc:strlen")
    tl.check_eq(len(rows), 1, "strlen")
    tl.check(rows[0].get("indirect") is True, f"{rows[0]}")


@tl.case
def an_indirect_function_stands_for_what_it_chose():
    p = target(DYN)
    r = run("count", "-p", p.pid, "--dry-run", "-v", "libc:strle?")
    tl.check(b"1 indirect function, too (strlen)" in r.stderr or
             b"2 indirect functions, too" in r.stderr, f"{r.stderr}")
    resolver = int(listing("-p", p.pid, "libc:strlen")[0]["address"], 16)
    r = run("count", "-p", p.pid, "--dry-run", "--json", "strlen")
    tl.check_eq(r.returncode, 0, r.stderr.decode())
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    tl.check_eq([x["probe"] for x in rows[:-1]], ["libc.so.6:strlen"],
                "probes")
    tl.check("indirect function" in rows[0]["chosen"], f"{rows[0]}")
    chosen = int(rows[0]["address"], 16)
    tl.check(chosen != resolver, "not the function that chooses")
    maps = open(f"/proc/{p.pid}/maps", encoding="utf-8").read()
    tl.check(any(int(m[1], 16) <= chosen < int(m[2], 16) for m in
                 re.finditer(r"^([0-9a-f]+)-([0-9a-f]+) r-xp .*/libc",
                             maps, re.M)), "in libc's text")
    # Where libc has all its symbols, the name says the same.
    names = {int(x["address"], 16): x["function"]
             for x in listing("-p", p.pid, "libc:*")}
    tl.check("strlen" in names.get(chosen, "strlen"), f"{names.get(chosen)}")


VERSIONED = """
int now(int a) { return a + 1; }
int before(int a) { return a - 1; }
int only(int a) { return a * 3; }
__asm__(".symver now, twice@@NEW");
__asm__(".symver before, twice@OLD");
__asm__(".symver only, past@OLD");
"""


@tl.case
def versions_of_a_symbol_are_told_apart():
    d = tl.tempdir()
    lib, script = os.path.join(d, "libv.so"), os.path.join(d, "map")
    with open(script, "w", encoding="utf-8") as f:
        f.write("OLD { local: now; before; only; };\nNEW { } OLD;\n")
    tl.compile_to(lib, VERSIONED, "-shared", "-fPIC",
                  "-Wl,--version-script=" + script)
    names = {name: addr for addr, several in functions_by_nm(lib).items()
             for name in several}
    tl.compile_to(os.path.join(d, "p"), "int main(void){return 0;}",
                  "-Wl,--no-as-needed," + lib)

    def chosen(name):
        r = run("count", "--dry-run", "--json", name, "--",
                os.path.join(d, "p"))
        tl.check_eq(r.returncode, 0, f"{name}: {r.stderr}")
        got = json.loads(r.stdout.splitlines()[0])
        return int(got["address"], 16) & 0xfff, got.get("chosen", "")

    want = {k: v & 0xfff for k, v in names.items()}
    for name, symbol, told in [
            ("twice", "now", "twice@@NEW; there is twice@OLD, too"),
            ("twice@NEW", "now", ""), ("twice@@NEW", "now", ""),
            ("twice@OLD", "before", ""), ("past", "only", ""),
            ("libv:past@OLD", "only", "")]:
        tl.check_eq(chosen(name), (want[symbol], told), name)
    for name in "twice@@OLD", "twice@NONE":
        r = run("count", "--dry-run", name, "--", os.path.join(d, "p"))
        tl.check_eq(r.returncode, 1, name)
        tl.check(b"no such version" in r.stderr and b"twice@@NEW" in r.stderr,
                 f"{r.stderr}")
    # Stripped, there are the dynamic symbols alone.
    shell(f"strip {lib}")
    tl.check_eq({r["function"] for r in listing(lib)} - {"_init", "_fini"},
                {"twice", "twice@OLD", "past@OLD"}, "of the stripped one")


@tl.case
def compressed_symbols_of_a_stripped_file_are_read():
    d = tl.tempdir()
    prog, mini = os.path.join(d, "p"), os.path.join(d, "mini")
    shutil.copy(DYN, prog)
    whole = {(r["function"], r["address"]) for r in listing(prog, "hot_*")}
    shell(f"nm {prog} | awk '{{print $3}}' >{d}/keep; "
          f"objcopy -S --keep-symbols={d}/keep {prog} {mini}")
    shell(f"xz {mini}; strip -R .note.gnu.build-id {prog}; "
          f"objcopy --add-section .gnu_debugdata={mini}.xz {prog}")
    tl.check_eq({(r["function"], r["address"])
                 for r in listing(prog, "hot_*")}, whole, "functions")
    # Spoilt, they are not there.
    data = bytearray(open(mini + ".xz", "rb").read())
    data[len(data) // 2] ^= 255
    with open(mini, "wb") as f:
        f.write(data)
    shell(f"objcopy --update-section .gnu_debugdata={mini} {prog}")
    tl.check_eq(run("list", prog, "hot_*").returncode, 1, "status")


@tl.case
def deleted_program_is_still_read():
    d = tl.tempdir()
    prog = os.path.join(d, "gone")
    shutil.copy(DYN, prog)
    p = target(prog)
    os.unlink(prog)
    tl.check_eq(len(listing("-p", p.pid, "hot_*")), 9, "functions")


@tl.case
def replaced_program_is_not_mistaken_for_the_running_one():
    d = tl.tempdir()
    prog = os.path.join(d, "upgraded")
    shutil.copy(DYN, prog)
    p = target(prog)
    shutil.copy(FAKE, prog + ".new")
    os.rename(prog + ".new", prog)
    tl.check_eq(len(listing("-p", p.pid, "hot_*")), 9, "functions of the old")
    r = run("list", "-p", p.pid, "cmd_count")
    tl.check_eq(r.returncode, 1, "status for a function of the new")


@tl.case
def a_user_sees_the_same_of_his_own_processes():
    if os.getuid() != 0 or not shutil.which("setpriv"):
        raise tl.Skip("needs root, to become somebody else")
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534",
              "--clear-groups"]
    d = tl.tempdir()
    os.chmod(d, 0o755)
    fake, prog = os.path.join(d, "trapline"), os.path.join(d, "upgraded")
    shutil.copy(FAKE, fake)
    shutil.copy(DYN, prog)
    p = tl.start([*nobody, prog, "-t", "1", "-r", "10"], text=True,
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    tl.check(p.stdout.readline().startswith("ready"), "the target is ready")

    def listed(glob):
        return subprocess.run([*nobody, fake, "list", "-p", str(p.pid), glob],
                              capture_output=True, text=True, check=False)
    r = listed("hot_*")
    tl.check_eq((r.returncode, r.stdout.count("hot_")), (0, 9), r.stderr)
    shutil.copy(FAKE, prog + ".new")
    os.rename(prog + ".new", prog)
    r = listed("hot_*")
    tl.check_eq((r.returncode, r.stdout.count("hot_")), (0, 9), r.stderr)
    tl.check_eq(listed("cmd_count").returncode, 1, "a function of the new")
    # Of a deleted library there is nothing to read, but nothing is made up.
    lib = os.path.join(d, "libgone.so")
    shell(f"echo 'int f(void){{return 1;}}' | gcc -shared -fPIC -x c -o {lib} -")
    dyn = shutil.copy(DYN, os.path.join(d, "dyn"))
    p = tl.start([*nobody, "env", f"LD_PRELOAD={lib}", dyn, "-t", "1"],
                 text=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    tl.check(p.stdout.readline().startswith("ready"), "the target is ready")
    tl.check_eq(listed("libgone:f").returncode, 0, "while it is there")
    os.unlink(lib)
    r = listed("libgone:f")
    tl.check_eq(r.returncode, 1, "when it is gone")
    tl.check("deleted" in r.stderr, r.stderr)


@tl.case
def a_slot_that_is_not_bound_yet_is_not_what_was_chosen():
    prog = build("#include <string.h>\n#include <stdio.h>\n"
                 "#include <unistd.h>\nint main(int n,char **v)"
                 "{puts(\"ready\");fflush(stdout);sleep(60);"
                 "return strlen(v[0])+n;}\n", "-O0", "-fno-builtin",
                 "-Wl,-z,lazy", name="x.c")
    p = tl.start([prog], stdout=subprocess.PIPE)
    p.stdout.readline()
    r = run("count", "-p", p.pid, "--dry-run", "--json", "strlen")
    maps = open(f"/proc/{p.pid}/maps", encoding="utf-8").read()
    own = [(int(m[1], 16), int(m[2], 16)) for m in
           re.finditer(r"^([0-9a-f]+)-([0-9a-f]+) .*/program$", maps, re.M)]
    for line in r.stdout.splitlines():
        if b"address" not in line:
            continue  # the summary
        at = int(json.loads(line)["address"], 16)
        tl.check(not any(lo <= at < hi for lo, hi in own), "not its own PLT")


@tl.case
def program_in_another_root_is_read_there():
    if os.getuid() != 0:
        raise tl.Skip("chroot needs root")
    root = tl.tempdir()
    shutil.copy(DYN + "-static", os.path.join(root, "prog"))
    p = tl.start(["chroot", root, "/prog", "-t", "1", "-r", "10"], text=True,
                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    tl.check(p.stdout.readline().startswith("ready"), "the target is ready")
    tl.check_eq(len(listing("-p", p.pid, "prog:hot_*")), 9, "functions")


@tl.case
def names_cannot_do_things_to_a_terminal():
    prog = build('.text\n.globl main\nmain: xor %eax,%eax\nret\n'
                 '.globl "bad\033[31mred"\n.type "bad\033[31mred",@function\n'
                 '"bad\033[31mred": ret\n.size "bad\033[31mred",1\n'
                 '.globl "f\xc3\xbcr"\n.type "f\xc3\xbcr",@function\n'
                 '"f\xc3\xbcr": ret\n.size "f\xc3\xbcr",1\n')
    for args in ([], ["--json"]):
        r = run("list", prog, *args)
        tl.check_eq(r.returncode, 0, "status")
        tl.check(b"\033" not in r.stdout and b"bad" in r.stdout, "no escape")
    name = run("list", prog, "zzz\033[31m").stderr
    tl.check(b"\033" not in name and b"zzz" in name, "none from arguments")


@tl.case
def functions_without_a_size_end_at_the_next():
    prog = build(".text\n.globl main\n.type main,@function\nmain: nop\nnop\n"
                 "nop\nxor %eax,%eax\nret\n.globl second\n"
                 ".type second,@function\nsecond: nop\nret\n"
                 ".globl known\n.type known,@function\nknown:\n"
                 ".cfi_startproc\nnop\nnop\nret\n.cfi_endproc\n.space 40\n"
                 ".globl third\n.type third,@function\nthird: ret\n"
                 ".size third,1\n")
    sizes = {r["function"]: r["size"] for r in listing(prog)}
    tl.check_eq(sizes["main"], 6, "size of main")
    tl.check_eq(sizes["second"], 2, "size of second")
    tl.check_eq(sizes["third"], 1, "size of third")
    tl.check_eq(sizes["known"], 3, "size of one that the unwind tables know")


@tl.case
def one_address_is_one_line():
    prog = build("int plain(int a){return a;}\n"
                 "int __plain_alias(int a) __attribute__((alias(\"plain\")));"
                 "int main(void){return plain(0);}\n", name="x.c")
    names = [r["function"] for r in listing(prog, "*plain*")]
    tl.check_eq(names, ["plain"], "names")
    names = [r["function"] for r in listing(prog, "__plain*")]
    tl.check_eq(names, ["__plain_alias"], "the alias that was asked for")


@tl.case
def an_exported_name_is_shown_before_a_local_one():
    prog = build(".text\n.globl main\n.type main,@function\n"
                 "main: xor %eax,%eax\nret\n"
                 ".globl exported_name\n.type exported_name,@function\n"
                 ".type here,@function\nexported_name:\nhere: ret\n"
                 ".size exported_name,1\n.size here,1\n")
    names = [r["function"] for r in listing(prog)]
    tl.check("exported_name" in names and "here" not in names, f"{names}")


@tl.case
def the_program_itself_comes_before_its_libraries():
    prog = build("#include <stdio.h>\n#include <unistd.h>\n"
                 "__attribute__((noinline,used)) static int qsort(int a)"
                 "{return a+1;}\nint main(void){puts(\"ready\");"
                 "fflush(stdout);sleep(60);return qsort(1);}\n",
                 "-w", name="x.c")
    p = tl.start([prog], stdout=subprocess.PIPE)
    p.stdout.readline()

    def names(probe):
        r = run("count", "-p", p.pid, "--dry-run", "--json", probe)
        tl.check_eq(r.returncode, 0, r.stderr.decode())
        return sorted(json.loads(x)["probe"] for x in r.stdout.splitlines()
                  if b"address" in x)
    tl.check_eq(names("qsort"), ["qsort"], "without a binary")
    tl.check_eq(names("libc:qsort"), ["libc.so.6:qsort"], "with one")
    tl.check_eq(names("libc.so.6:qsort"), ["libc.so.6:qsort"], "with one")
    tl.check_eq(names("libc*:qsort"), ["libc.so.6:qsort"], "with a glob")
    tl.check_eq(names("qsor[t]"), ["libc.so.6:qsort", "qsort"], "a glob")
    addr = names("program:qsort") and listing("-p", p.pid, "program:qsort")
    tl.check_eq(names(addr[0]["address"]), ["qsort"], "by its address")
    in_file = listing(prog, "qsort")[0]["address"]
    tl.check_eq(names("program:" + in_file), ["qsort"], "of the file")


@tl.case
def a_name_of_two_libraries_is_the_one_that_calls_go_to():
    d = tl.tempdir()
    for lib in "ab":
        shell(f"echo 'int twice(void){{return 1;}} int only_{lib}(void)"
              "{return twice();}' | gcc -shared -fPIC -x c -o "
              f"{d}/lib{lib}.so -")
    prog = build("#include <stdio.h>\n#include <unistd.h>\n"
                 "int only_a(void);int only_b(void);\n"
                 "int main(void){puts(\"ready\");fflush(stdout);sleep(60);"
                 "return only_a()+only_b();}\n", f"-L{d}", "-la", "-lb",
                 f"-Wl,-rpath,{d}", name="x.c")
    p = tl.start([prog], stdout=subprocess.PIPE)
    p.stdout.readline()
    r = run("count", "-p", p.pid, "--dry-run", "twice")
    said = (r.stdout + r.stderr).decode()
    tl.check_eq(r.returncode, 0, said)
    tl.check("liba.so:twice" in said and "libb.so" in said, said)
    for lib in "ab":
        r = run("count", "-p", p.pid, "--dry-run", f"lib{lib}:twice")
        tl.check_eq(r.returncode, 0, r.stderr.decode())
        tl.check(f"lib{lib}.so:twice" in r.stdout.decode(), r.stdout.decode())


@tl.case
def prototypes_come_from_debug_information():
    prog = build("""
#include <stdarg.h>
struct list { struct list *next; const char *name; };
typedef unsigned long size;
int plain(int a, char b) { return a + b; }
const char *pointers(struct list *l, const char *const *v, void *p)
{ return l->name; }
void callback(int (*f)(const void *, const void *), size n) { }
int variadic(const char *fmt, ...) { return 0; }
static int nothing(void) { return 3; }
int (*chosen(void))(int, char) { return plain; }
void *(*maker(void))(int) { return 0; }
union u;
enum color { RED } paint(volatile int *i, union u *u, _Bool b) { return RED; }
int main(int argc, char *argv[]) { return nothing() + plain(1, 2); }
""", "-g", name="x.c")
    got = {r["function"]: r["prototype"] for r in listing(prog)}
    for name, want in {
            "plain": "int plain(int a, char b)",
            "pointers": "const char *pointers(struct list *l, "
                        "const char *const *v, void *p)",
            "callback": "void callback(int (*f)(const void *, const void *),"
                        " size n)",
            "variadic": "int variadic(const char *fmt, ...)",
            "nothing": "int nothing(void)",
            "maker": "void *(*maker(void))(int)",
            "chosen": "int (*chosen(void))(int, char)",
            "paint": "enum color paint(volatile int *i, union u *u, _Bool b)",
            "main": "int main(int argc, char **argv)",
            "_start": None}.items():
        tl.check_eq(got[name], want, name)
    subprocess.run(["strip", "-g", prog], check=True)
    tl.check_eq({r["prototype"] for r in listing(prog)}, {None}, "without")


@tl.case
def copies_of_the_compiler_stand_for_the_function():
    prog = build("#include <unistd.h>\n"
                 "__asm__(\".text\\n.type f.constprop.0,@function\\n"
                 "f.constprop.0: ret\\n.size f.constprop.0,1\\n"
                 ".type f.cold,@function\\nf.cold: ret\\n.size f.cold,1\");"
                 "int main(void){write(1,\"ready\\n\",6);sleep(60);}\n",
                 name="x.c")
    p = tl.start([prog], stdout=subprocess.PIPE)
    p.stdout.readline()
    r = run("count", "-p", p.pid, "--dry-run", "f")
    tl.check_eq(r.returncode, 0, r.stderr.decode())
    tl.check(b"f.constprop.0" in r.stdout and b"cold" not in r.stdout,
             r.stdout.decode())
    r = run("count", "-p", p.pid, "--dry-run", "f*")
    tl.check(b"cold" not in r.stdout, "a glob takes no cold parts")
    r = run("count", "-p", p.pid, "--dry-run", "f.cold")
    tl.check(b"f.cold" in r.stdout, "by its full name it can be had")


CPLUSPLUS = """
#include <unistd.h>
#include <vector>
#define KEEP __attribute__((noinline, used))
namespace ns {
struct A { int v;
  KEEP int get() const { return v; }
  KEEP A operator+(const A &o) const { return A{v + o.v}; }
  KEEP A operator++() { v++; return *this; }
  KEEP bool operator<(const A &o) const { return v < o.v; } };
KEEP int leaf(int a) { return a + 1; }
KEEP int leaf(char c) { return c + 2; }
KEEP int lone(int a, const char *b) { return a + *b; }
template <typename T> KEEP T twice(T t) { return t + t; }
}
namespace { KEEP int write(long a) { return (int)a; } }
KEEP int qsort(int a) { return a; }
int main() { std::vector<int> v; v.push_back(1); ns::A a{1}, b{2};
  ++a; int x = (a + b).get() + (a < b) + ns::leaf(1) + ns::leaf('a') +
    ns::lone(1, "x") + ns::twice(1) + ns::twice(2L) + write(1) + qsort(2);
  ::write(1, "ready\\n", 6); sleep(60); return x; }
"""


def cplusplus():
    d = tl.tempdir()
    with open(os.path.join(d, "x.cc"), "w", encoding="utf-8") as f:
        f.write(CPLUSPLUS)
    prog = os.path.join(d, "program")
    shell(f"g++ -O0 -o {prog} {d}/x.cc")
    return prog


def probes(p, *what):
    """What a count would probe: shown names, and the symbols behind them."""
    r = run("count", "-p", p.pid, "--dry-run", "--json", *what)
    tl.check_eq(r.returncode, 0, f"{what}: {r.stderr.decode()}")
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    return {x["probe"]: x.get("symbol") for x in rows if "probe" in x}


@tl.case
def names_of_cplusplus_are_found_in_every_way_they_are_written():
    p = tl.start([cplusplus()], stdout=subprocess.PIPE)
    p.stdout.readline()
    leafs = {"ns::leaf(int)": "_ZN2ns4leafEi", "ns::leaf(char)": "_ZN2ns4leafEc"}
    get = {"ns::A::get": "_ZNK2ns1A3getEv"}
    lone = {"ns::lone": "_ZN2ns4loneEiPKc"}
    plus = {"ns::A::operator+": "_ZNK2ns1AplERKS0_"}
    for what, want in [
            ("_ZN2ns4leafEi", {"ns::leaf(int)": "_ZN2ns4leafEi"}),
            ("ns::leaf(int)", {"ns::leaf(int)": "_ZN2ns4leafEi"}),
            ("program:ns::leaf(char)", {"ns::leaf(char)": "_ZN2ns4leafEc"}),
            ("ns::leaf", leafs), ("program:ns::leaf", leafs),
            ("*4leaf*", leafs), ("ns::le*", leafs), ("ns::leaf(*", leafs),
            ("ns::A::get", get), ("ns::A::get() const", get),
            ("_ZNK2ns*3get*", get), ("ns::A::ge?", get),
            ("ns::lone", lone), ("ns::lone(int, char const*)", lone),
            ("ns::lone(int,char const *)", lone),
            ("ns::A::operator+", plus), ("program:ns::A::operator+", plus),
            ("ns::A::operator+(ns::A const&) const", plus),
            ("ns::A::operator++", {"ns::A::operator++": "_ZN2ns1AppEv"}),
            ("ns::A::operator<", {"ns::A::operator<": "_ZNK2ns1AltERKS0_"}),
            ("program:ns::A::operator++0x4",
             {"ns::A::operator++0x4": plus["ns::A::operator+"]}),
            ("ns::lone(int, char const*)+0x4",
             {"ns::lone+0x4": lone["ns::lone"]}),
            ("ns::twice<*>", {"ns::twice<int>": "_ZN2ns5twiceIiEET_S1_",
                              "ns::twice<long>": "_ZN2ns5twiceIlEET_S1_"}),
            ("ns::twice<long>(long)",
             {"ns::twice<long>": "_ZN2ns5twiceIlEET_S1_"}),
            ("(anonymous namespace)::write",
             {"(anonymous namespace)::write": "_ZN12_GLOBAL__N_15writeEl"}),
            # The program's own comes before the library's, as in C.
            ("qsort", {"qsort": "_Z5qsorti"}),
            ("libc:qsort", {"libc.so.6:qsort": None})]:
        tl.check_eq(probes(p, what), want, what)
    got = probes(p, "std::vector<*>::push_back")
    tl.check("std::vector<int, std::allocator<int> >::push_back" in got,
             f"{got}")
    r = run("count", "-p", p.pid, "--dry-run", "program:ns::lo*char*")
    tl.check_eq(r.returncode, 1, "a glob without a ( means no parameters")
    for what, near in [("ns::lef", b"ns::leaf"), ("leaf", b"ns::leaf"),
                       ("get", b"ns::A::get"), ("ns::lonely", b"ns::lone"),
                       ("ns::A::get()", b"there is 'ns::A::get() const'"),
                       ("ns::leaf(long)", b"there are 'ns::leaf(int)', "
                        b"'ns::leaf(char)'"),
                       ("A::get()", b"near names: ns::A::get")]:
        r = run("count", "-p", p.pid, "--dry-run", what)
        tl.check_eq(r.returncode, 1, what)
        tl.check(b"no function" in r.stderr and near in r.stderr and
                 b"_Z" not in r.stderr, r.stderr.decode())
    r = run("count", "-p", p.pid, "--dry-run", "-v", "ns::lone")
    tl.check(b"_ZN2ns4loneEiPKc" in r.stderr, "-v says which it is")


@tl.case
def names_of_cplusplus_are_listed_as_written():
    prog = cplusplus()
    rows = {r["function"]: r.get("symbol") for r in listing(prog)}
    tl.check_eq(rows.get("ns::leaf(int)"), "_ZN2ns4leafEi", "an overload")
    tl.check_eq(rows.get("ns::lone"), "_ZN2ns4loneEiPKc", "one alone")
    tl.check_eq(rows.get("main", ""), None, "C has no other symbol")
    tl.check(not [n for n in rows if n.startswith("_Z")], f"{list(rows)[:9]}")
    text = run("list", prog, "ns::lone(int, char const*)").stdout.decode()
    tl.check(text.splitlines()[1].endswith("  ns::lone"), text)
    r = run("coverage", "--json", prog, "ns::lone")
    row = json.loads(r.stdout.splitlines()[0])
    tl.check_eq((row["function"], row["symbol"]),
                ("ns::lone", "_ZN2ns4loneEiPKc"), "of coverage")


@tl.case
def names_of_rust_have_no_hash():
    names = {
        "_ZN7mycrate5inner4leaf17h0123456789abcdefE": "mycrate::inner::leaf",
        "_ZN49_$LT$mycrate..A$u20$as$u20$core..fmt..Display$GT$3fmt"
        "17h0123456789abcdefE": "<mycrate::A as core::fmt::Display>::fmt",
        "_ZN7mycrate4main28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE"
        ".llvm.77": "mycrate::main::{{closure}}",
        "_RNvNtCs15kBYyAo9fc_7mycrate5inner7example": "mycrate::inner::example",
        "_RNCNvC7mycrate4main0B3_": "mycrate::main::{closure#0}",
        "_ZN2ns3copEi.constprop.0": "ns::cop.constprop.0",
        "_Zwhatever": "_Zwhatever", "_Rwhatever": "_Rwhatever"}
    prog = build('.text\n.globl main\nmain: xor %eax,%eax\nret\n' + "".join(
        f'.type "{n}",@function\n"{n}": ret\n.size "{n}",1\n' for n in names))
    rows = {r["function"]: r.get("symbol") for r in listing(prog)}
    for symbol, shown in names.items():
        tl.check(shown in rows, f"{shown} is not of {list(rows)}")
        tl.check_eq(rows[shown], None if shown == symbol else symbol, shown)
        tl.check_eq([r["function"] for r in listing(prog, shown)], [shown],
                    "by the name that is shown")


@tl.case
def copies_of_cplusplus_stand_for_the_function():
    name = "_ZN2ns3copEi"
    prog = build("#include <unistd.h>\n"
                 f"__asm__(\".text\\n.type {name}.constprop.0,@function\\n"
                 f"{name}.constprop.0: ret\\n.size {name}.constprop.0,1\\n"
                 f".type {name}.cold,@function\\n{name}.cold: ret\\n"
                 f".size {name}.cold,1\");"
                 "int main(void){write(1,\"ready\\n\",6);sleep(60);}\n",
                 name="x.c")
    p = tl.start([prog], stdout=subprocess.PIPE)
    p.stdout.readline()
    want = {"ns::cop.constprop.0": name + ".constprop.0"}
    for what in ("ns::cop", name, "ns::cop*", "ns::cop.constprop.0"):
        tl.check_eq(probes(p, what), want, what)
    r = run("count", "-p", p.pid, "--dry-run", "-v", "ns::cop")
    tl.check(b"stands for ns::cop.constprop.0" in r.stderr, r.stderr.decode())


@tl.case
def a_long_name_is_cut_to_the_terminal():
    name = "_Z" + "200" + "x" * 200 + "v"
    prog = build('.text\n.globl main\nmain: xor %eax,%eax\nret\n'
                 f'.type {name},@function\n{name}: ret\n.size {name},1\n')

    def shown(*args):
        main, side = os.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        p = tl.start([FAKE, "list", prog, "xxx*", *args], stdout=side)
        os.close(side)
        text = b""
        try:
            while more := os.read(main, 4096):
                text += more
        except OSError:
            pass  # its other end is closed
        os.close(main)
        p.wait()
        return text.decode().split("\r\n")[1]
    tl.check_eq(len(shown()), 80, "columns")
    tl.check(shown().endswith("xxx..."), shown())
    tl.check(shown("-v").endswith("x" * 200), "-v shows all of it")
    tl.check("x" * 200 in run("list", prog, "xxx*").stdout.decode(), "a pipe")


GO = """package main
import "os"
//go:noinline
func leaf(a int) int { return a*7 + len(os.Args) }
type box struct { v int }
//go:noinline
func (b *box) get() int { return b.v + leaf(3) }
func main() { b := &box{leaf(2)}; os.Exit(b.get() & 1) }
"""


def go_program(d, name, *flags):
    prog = os.path.join(d, name)
    env = dict(os.environ, HOME=d, GOFLAGS="", GO111MODULE="off",
               CGO_ENABLED="0")
    env.setdefault("GOCACHE", os.path.join(d, "cache"))
    subprocess.run(["go", "build", *flags, "-o", prog, f"{d}/x.go"],
                   check=True, env=env, capture_output=True)
    return prog


def plain_go(name):
    return re.sub(r"\[[^\]]*\]", "[]", name).replace("\u00b7", ".")


def by_address(path):
    return {int(r["address"], 16): r for r in listing(path)}


@tl.case
def a_stripped_go_program_has_its_names():
    if not shutil.which("go"):
        raise tl.Skip("needs go")
    d = tl.tempdir()
    with open(os.path.join(d, "x.go"), "w", encoding="utf-8") as f:
        f.write(GO)
    whole = by_address(go_program(d, "whole"))
    prog = go_program(d, "bare", "-ldflags=-s -w")
    bare = by_address(prog)
    tl.check_eq(shell(f"readelf -WS {prog} | grep -c symtab$ || true").strip(),
                "0", "tables of symbols")
    tl.check(len(bare) > 1000, f"{len(bare)} functions")
    for addr, row in bare.items():
        tl.check(addr in whole, f"{row['function']} is a function")
        # The linker marks assembly, and writes out what is in brackets.
        name = whole[addr]["function"].removesuffix(".abi0")
        tl.check_eq(plain_go(row["function"]), plain_go(name), hex(addr))
        tl.check(0 <= row["size"] - whole[addr]["size"] < 64, f"size of {name}")
    tl.check_eq(set(r["function"] for r in listing(prog, "main.*")),
                {"main.leaf", "main.(*box).get", "main.main"}, "of the program")
    tl.check_eq(len(listing(prog, "main.(*box).get")), 1, "a method")
    lies_of_the_go_table_are_survived(d, prog, bare)


def lies_of_the_go_table_are_survived(d, prog, bare):
    section = re.search(r"gopclntab +PROGBITS +\w+ (\w+) (\w+)",
                        shell(f"readelf -WS {prog}"))
    at, size = int(section[1], 16), int(section[2], 16)
    with open(prog, "rb") as f:
        data = bytearray(f.read())
    rows, = struct.unpack_from("<Q", data, at + 64)
    path = os.path.join(d, "lies")

    def after(*changes):
        copy = bytearray(data)
        for where, form, value in changes:
            struct.pack_into(form, copy, at + where, value)
        with open(path, "wb") as f:
            f.write(copy)
        r = run("list", path, "--json")
        tl.check(r.returncode in (0, 1), f"{changes}: {r.returncode}")
        for row in map(json.loads, r.stdout.splitlines()):
            tl.check(row["size"] < 1 << 30, f"{changes}: {row}")
        return len(r.stdout.splitlines())
    tl.check_eq(after((0, "<I", 0xfffffff1)), len(bare), "as of Go 1.20")
    tl.check_eq(after((0, "<I", 0xfffffffa)), 0, "of another layout")
    huge = (1 << 64) - 1
    for where in (8, 24, 32, 64):
        for value in (0, 1, size, size - 4, 1 << 32, 1 << 61, huge):
            after((where, "<Q", value))
    seed = int(os.environ.get("TL_SEED", "0")) or random.getrandbits(32)
    tl.note(f"seed = {seed} (TL_SEED)")
    rnd = random.Random(seed)
    for _ in range(30 * tl.SCALE):
        after(*[(rnd.choice((rnd.randrange(8, 72), rows + rnd.randrange(4000),
                             rnd.randrange(size - 4))), "<I",
                 rnd.choice((0, 0x7fffffff, 0xffffffff, rnd.getrandbits(32))))
                for _ in range(rnd.randrange(1, 9))])


@tl.case
def broken_files_give_one_line_or_a_listing():
    seed = int(os.environ.get("TL_SEED", "0")) or random.getrandbits(32)
    tl.note(f"seed = {seed} (TL_SEED)")
    rnd = random.Random(seed)
    with open(DYN, "rb") as f:
        whole = f.read()
    path = os.path.join(tl.tempdir(), "broken")
    for i in range(60 * tl.SCALE):
        data = bytearray(whole)
        if i % 3 == 0:
            data = data[:rnd.randrange(len(data))]
        else:
            for _ in range(rnd.randrange(1, 12)):
                where = (rnd.randrange(64), rnd.randrange(1024),
                         len(data) - 1 - rnd.randrange(3000),
                         rnd.randrange(len(data)))[rnd.randrange(4)]
                data[where] = rnd.choice((0, 1, 0x7f, 0xff,
                                          rnd.randrange(256)))
        with open(path, "wb") as f:
            f.write(data)
        r = run("list", path, "--json")
        tl.check(r.returncode in (0, 1), f"step {i}: ended with "
                 f"{r.returncode}: {r.stderr.decode()[-300:]}")
        if r.returncode == 1:
            tl.check_eq(r.stderr.count(b"\n"), 1, f"step {i}: lines")
        for line in r.stdout.splitlines():
            json.loads(line)


# What looks like the table of a Go program, of which a relocation is to tell where
# the text is: each of them would have all relocations read.
@tl.case
def tables_of_go_that_are_none_take_no_time():
    d = tl.tempdir()
    path = os.path.join(d, "go.so")
    with open(path + ".s", "w", encoding="ascii") as f:
        f.write("""
            .globl f
            .type f, @function
    f:      ret
            .size f, . - f
            .section .data.rel.ro, "aw"
            .rept 60000
            .long 0xfffffff1
            .byte 0, 0, 1, 8
            .quad 1, 0, 0, 0
            .fill 24
            .quad 72
            .long 5, 12, 6, 5, 92
            .ascii "f\\0\\0\\0"
            .endr
            .section .rela.x, "a", @4
            .fill 9600000
        """)
    subprocess.run(["gcc", "-nostdlib", "-shared", "-s", "-o", path,
                    path + ".s"], check=True, stderr=subprocess.DEVNULL)
    r = run("list", path, timeout=20)
    tl.check(b"f" in r.stdout.split(), f"{r.stdout} {r.stderr}")


@tl.case
def a_sparse_file_does_not_fill_the_memory():
    path = os.path.join(tl.tempdir(), "huge")
    shutil.copy(DYN, path)
    os.truncate(path, 60 << 30)
    with open(path, "r+b") as f:
        head = f.read(64)
        shoff, = struct.unpack_from("<Q", head, 40)
        count, = struct.unpack_from("<H", head, 60)
        for i in range(1, count):
            # Symbols, strings, debug information: 40 GiB each, all zeroes.
            f.seek(shoff + 64 * i)
            kind, = struct.unpack_from("<4xI", f.read(64))
            if kind != 8:
                f.seek(shoff + 64 * i + 32)
                f.write(struct.pack("<Q", 40 << 30))
    r = subprocess.run(["bash", "-c", "ulimit -v 3000000; exec \"$@\"", "-",
                        FAKE, "list", path], capture_output=True, text=True,
                       timeout=20, check=False)
    tl.check(r.returncode == 1, f"ended with {r.returncode}: {r.stderr}")
    tl.check_eq(r.stderr.count("\n"), 1, r.stderr)
    tl.check("out of memory" not in r.stderr, r.stderr)


@tl.case
def an_object_file_is_listed_too():
    d = tl.tempdir()
    shell(f"echo 'int f(int a){{return a;}}' | gcc -O1 -x c -c -o {d}/x.o -")
    tl.check_eq([r["function"] for r in listing(f"{d}/x.o")], ["f"], "names")


tl.main()

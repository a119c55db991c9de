#!/bin/bash
# SPDX-License-Identifier: MIT
# two-engines.sh - in one process there is one engine at a time
# limit: 200
#
# Who uses the library says so by a note, which is found whatever the file is
# called: the command talks to it, or refuses by name.  A library that comes into
# a process that is traced already waits until that is over.

# shellcheck source=tests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1

cat >"$tmp/work.c" <<'END'
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <trapline/kprobes.h>
#include <trapline/trapline.h>

static volatile sig_atomic_t asked;

__attribute__((noinline)) int work(int n);
__attribute__((noinline)) int work(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n * 3;
}

static int hits;

static int before(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	hits++;
	return 0;
}

static void on_usr1(int sig)
{
	(void)sig;
	asked = 1;
}

static void probe(int (*add)(struct kprobe *), void (*take)(struct kprobe *))
{
	struct kprobe p = { .addr = (kprobe_opcode_t *)work, .pre_handler = before };
	int err = add(&p);

	hits = 0;
	work(1);
	if (!err)
		take(&p);
	printf("%d %d\n", err, hits);
}

int main(int argc, char **argv)
{
	void *lib = NULL;

	(void)argc, (void)argv, (void)lib;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGUSR1, on_usr1);
	alarm(120);
#if defined(LINKED) && !defined(STATIC)
	if (argc > 1 && !(lib = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL)))
		return 1;
#endif
#ifdef SHUT
	trapline_serve(false);
#endif
	puts("ready");
	for (;;) {
		work(2);
		usleep(1000);
		if (!asked)
			continue;
		asked = 0;
#ifdef LINKED
		probe(register_kprobe, unregister_kprobe);
#else
		lib = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
		if (lib)
			probe((int (*)(struct kprobe *))dlsym(lib, "register_kprobe"),
			      (void (*)(struct kprobe *))dlsym(lib, "unregister_kprobe"));
#endif
	}
}
END
build() {
	gcc -O2 -Wall -Werror -Iinclude "$tmp/work.c" "$@"
}
ok 'a static program with the library' \
	build -DLINKED -DSTATIC -static -o "$tmp/static" "$TL_BUILD/libtrapline.a"
ok 'a dynamic program with the static library' \
	build -DLINKED -o "$tmp/inside" "$TL_BUILD/libtrapline.a"
ok 'a program without the library' build -o "$tmp/without"
cp "$TL_BUILD/libtrapline.so" "$tmp/renamed.so"
ok 'a program with the shared library' \
	build -DLINKED -o "$tmp/shared" "$tmp/renamed.so"
mkdir "$tmp/lib"
cp "$TL_BUILD/libtrapline.so" "$tmp/lib/libtrapline.so.0"
strip -o "$tmp/stripped" "$tmp/static"
# The words of the note, without its head of 24 bytes.
note_words() {
	readelf -x .note.trapline "$1" |
		awk '/0x/ { for (i = 2; i <= NF - 1 && i <= 5; i++) print $i }' |
		tail -n +7 | paste -sd' '
}
like "the note has the library's version and the protocol's" \
	"$(note_words "$TL_BUILD/libtrapline.so")" '^00000000 01000000 02000100 '

# begin PROGRAM ARG...: its number in $pid, its output in $tmp/out.
begin() {
	LD_LIBRARY_PATH=$tmp/lib "$@" >"$tmp/out" </dev/null &
	pid=$!
	started+=("$pid")
	disown
	poll 10 grep -q ready "$tmp/out"
}

# answers WANT: the program was asked to probe, and says so.
answers() {
	: >"$tmp/out"
	kill -USR1 "$pid"
	poll 20 grep -qxe "$1" "$tmp/out" || ! cat "$tmp/out"
}

# hits PROBE...: how often the first was hit in a moment; or what was said.
hits() {
	timeout 60 "$TRAPLINE" count -p "$pid" -d 300ms --json "$@" 2>&1 |
		sed -n 's/^{.*"hits":\([0-9]*\),.*/\1/p; /^{/!p' | head -n 1
}
clean() {
	poll 10 not grep -q memfd:trapline "/proc/$pid/maps"
}
not() { ! "$@"; }

for name in static inside shared stripped; do
	begin "$tmp/$name"
	probe=work
	[ "$name" != stripped ] ||
		probe=0x$(nm "$tmp/static" | awk '$3 == "work" { print $1 }')
	like "$name: the command counts" "$(hits "$probe")" '^[1-9][0-9]*$'
	ok "$name: and its own probe works" answers '0 1'
	like "$name: the command counts again" "$(hits "$probe")" '^[1-9][0-9]*$'
	ok "$name: nothing of the command is left" clean
	kill -KILL "$pid"
done

# ---- what is refused, by name -------------------------------------------------

# refused WHY PATTERN
refused() {
	local err code

	err=$(timeout 30 "$TRAPLINE" count -p "$pid" -d 1 work 2>&1 >/dev/null)
	code=$?
	is "$1: refused" "$code" 1
	like "$1: with its reason" "$err" "$2"
	is "$1: in one line" "$(wc -l <<<"$err")" 1
	ok "$1: and its own probe works" answers '0 1'
	kill -KILL "$pid"
}
ok 'a program that shuts tools out' build -DLINKED -DSHUT -o "$tmp/shut" \
	"$TL_BUILD/libtrapline.a"
begin "$tmp/shut"
refused 'shut out' 'lets no tool in: it has called trapline_serve'
begin "$tmp/inside" "$tmp/renamed.so"
refused 'two copies' 'libtrapline twice: .*/inside, .*/renamed.so'

gcc -shared -o "$tmp/loose.so" -Wl,--whole-archive "$TL_BUILD/libtrapline.a" \
	-Wl,--no-whole-archive
begin "$tmp/without" "$tmp/loose.so"
ok 'a plugin brings the library' answers '0 1'
refused 'may be unloaded' 'loose.so.*which it may unload: link that with -z nodelete'

# The protocol's major version, in the note of a copy.
python3 - "$tmp/renamed.so" "$tmp/later.so" <<'END'
import sys
data = open(sys.argv[1], "rb").read()
at = data.index(b"Trapline\0\0\0\0") + 12 + 8
assert data[at:at + 2] == b"\2\0"
open(sys.argv[2], "wb").write(data[:at] + b"\x63\0" + data[at + 2:])
END
begin "$tmp/without" "$tmp/later.so"
ok 'a library of a later protocol' answers '0 1'
is 'status works there' "$(timeout 30 "$TRAPLINE" status -p "$pid")" \
	"process $pid: no probes
process $pid has libtrapline: 0 probes of its own"
ok 'and so does detach' timeout 30 "$TRAPLINE" detach -p "$pid"
refused 'another protocol' 'of protocol 99, where this trapline has 2'

# The library comes while the command is there.
begin "$tmp/without" "$tmp/renamed.so"
timeout 60 "$TRAPLINE" count -p "$pid" -d 100 work >"$tmp/count" 2>&1 &
tracer=$!
started+=("$tracer")
disown
armed() {
	"$TRAPLINE" status -p "$pid" --json | grep -q '"kind":"jump"'
}
ok 'the command counts' poll 20 armed
ok 'a library that comes then is refused its probe' answers '-16 0'
kill -INT "$tracer"
gone() {
	! grep -q memfd:trapline "/proc/$pid/maps"
}
ok 'the command goes' poll 20 gone
ok 'now it has it' answers '0 1'
like 'and the command counts by it' "$(hits work)" '^[1-9][0-9]*$'
ok 'it is still there' answers '0 1'

finish

#!/bin/bash
# SPDX-License-Identifier: MIT
# two-engines.sh - the command and libtrapline never change one process together
# limit: 200
#
# Who uses the library says so by a note, which is found whatever the file is
# called; and a library that comes into a traced process waits until it is free.

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
	void *lib;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGUSR1, on_usr1);
	alarm(120);
	puts("ready");
	for (;;) {
		work(2);
		usleep(1000);
		if (!asked)
			continue;
		asked = 0;
#ifdef LINKED
		(void)argc, (void)argv, (void)lib;
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
	build -DLINKED -static -o "$tmp/static" "$TL_BUILD/libtrapline.a"
ok 'a dynamic program with the static library' \
	build -DLINKED -o "$tmp/inside" "$TL_BUILD/libtrapline.a"
ok 'a program without the library' build -o "$tmp/without"
cp "$TL_BUILD/libtrapline.so" "$tmp/renamed.so"
ok 'a program with the shared library' \
	build -DLINKED -o "$tmp/shared" "$tmp/renamed.so"
mkdir "$tmp/lib"
cp "$TL_BUILD/libtrapline.so" "$tmp/lib/libtrapline.so.0"
strip -o "$tmp/stripped" "$tmp/static"
is "the note has the library's version" \
	"$(readelf -x .note.trapline "$TL_BUILD/libtrapline.so" |
		awk '/0x/ { for (i = 2; i <= NF - 1; i++) print $i }' | tail -n 2 | paste -sd' ')" \
	'00000000 01000000'

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

for name in static inside shared stripped; do
	begin "$tmp/$name"
	probe=work
	[ "$name" != stripped ] ||
		probe=0x$(nm "$tmp/static" | awk '$3 == "work" { print $1 }')
	err=$(timeout 30 "$TRAPLINE" count -p "$pid" -d 1 "$probe" 2>&1 >/dev/null)
	is "$name: refused" "$?" 1
	like "$name: with its reason" "$err" 'uses libtrapline itself'
	ok "$name: and its own probe works" answers '0 1'
	kill -KILL "$pid"
done

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
err=$(timeout 30 "$TRAPLINE" count -p "$pid" -d 1 work 2>&1 >/dev/null)
like 'and the command is refused' "$err" 'uses libtrapline itself'

finish

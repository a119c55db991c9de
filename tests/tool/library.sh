#!/bin/bash
# SPDX-License-Identifier: MIT
# library.sh - libtrapline as an outsider has it: installed, found, linked, run
#
# Everything here is compiled against an installation below a temporary
# directory, with what pkg-config says and nothing else of the tree.

# shellcheck source=tests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1
unset MAKEFLAGS MAKELEVEL

root=$tmp/root prefix=/opt/trapline
at=$root$prefix
export PKG_CONFIG_LIBDIR=$at/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
export LD_LIBRARY_PATH=$at/lib

# ---- installing ----------------------------------------------------------------

ok 'make install' make -s install DESTDIR="$root" PREFIX=$prefix

works() {
	"$at/bin/trapline" --version && "$at/bin/trapline" --help >/dev/null
}
ok 'the installed command runs' works

is 'the soname leads to the library' \
	"$(readlink "$at/lib/libtrapline.so") $(readlink "$at/lib/libtrapline.so.0")" \
	'libtrapline.so.0 libtrapline.so.0.1'
is 'the soname is versioned' \
	"$(objdump -p "$at/lib/libtrapline.so" | awk '$1 == "SONAME" { print $2 }')" \
	libtrapline.so.0
is 'command, library and pkg-config are of one version' \
	"$("$at/bin/trapline" --version | awk '{ print $2 }') $(pkg-config --modversion trapline)" \
	"0.1 $(basename "$at"/lib/libtrapline.so.0.* | sed 's/.*so\.//')"
is 'the library needs no other' \
	"$(objdump -p "$at/lib/libtrapline.so" | grep -c NEEDED)" 0

# Every page is found by the names of its NAME line, and man shows it.
pages() {
	local page name count=0

	for page in docs/*.[137]; do
		# shellcheck disable=SC2013 # words
		for name in $(sed -n '/^\.SH NAME/ { n; s/ *\\-.*//; s/,//g; p; q }' "$page"); do
			[ -s "$at/share/man/man${page##*.}/$name.${page##*.}" ] ||
				! echo "no page $name" || return 1
			count=$((count + 1))
		done
		command -v man >/dev/null || continue
		MANWIDTH=80 man --warnings -l "$page" 2>&1 >/dev/null | grep . &&
			return 1
	done
	[ "$count" -gt 0 ]
}
ok 'manual pages are installed under all their names' pages

# ---- names ---------------------------------------------------------------------

listed=$(sed -n 's/^\t\t\([a-z_]*\);$/\1/p' mk/libtrapline.map)
is 'the shared library exports what is listed, with a version' \
	"$(nm -D --defined-only "$at/lib/libtrapline.so" |
		awk '$2 != "A" { print $3 }' | sort)" \
	"$(awk '{ print $0 "@@TRAPLINE_0" }' <<<"$listed" | sort)"
is 'the static library defines what is listed, and takes no other name' \
	"$(nm -g --defined-only "$at/lib/libtrapline.a" |
		awk 'NF == 3 { print $3 }' | sort)" "$(sort <<<"$listed")"

# Names that are Linux's are what is not trapline_*; nothing is named tl_*.
is 'what is listed is sorted, without tl_*' "$listed" \
	"$(sort -u <<<"$listed" | grep -v '^tl')"

# What the installed headers declare and do not define: functions at the left
# margin, after the preprocessor has taken comments away.
declared() {
	local header

	for header in kprobes.h hw_breakpoint.h trapline.h; do
		gcc -E -P -I"$at/include" "$at/include/trapline/$header"
	done | tr '\n' ' ' | sed 's/{[^{}]*}/;/g; s/{[^{}]*}/;/g; s/(\*[a-z]*)([^()]*)/f/g; s/;/;\n/g' |
		grep -v 'static inline\|typedef\|extension' |
		sed -n 's/.*[ *]\([a-z_0-9]*\)([^()]*);$/\1/p' | sort -u
}
is 'what the headers declare is exported, and the other way round' \
	"$(declared)" "$listed"

documented() {
	local name

	for name in $listed; do
		[ -s "$at/share/man/man3/$name.3" ] || ! echo "$name" || return 1
	done
}
ok 'what is exported has a manual page' documented

# ---- headers -------------------------------------------------------------------

headers=$(cd "$at/include" && echo trapline/*.h)

# headers_alone COMPILER-AND-FLAGS...: each header by itself, twice, silent.
headers_alone() {
	local header

	for header in $headers; do
		printf '#include <%s>\n#include <%s>\nextern int x;\nint x;\n' \
			"$header" "$header" >"$tmp/alone.source"
		# shellcheck disable=SC2046 # words
		"$@" -Wall -Wextra -pedantic -Werror $(pkg-config --cflags trapline) \
			-fsyntax-only "$tmp/alone.source" || return 1
	done
}
for std in c99 c11 gnu11; do
	ok "each header alone, -std=$std" headers_alone gcc -std=$std -x c
done
for std in c++11 c++17; do
	ok "each header alone, -std=$std" headers_alone g++ -std=$std -x c++
done
if command -v clang >/dev/null; then
	ok 'each header alone, clang C' headers_alone clang -std=c99 -x c
	ok 'each header alone, clang C++' headers_alone clang++ -std=c++17 -x c++
else
	skip 'each header alone, clang' 'no clang'
fi

# compiles TEXT: one source, silent.
compiles() {
	printf '%b\n' "$1" >"$tmp/order.c"
	# shellcheck disable=SC2046
	gcc -std=c99 -Wall -Wextra -pedantic -Werror \
		$(pkg-config --cflags trapline) -fsyntax-only "$tmp/order.c"
}
use='unsigned long f(struct pt_regs *r);\nunsigned long f(struct pt_regs *r) { return r->rip + PT_USE; }\n'
for theirs in linux/ptrace.h asm/ptrace.h; do
	ok "kprobes.h before <$theirs>" compiles \
		"#include <trapline/kprobes.h>\n#include <$theirs>\n#define PT_USE 0\n$use"
	ok "kprobes.h after <$theirs>" compiles \
		"#include <$theirs>\n#include <trapline/kprobes.h>\n#define PT_USE 0\n$use"
	ok "regs.h after <$theirs>: theirs, and our functions" compiles \
		"#include <$theirs>\n#include <trapline/regs.h>\n#define PT_USE regs_return_value(r)\n$use"
	ok "regs.h before <$theirs>, told so: theirs" compiles \
		"#define TRAPLINE_NO_PT_REGS\n#include <trapline/regs.h>\n#include <$theirs>\n#define PT_USE 0\n$use"
done
ok 'regs.h alone has both spellings' compiles \
	"#include <trapline/regs.h>\n#define PT_USE (r->ip + r->eflags + r->flags + r->rdi + r->di)\n$use"

# ---- programs ------------------------------------------------------------------

# One source that is C and C++: a function, a libc function, a return.
cat >"$tmp/outside.c" <<'END'
#include <trapline/trapline.h>
#include <trapline/kprobes.h>
#include <trapline/regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C"
#endif
int work(int n);

static int entered, left, asked;

/* It does nothing with vectors and prints nothing: it may run anywhere. */
static int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	entered += (int)regs_get_kernel_argument(regs, 0);
	return 0;
}

static int pre_libc(struct kprobe *p, struct pt_regs *regs)
{
	(void)p;
	(void)regs;
	asked++;
	return 0;
}

static int entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	*(unsigned long *)ri->data = regs_get_kernel_argument(regs, 0);
	return 0;
}

static int ret(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	left += (int)(regs_return_value(regs) + *(unsigned long *)ri->data);
	return 0;
}

__attribute__((noinline)) int work(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n * 3;
}

int main(void)
{
	struct kprobe p, q;
	struct kretprobe r;
	char *(*volatile get)(const char *) = getenv;

	memset(&p, 0, sizeof(p));
	memset(&q, 0, sizeof(q));
	memset(&r, 0, sizeof(r));
	p.symbol_name = "work";
	p.pre_handler = pre;
	q.addr = (kprobe_opcode_t *)get;
	q.pre_handler = pre_libc;
	r.kp.addr = (kprobe_opcode_t *)work;
	r.handler = ret;
	r.entry_handler = entry;
	r.data_size = sizeof(unsigned long);
	if (trapline_init() || register_kprobe(&p) || register_kprobe(&q) ||
	    register_kretprobe(&r))
		return 1;
	if (trapline_kprobe_why(&p) >= TL_NR_WHY ||
	    !*trapline_why_name(trapline_kprobe_why(&p)))
		return 2;
	work(5);
	work(9);
	get("HOME");
	unregister_kretprobe(&r);
	unregister_kprobe(&q);
	unregister_kprobe(&p);
	work(100);
	get("HOME");
	printf("%d %d %d\n", entered, left, asked);
	return 0;
}
END

# outside WANT COMPILER... : build $tmp/outside.c so, run it.
outside() {
	local want=$1

	shift
	"$@" -Wall -Wextra -Werror -o "$tmp/outside" || return 1
	[ "$("$tmp/outside")" = "$want" ]
}
read -ra with < <(pkg-config --cflags --libs trapline)
read -ra with_static < <(pkg-config --static --cflags --libs trapline)
source=$tmp/outside.c
ok 'a C program, shared' outside '14 56 1' gcc -O2 "$source" "${with[@]}"
ok 'it is the shared library that it uses' \
	grep -q 'libtrapline.so.0 => ' <(ldd "$tmp/outside")
ok 'a C program, static' outside '14 56 1' \
	gcc -O2 -static "$source" "${with_static[@]}"
ok 'a C program, the static library in a dynamic program' \
	outside '14 56 1' gcc -O2 "$source" "${with_static[@]/-ltrapline/-l:libtrapline.a}"
ok 'a C++ program, shared' outside '14 56 1' \
	g++ -O2 -x c++ "$source" "${with[@]}"
ok 'a C++ program, static' outside '14 56 1' \
	g++ -O2 -static -x c++ "$source" "${with_static[@]}"
ok 'without optimization' outside '14 56 1' gcc -O0 "$source" "${with[@]}"
if command -v clang >/dev/null; then
	ok 'by clang' outside '14 56 1' clang -O2 "$source" "${with[@]}"
else
	skip 'by clang' 'no clang'
fi

# A program's own functions win nothing and lose nothing: the library neither
# takes tl_* names from it nor calls what it happens to define.
cat >"$tmp/names.c" <<'END'
int tl_engine = 1;
int tlh_alloc(void);
int tlh_alloc(void) { return 2; }
int get_kprobe(void);
int get_kprobe(void) { return 3; }
END
own_names() {
	gcc -O2 -Werror -c -o "$tmp/names.o" "$tmp/names.c" &&
		outside '14 56 1' gcc -O2 "$source" "$tmp/names.o" "${with[@]}"
}
ok 'a program may use names of the same kind' own_names

# What is closed stays as long as signals and detours lead to it.
cat >"$tmp/closed.c" <<'END'
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <trapline/kprobes.h>
static int hits, traps;
__attribute__((noinline)) int work(int n);
__attribute__((noinline)) int work(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}
static int pre(struct kprobe *p, struct pt_regs *regs)
{
	(void)p, (void)regs;
	hits++;
	return 0;
}
static void on_trap(int sig)
{
	(void)sig;
	traps++;
}
int main(int argc, char **argv)
{
	struct kprobe p = { .addr = (kprobe_opcode_t *)work, .pre_handler = pre };
	void *lib = dlopen(argv[argc - 1], RTLD_NOW);
	signal(SIGTRAP, on_trap);
	if (!lib || ((int (*)(struct kprobe *))dlsym(lib, "register_kprobe"))(&p))
		return 1;
	dlclose(lib);
	work(1);
	__asm__ volatile("int3");
	printf("%d %d\n", hits, traps);
	return 0;
}
END
closed() {
	gcc -O2 -o "$tmp/closed" "$tmp/closed.c" -I"$at/include" &&
		[ "$("$tmp/closed" "$at/lib/libtrapline.so")" = '1 1' ]
}
ok 'the library cannot be closed under its probes' closed

# The README's example, as it is printed there.
readme_example() {
	awk '/^```/ { code = $0 ~ /^```c/; next } code' README.md >"$tmp/demo.c"
	gcc -Wall -Werror -o "$tmp/demo" "$tmp/demo.c" "$@" &&
		[ "$("$tmp/demo")" = "$(printf 'work(14)\n= 42')" ]
}
ok "the README's example, shared" readme_example "${with[@]}"
ok "the README's example, static" readme_example -static "${with_static[@]}"

# ---- uninstalling --------------------------------------------------------------

ok 'make uninstall' make -s uninstall DESTDIR="$root" PREFIX=$prefix
is 'make uninstall leaves no file' "$(find "$root" ! -type d)" ''

finish

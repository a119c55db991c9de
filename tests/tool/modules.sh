#!/bin/bash
# SPDX-License-Identifier: MIT
# modules.sh - kernel modules as plugins: what is loaded, what is refused and why
# limit: 300
#
# Built from an installation alone, as examples/module/ is.

# shellcheck source=tests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1
unset MAKEFLAGS MAKELEVEL

root=$tmp/root
make -s install DESTDIR="$root" PREFIX=/opt/trapline >/dev/null
export PKG_CONFIG_LIBDIR=$root/opt/trapline/lib/pkgconfig
export PKG_CONFIG_SYSROOT_DIR=$root
export LD_LIBRARY_PATH=$root/opt/trapline/lib
read -ra kmod < <(pkg-config --cflags trapline-kmod)
read -ra with < <(pkg-config --cflags --libs trapline)
headers=$root/opt/trapline/include/trapline-kmod

# A program that does what its arguments say, one after the other, and prints the
# code of each.  The log goes to standard error, as it does by itself.
cat >"$tmp/do.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trapline/kprobes.h>
#include <trapline/trapline.h>

__attribute__((noinline)) int work(int n);
__attribute__((noinline)) int work(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}

static int show(const struct trapline_module *m, void *arg)
{
	(void)arg;
	printf("%s%s\n", m->name, m->over ? " (over)" : "");
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "load")) {
			printf("%d\n", trapline_insmod(argv[i + 1], argv[i + 2]));
			i += 2;
		} else if (!strcmp(argv[i], "unload")) {
			printf("%d\n", trapline_rmmod(argv[++i]));
		} else if (!strcmp(argv[i], "work")) {
			printf("work %d\n", work(atoi(argv[++i])));
		} else if (!strcmp(argv[i], "forget")) {
			/* What a module has left behind. */
			struct kprobe *p = get_kprobe((void *)work);

			printf("%s\n", p ? "found" : "nothing");
			if (p)
				unregister_kprobe(p);
		} else if (!strcmp(argv[i], "list")) {
			trapline_lsmod(show, NULL);
		}
	}
	return 0;
}
END
ok 'the program builds' gcc -O2 -Wall -Wextra -Werror -o "$tmp/do" "$tmp/do.c" "${with[@]}"

# does WORD...: what $tmp/do prints, its log to $tmp/log, in one line.
does() {
	timeout 30 "$tmp/do" "$@" 2>"$tmp/log" | paste -sd' ' || echo "status $?"
}

# module NAME [FLAG...]: standard input, between the head and the tail that every
# module has, to $tmp/NAME.o.
module() {
	local name=$1

	shift
	{
		echo '#include <linux/kernel.h>'
		echo '#include <linux/kprobes.h>'
		echo '#include <linux/module.h>'
		cat
		echo 'MODULE_LICENSE("MIT");'
	} >"$tmp/$name.c"
	${CC:-gcc} -O2 -Wall -Werror -std=gnu11 "${kmod[@]}" -DKBUILD_MODNAME="\"$name\"" \
		"$@" -c -o "$tmp/$name.o" "$tmp/$name.c"
}

# refused NAME CODE REGEX FILE [PARAMS]: the code, and a line in the log.
refused() {
	is "refused: $1" "$(does load "$4" "${5-}" list)" "$2"
	like "refused, said so: $1" "$(cat "$tmp/log")" "^trapline: .*$3"
}

# ---- the headers ---------------------------------------------------------------

# Each alone and twice, as a module includes it; and what they declare is there.
headers_alone() {
	local header

	for header in "$headers"/linux/*.h; do
		header=linux/$(basename "$header")
		printf '#include <%s>\n#include <%s>\nextern int x;\n' \
			"$header" "$header" >"$tmp/alone.c"
		"$@" -std=gnu11 -Wall -Wextra -Werror "${kmod[@]}" -fsyntax-only \
			"$tmp/alone.c" || return 1
	done
}
ok 'each header alone' headers_alone gcc
if command -v clang >/dev/null; then
	ok 'each header alone, clang' headers_alone clang
else
	skip 'each header alone, clang' 'no clang'
fi

# Whatever a header declares outside of it must be found when it is used.
declared() {
	(cd "$headers" && printf '#include <%s>\n' linux/*.h) >"$tmp/all.c"
	gcc -std=gnu11 "${kmod[@]}" -E "$tmp/all.c" |
		awk '/^# [0-9]+ "/ { own = /trapline-kmod|trapline\/kprobes/; next } own' |
		tr '\n' ' ' |
		sed ':a; s/{[^{}]*}/;/g; ta; s/__attribute__((format([^()]*)))//g; s/;/;\n/g' |
		grep -v 'static \|typedef\|^ *struct [a-z_]*;$\|_Static_assert' |
		sed -n 's/.*[ *]\([a-z_0-9]*\) *([^()]*) *;$/\1/p' |
		grep -vx 'init_module\|cleanup_module' | sort -u
}
{
	(cd "$headers" && printf '#include <%s>\n' linux/*.h)
	printf 'void *all[] = {\n'
	declared | sed 's/.*/\t(void *)&,/'
	printf '};\n'
} >"$tmp/all_names"
is 'the headers declare as many functions as were ever counted' \
	"$([ "$(declared | wc -l)" -ge 70 ] && echo enough)" enough
module everything <"$tmp/all_names"
is 'every function that a header declares is there' \
	"$(does load "$tmp/everything.o" '' list unload everything)" '0 everything 0'
is 'and nothing is in the log' "$(cat "$tmp/log")" ''

# ---- modules that work -----------------------------------------------------------

cp -r examples/module "$tmp/examples"
ok 'the sample modules compile, without a warning' \
	make -s -C "$tmp/examples" CFLAGS='-O2 -Wall -Werror'
for sample in watch_call time_call count_calls data_breakpoint; do
	is "$sample compiles unchanged with the kernel's other flags" \
		"$(gcc -O2 -Wall -Wextra -Wno-unused-parameter -Wdeclaration-after-statement \
			-mgeneral-regs-only -mno-red-zone -std=gnu11 "${kmod[@]}" \
			-DKBUILD_MODNAME='"x"' -fsyntax-only "$tmp/examples/$sample.c" 2>&1)" ''
done

module parameters <<'END'
#include <linux/string.h>
static bool b, inverted = true;
static unsigned char byte;
static short s;
static int i = 7;
static unsigned int hex;
static unsigned long ul;
static unsigned long long ull;
static char *text = "default";
static char room[8] = "old";
static int list[3];
static unsigned int n;
module_param(b, bool, 0);
module_param(inverted, invbool, 0);
module_param(byte, byte, 0);
module_param(s, short, 0);
module_param(i, int, 0644);
module_param_named(other_name, hex, hexint, 0);
module_param(ul, ulong, 0);
module_param(ull, ullong, 0);
module_param(text, charp, 0);
module_param_string(room, room, sizeof(room), 0);
module_param_array(list, int, &n, 0);
MODULE_PARM_DESC(i, "a number");
static int __init begin(void)
{
	pr_info("%d %d %u %d %d %x %lu %llu '%s' %s %u:%d,%d,%d\n", b, inverted,
		byte, s, i, hex, ul, ull, text, room, n, list[0], list[1], list[2]);
	return 0;
}
static void __exit end(void) { }
module_init(begin);
module_exit(end);
END
is 'parameters keep what they were compiled with' \
	"$(does load "$tmp/parameters.o" ''; cat "$tmp/log")" \
	"$(printf "0\n0 1 0 0 7 0 0 0 'default' old 0:0,0,0")"
is 'parameters of every type' \
	"$(does load "$tmp/parameters.o" 'b inverted=y byte=255 s=-32768 i=-0x10 other-name=0xBEEF ul=18446744073709551615 ull=1 text="two words" room=1234567 list=1,-2'
	cat "$tmp/log")" \
	"$(printf "0\n1 0 255 -32768 -16 beef 18446744073709551615 1 'two words' 1234567 2:1,-2,0")"
p=$tmp/parameters.o
refused 'a parameter that is not there' -2 "no parameter 'nothing'" "$p" 'nothing=1'
refused 'no number' -22 "'12x' is no value for parameter 'i'" "$p" i=12x
refused 'no value' -22 "parameter 'i'" "$p" i
refused 'too large a number' -34 "parameter 's'" "$p" s=32768
refused 'too small a number' -34 "parameter 's'" "$p" s=-32769
refused 'a sign where there is none' -22 "parameter 'byte'" "$p" byte=-1
refused 'too large a byte' -34 "parameter 'byte'" "$p" byte=256
refused 'more than 64 bits' -34 "parameter 'ul'" "$p" ul=18446744073709551616
refused 'too long a text' -28 "parameter 'room'" "$p" room=12345678
refused 'too many values' -28 "parameter 'list'" "$p" list=1,2,3,4
refused 'no bool' -22 "parameter 'b'" "$p" b=maybe

module faults <<'END'
static int code;
module_param(code, int, 0);
static int before(struct kprobe *p, struct pt_regs *regs) { return 0; }
static struct kprobe probe = { .symbol_name = "work", .pre_handler = before };
static int __init begin(void)
{
	int err = register_kprobe(&probe);
	if (code == 1)
		return -EPERM; /* and the probe is left */
	if (code) {
		unregister_kprobe(&probe);
		return code;
	}
	return err;
}
static void __exit end(void) { }
module_init(begin);
module_exit(end);
END
is 'what the beginning returns' "$(does load "$tmp/faults.o" code=-77 list)" -77
is 'a positive result is no failure' \
	"$(does load "$tmp/faults.o" code=5 list unload faults list)" '0 faults 0'
is 'a module that leaves a probe stays, until the probe is gone' \
	"$(does load "$tmp/faults.o" '' unload faults list work 1 unload faults \
		forget unload faults list)" \
	'0 -16 faults (over) work 2 -16 found 0'
like 'and it is said' "$(cat "$tmp/log")" 'faults: it has ended, but a probe'
is 'so does one whose beginning fails' \
	"$(does load "$tmp/faults.o" code=1 list work 1 forget unload faults list)" \
	'-1 faults (over) work 2 found 0'
is 'one name, one module' \
	"$(does load "$tmp/faults.o" '' load "$tmp/faults.o" '' list)" '0 -17 faults'
is 'unloading what is not there' "$(does unload faults)" -2

module kept <<'END'
static int __init begin(void)
{
	pr_info("%s\n", THIS_MODULE->name);
	return !try_module_get(THIS_MODULE);
}
static void __exit end(void) { }
module_init(begin);
module_exit(end);
END
is 'a module that is held is not unloaded' \
	"$(does load "$tmp/kept.o" '' unload kept list; cat "$tmp/log")" \
	"$(printf '0 -16 kept\nkept\ntrapline: kept: it is held')"

module endless <<'END'
static int __init begin(void) { return 0; }
module_init(begin);
END
is 'nor is one that has no end' \
	"$(does load "$tmp/endless.o" '' unload endless list)" '0 -16 endless'

mv "$tmp/kept.o" "$tmp/has-dash.ko"
like 'the name of a module is that of its file' \
	"$(does load "$tmp/has-dash.ko" '' list)" '^0 has_dash$'

# Data of all kinds, pointers between them, two files in one.
cat >"$tmp/second.c" <<'END'
#include <linux/module.h>
extern int shared, zero[1000];
int second(int (*fn)(int));
const char *const table[] = { "a", "bc" };
int second(int (*fn)(int)) { return fn(++shared) + zero[999]; }
END
gcc -O2 -Wall -std=gnu11 "${kmod[@]}" -DKBUILD_MODNAME='"two"' -c \
	-o "$tmp/second.o" "$tmp/second.c"
module first <<'END'
#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
int shared = 40, zero[1000], second(int (*fn)(int));
extern const char *const table[];
int missing(void) __weak;
struct item { int n; struct list_head link; };
static LIST_HEAD(items);
static atomic_t count = ATOMIC_INIT(5);
static int twice(int n) { return n * 2; }
static long (*volatile copy)(void *, const void *, size_t) = copy_from_kernel_nofault;
static int __init begin(void)
{
	struct item *item, *next;
	int sum = 0, doubled = second(twice);
	char *text = kstrdup(table[1], GFP_KERNEL), c;
	for (int i = 1; i < 4; i++) {
		item = kzalloc(sizeof(*item), GFP_ATOMIC);
		item->n = i;
		list_add_tail(&item->link, &items);
	}
	list_for_each_entry_safe(item, next, &items, link) {
		sum = sum * 10 + item->n;
		list_del(&item->link);
		kfree(item);
	}
	pr_info("%d %d %s %d %d %d %d %d\n", doubled, shared, text, sum,
		atomic_dec_return(&count), missing == NULL,
		(int)copy(&c, (void *)16, 1), (int)copy(&c, text, 1));
	kfree(text);
	WARN_ON(current != get_current() || current->pid != current->tgid);
	WARN_ON(copy_to_user((void *)16, &c, 1) != 1);
	return list_empty(&items) ? 0 : -EINVAL;
}
static void __exit end(void) { }
module_init(begin);
module_exit(end);
END
ld -r -o "$tmp/two.o" "$tmp/first.o" "$tmp/second.o"
is 'a module of two files' \
	"$(does load "$tmp/two.o" '' unload two; cat "$tmp/log")" \
	"$(printf '0 0\n82 41 bc 123 4 1 -14 0')"

# Probes of every kind, also in the module itself, by compilers and flags of all
# kinds; and in a static program.
cat >"$tmp/all_kinds.body" <<'END'
static int counts[4];
static int noinline mine(int n)
{
	barrier();
	return n - 1;
}
static int before(struct kprobe *p, struct pt_regs *regs)
{
	counts[p->symbol_name ? 0 : 1]++;
	return 0;
}
static int returned(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	counts[2] += regs_return_value(regs);
	return 0;
}
static int with_args(int n)
{
	counts[3] += n;
	jprobe_return();
	return 0;
}
static struct kprobe named = { .symbol_name = "work", .pre_handler = before };
static struct kprobe own = { .addr = (kprobe_opcode_t *)mine, .pre_handler = before };
static struct kretprobe ret = { .kp.symbol_name = "work", .handler = returned };
static struct jprobe args = { .kp.symbol_name = "work", .entry = (void *)with_args };
static int __init begin(void)
{
	int (*volatile fn)(int) = mine;
	int err = register_kprobe(&named);
	if (!err)
		err = register_kprobe(&own);
	if (!err)
		err = register_kretprobe(&ret);
	if (!err)
		err = register_jprobe(&args);
	return err ? err : fn(1);
}
static void __exit end(void)
{
	unregister_jprobe(&args);
	unregister_kretprobe(&ret);
	unregister_kprobe(&own);
	unregister_kprobe(&named);
	pr_info("%d %d %d %d\n", counts[0], counts[1], counts[2], counts[3]);
}
module_init(begin);
module_exit(end);
END
# probes_with NAME FLAG...: the module, compiled with the flags, counts right.
probes_with() {
	local name=$1

	shift
	module all_kinds "$@" <"$tmp/all_kinds.body"
	is "probes of all kinds, $name" \
		"$(does load "$tmp/all_kinds.o" '' work 4 work 5 unload all_kinds work 6 list
			cat "$tmp/log")" "$(printf '0 work 5 work 6 0 work 7\n2 1 11 9')"
}
probes_with 'as usual'
probes_with 'not optimized' -O0
probes_with 'for size, with debug information' -Os -g3
probes_with 'with sections of their own' -ffunction-sections -fdata-sections
probes_with 'without a PLT' -fno-plt
if command -v clang >/dev/null; then
	CC=clang probes_with 'by clang'
else
	skip 'probes of all kinds, by clang' 'no clang'
fi
read -ra with_static < <(pkg-config --static --cflags --libs trapline)
mv "$tmp/do" "$tmp/do.shared"
gcc -O2 -static -o "$tmp/do" "$tmp/do.c" "${with_static[@]}"
probes_with 'in a static program'
mv "$tmp/do.shared" "$tmp/do"

# No page of it is writable and executable; afterwards nothing of it is mapped.
module look <<'END'
static int __init begin(void) { return 0; }
static void __exit end(void) { }
module_init(begin);
module_exit(end);
END
cat >"$tmp/pages.c" <<'END'
#include <stdio.h>
#include <string.h>
#include <trapline/trapline.h>
static unsigned long start, end;
static int note(const struct trapline_module *m, void *arg)
{
	(void)arg;
	start = m->start;
	end = m->start + m->size;
	return 0;
}
static void maps(void)
{
	unsigned long a, b;
	char line[512], prot[8];
	FILE *f = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %4s", &a, &b, prot) == 3 && a < end && b > start)
			printf("%s ", prot);
	fclose(f);
	printf("\n");
}
int main(int argc, char **argv)
{
	if (argc < 2 || trapline_insmod(argv[1], NULL) || trapline_lsmod(note, NULL))
		return 1;
	maps();
	if (trapline_rmmod("look"))
		return 1;
	maps();
	return 0;
}
END
gcc -O2 -o "$tmp/pages" "$tmp/pages.c" "${with[@]}"
is 'code is not writable, data not executable, and all of it goes' \
	"$("$tmp/pages" "$tmp/look.o" | sed 's/ *$//')" "$(printf 'r-xp r--p rw-p\n\n')"

# A module comes and goes while two threads run into its probe.
module hot <<'END'
#include <linux/spinlock.h>
static DEFINE_SPINLOCK(lock);
static unsigned long hits;
static int before(struct kprobe *p, struct pt_regs *regs)
{
	spin_lock(&lock);
	hits++;
	spin_unlock(&lock);
	return 0;
}
static struct kprobe probe = { .symbol_name = "spin", .pre_handler = before };
static int __init begin(void) { return register_kprobe(&probe); }
static void __exit end(void)
{
	unregister_kprobe(&probe);
	pr_info("%s\n", hits ? "hit" : "not hit");
}
module_init(begin);
module_exit(end);
END
cat >"$tmp/hot_host.c" <<'END'
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <trapline/trapline.h>
static volatile int stop;
__attribute__((noinline)) int spin(int n);
__attribute__((noinline)) int spin(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}
static void *run(void *arg)
{
	unsigned long n = 0, sum = 0;
	for (; !stop; n++)
		sum += spin(1);
	return sum == 2 * n ? NULL : arg;
}
int main(int argc, char **argv)
{
	pthread_t t[2];
	void *bad;
	int err = argc < 2;
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, run, t);
	for (int i = 0; i < 30 && !err; i++) {
		err = trapline_insmod(argv[1], NULL);
		usleep(1000);
		err = err ? err : trapline_rmmod("hot");
	}
	stop = 1;
	for (int i = 0; i < 2; i++) {
		pthread_join(t[i], &bad);
		err = bad ? 1 : err;
	}
	printf("%d\n", err);
	return 0;
}
END
gcc -O2 -pthread -o "$tmp/hot_host" "$tmp/hot_host.c" "${with[@]}"
is 'thirty times in and out, under two threads' \
	"$(timeout 100 "$tmp/hot_host" "$tmp/hot.o" 2>"$tmp/log" || echo "status $?")" 0
is 'and it was hit meanwhile' "$(grep -c '^hit$' "$tmp/log" |
	awk '{ print ($1 > 10 ? "often" : $1) }')" often

# ---- what is refused ---------------------------------------------------------------

refused 'no file' -2 'cannot be opened' "$tmp/nothing.o"
mkfifo "$tmp/pipe"
refused 'a pipe' -8 'not a module|cannot be read' "$tmp/pipe"
refused 'a folder' -8 'not a module|cannot be read' "$tmp"
echo 'int main(void) { return 0; }' >"$tmp/plain.c"
refused 'a text' -8 'not a module' "$tmp/plain.c"
refused 'a program' -8 'not a relocatable object' "$tmp/do"
gcc -c -o "$tmp/plain.o" "$tmp/plain.c"
refused 'an object that is no module' -8 'compiled without MODULE' "$tmp/plain.o"
if command -v aarch64-linux-gnu-gcc >/dev/null; then
	aarch64-linux-gnu-gcc -c -o "$tmp/arm.o" "$tmp/plain.c"
	refused 'an object for another machine' -8 'for this machine' "$tmp/arm.o"
else
	skip 'an object for another machine' 'no cross compiler'
fi

cp "$tmp/look.o" "$tmp/version.o"
offset=$(readelf -SW "$tmp/version.o" | sed -n 's/.*\.kmod_abi *PROGBITS *[0-9a-f]* \([0-9a-f]*\) .*/\1/p')
printf '\377' | dd of="$tmp/version.o" bs=1 seek=$((0x$offset + 6)) conv=notrunc 2>/dev/null
refused 'a module for other structures' -8 'another version' "$tmp/version.o"
objcopy --strip-all "$tmp/look.o" "$tmp/bare.o" 2>/dev/null
refused 'a module without symbols' -8 'no symbols' "$tmp/bare.o"

module unknown <<'END'
int no_such_thing(void), nor_this(void);
static int __init begin(void) { return no_such_thing() + nor_this(); }
module_init(begin);
END
refused 'a symbol that nobody has' -2 'unknown symbol no_such_thing' "$tmp/unknown.o"
like 'each is named' "$(cat "$tmp/log")" 'unknown symbol nor_this'
module libc_function <<'END'
int puts(const char *);
static int __init begin(void) { return puts("hello") < 0; }
module_init(begin);
END
refused "a function of the program's C library" -2 'unknown symbol puts' \
	"$tmp/libc_function.o"

module thread_local <<'END'
static __thread int n;
static int __init begin(void) { return n++; }
module_init(begin);
END
refused 'thread-local variables' -8 'thread-local' "$tmp/thread_local.o"
module constructor <<'END'
static __attribute__((constructor)) void early(void) { printk("early\n"); }
END
refused 'constructors' -8 'constructors' "$tmp/constructor.o"
module common -fcommon <<'END'
int uninitialized;
static int __init begin(void) { return uninitialized; }
module_init(begin);
END
refused 'common symbols' -8 '-fno-common, because of uninitialized' "$tmp/common.o"
module low -fno-pic -fno-pie <<'END'
static volatile int table[16];
static int index;
module_param(index, int, 0);
static int __init begin(void) { return table[index & 15]; }
module_init(begin);
END
refused 'code for low addresses' -8 'compile with -fPIC' "$tmp/low.o"

# The same files are modules of Linux; and what its build has made is not ours.
linux_headers=$(compgen -G '/usr/src/linux-headers-*-amd64' | sort -V | tail -n 1)
linux_builds() {
	mkdir "$tmp/linux" && cp "$tmp"/examples/*_call*.c "$tmp/linux" || return 1
	(cd "$tmp/linux" && echo obj-m := *.c) | sed 's/\.c/.o/g' >"$tmp/linux/Makefile"
	timeout 200 make -C "$linux_headers" M="$tmp/linux" KCFLAGS=-Werror modules
}
if [ -e "$linux_headers/Makefile" ]; then
	ok 'the sample modules compile for Linux' linux_builds
	refused "a module of Linux's" -8 'with other headers' "$tmp/linux/watch_call.ko"
else
	skip 'the sample modules compile for Linux' 'no linux-headers-amd64'
fi

# A file that ends too early, wherever that is.
ends_early() {
	local size at

	size=$(stat -c %s "$tmp/first.o")
	for at in $(seq 1 $((size / 60)) $((size - 1))); do
		head -c "$at" "$tmp/first.o" >"$tmp/early.o"
		[ "$(does load "$tmp/early.o" '' list)" = -8 ] || ! echo "at $at" ||
			return 1
	done
}
ok 'a file that ends early' ends_early

# A file that is not sound, anywhere.  The module has no beginning, so nothing of
# it is run, whatever it has become.
cat >"$tmp/flip.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trapline/trapline.h>
static void quiet(int level, const char *text, size_t len)
{
	(void)level, (void)text, (void)len;
}
static int lines(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int c, n = 0;
	while ((c = fgetc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}
int main(int argc, char **argv)
{
	static char sound[1 << 18], odd[sizeof(sound)];
	int loaded = 0, refused = 0, before = 0, err;
	FILE *f = fopen(argv[1], "r");
	size_t n = fread(sound, 1, sizeof(sound), f);
	if (argc < 4)
		return 2;
	srand(atoi(argv[3]));
	trapline_print_to(quiet);
	for (int i = 0; i < 4000; i++) {
		memcpy(odd, sound, n);
		for (int k = rand() % 4; k >= 0; k--) {
			/* Half of them in the header and the tables at the end. */
			size_t at = rand() % 2 ? rand() % n : rand() % 4 ?
				n - 1 - rand() % 4096 % n : (size_t)rand() % 64;
			odd[at] = rand() % 3 ? rand() : rand() % 2 ? 0 : 0xff;
		}
		f = fopen(argv[2], "w");
		fwrite(odd, 1, n, f);
		fclose(f);
		err = trapline_insmod(argv[2], NULL);
		if (err == 0 && trapline_rmmod("odd"))
			return 3;
		if (err && err != -8 && err != -2 && err != -12)
			return printf("%d\n", err), 4;
		err ? refused++ : loaded++;
		if (i == 100)
			before = lines();
	}
	/* The library's lists grow by whole maps; what leaked would be many. */
	printf("%s %s %s\n", loaded > 100 ? "some" : "few",
	       refused > 100 ? "some" : "few", lines() < before + 20 ? "same" : "more");
	return 0;
}
END
ok 'the flipping program builds' \
	gcc -O2 -Wall -Wextra -Werror -o "$tmp/flip" "$tmp/flip.c" "${with[@]}"
module flipped <<'END'
#include <linux/slab.h>
static int numbers[4] = { 1, 2, 3, 4 };
int *const pointer = &numbers[2], zero[64];
int use(struct kprobe *p);
int use(struct kprobe *p)
{
	char *text = kmalloc(*pointer, GFP_KERNEL);
	if (text)
		pr_info("%s %d\n", text, zero[3] + register_kprobe(p));
	kfree(text);
	return memcmp(p, numbers, 4);
}
END
seed=${TL_SEED:-$RANDOM}
note "seed $seed"
is 'a file with any bytes changed is loaded or refused, and leaves nothing' \
	"$(timeout 100 "$tmp/flip" "$tmp/flipped.o" "$tmp/odd.o" "$seed" ||
		echo "status $?")" 'some some same'

finish

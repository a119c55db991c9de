#!/bin/bash
# SPDX-License-Identifier: MIT
# watch.sh - what a hit of a watched variable costs the program, beside gdb
#
# One program writes to a variable in a loop, with a little work between, and says how
# long a turn takes by the clock on the wall: under nobody, under `trapline
# watch` by a register and by page protection (every event decoded and written out),
# under gdb's hardware watchpoint with a condition that is false, and under its
# software watchpoint.  Each in turn, five rounds; medians, less the bare turn.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
trapline=${TL_BUILD:-$top/build}/trapline
if ! command -v gdb >/dev/null; then
	echo 'SKIP "watched write": gdb is not installed'
	exit 0
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/t.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
volatile long counter;
volatile int go;
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}
int main(int argc, char **argv)
{
	long n = atol(argv[1]), i;
	double from;

	(void)argc;
	usleep(atoi(argv[2]) * 1000);
	from = now();
	for (i = 0; i < n; i++)
		counter++;
	printf("%.1f\n", (now() - from) / n);
	return 0;
}
C
gcc -O1 -g -o "$tmp/t" "$tmp/t.c" || exit 1

bare() {
	"$tmp/t" 1000000 0
}

# $1: how many writes; the others: options
ours() {
	local n=$1

	shift
	"$tmp/t" "$n" 700 &
	until [ "$(readlink /proc/$!/exe)" = "$tmp/t" ]; do
		sleep 0.01
	done
	"$trapline" watch -q -p $! --json -o "$tmp/rows" "$@" counter
	wait $!
	[ "$(wc -l <"$tmp/rows")" = $((n + 1)) ] || echo "not all were seen" >&2
}

# $1: commands before
gdb_watch() {
	gdb -q -batch ${1:+-ex "$1"} -ex 'break main' -ex run \
		-ex 'watch counter if counter < 0' -ex continue \
		--args "$tmp/t" "$2" 0 2>/dev/null | grep -E '^[0-9.]+$'
}

median() {
	sort -n "$1" | sed -n 3p
}

for _ in 1 2 3 4 5; do
	bare >>"$tmp/bare"
	ours 20000 >>"$tmp/register"
	ours 5000 --pages >>"$tmp/page"
	gdb_watch '' 1000 >>"$tmp/hard"
	gdb_watch 'set can-use-hw-watchpoints 0' 20 >>"$tmp/soft"
done

# $1: ours, $2: what of gdb's, $3: its name
row() {
	awk -v bare="$(median "$tmp/bare")" -v ours="$(median "$tmp/$1")" \
		-v ref="$(median "$tmp/$2")" -v way="$1" -v name="$3" 'BEGIN {
		ours -= bare; ref -= bare
		if (ours > 0 && ref > 0)
			printf "{\"name\": \"watched write, %s\", " \
				"\"ns\": %.2f, \"reference\": \"%s\", " \
				"\"reference_ns\": %.2f, \"ratio\": %.2f}\n",
				way, ours, name, ref, ref / ours }'
}
for way in register page; do
	row $way hard 'gdb hardware watchpoint, false condition'
	row $way soft 'gdb software watchpoint'
done

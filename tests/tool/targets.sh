#!/bin/bash
# SPDX-License-Identifier: MIT
# targets.sh - the programs that tests attach to are right when nobody does
#
# A target that finds a wrong answer by itself would blame the tool for it.

# shellcheck source=tests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"

# Run target $1 for a second; it must say so and report no wrong answer.
bare() {
	local name=$1 verdict

	shift
	timeout -k 2 30 "$targets/$name" -s 1 "$@" </dev/null >"$tmp/out" 2>&1
	verdict=$(tail -n 1 "$tmp/out")
	[ "$verdict" = 'verdict ok' ] || note "$(grep '^wrong' "$tmp/out")"
	is "$name is right by itself" "$verdict" 'verdict ok'
}

for name in dyn dyn-static dyn-musl threads300 sigs torture forks rseq goserver; do
	bare $name
done

# `pause` is exact: the figures stand still, and go on after `resume`.
figures_stand_still() {
	local first second third

	coproc target { "$targets/dyn" -s 20; }
	started+=("$target_PID")
	exec {to}>&"${target[1]}" {from}<&"${target[0]}"
	read -r <&"$from" # ready
	first=$(ask pause)
	sleep 0.2
	second=$(ask stats)
	ask resume >/dev/null
	sleep 0.2
	third=$(ask pause)
	echo quit >&"$to"
	[ "$first" = "$second" ] && [ "$second" != "$third" ]
}

# Send a word to the target and print the figures of its answer.
ask() {
	local line

	echo "$1" >&"$to"
	while read -r line <&"$from"; do
		case $line in
		paused | running) return ;;
		*) echo "$line" ;;
		esac
	done
}

ok 'a paused target calls nothing' figures_stand_still

# A wrong answer does come out: a byte of text is changed behind its back.
notices_a_broken_function() {
	local pid at

	coproc target { exec "$targets/dyn" -s 2; }
	pid=$target_PID
	exec {from}<&"${target[0]}"
	read -r <&"$from"
	at=$(nm "$targets/dyn" | awk '$3 == "hot_add" { print $1 }')
	at=$((16#$at + 16#$(sed -n '1s/-.*//p' "/proc/$pid/maps")))
	# lea (%rdi,%rsi,2),%rax; ret
	printf '\x48\x8d\x04\x77\xc3' |
		dd of="/proc/$pid/mem" bs=1 seek="$at" conv=notrunc status=none
	wait "$pid"
	[ $? -eq 1 ]
}

ok 'a target notices a function that was broken' notices_a_broken_function

finish

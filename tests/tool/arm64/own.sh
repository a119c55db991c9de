#!/busybox sh
# shellcheck shell=dash disable=SC2016,SC2119 # a $ is the command's
# SPDX-License-Identifier: MIT
# own.sh - a live process of arm64 that has libtrapline
#
# Runs in the guest of scripts/check-arm64-linux; /counted-own is tests/targets/counted.c
# with own/counted_own.c: what it counts itself must be right whoever else counts.
# shellcheck source=tests/tool/arm64/lib/guest.sh
. /guest.sh

lines() {
	[ "$(wc -l </tmp/out)" -ge "$1" ]
}
start() {
	/counted-own 1000 >/tmp/out &
	pid=$!
	rounds=0
	until_true lines 1
}
go() {
	rounds=$((rounds + 1))
	kill -USR1 "$pid"
	until_true lines $((rounds + 1))
	[ "$(tail -n 1 /tmp/out)" = 999000 ]
}
# It ends well, having counted each call itself if it has probes.
ends() { # counted
	kill "$pid"
	wait "$pid" && grep -q "^own $1 $1\$" /tmp/out && return
	said=$(cat /tmp/out)
	false
}
# The same, again and again: what the library has changed is still the program's code.
sessions() {
	for _ in 1 2; do
		begin count -p "$pid" step digits
		ok "calls_are_right_$1" go
		finish
		ok "hits_are_counted_$1" counts step 1000
		ok "those_of_another_function_too_$1" counts digits 1000

		begin time -p "$pid" step
		go
		finish
		ok "calls_are_timed_$1" says 'step: 1000 calls' 0

		begin trace -p "$pid" 'step $arg1:u64 +0($arg2):string'
		go
		finish
		ok "events_have_arguments_$1" [ "$(sed -n \
			's/.* arg1=\([0-9]*\) .*="\1"$/&/p' /tmp/tool.out |
			sort -u | wc -l)" = 1000 ]
	done

	begin count -p "$pid" step
	kill -KILL "$tool"
	wait "$tool" 2>/dev/null
	ok "a_killed_command_is_cleaned_up_after_$1" until_true probes_gone "$pid"
	ok "it_goes_on_$1" go
}

echo 'TAP version 13'
start
sessions without_probes
ok it_ends_well_without_probes ends 0

export OWN_PROBES=1
start
sessions beside_its_own
run status -p "$pid"
ok its_own_probes_are_listed says '2 probes of its own' 0
ok it_ends_well_beside_its_own ends $((1000 * rounds))
summary

#!/busybox sh
# shellcheck shell=dash disable=SC2016,SC2119 # a $ is the command's
# SPDX-License-Identifier: MIT
# attach.sh - a live process of arm64, which says itself what it has done
#
# Runs in the guest of scripts/check-arm64-linux; /counted is tests/targets/counted.c.
# shellcheck source=tests/tool/arm64/lib/guest.sh
. /guest.sh

lines() {
	[ "$(wc -l </tmp/out)" -ge "$1" ]
}
start() {
	/counted "$@" >/tmp/out &
	pid=$!
	until_true lines 1
}
go() { # it has done what it does, once more, and nothing else
	have=$(wc -l </tmp/out)
	kill -USR1 "$pid"
	until_true lines $((have + 1))
	[ "$(tail -n 1 /tmp/out)" = 999000 ]
}
# While it runs as fast as it can, in two threads.
hot() {
	kill -USR1 "$pid"
	while ! lines 2; do
		run count -p "$pid" -d 200ms step digits
		[ "$status" = 0 ] || return
		sessions=$((sessions + 1))
		lines 2 && break
		run time -p "$pid" -d 200ms step
		[ "$status" = 0 ] || return
		sessions=$((sessions + 1))
	done
	said="$sessions sessions"
	[ "$sessions" -ge 2 ] && [ "$(tail -n 1 /tmp/out)" = 35999994000000 ]
}

echo 'TAP version 13'
start 1000

begin count -p "$pid" step digits
ok a_thousand_calls_are_right go
changed() {
	! same_text "$pid"
}
ok its_text_is_another_meanwhile changed
finish
ok they_are_counted counts step 1000
ok so_are_those_of_another_function counts digits 1000
ok its_text_is_that_of_the_file clean "$pid"

begin count -p "$pid" step+4
go
finish
ok hits_of_an_instruction_are_counted counts step+0x4 1000

begin time -p "$pid" step
ok calls_that_are_followed_are_right go
finish
ok their_times_are_counted says 'step: 1000 calls' 0
ok return_addresses_are_as_they_were go

begin trace -p "$pid" 'step $arg1:u64 +0($arg2):string'
go
finish
ok every_event_has_its_argument_and_its_string [ "$(sed -n \
	's/.* arg1=\([0-9]*\) .*="\1"$/&/p' /tmp/tool.out | sort -u | wc -l)" = 1000 ]

begin trace -p "$pid" 'step%return $arg1:u64 $retval:u64'
go
finish
ok every_return_has_what_it_returns [ "$(sed -n \
	's/.*arg1=\([0-9]*\) .*retval=\([0-9]*\).*/\1 \2/p' /tmp/tool.out |
	awk '$2 == 2 * $1' | sort -u | wc -l)" = 1000 ]

begin trace -p "$pid" 'step $arg1:u64 if %x0 >= 990 && +0($arg2):string != "999"'
go
finish
ok a_condition_lets_nine_through [ "$(grep -c ' arg1=99[0-8]$' /tmp/tool.out)" = 9 ]

begin trace -p "$pid" 'demo:stepped $arg1:s64 $arg2:s64 $arg3:s64'
go
finish
ok the_arguments_of_a_marker_are_found [ "$(sed -n \
	's/.* arg1=\([0-9]*\) arg2=\([-0-9]*\) arg3=\([0-9]*\)$/\1 \2 \3/p' \
	/tmp/tool.out | awk '$2 == -$1 && $3 == 3 * $1' | sort -u | wc -l)" = 1000 ]

begin stack -p "$pid" step
go
finish
ok stacks_lead_through_the_caller grep -q 'work;step [0-9]' /tmp/tool.out

begin count -p "$pid" step
run status -p "$pid"
ok status_tells_of_the_probe says step 0
ok and_of_the_session says "by process $tool" 0
run count -p "$pid" -d 1 digits
ok a_second_command_has_its_turn says digits 0
run detach -p "$pid"
ok another_one_detaches [ "$status" = 0 ]
finish itself
ok no_probe_is_left probes_gone "$pid"
ok its_text_is_that_of_the_file_again clean "$pid"
ok it_goes_on go

begin count -p "$pid" step
kill -KILL "$tool"
wait "$tool" 2>/dev/null
ok a_killed_command_is_cleaned_up_after until_true probes_gone "$pid"
ok its_text_is_that_of_the_file_then until_true clean "$pid"
ok it_goes_on_then go

begin count -p "$pid" step
guardian=$(grep -l '^trapline-guard' /proc/[0-9]*/comm | cut -d/ -f3)
kill -STOP "$tool"
# shellcheck disable=SC2086 # it may be two
kill -KILL $guardian
kill -KILL "$tool"
wait "$tool" 2>/dev/null
run status -p "$pid"
ok without_a_guardian_the_probe_is_left says 'left behind' 0
ok and_it_goes_on go
run detach -p "$pid"
ok what_is_left_is_removed [ "$status" = 0 ]
ok its_text_is_that_of_the_file_in_the_end clean "$pid"
ok it_goes_on_in_the_end go

begin count -p "$pid" step
go
kill "$pid"
finish itself
ok the_end_of_the_process_ends_it counts step 1000
ok the_process_ended_well grep -q '^end$' /tmp/out

sessions=0
start 6000000
ok sessions_come_and_go_while_it_runs hot
echo "    # $said"
ok its_text_is_that_of_the_file_still clean "$pid"
kill "$pid"

start 1000 fork
begin count --follow -p "$pid" step
go
sleep 2
kill "$pid"
finish itself
ok fork_children_count_by_themselves [ "$(awk '$NF == "step" && $1 == 1000' \
	/tmp/tool.out | wc -l)" = 2 ]

/trapline count -v step main -- /counted 1000 >/tmp/tool.out 2>/tmp/tool.err &
tool=$!
until_true grep -q ready /tmp/tool.out
kill -USR1 "$(pidof counted)"
until_true grep -q 999000 /tmp/tool.out
kill -TERM "$(pidof counted)"
finish itself
ok a_new_program_is_counted_from_its_beginning counts main 1
ok and_all_that_it_does counts step 1000
summary

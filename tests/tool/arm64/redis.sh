#!/busybox sh
# shellcheck shell=dash disable=SC2016,SC2119 # a $ is the command's
# SPDX-License-Identifier: MIT
# redis.sh - Debian's redis-server of arm64 under load, and what it says of itself
#
# Runs in the guest of scripts/check-arm64-linux.
# shellcheck source=tests/tool/arm64/lib/guest.sh
. /guest.sh

cli() {
	/usr/bin/redis-cli -s /tmp/redis "$@"
}
calls() { # of command $1, as the server counts them
	cli info commandstats | tr -d '\r' | sed -n "s/^cmdstat_$1:calls=\([0-9]*\),.*/\1/p"
}
load() {
	/usr/bin/redis-benchmark -s /tmp/redis -t set,get -n 1000 -c 4 -q >/dev/null 2>&1
}

echo 'TAP version 13'
/usr/bin/redis-server --port 0 --unixsocket /tmp/redis --save '' >/tmp/log 2>&1 &
pid=$!
until_true cli ping

cli config resetstat >/dev/null
begin count -p "$pid" setCommand getCommand setCommand+4
load
finish
ok calls_are_those_that_the_server_counted counts setCommand "$(calls set)"
ok so_are_those_of_another_command counts getCommand "$(calls get)"
ok so_are_hits_of_an_instruction counts setCommand+0x4 "$(calls set)"
ok there_were_a_thousand [ "$(calls set)" = 1000 ]
ok its_text_is_that_of_the_file clean "$pid"

cli config resetstat >/dev/null
begin time -p "$pid" getCommand
load
finish
ok times_are_of_as_many_calls says "getCommand: $(calls get) calls" 0
ok its_text_is_that_of_the_file_again clean "$pid"

begin trace -p "$pid" 'lookupKey +0(+8($arg2)):string'
cli set an-odd-key 1 >/dev/null
cli get an-odd-key >/dev/null
finish
ok a_key_is_shown grep -q '"an-odd-key"' /tmp/tool.out

cli config resetstat >/dev/null
begin count -p "$pid" setCommand
load &
loader=$!
sleep 1
kill -KILL "$tool"
wait "$tool" 2>/dev/null
wait "$loader"
ok under_load_a_killed_command_is_cleaned_up_after until_true probes_gone "$pid"
ok its_text_is_that_of_the_file_then until_true clean "$pid"
ok no_command_was_lost [ "$(calls set)" = 1000 ]
ok it_answers [ "$(cli get an-odd-key)" = 1 ]
kill "$pid"
wait "$pid"
ok it_ended_well grep -q 'ready to exit, bye' /tmp/log
summary

#!/bin/bash
# SPDX-License-Identifier: MIT
# cli-golden.sh - what the command prints, to the byte, with made-up figures
#
# trapline-fake has a session that touches nobody; its figures follow from the
# order and the names of the probes (tests/tool/fake/session.c).  Addresses and
# process numbers are replaced before the comparison.  After a change that is
# meant: UPDATE=1 tests/tool/cli-golden.sh, then read the difference.
# shellcheck disable=SC2016 # $arg1 is for the command
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
golden=$top/tests/tool/golden
fake=$TL_BUILD/trapline-fake
export LC_ALL=C.UTF-8

# Start the target under the name $1, which the fake session goes by.
begin() {
	ln -sf "$targets/dyn" "$tmp/$1"
	: >"$tmp/ready"
	"$tmp/$1" -t 1 -r 10 >"$tmp/ready" </dev/null &
	pid=$!
	started+=("$pid")
	disown "$pid"
	poll 5 test -s "$tmp/ready"
}

# golden NAME ARGS...: standard output, standard error and exit status, %PID%
# in the arguments is the target.
golden() {
	local name=$1 status

	shift
	"$fake" "${@//%PID%/$pid}" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	{
		echo "\$ trapline ${*//"$tmp"/%TMP%}"
		cat "$tmp/out"
		sed -e '/: symbols from /d' -e 's/^/2: /' "$tmp/err"
		echo "status $status"
	} | sed -E -e "s/\\b$pid\\b/%PID%/g" -e 's/(process )[0-9]+/\1%PID%/' \
		-e 's/"0x[0-9a-f]{6,}"/"%ADDR%"/g' \
		-e 's/^ +0x[0-9a-f]{6,}/%ADDR%/' \
		-e "s|\"$targets/|\"%TARGETS%/|g" \
		-e 's/("threads(_running)?":)[0-9]+/\1%N%/g' \
		-e 's/("expected_stop_ns":)[0-9.]+/\1%N%/' \
		-e 's/about [0-9.]+ ms on an idle machine, of threads that run \([0-9]+ of [0-9]+\)/about %N% ms on an idle machine, of threads that run/' \
		-e 's/cost [0-9.]+ ms a second: [0-9]+ hits a/cost %N% ms a second: %N% hits a/' \
		-e 's/ {2,}%PID%/    %PID%/' -e 's/("time_ns":)[0-9]{19},/\1%TIME%,/' >"$tmp/got"
	if [ -n "${UPDATE:-}" ]; then
		cp "$tmp/got" "$golden/$name.txt"
	fi
	ok "$name" diff -u "$golden/$name.txt" "$tmp/got"
}

begin dyn
golden count-one count -p %PID% -d 0.05 hot_add
golden count-glob count -p %PID% -d 0.05 'hot_*'
golden count-glob-verbose count -p %PID% -d 0.05 -v 'dyn:hot_*'
golden count-quiet count -p %PID% -d 0.05 -q 'hot_*'
golden count-json count -p %PID% -d 0.05 --json 'hot_[abm]*'
golden count-missed count -p %PID% -d 0.05 hot_mix hot_add
golden count-twice count -p %PID% -d 0.05 hot_add hot_add 'hot_ad?' hot_add+0
golden count-library count -p %PID% -d 0.05 libc:free main
golden count-none-armed count -p %PID% -d 0.05 hot_loop hot_many
golden count-one-refused count -p %PID% -d 0.05 hot_many
golden count-keys count -p %PID% -d 0.05 'hot_add by $arg1' 'hot_mix if $arg1'
golden count-keys-json count -p %PID% -d 0.05 --json 'hot_add by $arg1:s64'
golden time-keys time -p %PID% -d 0.05 'hot_add by $arg1:string'
golden time-keys-json time -p %PID% -d 0.05 --json 'hot_add by comm'
golden trace-return trace -p %PID% -d 0.05 --json 'hot_add%return a=$arg1 s=$arg2:string r=$retval if $arg1 && $retval < 0'
golden count-events count -p %PID% -n 1000 hot_add
golden count-dry-run count -p %PID% --dry-run 'hot_[ab]*'
golden count-dry-run-json count -p %PID% --dry-run --json hot_add
golden count-command count libc:free -- true
golden count-command-fails count libc:free -- false
golden count-command-killed count libc:free -- sh -c 'kill -9 $$'
(
	trap '' CHLD
	exec "$fake" count libc:free -- false >"$tmp/out" 2>"$tmp/err"
)
like 'a command is waited for though SIGCHLD was ignored' "$(cat "$tmp/err")" \
	'ended with status 1'
golden time-one time -p %PID% -d 0.05 hot_add
golden time-two time -p %PID% -d 0.05 hot_add hot_mix
golden time-json time -p %PID% -d 0.05 --json hot_mix
golden time-many time -p %PID% -d 0.05 'hot_*' main 'control_*'
"$fake" time -p "$pid" -d 0.05 '*' >"$tmp/out" 2>&1
is 'too many functions: status' "$?" 1
like 'too many functions: what to do' "$(cat "$tmp/out")" \
	"^trapline: these are [0-9]+ functions, and 1024 can be timed.*'dyn:[*]'"
golden trace-one trace -p %PID% -d 0.05 hot_add
# shellcheck disable=SC2016 # $arg1 is for the command
golden trace-args trace -p %PID% -d 0.05 \
	'hot_add $arg1:u64 b=$arg2 m=+8(+0(%rdi)):s32 s=$arg3:string' \
	'hot_mix%return $retval:s64'
# shellcheck disable=SC2016
golden trace-json trace -p %PID% -d 0.05 --json \
	'hot_add $arg1:u64 b=$arg2 m=+8(+0(%rdi)):s32 s=$arg3:string'
golden trace-events trace -p %PID% -n 3 'hot_[ab]*'
golden trace-dry-run trace -p %PID% --dry-run 'hot_add%return' 'hot_add'
golden trace-refused trace -p %PID% hot_loop
golden status-none status -p %PID%
golden detach-none detach -p %PID%
begin debugged
golden attach-refused count -p %PID% hot_add
begin lost
golden guardian-lost count -p %PID% hot_add
begin stuck
golden detach-fails count -p %PID% -d 0.05 hot_add
golden status-fails status -p %PID%
golden clean-fails detach -p %PID%
begin probed
golden status-probes status -p %PID%
golden status-json status -p %PID% --json
golden detach-done detach -p %PID%
for verb in trace count time stack list coverage status detach; do
	golden "help-$verb" help "$verb"
done
golden help help
ok 'a program is linked' gcc -nostdlib -static -no-pie -Wl,--build-id=none \
	-Wl,-Ttext=0x401000 -o "$tmp/shapes" "$top/tests/tool/lib/coverage.S"
golden coverage coverage "$tmp/shapes"
golden coverage-verbose coverage -v "$tmp/shapes"
golden coverage-json coverage --json "$tmp/shapes"
golden coverage-glob coverage "$tmp/shapes" '*s'
golden coverage-nothing coverage "$tmp/shapes" 'nix*'

"$fake" count -p "$pid" -d 0.05 hot_add -o "$tmp/file" >"$tmp/out" 2>&1
is 'nothing on standard output with -o' "$(cat "$tmp/out")" ''
like 'the figures are in the file of -o' "$(cat "$tmp/file")" '1000  jump +hot_add'
"$fake" count -p "$pid" -i 0.1 -d 0.45 hot_add >"$tmp/out" 2>&1
is 'figures every interval, and at the end' \
	"$(grep -c '^after 0[.][0-9] s$' "$tmp/out")" \
	"$(grep -c '^1000  jump  *hot_add$' "$tmp/out")"
ok 'more than once' test "$(grep -c hot_add "$tmp/out")" -gt 1
"$fake" count -p "$pid" hot_add --json >"$tmp/out" 2>"$tmp/err" &
counter=$!
sleep 0.3
kill -INT $counter
wait $counter
is 'Ctrl-C ends with status 0' "$?" 0
like 'and prints what there is' "$(cat "$tmp/out")" '"hits":1000'
finish

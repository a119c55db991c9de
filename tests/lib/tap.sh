# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# tap.sh - the harness of tests that are scripts; source it, then
#
#	ok NAME COMMAND...	the test NAME passes if COMMAND succeeds
#	is NAME GOT WANT	passes if the strings are equal
#	like NAME GOT REGEX	passes if GOT matches the extended expression
#	skip NAME WHY		a test that cannot run here
#	note TEXT...		for the reader of a failure
#	poll SECONDS COMMAND...	try COMMAND until it succeeds; status 1 if never
#	finish			the plan, the summary line, the exit status
#
# and $tmp (removed at the end), $TRAPLINE, $TL_BUILD, $targets.  Processes that
# the script starts belong in the array `started`; they are killed at the end.

set -u
ulimit -S -c 0 # what a test kills leaves no core file
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TL_BUILD=${TL_BUILD:-$top/build}
TRAPLINE=${TRAPLINE:-$TL_BUILD/trapline}
export TRAPLINE TL_BUILD
# shellcheck disable=SC2034 # for the scripts
targets=$TL_BUILD/x86/tests/targets
tmp=$(mktemp -d)
started=()
tap_passed=0 tap_failed=0 tap_skipped=0

tap_end() {
	local pid

	for pid in "${started[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap tap_end EXIT
trap 'exit 130' INT TERM
echo 'TAP version 13'

note() {
	printf '%s\n' "$*" | sed 's/^/    # /'
}

tap_number() {
	echo $((tap_passed + tap_failed + tap_skipped))
}

tap_pass() {
	tap_passed=$((tap_passed + 1))
	echo "ok $(tap_number) $1"
}

tap_fail() {
	tap_failed=$((tap_failed + 1))
	echo "not ok $(tap_number) $1"
}

ok() {
	local name=$1 out

	shift
	if out=$("$@" 2>&1); then
		tap_pass "$name"
	else
		note "$* ended with status $?"
		[ -z "$out" ] || note "$out"
		tap_fail "$name"
	fi
}

is() {
	if [ "$2" = "$3" ]; then
		tap_pass "$1"
	else
		note "got:  $2"
		note "want: $3"
		tap_fail "$1"
	fi
}

like() {
	if [[ $2 =~ $3 ]]; then
		tap_pass "$1"
	else
		note "got:  $2"
		note "want a match of: $3"
		tap_fail "$1"
	fi
}

skip() {
	tap_skipped=$((tap_skipped + 1))
	echo "ok $(tap_number) $1 # SKIP $2"
}

poll() {
	local tries=$(($1 * 20))

	shift
	while ! "$@" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}

finish() {
	echo "1..$(tap_number)"
	echo "$tap_passed passed, $tap_failed failed, $tap_skipped skipped"
	[ $tap_failed -eq 0 ]
	exit
}

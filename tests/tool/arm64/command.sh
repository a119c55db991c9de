#!/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
# command.sh - the command on arm64: what it says of files, and what it refuses
#
# Runs in the guest of scripts/check-arm64-linux, with /trapline and the programs of /t.
n=0 failed=0
ok() { # name, then a command that is to succeed
	n=$((n + 1))
	name=$1
	shift
	if "$@"; then
		echo "ok $n $name"
	else
		failed=$((failed + 1))
		echo "    # $said"
		echo "not ok $n $name"
	fi
}
says() { # text: it was said, and status $2
	[ "$status" = "$2" ] && case $said in *"$1"*) ;; *) false ;; esac
}
run() {
	said=$(/trapline "$@" 2>&1)
	status=$?
}

echo 'TAP version 13'
run list /t/kprobe place_jump
ok functions_of_a_file_are_listed_with_their_size says '       8  place_jump' 0
run list -p 1 main
ok a_process_is_read says '  main' 0
run coverage /t/kprobe place_jump
ok every_instruction_of_a_function_is_a_jump says '2       2       0       0  place_jump' 0
run coverage /t/kprobe place_own_trap
ok a_trap_of_the_program_s_own_is_refused says '3       2       0       1  place_own_trap' 0
run coverage /t/kprobe place_break
ok a_landing_pad_is_no_jump says 'not relocatable' 0
run count -p $$ 0x400580
ok nobody_is_attached_to says 'on arm64 the command goes into no process' 1
run trace --dry-run -p $$ 0x400580
ok what_would_be_done_is_refused_too says 'on arm64 the command goes into no process' 1
run watch -p $$ 0x400580:8
ok no_variable_is_watched says 'cannot watch variables on arm64' 1
run status -p $$
ok nobody_is_looked_at says 'on arm64 the command goes into no process' 1
run detach -p $$
ok nobody_is_cleaned says 'on arm64 the command goes into no process' 1
run count place_jump -- /t/kprobe --list
ok a_program_is_not_left_behind says 'on arm64 the command goes into no process' 1
echo "1..$n"
echo "$((n - failed)) passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]

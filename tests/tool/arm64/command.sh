#!/busybox sh
# shellcheck shell=dash disable=SC2016,SC2119 # a $ is the command's
# SPDX-License-Identifier: MIT
# command.sh - the command on arm64: what it says of files and processes, and what it
# refuses
#
# Runs in the guest of scripts/check-arm64-linux.
# shellcheck source=tests/tool/arm64/lib/guest.sh
. /guest.sh

echo 'TAP version 13'
run list /kprobe place_jump
ok functions_of_a_file_are_listed_with_their_size says '       8  place_jump' 0
run list -p 1 main
ok a_process_is_read says '  main' 0
run coverage /kprobe place_jump
ok every_instruction_of_a_function_is_a_jump says '2       2       0       0  place_jump' 0
run coverage /kprobe place_own_trap
ok a_trap_of_the_program_s_own_is_refused says '3       2       0       1  place_own_trap' 0
run coverage /kprobe place_break
ok a_landing_pad_is_no_jump says 'not relocatable' 0
run watch -p $$ 0x400580:8
ok no_variable_is_watched says 'cannot watch variables on arm64' 1

/counted 10 >/tmp/out &
pid=$!
until_true grep -q ready /tmp/out
run status -p "$pid"
ok there_are_no_probes_yet says 'no probes' 0
run detach -p "$pid"
ok there_is_nothing_to_be_removed [ "$status" = 0 ]
run count --dry-run -p "$pid" step
ok what_would_be_done_is_said says step 0
run count -p "$pid" -d 1 'step if %rdi > 1'
ok registers_of_others_are_not_known says "called '%rdi'" 2
run trace -p "$pid" -d 1 'step+4 $arg1'
ok an_argument_is_of_an_entry says 'name registers, as %x0' 2
run trace -p "$pid" -d 1 'step %x31'
ok there_is_no_x31 says "called '%x31'" 2
run count -p "$pid" -d 1 no_such_function
ok what_is_not_there_is_named says no_such_function 1
ok nothing_was_left clean "$pid"
kill "$pid"
summary

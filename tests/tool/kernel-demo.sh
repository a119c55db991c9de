#!/bin/bash
# SPDX-License-Identifier: MIT
# limit: 300
# kernel-demo.sh - probes come and go from the console of a kernel at work

# shellcheck source=tests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1

printf '%s\n' 'probe add demo_turn' 'probe add demo_fib' 'probe add nowhere' \
	'probe add demo_turn' top 'probe list' 'watch demo_turn' \
	'probe del demo_fib' nonsense 'probe list' quit >"$tmp/script"
ok 'the kernel runs the script and leaves in good order' \
	timeout 120 scripts/kernel-demo "$tmp/script"
timeout 120 scripts/kernel-demo "$tmp/script" >"$tmp/raw" 2>&1
tr -d '\r' <"$tmp/raw" >"$tmp/out"
like 'a probe is added' "$(cat "$tmp/out")" 'demo_turn: probed at 0xffffffff80'
like 'an unknown name is refused' "$(cat "$tmp/out")" 'nowhere: refused, error -2'
like 'the same name is refused' "$(cat "$tmp/out")" 'is there already'
like 'top shows what is hit' "$(cat "$tmp/out")" '[1-9][0-9]*/s demo_turn'
like 'the list says what a probe is' "$(cat "$tmp/out")" \
	'demo_turn jump hits [1-9][0-9]* missed 0'
like 'watch shows hits' "$(cat "$tmp/out")" \
	'demo_turn: hit [1-9][0-9]* on cpu [01], first argument 0x'
like 'a probe is removed' "$(cat "$tmp/out")" 'demo_fib: removed after [1-9]'
like 'what is not understood is explained' "$(cat "$tmp/out")" \
	'nonsense.probe add NAME'
is 'after that the list has one probe less' \
	"$(sed -n '/nonsense/,$p' "$tmp/out" | grep -c ' missed ')" 1

if command -v qemu-system-aarch64 >/dev/null; then
	timeout 120 scripts/kernel-demo -a arm64 "$tmp/script" >"$tmp/raw" 2>&1
	is 'on arm64 it leaves in good order, too' $? 0
	tr -d '\r' <"$tmp/raw" >"$tmp/out"
	like 'probes are jumps there' "$(cat "$tmp/out")" \
		'demo_turn jump hits [1-9][0-9]* missed 0'
else
	skip 'the demo on arm64' 'qemu-system-aarch64 is not installed'
fi

printf '%s\n' 'run hello console' 'run nobody' 'probe add sys_getpid' \
	'insmod count_calls functions=sys_fork,sys_getpid' 'run ticker 100000' \
	ps lsmod top 'insmod count_calls functions=sys_fork' \
	'rmmod count_calls' 'probe list' 'kill 2' top ps quit >"$tmp/script"
ok 'the kernel runs programs and loads modules' \
	timeout 120 scripts/kernel-demo "$tmp/script"
timeout 120 scripts/kernel-demo "$tmp/script" >"$tmp/raw" 2>&1
tr -d '\r' <"$tmp/raw" >"$tmp/out"
like 'a program in ring 3 writes' "$(cat "$tmp/out")" \
	'hello from ring 3, console'
like 'how it ended is told' "$(cat "$tmp/out")" '1: exited with 42'
like 'a program that is not there is refused' "$(cat "$tmp/out")" \
	'nobody: refused, error -2'
like 'ps shows the task' "$(sed -n '/> ps/,$p' "$tmp/out")" '2 ticker, runs'
like 'lsmod shows the module' "$(cat "$tmp/out")" 'count_calls: text at 0xf'
like 'system calls of tasks are hit' "$(cat "$tmp/out")" \
	'[1-9][0-9]*/s sys_getpid'
like 'a module is loaded once' "$(cat "$tmp/out")" \
	'count_calls: refused, error -17'
like 'a module counts what its parameter says' "$(cat "$tmp/out")" \
	'count_calls: sys_fork: [1-9]'
like 'a task is killed' "$(cat "$tmp/out")" '2: killed by signal 9'
finish

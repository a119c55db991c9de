#!/bin/bash
# SPDX-License-Identifier: MIT
# cli-usage.sh - wrong usage and what is in the way: one clear line, exit 1 or 2
#
# Nothing here attaches to anything, so the command with the session that
# touches nobody is as good as the real one; both are tried if both are there.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

commands=("$TL_BUILD/trapline-fake")
[ -x "$TRAPLINE" ] && commands+=("$TRAPLINE")

# refused NAME STATUS REGEX ARGS...: ends with STATUS, nothing on standard
# output, one line on standard error that begins with `trapline: `.
refused() {
	local name=$1 want=$2 regex=$3 out err status

	shift 3
	out=$("$command" "$@" 2>"$tmp/err" </dev/null)
	status=$?
	err=$(cat "$tmp/err")
	if [ "$status" -ne "$want" ]; then
		note "status $status, want $want: $err"
		tap_fail "$name"
	elif [ -n "$out" ]; then
		note "on standard output: $out"
		tap_fail "$name"
	elif [ "$(wc -l <"$tmp/err")" -ne 1 ] || [[ $err != "trapline: "* ]]; then
		note "on standard error: $err"
		tap_fail "$name"
	else
		like "$name" "$err" "$regex"
	fi
}

# shellcheck disable=SC2016 # $arg1 is for the command
usage() {
	refused "${v}no command" 2 'no command is given'
	refused "${v}unknown command" 2 "near names: count" conut
	refused "${v}help of an unknown command" 2 "near names: count" help conut
	refused "${v}unknown option" 2 "unknown option '-x'" count -x
	refused "${v}unknown long option" 2 "unknown option '--wrong'" count --wrong
	refused "${v}option of another verb" 2 "no option --force" list --force
	refused "${v}no process" 2 'PID' count main
	refused "${v}no probe" 2 'no probe' count -p $$
	refused "${v}no number" 2 "not a process number" count -p abc main
	refused "${v}negative number" 2 "not a process number" count -p -1 main
	refused "${v}process and command" 2 'not both' count -p $$ main -- true
	refused "${v}empty command" 2 'no command' count main --
	refused "${v}bad offset" 2 'number of bytes' count -p $$ main+x
	refused "${v}bad address" 2 'not an address' count -p $$ 0xzz
	refused "${v}lines" 1 'no source file' count -p $$ a.c:12
	refused "${v}bad duration" 2 'not a time' count -p $$ -d never main
	refused "${v}trace: no variable" 2 "column 1: there are .arg1" \
		trace -p $$ 'main $x'
	refused "${v}trace: a register of 32 bits" 2 'no register of 64 bits' \
		trace -p $$ 'main %eax'
	refused "${v}trace: no ( behind +8" 2 'column 3: here belongs a \(' \
		trace -p $$ 'main +8%rdi'
	refused "${v}trace: no ) at the end" 2 'column 8: here belongs a \)' \
		trace -p $$ 'main +8(%rdi:u8'
	refused "${v}trace: no such type" 2 'column 6: types are' \
		trace -p $$ 'main %rdi:u7'
	refused "${v}trace: too long a string" 2 '1 to 256 bytes' \
		trace -p $$ 'main $arg1:string[257]'
	refused "${v}trace: too many strings" 2 'more than 1024 bytes' \
		trace -p $$ 'main a=%rdi:string[256] b=%rdi:string[256] c=%rdi:string[256] d=%rdi:string[256]'
	refused "${v}no such format" 2 "'xml' is not a format of 'trace'; text, chrome, ctf and json are" \
		trace -p $$ --format xml main
	refused "${v}a format of another command" 2 "text, svg and json are" \
		stack -p $$ --format chrome main
	refused "${v}stack: an argument" 2 "here belongs 'if' \(" \
		stack -p $$ 'main $arg1'
	refused "${v}stack: a key" 2 "keys are for 'trapline count' and 'time'" \
		stack -p $$ 'main by comm'
	refused "${v}count: an argument" 2 "here belongs 'if' or 'by'" \
		count -p $$ 'main $arg1'
	refused "${v}count: no condition" 2 'column 1: here belongs a number' \
		count -p $$ 'main if'
	refused "${v}min: no call" 2 'only calls take time' \
		trace -p $$ --min 1ms main
	refused "${v}tid: no such thread" 2 'has no thread 1' \
		count -p $$ -t 1 main
	refused "${v}tid: no process" 2 'a thread of one running process' \
		count -t $$ main -- true
	refused "${v}min: no time" 2 "'soon' is not a time" \
		time -p $$ --min soon main
	refused "${v}trace: one name twice" 2 "there is a 'rdi' already" \
		trace -p $$ 'main %rdi %rdi'
	refused "${v}trace: a result at an entry" 2 'FUNC%return only' \
		trace -p $$ 'main $retval'
	refused "${v}trace: an argument inside" 2 'only at the entry' \
		trace -p $$ 'main+4 $arg1'
	refused "${v}trace: a return with an offset" 2 'without an offset' \
		trace -p $$ 'main+4%return'
	refused "${v}trace: too deep" 2 'more than 8 fetches' \
		trace -p $$ 'main +0(+0(+0(+0(+0(+0(+0(+0(+0(%rdi)))))))))'
	refused "${v}trace: a probe that is none" 2 'empty probe' trace -p $$ ' '
	refused "${v}trace: no offset behind +" 2 'number of bytes' \
		trace -p $$ 'main a=+x(%rdi)'
	refused "${v}trace: no interval of chrome's" 2 'text and json' \
		trace -p $$ -i 1 --format chrome main
	refused "${v}stack: one picture" 2 'drawn once' \
		stack -p $$ -i 1 --format svg main
	refused "${v}list of nothing" 2 'FILE' list
	refused "${v}list: an argument too many" 2 'GLOB' list -p $$ a b
	refused "${v}status of nothing" 2 'PID' status
	refused "${v}status: an argument too many" 2 'too many' status -p $$ x
	refused "${v}detach of nothing" 2 'PID' detach
	refused "${v}detach has no json" 2 'no option' detach -p $$ --json
	refused "${v}help of nothing known" 2 'no command' help frob
}

# Bash is the target: it is alive, and has a symbol table of exported names.
in_the_way() {
	local verb

	for verb in "count main" "time main" "list" "status" "detach"; do
		# shellcheck disable=SC2086 # two words
		refused "${v}${verb% *}: no such process" 1 'no process 4194303' \
			$verb -p 4194303
		# shellcheck disable=SC2086
		refused "${v}${verb% *}: zombie" 1 'zombie' $verb -p "$zombie_pid"
	done
	refused "${v}unknown function" 1 "no function 'hot_dad'.*near names: hot_add" \
		count -p "$target" hot_dad
	refused "${v}unknown binary" 1 "no binary 'libnix'" \
		count -p "$target" libnix:f
	refused "${v}a glob that matches nothing" 1 'matches no function' \
		count -p "$target" 'nothing_like_*'
	refused "${v}list: a glob that matches nothing" 1 'matches no function' \
		list -p "$target" 'nothing_like_*'
	refused "${v}no code there" 1 'no code' count -p "$target" 0x10
	refused "${v}past the end" 1 'past the end of hot_add' \
		count -p "$target" hot_add+0x1000
	refused "${v}time of an offset" 1 'whole functions' \
		time -p "$target" hot_add+1
	refused "${v}coverage of nothing" 2 'FILE' coverage
	refused "${v}coverage: an argument too many" 2 'GLOB' \
		coverage /bin/sh a b
	refused "${v}coverage: no process" 2 'no option' coverage -p $$
	refused "${v}coverage: no such file" 1 'No such file' \
		coverage /no/such/file
	refused "${v}coverage: no ELF file" 1 'not an ELF file' \
		coverage /etc/passwd
	refused "${v}coverage: not linked" 1 'no program or library' \
		coverage "$TL_BUILD/x86/tests/targets/dyn.c.o"
	refused "${v}coverage: full disk" 1 'No space left' \
		coverage "$targets/dyn" -o /dev/full
	refused "${v}no such file" 1 'No such file' list /no/such/file
	refused "${v}a directory" 1 'not a file' list /etc
	refused "${v}no ELF file" 1 'not an ELF file' list /etc/passwd
	refused "${v}no such program" 1 'cannot start /no/such' \
		count main -- /no/such
	refused "${v}no place to write" 1 'cannot write /no/such/x' \
		count -p "$target" hot_add -o /no/such/x
}

full_and_closed() {
	refused "${v}full disk" 1 'No space left' list "$targets/dyn" -o /dev/full
	"$command" help >/dev/full 2>"$tmp/err"
	is "${v}full standard output" "$?" 1
	like "${v}full standard output, said so" "$(cat "$tmp/err")" \
		'cannot write standard output: No space left'
	{ sleep 0.3 && "$command" list "$targets/dyn" 2>"$tmp/err"; } | true
	is "${v}nobody reads" "${PIPESTATUS[0]}" 1
	like "${v}nobody reads, said so" "$(cat "$tmp/err")" 'nobody reads'
}

# As a user without rights: PID 1 is root's.
without_permission() {
	if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
		skip "${v}no permission" "needs root and setpriv"
		return
	fi
	if ! setpriv --reuid 65534 --regid 65534 --clear-groups \
		test -x "$command"; then
		skip "${v}no permission" "$command is not executable for others"
		return
	fi
	cat >"$tmp/as-nobody" <<-END
		#!/bin/sh
		exec setpriv --reuid 65534 --regid 65534 --clear-groups \\
			$command "\$@"
	END
	chmod 755 "$tmp/as-nobody"
	local real=$command
	command=$tmp/as-nobody
	refused "${v}no permission" 1 'no permission for process 1:.*sudo' \
		count -p 1 main
	refused "${v}no permission to look" 1 'no permission' status -p 1
	refused "${v}no permission to clean" 1 'no permission' detach -p 1
	command=$real
}

# A zombie: its parent, a sleep, never waits.
bash -c 'sleep 0.01 & echo $!; exec sleep 100' >"$tmp/zombie" &
started+=($!)
poll 5 test -s "$tmp/zombie"
zombie_pid=$(cat "$tmp/zombie")
poll 5 grep -q '^State:.*Z' "/proc/$zombie_pid/status"

"$targets/dyn" -t 1 -r 10 >"$tmp/ready" </dev/null &
target=$!
started+=("$target")
disown -a
poll 5 test -s "$tmp/ready"

for command in "${commands[@]}"; do
	v="${command##*/}: "
	usage
	in_the_way
	full_and_closed
	without_permission
done
finish

# shellcheck shell=dash disable=SC2034
# SPDX-License-Identifier: MIT
# guest.sh - what the scripts of scripts/check-arm64-linux share
#
# They are run by /busybox sh, with /trapline; `said` is what the command said last,
# and is shown where a test fails.
n=0 failed=0 said='' status=0
for applet in awk cat cmp cut dd grep head kill ls pidof rm sed seq sleep sort tail \
	timeout tr wc; do
	# shellcheck disable=SC2139
	alias "$applet=/busybox $applet"
done

ok() { # name, then a command that is to succeed
	n=$((n + 1))
	name=$1
	shift
	if "$@"; then
		echo "ok $n $name"
	else
		failed=$((failed + 1))
		echo "$said" | sed 's/^/    # /'
		echo "not ok $n $name"
	fi
}

summary() {
	echo "1..$n"
	echo "$((n - failed)) passed, $failed failed, 0 skipped"
	[ "$failed" = 0 ]
}

says() { # text: it was said, and status $2
	[ "$status" = "$2" ] && case $said in *"$1"*) ;; *) false ;; esac
}

run() {
	said=$(/trapline "$@" 2>&1)
	status=$?
}

until_true() { # a command, until it succeeds; a minute at most
	for _ in $(seq 300); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	return 1
}

# Begin `trapline $@` in the background, up to where it is attached.
begin() {
	/trapline "$@" -v >/tmp/tool.out 2>/tmp/tool.err &
	tool=$!
	until_true grep -q 'attached to process\|^trapline: cannot' /tmp/tool.err
}

# It ends by itself, or after a SIGTERM: what it has said.
finish() {
	[ "${1:-}" = itself ] || kill -TERM "$tool" 2>/dev/null
	wait "$tool"
	status=$?
	said=$(cat /tmp/tool.err /tmp/tool.out | tr '\r' '\n' | tail -n 25)
}

counts() { # function, hits: a row of the table says so
	[ "$(awk -v f="$1" '$NF == f && $1 ~ /^[0-9]+$/ { print $1 }' /tmp/tool.out)" = "$2" ]
}

# The code of process $1 is its files'.
same_text() {
	while read -r range perms offset _ _ path; do
		case $perms:$path in r-xp:/*) ;; *) continue ;; esac
		first=$((0x${range%-*} / 4096)) last=$((0x${range#*-} / 4096))
		dd if="$path" bs=4096 skip=$((0x$offset / 4096)) \
			count=$((last - first)) of=/tmp/file 2>/dev/null
		dd if="/proc/$1/mem" bs=4096 skip=$first count=$((last - first)) \
			2>/dev/null | head -c "$(wc -c </tmp/file)" >/tmp/memory
		[ -s /tmp/file ] && cmp /tmp/file /tmp/memory >/tmp/cmp 2>&1 && continue
		said="$path: $(cat /tmp/cmp)"
		return 1
	done <"/proc/$1/maps"
}

# And no page of it is a copy, and nothing of ours is mapped.
clean() {
	grep -q 'trapline' "/proc/$1/maps" && said='mappings are left' && return 1
	same_text "$1" || return
	said=$(awk '/^[0-9a-f]+-/ { code = $2 == "r-xp" && $6 ~ /^\//; name = $0 }
		/^Anonymous:/ && code && $2 > 0 { print name ": " $0 }' "/proc/$1/smaps")
	[ -z "$said" ]
}

probes_gone() {
	/trapline status -p "$1" 2>&1 | grep -q 'no probes'
}
